import type { UsageEventRow } from '../ledger/usage-event';
import type { Clock } from '../lib/clock';
import { AppError } from '../lib/errors';
import type { EventLog } from '../lib/shared-events';
import { UsageHub } from './usage-hub';
import { UsagePages } from './usage-pages';

/** What the feed reads behind its memory. */
export interface UsageFeedSource {
  /** In order of settlement, after a sequence. */
  eventsAfter(workspaceId: string, sequence: bigint, limit: number): Promise<UsageEventRow[]>;
  lastSequence(workspaceId: string): Promise<bigint>;
  /** The first event that settled at most so many seconds ago, by the database's clock; null: there is none. */
  oldestWithin(workspaceId: string, seconds: number): Promise<bigint | null>;
}

export interface UsageFeedDependencies {
  readonly source: UsageFeedSource;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

/** Events can be asked for again for so long. */
const RESUME_SECONDS = 24 * 3_600;
/** For so long one look at what can be asked for again serves everybody who comes back to a workspace. */
const OLDEST_MS = 1_000;

/** A place in the events of a workspace. */
export interface OpenFeed {
  readonly log: EventLog<UsageEventRow>;
  /** Sequence after which it begins. */
  readonly after: number;
  readonly close: () => void;
}

interface Oldest {
  readonly at: number;
  readonly sequence: Promise<bigint | null>;
}

/**
 * Usage events as they settle, in order and each once, for any number of subscribers: an event is read or received
 * once for a workspace and shared. A subscriber that is behind reads at its own pace and holds up nobody.
 */
export class UsageFeed {
  private readonly hubs = new Map<string, UsageHub>();
  private readonly opening = new WeakMap<UsageHub, Promise<void>>();
  private readonly oldest = new WeakMap<UsageHub, Oldest>();
  private readonly pages: UsagePages;

  constructor(private readonly dependencies: UsageFeedDependencies) {
    const { source, clock } = dependencies;
    this.pages = new UsagePages(
      (workspaceId, sequence, limit) => source.eventsAfter(workspaceId, sequence, limit),
      clock,
    );
  }

  /** An event that this process settled. */
  settled(event: UsageEventRow): void {
    this.hubs.get(event.workspace_id)?.settled(event);
  }

  /** Another process settled events up to this sequence. */
  announced(workspaceId: string, sequence: bigint): void {
    this.hubs.get(workspaceId)?.announced(Number(sequence));
  }

  /** Announcements may have been missed: every hub looks for itself. */
  missed(): void {
    const { source, onError } = this.dependencies;
    for (const workspaceId of this.hubs.keys()) {
      void source.lastSequence(workspaceId).then((sequence) => this.announced(workspaceId, sequence), onError);
    }
  }

  /** Workspaces that somebody follows. */
  watched(): string[] {
    return [...this.hubs.keys()];
  }

  /**
   * Events after a sequence, or from now on. Resolves when nothing that settles from then on can be missed; `close`
   * must be called in the end, whether the events were read or not.
   * @throws AppError RESUME_EXPIRED when the event of the sequence is too old, or there never was one.
   */
  async open(workspaceId: string, after: number | null): Promise<OpenFeed> {
    const hub = this.enter(workspaceId);
    try {
      await this.opening.get(hub);
      if (after !== null && !(await this.canResume(hub, after))) {
        throw new AppError(
          'RESUME_EXPIRED',
          'This cursor is older than 24 hours; read usageEvents and subscribe without after.',
        );
      }
      let closed = false;
      return {
        log: hub,
        after: after ?? hub.last,
        close: () => {
          if (closed) return;
          closed = true;
          this.leave(hub);
        },
      };
    } catch (error) {
      this.leave(hub);
      throw error;
    }
  }

  private enter(workspaceId: string): UsageHub {
    let hub = this.hubs.get(workspaceId);
    if (!hub) {
      const { source, clock, onError } = this.dependencies;
      const opened = new UsageHub(workspaceId, this.pages, clock, onError);
      hub = opened;
      // Known before it looks: what settles meanwhile is announced to it.
      this.hubs.set(workspaceId, opened);
      const opening = source.lastSequence(workspaceId).then((sequence) => opened.open(Number(sequence)));
      opening.catch(() => this.forget(opened));
      this.opening.set(opened, opening);
    }
    hub.subscribers += 1;
    return hub;
  }

  private leave(hub: UsageHub): void {
    hub.subscribers -= 1;
    if (hub.subscribers === 0) this.forget(hub);
  }

  private forget(hub: UsageHub): void {
    if (this.hubs.get(hub.workspaceId) === hub) this.hubs.delete(hub.workspaceId);
  }

  private async canResume(hub: UsageHub, after: number): Promise<boolean> {
    const { source } = this.dependencies;
    const { workspaceId } = hub;
    const oldest = await this.oldestOf(hub);
    if (oldest === null || after < Number(oldest)) return false;
    if (after <= hub.last) return true;
    // Another process told the client of it before it told us.
    const last = await source.lastSequence(workspaceId);
    this.announced(workspaceId, last);
    return after <= Number(last);
  }

  private oldestOf(hub: UsageHub): Promise<bigint | null> {
    const { source, clock } = this.dependencies;
    const now = clock.monotonic();
    const known = this.oldest.get(hub);
    if (known && now - known.at < OLDEST_MS) return known.sequence;
    const sequence = source.oldestWithin(hub.workspaceId, RESUME_SECONDS);
    this.oldest.set(hub, { at: now, sequence });
    sequence.catch(() => this.oldest.delete(hub));
    return sequence;
  }
}
