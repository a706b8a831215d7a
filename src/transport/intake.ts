import { AppError } from '../lib/errors';

/** Counts what is under way, for those who wait until nothing is. */
export class InFlight {
  private begun = 0;
  private waiting: (() => void)[] = [];

  get count(): number {
    return this.begun;
  }

  /** Returns the function that tells of the end; telling it again changes nothing. */
  begin(): () => void {
    let over = false;
    this.begun += 1;
    return () => {
      if (over) return;
      over = true;
      this.begun -= 1;
      if (this.begun === 0) for (const wake of this.waiting.splice(0)) wake();
    };
  }

  async during<T>(task: () => Promise<T> | T): Promise<T> {
    const end = this.begin();
    try {
      return await task();
    } finally {
      end();
    }
  }

  /** Resolves when nothing is under way, and nothing followed at once from what was. */
  async empty(): Promise<void> {
    do {
      while (this.begun > 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
      await new Promise(setImmediate);
    } while (this.begun > 0);
  }
}

/**
 * The way in for requests. Once it is shut, what is inside is finished and nothing more is begun, while the server
 * goes on to answer: a client hears that it should go elsewhere instead of finding nobody.
 */
export class Intake extends InFlight {
  private shut = false;

  get isShut(): boolean {
    return this.shut;
  }

  close(): void {
    this.shut = true;
  }

  /** @throws AppError UNAVAILABLE once it is shut. */
  check(): void {
    if (this.shut) {
      throw new AppError(
        'UNAVAILABLE',
        'This server is stopping and begins nothing new; nothing was run. Send the request again in a moment.',
      );
    }
  }
}
