import fc from 'fast-check';
import { Resampler } from '../../../providers/local/resampler';

const tone = (hertz: number, rate: number, seconds = 0.5): Int16Array =>
  Int16Array.from({ length: rate * seconds }, (_, index) => 16_000 * Math.sin((2 * Math.PI * hertz * index) / rate));

const resampled = (samples: Int16Array, from: number, to: number): Int16Array => {
  const resampler = new Resampler(from, to);
  return Int16Array.from([...resampler.push(samples), ...resampler.flush()]);
};

/** Away from the ends, where the tone begins and stops. */
const level = (samples: Int16Array): number => {
  const middle = samples.subarray(samples.length >> 2, -(samples.length >> 2));
  return Math.sqrt(middle.reduce((sum, sample) => sum + sample * sample, 0) / middle.length);
};

const RATES = [8_000, 16_000, 22_050, 24_000, 44_100, 48_000];
const PAIRS = [16_000, 22_050].flatMap((from) => RATES.filter((to) => to !== from).map((to) => [from, to] as const));

test.each(PAIRS)('%d Hz to %d Hz keeps a tone of the voice as it is', (from, to) => {
  const changed = resampled(tone(1_000, from), from, to);
  const expected = tone(1_000, to);
  expect(changed.length).toBe(Math.ceil((from * 0.5 * to) / from));
  const difference = changed.map((sample, index) => sample - (expected[index] ?? 0));
  expect(level(difference)).toBeLessThan(level(expected) / 1_000);
});

test.each([
  [16_000, 8_000, 5_000],
  [22_050, 8_000, 7_000],
  [22_050, 16_000, 9_500],
])('%d Hz to %d Hz removes %d Hz, which the lower rate cannot hold', (from, to, hertz) => {
  expect(level(resampled(tone(hertz, from), from, to))).toBeLessThan(16_000 / 1_000);
});

test('pieces of any size give the same samples as the whole', () => {
  const samples = Int16Array.from({ length: 3_000 }, (_, index) => ((index * 7_919) % 60_000) - 30_000);
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 12 }),
      fc.constantFrom(...PAIRS),
      (sizes, pair) => {
        const resampler = new Resampler(...pair);
        const made: number[] = [];
        let at = 0;
        for (const size of [...sizes, samples.length]) {
          made.push(...resampler.push(samples.subarray(at, at + size)));
          at += size;
        }
        made.push(...resampler.flush());
        expect(made).toEqual([...resampled(samples, ...pair)]);
      },
    ),
    { numRuns: 15 },
  );
});

test('full scale does not wrap around', () => {
  const square = Int16Array.from({ length: 2_000 }, (_, index) => (index % 40 < 20 ? 32_767 : -32_768));
  const changed = resampled(square, 16_000, 22_050);
  for (const [index, sample] of changed.entries()) {
    const original = square[Math.round((index * 16_000) / 22_050)] ?? 0;
    if (Math.abs(sample) > 30_000) expect(Math.sign(sample)).toBe(Math.sign(original));
  }
});
