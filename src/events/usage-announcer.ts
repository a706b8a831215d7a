import type { EventBus } from './event-bus';

/** A workspace that settles all the time is told of so often. */
const QUIET_MS = 20;

/**
 * Tells the processes how far each workspace has settled. Sequences have no gaps, so the latest says it for all before
 * it: what settles together is one message for each workspace, and not one for each operation. The first is told at the
 * end of the current turn of the loop, what follows within 20 ms together: telling takes a commit of its own.
 */
export class UsageAnnouncer {
  private readonly latest = new Map<string, bigint>();
  private waiting = false;

  constructor(private readonly bus: EventBus) {}

  settled(workspaceId: string, sequence: string): void {
    const reached = BigInt(sequence);
    const before = this.latest.get(workspaceId);
    if (before === undefined || before < reached) this.latest.set(workspaceId, reached);
    if (this.waiting) return;
    this.waiting = true;
    setImmediate(() => this.tell());
  }

  /** Tells what is still to be told, at once. */
  flush(): void {
    for (const [workspaceId, sequence] of this.latest) {
      this.bus.publish('usage', { workspaceId, sequence: sequence.toString() });
    }
    this.latest.clear();
  }

  private tell(): void {
    if (this.latest.size === 0) {
      this.waiting = false;
      return;
    }
    this.flush();
    setTimeout(() => this.tell(), QUIET_MS).unref();
  }
}
