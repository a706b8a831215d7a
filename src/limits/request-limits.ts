import { isIPv4, isIPv6 } from 'node:net';
import { AppError } from '../lib/errors';
import type { WindowRequest, WindowState } from './request-windows';

/** Failed sign-ins a minute for each address. */
const FAILED_SIGN_INS_A_MINUTE = 30;
const OTHER_REQUESTS_FACTOR = 10;
const OTHER_REQUESTS_LEAST = 120;

/** The account's first window: the metered fields of one document, counted together. */
export const meteredWindow = (
  workspaceId: string,
  meteredFields: number,
  requestsPerMinute: number | null,
): WindowRequest => ({ key: `metered:${workspaceId}`, cost: meteredFields, limit: requestsPerMinute });

/**
 * The account's second window: every document without metered fields counts 1. Ten times the plan's number and at
 * least 120; a plan without requests a minute has no limit here either.
 */
export const otherWindow = (workspaceId: string, cost: number, requestsPerMinute: number | null): WindowRequest => ({
  key: `other:${workspaceId}`,
  cost,
  limit: requestsPerMinute === null ? null : Math.max(OTHER_REQUESTS_LEAST, requestsPerMinute * OTHER_REQUESTS_FACTOR),
});

/** A client token's own metered requests a minute; admitted together with the account's window. */
export const clientTokenWindow = (
  clientTokenId: string,
  meteredFields: number,
  requestsPerMinute: number | null,
): WindowRequest => ({ key: `token:${clientTokenId}`, cost: meteredFields, limit: requestsPerMinute });

/**
 * Failed sign-ins from one network address. An IPv6 address counts as its /64, the least that one subscriber is given;
 * an IPv4 address written as IPv6 counts as itself.
 */
export const failedSignInWindow = (address: string, cost: number): WindowRequest => ({
  key: `sign-in:${networkOf(address)}`,
  cost,
  limit: FAILED_SIGN_INS_A_MINUTE,
});

function networkOf(address: string): string {
  const plain = address.replace(/%.*$/s, '');
  if (isIPv4(plain)) return plain;
  if (!isIPv6(plain)) return 'unknown';
  // URL writes every spelling of an address in one way (RFC 5952, but with hexadecimal groups only).
  const [left = '', right] = new URL(`http://[${plain}]`).hostname.slice(1, -1).split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const groups = [...head, ...new Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
  if (groups.slice(0, 5).every((group) => group === '0') && groups[5] === 'ffff') {
    const [high, low] = [Number.parseInt(groups[6]!, 16), Number.parseInt(groups[7]!, 16)];
    return [high >> 8, high & 255, low >> 8, low & 255].join('.');
  }
  return `${groups.slice(0, 4).join(':')}::/64`;
}

/** The refusal of a decision, or of a window that is full (`secondsUntilReset`). */
export const rateLimited = (retryAfterSeconds: number): AppError =>
  new AppError(
    'RATE_LIMITED',
    `Too many requests in this minute; nothing was run. Try again in ${retryAfterSeconds} s.`,
    { retryAfterSeconds },
  );

/** Headers of the account's first window; none without a limit (`undefined`). Reset in Unix seconds. */
export const rateLimitHeaders = (window: WindowState | undefined): Readonly<Record<string, string>> =>
  window
    ? {
        'x-ratelimit-limit': String(window.limit),
        'x-ratelimit-remaining': String(window.remaining),
        'x-ratelimit-reset': String(window.resetAtMs / 1000),
      }
    : {};
