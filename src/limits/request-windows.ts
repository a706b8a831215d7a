import { AppError } from '../lib/errors';

/** One count in one window. */
export interface WindowRequest {
  /** Printable ASCII without spaces, at most 200 characters. */
  readonly key: string;
  /** A whole number; 0 only reads the window. */
  readonly cost: number;
  /** Requests a minute; null is no limit: nothing is counted. */
  readonly limit: number | null;
}

/** A window after the decision. */
export interface WindowState {
  readonly key: string;
  readonly limit: number;
  readonly used: number;
  /** Never below 0, also when the limit was lowered within the minute. */
  readonly remaining: number;
  /** Milliseconds since the epoch of the next whole UTC minute, by the clock that counts. */
  readonly resetAtMs: number;
}

export interface WindowDecision {
  readonly admitted: boolean;
  /** In the order of the requests, without those that have no limit. */
  readonly windows: readonly WindowState[];
  /** 1 to 60 when refused, 0 when admitted. A cost above its limit is refused in every minute. */
  readonly retryAfterSeconds: number;
}

/**
 * Fixed windows of one UTC minute, shared by all server processes. A window never holds more than its limit, and
 * refuses nothing that still fits.
 */
export interface RequestWindows {
  /**
   * Counts all requests or none of them: all are admitted when each fits its window. What was admitted stays counted.
   * Nothing is asked of the store when no request has a limit. A key given twice is counted as one request with both
   * costs and the lower limit.
   *
   * Throws AppError UNAVAILABLE when the store does not answer: then nothing may be served. Throws RangeError on a key,
   * cost or limit that no caller may send.
   */
  admit(requests: readonly WindowRequest[]): Promise<WindowDecision>;
  /** How the windows stand; counts nothing. Throws as `admit` does. */
  peek(windows: readonly Omit<WindowRequest, 'cost'>[]): Promise<readonly WindowState[]>;
}

/** A request that has a limit. */
export interface LimitedRequest extends WindowRequest {
  readonly limit: number;
}

export const MINUTE_MS = 60_000;
/** The counter is an integer column; a higher limit is as good as this one. */
export const COUNT_MOST = 2_147_483_647;
const KEY = /^[\x21-\x7e]{1,200}$/;

/** Those that have a limit, checked, each key once. */
export function limitedRequests(requests: readonly WindowRequest[]): LimitedRequest[] {
  const byKey = new Map<string, LimitedRequest>();
  for (const { key, cost, limit } of requests) {
    if (!KEY.test(key)) throw new RangeError('The key of a request window is 1 to 200 printable ASCII characters.');
    if (!isCount(cost) || cost > COUNT_MOST)
      throw new RangeError(`The cost of a request is a whole number, not ${cost}.`);
    if (limit === null) continue;
    if (!isCount(limit)) throw new RangeError(`The limit of a request window is a whole number or null, not ${limit}.`);
    const same = byKey.get(key);
    byKey.set(key, {
      key,
      cost: Math.min(cost + (same?.cost ?? 0), COUNT_MOST),
      limit: Math.min(limit, same?.limit ?? COUNT_MOST, COUNT_MOST),
    });
  }
  return [...byKey.values()];
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/** Whole seconds to wait, at least 1: what Retry-After says. */
export const secondsUntilReset = (resetAtMs: number, nowMs: number): number =>
  Math.max(1, Math.ceil((resetAtMs - nowMs) / 1000));

/** The decision as callers see it. `used` holds for each request what its window holds after the decision. */
export function decision(
  requests: readonly LimitedRequest[],
  admitted: boolean,
  used: readonly number[],
  nowMs: number,
): WindowDecision {
  const resetAtMs = (Math.floor(nowMs / MINUTE_MS) + 1) * MINUTE_MS;
  return {
    admitted,
    windows: requests.map(({ key, limit }, n) => ({
      key,
      limit,
      used: used[n]!,
      remaining: Math.max(0, limit - used[n]!),
      resetAtMs,
    })),
    retryAfterSeconds: admitted ? 0 : secondsUntilReset(resetAtMs, nowMs),
  };
}

export const NOTHING_LIMITED: WindowDecision = { admitted: true, windows: [], retryAfterSeconds: 0 };

export const reading = (windows: readonly Omit<WindowRequest, 'cost'>[]): WindowRequest[] =>
  windows.map(({ key, limit }) => ({ key, limit, cost: 0 }));

export const windowsUnavailable = (cause: unknown): AppError =>
  new AppError(
    'UNAVAILABLE',
    'Requests cannot be counted at the moment, so none is served. Try again in a few seconds.',
    {},
    cause,
  );
