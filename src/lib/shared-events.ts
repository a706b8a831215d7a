import { abortableIterator } from './abortable-iterator';

/** An event and its place among the others. */
export interface Entry<Event> {
  readonly position: number;
  readonly event: Event;
}

/** Events in order, which many read, each from a place of its own and at its own pace. Positions only grow. */
export interface EventLog<Event> {
  /** Position of the newest event. */
  readonly last: number;
  /**
   * What follows a position, a page of it at most, at once where it is in memory. Nothing, although `last` is greater:
   * it is no longer there.
   */
  read(after: number): readonly Entry<Event>[] | Promise<readonly Entry<Event>[]>;
  /** Calls the listener whenever `last` has grown, in the same turn. Returns the function that ends it. */
  listen(listener: () => void): () => void;
}

/**
 * Events that are the same for all who ask alike: whoever delivers them can prepare each once for everybody. Those who
 * do not know that read them one by one like any others. `close` must be called in the end, in either case.
 */
export class SharedEvents<Event> implements AsyncIterable<Event> {
  private closed = false;

  /** @param after position of the last event that the reader has seen */
  constructor(
    readonly log: EventLog<Event>,
    readonly after: number,
    private readonly onClose: () => void,
  ) {}

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.onClose();
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Event, void, void> {
    return abortableIterator(
      (signal) => followLog(this.log, this.after, signal),
      () => this.close(),
    );
  }
}

/** The events after a position, one by one as they are asked for, until the signal. */
export async function* followLog<Event>(
  log: EventLog<Event>,
  after: number,
  signal: AbortSignal,
): AsyncGenerator<Event, void, void> {
  let wake = (): void => {};
  const stop = log.listen(() => wake());
  const abort = (): void => wake();
  signal.addEventListener('abort', abort, { once: true });
  try {
    let seen = after;
    while (!signal.aborted) {
      const { last } = log;
      if (seen >= last) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const entries = await log.read(seen);
      for (const { position, event } of entries) {
        if (signal.aborted) return;
        seen = position;
        yield event;
      }
      if (entries.length === 0) seen = last;
    }
  } finally {
    stop();
    signal.removeEventListener('abort', abort);
  }
}
