import type { Answer, AnswerDelta } from './answer';

/** A delta keeps its number, which counts from 0, for ever. */
export interface NumberedDelta extends AnswerDelta {
  readonly sequence: number;
}

/** How an answer ended: complete, or with the error that its listeners are told. */
export type AnswerEnd = { readonly complete: true } | { readonly complete: false; readonly error: Error };

/**
 * An answer while it is made: one writer, any number of listeners, each at its own place. All of it stays in memory,
 * whose size the most tokens of an answer bound; a listener that is behind costs nothing more.
 */
export class LiveAnswer {
  private readonly deltas: AnswerDelta[] = [];
  private end: AnswerEnd | null = null;
  private silent = false;
  private wake: (() => void)[] = [];
  private listeners = 0;
  /** At least one delta was handed to a listener. */
  delivered = false;
  /** The whole, once the provider is done. */
  whole: Answer | null = null;

  get deltaCount(): number {
    return this.deltas.length;
  }

  get listenerCount(): number {
    return this.listeners;
  }

  get ended(): AnswerEnd | null {
    return this.end;
  }

  /** All so far, to be kept. */
  recorded(): readonly AnswerDelta[] {
    return this.deltas;
  }

  append(delta: AnswerDelta): void {
    if (this.end) throw new Error('An answer that has ended takes no more text.');
    if (this.silent) return;
    this.deltas.push(delta);
    this.notify();
  }

  /** From here on nobody is told anything but the end: the caller has ended it, and only its count is waited for. */
  hush(): void {
    this.silent = true;
  }

  finish(): void {
    this.close({ complete: true });
  }

  fail(error: Error): void {
    this.close({ complete: false, error });
  }

  /** Deltas behind a sequence (null: all), to the end. Throws the error of an answer that broke. */
  async *read(after: number | null, signal?: AbortSignal): AsyncGenerator<NumberedDelta, void, void> {
    this.listeners += 1;
    const onAbort = (): void => this.notify();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      let sequence = after === null ? 0 : after + 1;
      for (;;) {
        if (signal?.aborted) return;
        const delta = this.silent ? undefined : this.deltas[sequence];
        if (delta) {
          this.delivered = true;
          yield { ...delta, sequence };
          sequence += 1;
          continue;
        }
        if (this.end) {
          if (!this.end.complete) throw this.end.error;
          return;
        }
        await new Promise<void>((resolve) => this.wake.push(resolve));
      }
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.listeners -= 1;
    }
  }

  private close(end: AnswerEnd): void {
    if (this.end) return;
    this.end = end;
    this.notify();
  }

  private notify(): void {
    const waiting = this.wake;
    this.wake = [];
    for (const wake of waiting) wake();
  }
}
