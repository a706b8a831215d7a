import type { UsageEventRow } from '../ledger/usage-event';
import { AppError } from '../lib/errors';

/** What the feed reads behind its memory. */
export interface UsageFeedSource {
  /** In order of settlement, after a sequence. */
  eventsAfter(workspaceId: string, sequence: bigint, limit: number): Promise<UsageEventRow[]>;
  lastSequence(workspaceId: string): Promise<bigint>;
  /** Whether the event of this sequence exists and settled at most so many seconds ago, by the database's clock. */
  isWithin(workspaceId: string, sequence: bigint, seconds: number): Promise<boolean>;
}

/** Events of each workspace kept for subscribers that are a little behind. */
const RECENT_MAX = 512;
const PAGE = 200;
/** Events can be asked for again for so long. */
const RESUME_SECONDS = 24 * 3_600;

export interface OpenFeed {
  readonly events: AsyncGenerator<UsageEventRow, void, void>;
  readonly close: () => void;
}

interface Hub {
  subscribers: number;
  /** Newest event that `recent` holds; what is at or before it minus the length must be read from the database. */
  last: bigint;
  recent: UsageEventRow[];
  wake: (() => void)[];
  /** Reading what other processes settled. */
  catchingUp: Promise<void> | null;
  wanted: bigint;
}

/**
 * Usage events as they settle, in order and each once, for any number of subscribers: an event is read or received
 * once for a workspace and shared. A subscriber that is behind reads at its own pace and holds up nobody.
 */
export class UsageFeed {
  private readonly hubs = new Map<string, Promise<Hub>>();
  private readonly ready = new Map<string, Hub>();

  constructor(
    private readonly source: UsageFeedSource,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** An event that this process settled. */
  settled(event: UsageEventRow): void {
    const hub = this.ready.get(event.workspace_id);
    if (!hub) return;
    const sequence = BigInt(event.sequence);
    if (sequence === hub.last + 1n && !hub.catchingUp) this.push(hub, event);
    else this.announced(event.workspace_id, sequence);
  }

  /** Another process settled events up to this sequence. */
  announced(workspaceId: string, sequence: bigint): void {
    const hub = this.ready.get(workspaceId);
    if (!hub || sequence <= hub.last) return;
    if (sequence > hub.wanted) hub.wanted = sequence;
    hub.catchingUp ??= this.catchUp(workspaceId, hub).finally(() => {
      hub.catchingUp = null;
    });
  }

  /** Announcements may have been missed: every hub looks for itself. */
  missed(): void {
    for (const workspaceId of this.ready.keys()) {
      void this.source
        .lastSequence(workspaceId)
        .then((sequence) => this.announced(workspaceId, sequence), this.onError);
    }
  }

  watched(): string[] {
    return [...this.ready.keys()];
  }

  /**
   * Events after a sequence, or from now on. Resolves when nothing that settles from then on can be missed; `close`
   * must be called in the end, whether the events were read or not.
   * @throws AppError RESUME_EXPIRED when the event of the sequence is too old.
   */
  async open(workspaceId: string, after: bigint | null): Promise<OpenFeed> {
    const hub = await this.enter(workspaceId);
    try {
      const start = after ?? hub.last;
      if (after !== null && !(await this.source.isWithin(workspaceId, after, RESUME_SECONDS))) {
        throw new AppError(
          'RESUME_EXPIRED',
          'This cursor is older than 24 hours; read usageEvents and subscribe without after.',
        );
      }
      const controller = new AbortController();
      let closed = false;
      return {
        events: this.follow(workspaceId, hub, start, controller.signal),
        close: () => {
          if (closed) return;
          closed = true;
          controller.abort();
          this.leave(workspaceId, hub);
        },
      };
    } catch (error) {
      this.leave(workspaceId, hub);
      throw error;
    }
  }

  private async *follow(
    workspaceId: string,
    hub: Hub,
    start: bigint,
    signal: AbortSignal,
  ): AsyncGenerator<UsageEventRow, void, void> {
    const wake = (): void => this.wakeAll(hub);
    signal.addEventListener('abort', wake, { once: true });
    try {
      let seen = start;
      while (!signal.aborted) {
        if (seen >= hub.last) {
          await new Promise<void>((resolve) => hub.wake.push(resolve));
          continue;
        }
        const behind = Number(hub.last - seen);
        const page =
          behind <= hub.recent.length
            ? hub.recent.slice(hub.recent.length - behind)
            : await this.source.eventsAfter(workspaceId, seen, PAGE);
        for (const event of page) {
          if (signal.aborted) return;
          seen = BigInt(event.sequence);
          yield event;
        }
        if (page.length === 0) seen = hub.last;
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  private async enter(workspaceId: string): Promise<Hub> {
    let opening = this.hubs.get(workspaceId);
    if (!opening) {
      opening = this.begin(workspaceId);
      this.hubs.set(workspaceId, opening);
      opening.catch(() => this.hubs.delete(workspaceId));
    }
    const hub = await opening;
    hub.subscribers += 1;
    // It was closed while we waited for it.
    if (this.ready.get(workspaceId) !== hub) {
      this.hubs.set(workspaceId, opening);
      this.ready.set(workspaceId, hub);
      this.announced(workspaceId, await this.source.lastSequence(workspaceId));
    }
    return hub;
  }

  private async begin(workspaceId: string): Promise<Hub> {
    const last = await this.source.lastSequence(workspaceId);
    const hub: Hub = { subscribers: 0, last, recent: [], wake: [], catchingUp: null, wanted: last };
    this.ready.set(workspaceId, hub);
    // What settled while the first look was under way is not missed: look once more, now that events are received.
    this.announced(workspaceId, await this.source.lastSequence(workspaceId));
    return hub;
  }

  private leave(workspaceId: string, hub: Hub): void {
    hub.subscribers -= 1;
    if (hub.subscribers > 0 || this.ready.get(workspaceId) !== hub) return;
    this.ready.delete(workspaceId);
    this.hubs.delete(workspaceId);
  }

  private async catchUp(workspaceId: string, hub: Hub): Promise<void> {
    try {
      while (hub.last < hub.wanted) {
        const page = await this.source.eventsAfter(workspaceId, hub.last, PAGE);
        if (page.length === 0) return;
        for (const event of page) this.push(hub, event);
      }
    } catch (error) {
      this.onError(error);
    }
  }

  private push(hub: Hub, event: UsageEventRow): void {
    hub.last = BigInt(event.sequence);
    if (hub.last > hub.wanted) hub.wanted = hub.last;
    hub.recent.push(event);
    if (hub.recent.length > RECENT_MAX * 2) hub.recent.splice(0, hub.recent.length - RECENT_MAX);
    this.wakeAll(hub);
  }

  private wakeAll(hub: Hub): void {
    if (hub.wake.length === 0) return;
    const waiting = hub.wake;
    hub.wake = [];
    for (const wake of waiting) wake();
  }
}
