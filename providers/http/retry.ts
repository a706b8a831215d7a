import { ProviderError } from '../contract/errors';

/** The little of a clock that waiting needs; tests move it by hand. */
export interface RetryClock {
  /** Milliseconds on any scale that never goes backwards. */
  now(): number;
  /** Resolves after `ms`, or at once when the signal aborts; never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemRetryClock: RetryClock = {
  now: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) {
        resolve();
        return;
      }
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end, { once: true });
    }),
};

/** A failed attempt, as it is told to `onFailure`. */
export interface FailedAttempt {
  /** 1 for the first. */
  readonly attempt: number;
  readonly error: ProviderError;
  /** Milliseconds until the next attempt; null when this failure is final. */
  readonly retryInMs: number | null;
}

export interface RetryOptions {
  /** The first attempt included; at least 1. */
  readonly attemptsMax: number;
  /** Milliseconds that remain, from now, for all attempts and the waits between them. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly clock?: RetryClock;
  /** In [0, 1). */
  readonly random?: () => number;
  readonly onFailure?: (failed: FailedAttempt) => void;
  /** Asked before a wait of so many milliseconds: false makes the failure final. Left out: it may be tried again. */
  readonly mayRetry?: (error: ProviderError, waitMs: number) => boolean;
}

const BACKOFF_FIRST_MS = 200;
const BACKOFF_MAX_MS = 5_000;

/**
 * Runs `run` until it succeeds, fails for good, or may not be tried again: only a ProviderError that is `retryable` is,
 * at most `attemptsMax` times and never so late that the wait would reach the deadline; then the last error is thrown, at
 * once, so that the time left can go to another route. Waits are exponential with full jitter, after whatever the
 * provider asked for with Retry-After. Any other error is a fault of ours and passes through.
 *
 * A provider's `speak` resolves with the first byte of audio, so nothing that has been heard is ever made twice.
 */
export async function retry<T>(run: (attempt: number) => Promise<T>, options: RetryOptions): Promise<T> {
  const { attemptsMax, signal, clock = systemRetryClock, random = Math.random, onFailure, mayRetry } = options;
  const deadline = clock.now() + options.deadlineMs;
  for (let attempt = 1; ; attempt++) {
    try {
      return await run(attempt);
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      const another = error.retryable && attempt < attemptsMax && !signal.aborted;
      const waitMs =
        (error.retryAfterMs ?? 0) + random() * Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** (attempt - 1));
      const may = another && clock.now() + waitMs < deadline && mayRetry?.(error, waitMs) !== false;
      const retryInMs = may ? waitMs : null;
      onFailure?.({ attempt, error, retryInMs });
      if (retryInMs === null) throw error;
      await clock.sleep(retryInMs, signal);
      if (signal.aborted) {
        throw new ProviderError({
          provider: error.provider,
          kind: 'CANCELLED',
          message: 'The call was cancelled between two attempts.',
          retryable: false,
          cause: error,
        });
      }
    }
  }
}
