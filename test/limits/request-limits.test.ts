import {
  clientTokenWindow,
  failedSignInWindow,
  meteredWindow,
  otherWindow,
  rateLimited,
  rateLimitHeaders,
} from '../../src/limits/request-limits';
import { secondsUntilReset } from '../../src/limits/request-windows';

test.each([
  [null, null],
  [0, 120],
  [10, 120],
  [12, 120],
  [13, 130],
  [60, 600],
  [300, 3_000],
])('a plan of %p metered requests a minute has %p others', (requestsPerMinute, limit) => {
  expect(meteredWindow('w', 3, requestsPerMinute)).toMatchObject({ cost: 3, limit: requestsPerMinute });
  expect(otherWindow('w', 1, requestsPerMinute)).toMatchObject({ cost: 1, limit });
});

test('the windows of one id do not share a key', () => {
  const keys = [meteredWindow('1', 1, 1), otherWindow('1', 1, 1), clientTokenWindow('1', 1, 1)].map(({ key }) => key);
  expect(new Set(keys).size).toBe(3);
});

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['::ffff:203.0.113.7', '203.0.113.7'],
  ['::FFFF:cb00:7107', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['', 'unknown'],
  ['not an address\n', 'unknown'],
])('failed sign-ins from %p are 30 a minute for %p', (address, network) => {
  expect(failedSignInWindow(address, 1)).toEqual({ key: `sign-in:${network}`, cost: 1, limit: 30 });
});

test('a refusal is RATE_LIMITED and says how long to wait', () => {
  expect(rateLimited(17)).toMatchObject({ code: 'RATE_LIMITED', fields: { retryAfterSeconds: 17 } });
});

test.each([
  [60_000, 59_999, 1],
  [60_000, 60_000, 1],
  [60_000, 58_999, 2],
  [60_000, 0, 60],
])('a window that resets at %i ms is waited for at %i ms for %i s', (resetAtMs, nowMs, seconds) => {
  expect(secondsUntilReset(resetAtMs, nowMs)).toBe(seconds);
});

test('headers tell the window in Unix seconds, and nothing without a limit', () => {
  const window = { key: 'k', limit: 10, used: 3, remaining: 7, resetAtMs: 1_767_225_660_000 };
  expect(rateLimitHeaders(window)).toEqual({
    'x-ratelimit-limit': '10',
    'x-ratelimit-remaining': '7',
    'x-ratelimit-reset': '1767225660',
  });
  expect(rateLimitHeaders(undefined)).toEqual({});
});
