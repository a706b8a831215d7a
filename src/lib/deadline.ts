import type { Clock } from './clock';

/** Work that did not end in its time. The work itself goes on; only the waiting has ended. */
export class DeadlineError extends Error {
  constructor(what: string, ms: number) {
    super(`${what} did not end within ${ms} ms`);
    this.name = 'DeadlineError';
  }
}

/** Settles as `work` does, or rejects with DeadlineError after `ms`. A later rejection of `work` is not unhandled. */
export function withDeadline<T>(work: Promise<T>, ms: number, clock: Clock, what: string): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const cancel = clock.schedule(() => reject(new DeadlineError(what, ms)), ms);
    work.then(
      (value) => {
        cancel();
        resolve(value);
      },
      (error) => {
        cancel();
        reject(error);
      },
    );
  });
}
