import { ATTEMPTS_MAX, pauseMs, readRetryAfter, retryDelayMs } from '../../src/webhooks/retry-times';

const HOUR = 3_600_000;
const NOW = Date.parse('2027-03-04T05:06:07Z');

it('a message is tried at once and nine times more, over three days and some hours', () => {
  const delays = Array.from({ length: ATTEMPTS_MAX }, (_, at) => retryDelayMs(at + 1, null, () => 0));
  expect(delays).toEqual([
    5_000,
    300_000,
    1_800_000,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
    null,
  ]);
});

it('chance adds up to a tenth, and never takes anything away', () => {
  for (const attempts of [1, 2, 5, 9]) {
    const least = retryDelayMs(attempts, null, () => 0)!;
    expect(retryDelayMs(attempts, null, () => 0.5)).toBe(least * 1.05);
    expect(retryDelayMs(attempts, null, () => 1)).toBeCloseTo(least * 1.1, 0);
  }
});

it('an endpoint may ask for more time, not for less, and not for another attempt', () => {
  expect(retryDelayMs(1, 60_000, () => 0)).toBe(60_000);
  expect(retryDelayMs(2, 60_000, () => 0)).toBe(300_000);
  expect(retryDelayMs(ATTEMPTS_MAX, 60_000, () => 0)).toBeNull();
});

it.each([
  ['120', 120_000],
  [' 0 ', 0],
  ['999999999', 24 * HOUR],
  ['Thu, 04 Mar 2027 05:07:07 GMT', 60_000],
  ['Thu, 04 Mar 2027 05:00:00 GMT', 0],
  ['Thu, 04 Mar 2028 05:00:00 GMT', 24 * HOUR],
  ['soon', null],
  ['-5 apples', null],
  [undefined, null],
])('Retry-After: %s is %s milliseconds', (value, expected) => {
  expect(readRetryAfter(value, NOW)).toBe(expected);
});

it('an endpoint that fails and fails is left alone for longer and longer, up to five minutes', () => {
  const pauses = Array.from({ length: 64 }, (_, at) => [at + 1, pauseMs(at + 1)]).filter(([, ms]) => ms !== 0);
  expect(pauses).toEqual([
    [8, 15_000],
    [16, 30_000],
    [24, 60_000],
    [32, 120_000],
    [40, 240_000],
    [48, 300_000],
    [56, 300_000],
    [64, 300_000],
  ]);
  expect(pauseMs(0)).toBe(0);
  expect(pauseMs(8_000_000)).toBe(300_000);
});
