import { cancelled, unavailable } from '../http/provider-failures';
import { LOCAL } from './engine';

interface Waiter {
  enter(): void;
  refuse(reason: Error): void;
}

/**
 * Runs a few tasks at a time, first come first served. A task is one sentence, and a call queues again for each of its
 * sentences, so a short text does not wait for the end of a long one.
 */
export class WorkQueue {
  private readonly waiting = new Set<Waiter>();
  private closed = false;
  private running = 0;

  constructor(
    private readonly concurrency: number,
    private readonly waitingMax: number,
  ) {}

  /**
   * Runs `task` when its turn comes. An abort ends the wait at once; a task that cannot be interrupted keeps its place
   * until it is done, and its result is dropped. `admitted` passes the bound, for the later sentences of a call.
   * @throws ProviderError UNAVAILABLE when full or closed, CANCELLED on abort; what the task throws
   */
  async run<T>(task: () => Promise<T>, signal: AbortSignal, admitted: boolean): Promise<T> {
    await this.turn(signal, admitted);
    const work = task().finally(() => this.leave());
    return await unlessAborted(work, signal);
  }

  /** Refuses all that wait and all that come. */
  close(): void {
    this.closed = true;
    for (const waiter of this.waiting) waiter.refuse(stopping());
  }

  private async turn(signal: AbortSignal, admitted: boolean): Promise<void> {
    if (this.closed) throw stopping();
    if (signal.aborted) throw cancelled(LOCAL, signal.reason);
    if (this.running < this.concurrency) {
      this.running += 1;
      return;
    }
    if (!admitted && this.waiting.size >= this.waitingMax) {
      throw unavailable(LOCAL, `is busy: ${this.waitingMax} calls are waiting; try again in a moment`);
    }
    await new Promise<void>((resolve, reject) => {
      const done = (): void => {
        this.waiting.delete(waiter);
        signal.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        enter: () => {
          done();
          resolve();
        },
        refuse: (reason) => {
          done();
          reject(reason);
        },
      };
      const onAbort = (): void => waiter.refuse(cancelled(LOCAL, signal.reason));
      signal.addEventListener('abort', onAbort, { once: true });
      this.waiting.add(waiter);
    });
  }

  /** The place goes to the next in line without becoming free between the two. */
  private leave(): void {
    const [next] = this.waiting;
    if (next === undefined) this.running -= 1;
    else next.enter();
  }
}

export const stopping = (): Error => unavailable(LOCAL, 'is shutting down');

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(cancelled(LOCAL, signal.reason));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
