import type { UsageEventRow } from '../ledger/usage-event';
import type { Clock } from '../lib/clock';
import type { Entry } from '../lib/shared-events';

/** Events of a page. */
const PAGE = 64;
/** Pages that are kept, of all workspaces together, and for how long. */
const PAGES_MAX = 512;
const KEPT_MS = 5_000;

type Reader = (workspaceId: string, sequence: bigint, limit: number) => Promise<UsageEventRow[]>;
type UsageEntry = Entry<UsageEventRow>;

interface Page {
  readonly entries: Promise<readonly UsageEntry[]>;
  readonly readAt: number;
}

/**
 * Settled events from the database, in pages that begin at fixed sequences: thousands of readers that come back at once
 * after different events of a workspace read the same few pages, and each page once.
 */
export class UsagePages {
  private readonly pages = new Map<string, Page>();
  private sweeping = false;

  constructor(
    private readonly reader: Reader,
    private readonly clock: Clock,
  ) {}

  /** The next events after a sequence, up to the end of its page at least where there are so many. */
  async read(workspaceId: string, after: number): Promise<readonly UsageEntry[]> {
    const start = after - (after % PAGE);
    const key = `${workspaceId}:${start}`;
    const known = this.pages.get(key);
    if (known && this.clock.monotonic() - known.readAt < KEPT_MS) {
      // A page that was read before it was full ends with what was settled then.
      const entries = (await known.entries).filter(({ position }) => position > after);
      if (entries.length > 0) return entries;
    }
    const current = this.pages.get(key);
    const page = current && current !== known ? current : this.begin(key, workspaceId, start);
    return (await page.entries).filter(({ position }) => position > after);
  }

  /** The next events after a sequence; for those who are told of events, and so the first to read them. */
  async readNew(workspaceId: string, after: number): Promise<readonly UsageEntry[]> {
    return entriesOf(await this.reader(workspaceId, BigInt(after), PAGE));
  }

  private begin(key: string, workspaceId: string, start: number): Page {
    const page: Page = { entries: this.readNew(workspaceId, start), readAt: this.clock.monotonic() };
    this.pages.delete(key);
    this.pages.set(key, page);
    // A Map keeps the order of insertion, so its first key is the oldest.
    if (this.pages.size > PAGES_MAX) this.pages.delete(this.pages.keys().next().value!);
    page.entries.catch(() => {
      if (this.pages.get(key) === page) this.pages.delete(key);
    });
    this.sweepLater();
    return page;
  }

  private sweepLater(): void {
    if (this.sweeping) return;
    this.sweeping = true;
    this.clock.schedule(() => {
      this.sweeping = false;
      const oldest = this.clock.monotonic() - KEPT_MS;
      for (const [key, { readAt }] of this.pages) if (readAt <= oldest) this.pages.delete(key);
      if (this.pages.size > 0) this.sweepLater();
    }, KEPT_MS);
  }
}

const entriesOf = (rows: readonly UsageEventRow[]): UsageEntry[] =>
  rows.map((event) => ({ position: Number(event.sequence), event }));
