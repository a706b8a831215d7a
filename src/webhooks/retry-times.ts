const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Milliseconds from one attempt to the next; the first attempt is made at once. Three days and some hours in all. */
const DELAYS_MS = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
] as const;
/** Of a delay, added at random, so that what failed together does not come back together. */
const JITTER = 0.1;
/** Longest that an endpoint may ask us to wait. */
export const RETRY_AFTER_MAX_MS = 24 * HOUR;

/** Attempts of one message at most. */
export const ATTEMPTS_MAX = DELAYS_MS.length + 1;

/**
 * Milliseconds until the next attempt; null: there is none.
 * @param attempts that were made, 1 or more
 * @param askedMs how long the endpoint asked us to wait; it is never tried sooner than that
 */
export function retryDelayMs(attempts: number, askedMs: number | null, random: () => number): number | null {
  const delay = DELAYS_MS[attempts - 1];
  if (delay === undefined) return null;
  return Math.max(Math.round(delay * (1 + JITTER * random())), askedMs ?? 0);
}

/** Retry-After as milliseconds from now: seconds or an HTTP date, at most a day. null: none, or none that can be read. */
export function readRetryAfter(value: string | undefined, nowMs: number): number | null {
  if (value === undefined) return null;
  const text = value.trim();
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * SECOND : Date.parse(text) - nowMs;
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), RETRY_AFTER_MAX_MS);
}

/** Failures one after another after which an endpoint is left alone for a while. */
const FAILURES_TO_PAUSE = 8;
const FIRST_PAUSE_MS = 15 * SECOND;
export const PAUSE_MAX_MS = 5 * MINUTE;

/**
 * How long an endpoint is left alone after so many failures one after another, whatever messages they were: what fails
 * all the time shall not keep us busy, and an endpoint that is coming back shall not be flooded. 0: not at all.
 */
export function pauseMs(failures: number): number {
  const rounds = Math.floor(failures / FAILURES_TO_PAUSE);
  if (rounds === 0 || failures % FAILURES_TO_PAUSE !== 0) return 0;
  return Math.min(FIRST_PAUSE_MS * 2 ** Math.min(rounds - 1, 10), PAUSE_MAX_MS);
}
