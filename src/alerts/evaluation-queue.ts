import type { Clock } from '../lib/clock';

/** What settles within this time of the first is looked at together. */
const GATHER_MS = 50;
/** From one beginning to the next for the same workspace, at least. */
const APART_MS = 1_000;
/** A workspace is looked at for at most this part of the time, however long a look takes. */
const REST_FACTOR = 20;
/** Workspaces that are looked at at the same time. */
const RUNNING_MOST = 2;

interface Entry {
  /** Something has happened since the last look began. */
  wanted: boolean;
  cancel: () => void;
}

export interface EvaluationQueueOptions {
  readonly clock: Clock;
  /** Answers whether more is left to look at. */
  readonly evaluate: (workspaceId: string) => Promise<boolean>;
  readonly onError: (error: unknown) => void;
}

/**
 * Workspaces that have something to look at: each at most once a second however much happens, few at the same time, none
 * forgotten. It waits for no answer and holds nobody up.
 */
export class EvaluationQueue {
  private readonly entries = new Map<string, Entry>();
  private readonly ready: (readonly [string, Entry])[] = [];
  private readonly running = new Set<Promise<void>>();
  private closed = false;

  constructor(private readonly options: EvaluationQueueOptions) {}

  add(workspaceId: string): void {
    const known = this.entries.get(workspaceId);
    if (known) known.wanted = true;
    if (known || this.closed) return;
    const entry: Entry = { wanted: true, cancel: () => {} };
    this.entries.set(workspaceId, entry);
    this.wake(workspaceId, entry, GATHER_MS);
  }

  /** Resolves when nothing runs any more; nothing begins after. */
  async close(): Promise<void> {
    this.closed = true;
    for (const { cancel } of this.entries.values()) cancel();
    this.ready.length = 0;
    await Promise.all(this.running);
  }

  private wake(workspaceId: string, entry: Entry, afterMs: number): void {
    entry.cancel = this.options.clock.schedule(() => {
      if (!entry.wanted) {
        this.entries.delete(workspaceId);
        return;
      }
      this.ready.push([workspaceId, entry]);
      this.fill();
    }, afterMs);
  }

  private fill(): void {
    while (this.running.size < RUNNING_MOST) {
      const next = this.ready.shift();
      if (!next) return;
      const run = this.run(...next).finally(() => {
        this.running.delete(run);
        this.fill();
      });
      this.running.add(run);
    }
  }

  private async run(workspaceId: string, entry: Entry): Promise<void> {
    const { clock, evaluate, onError } = this.options;
    const began = clock.monotonic();
    entry.wanted = false;
    try {
      if (await evaluate(workspaceId)) entry.wanted = true;
    } catch (error) {
      // Upkeep finds what this look did not.
      onError(error);
    }
    const took = clock.monotonic() - began;
    if (!this.closed) this.wake(workspaceId, entry, Math.max(APART_MS, REST_FACTOR * took) - took);
  }
}
