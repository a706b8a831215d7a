import { isWithinRounding } from '../../../src/operations/transcription/provider-length';

const seconds = (quantity: number) => ({ unit: 'seconds', quantity });
const WHOLE = { stepSeconds: 1, minSeconds: 0 };
const TEN_AT_LEAST = { stepSeconds: 0, minSeconds: 10 };

it.each<[string, number, number, typeof WHOLE | undefined]>([
  ['the same', 61_500, 61.5, undefined],
  ['the delay of a codec', 61_500, 61.548, undefined],
  ['the next whole second', 61_500, 62, WHOLE],
  ['the whole second before, where one rounds to the nearest', 61_400, 61, WHOLE],
  ['the least that is billed', 1_000, 10, TEN_AT_LEAST],
  ['the truth in place of the least', 1_000, 1, TEN_AT_LEAST],
  ['more than the least', 12_000, 12, TEN_AT_LEAST],
])('%s is no anomaly', (_name, durationMs, counted, rounding) => {
  expect(isWithinRounding(durationMs, seconds(counted), { rounding })).toBe(true);
});

it.each<[string, number, number, typeof WHOLE | undefined]>([
  ['a second more, where nothing is rounded', 61_500, 62.5, undefined],
  ['a second less, where nothing is rounded', 61_500, 60.5, undefined],
  ['two seconds more', 61_500, 64, WHOLE],
  ['two seconds less', 61_500, 59, WHOLE],
  ['more than the least for short audio', 1_000, 11, TEN_AT_LEAST],
  ['the least for long audio', 61_500, 10, TEN_AT_LEAST],
  ['both channels', 61_500, 123, undefined],
  ['less than nothing', 61_500, -1, undefined],
  ['no number', 61_500, Number.NaN, undefined],
])('%s is an anomaly', (_name, durationMs, counted, rounding) => {
  expect(isWithinRounding(durationMs, seconds(counted), { rounding })).toBe(false);
});

it('what is not counted, or not in seconds, tells nothing', () => {
  expect(isWithinRounding(1_000, null, {})).toBe(true);
  expect(isWithinRounding(1_000, { unit: 'tokens', quantity: 9_999 }, {})).toBe(true);
});
