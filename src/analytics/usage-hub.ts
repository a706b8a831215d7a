import type { UsageEventRow } from '../ledger/usage-event';
import type { Clock } from '../lib/clock';
import type { Entry, EventLog } from '../lib/shared-events';
import type { UsagePages } from './usage-pages';

/** Events kept in memory for readers that are a little behind: so many at most, and so long. */
const RECENT_MAX = 128;
const RECENT_MS = 30_000;
/** What could not be read is tried again after this. */
const RETRY_MS = 1_000;

type UsageEntry = Entry<UsageEventRow>;

/** The settled events of one workspace, as long as somebody follows them. A position is an event's sequence. */
export class UsageHub implements EventLog<UsageEventRow> {
  /** Who has it open. */
  subscribers = 0;
  last = 0;
  private isOpen = false;
  /** Without gaps up to `last`. */
  private recent: UsageEntry[] = [];
  private readonly keptSince: number[] = [];
  private readonly listeners = new Set<() => void>();
  private wanted = 0;
  private catchingUp = false;

  constructor(
    readonly workspaceId: string,
    private readonly pages: UsagePages,
    private readonly clock: Clock,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** Begins after the newest event. What is announced from its construction on is not missed. */
  open(sequence: number): void {
    this.last = sequence;
    this.isOpen = true;
    this.announced(this.wanted);
  }

  /** An event that this process settled. */
  settled(event: UsageEventRow): void {
    const position = Number(event.sequence);
    if (this.isOpen && !this.catchingUp && position === this.last + 1) this.append([{ position, event }]);
    else this.announced(position);
  }

  /** Events up to this sequence were settled somewhere. */
  announced(sequence: number): void {
    if (sequence > this.wanted) this.wanted = sequence;
    if (!this.isOpen || this.catchingUp || this.wanted <= this.last) return;
    this.catchingUp = true;
    void this.catchUp();
  }

  read(after: number): readonly UsageEntry[] | Promise<readonly UsageEntry[]> {
    if (after >= this.last) return [];
    const first = this.recent[0]?.position;
    if (first !== undefined && after >= first - 1) return this.recent.slice(after - first + 1);
    return this.pages.read(this.workspaceId, after);
  }

  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  private async catchUp(): Promise<void> {
    try {
      while (this.last < this.wanted && this.subscribers > 0) {
        const entries = await this.pages.readNew(this.workspaceId, this.last);
        if (entries.length === 0) break;
        this.append(entries);
      }
    } catch (error) {
      this.onError(error);
      this.clock.schedule(() => this.announced(this.wanted), RETRY_MS);
    } finally {
      // In the turn of the last look at `wanted`: what is announced from now on begins anew.
      this.catchingUp = false;
    }
  }

  private append(entries: readonly UsageEntry[]): void {
    const now = this.clock.monotonic();
    for (const entry of entries) {
      if (entry.position !== this.last + 1) this.forget(this.recent.length);
      this.last = entry.position;
      this.recent.push(entry);
      this.keptSince.push(now);
    }
    let old = Math.max(0, this.recent.length - RECENT_MAX);
    while (this.keptSince[old]! < now - RECENT_MS) old += 1;
    this.forget(old);
    for (const listener of this.listeners) listener();
  }

  private forget(count: number): void {
    if (count === 0) return;
    this.recent.splice(0, count);
    this.keptSince.splice(0, count);
  }
}
