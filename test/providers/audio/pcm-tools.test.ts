import fc from 'fast-check';
import { encodeMulaw, resamplePcm } from '../../../providers/audio';
import { noise, samplesToBytes, sine } from './support/assemble';

const toSamples = (bytes: Uint8Array): number[] => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length >> 1 }, (_, index) => view.getInt16(index * 2, true));
};

/** ITU-T G.711, decoder. */
const decodeMulaw = (byte: number): number => {
  const value = ~byte & 0xff;
  const magnitude = (((value & 15) << 3) + 132) * 2 ** ((value >> 4) & 7) - 132;
  return value & 0x80 ? -magnitude : magnitude;
};

describe('encodeMulaw', () => {
  const levels = Array.from({ length: 256 }, (_, byte) => decodeMulaw(byte));

  // Decision values of table 2a of the recommendation, in its scale of 14 bits, and the codes from there on.
  test.each([
    [4063, 0x8f],
    [2015, 0x9f],
    [991, 0xaf],
    [479, 0xbf],
    [223, 0xcf],
    [95, 0xdf],
    [31, 0xef],
    [1, 0xfe],
  ])('the decision value %i starts code %i, for either sign', (decision, code) => {
    const samples = Int16Array.of(4 * decision, 4 * decision - 1, -4 * decision, 1 - 4 * decision);
    const mirrored = code & 0x7f;
    expect([...encodeMulaw(samplesToBytes(samples))]).toEqual([code, code + 1, mirrored, mirrored + 1]);
  });

  test('louder never means a lower level, and no level is further than half its widest step', () => {
    const all = Int16Array.from({ length: 65_536 }, (_, index) => index - 32_768);
    const decoded = [...encodeMulaw(samplesToBytes(all))].map((code) => levels[code]!);
    const falls = decoded.filter((level, index) => index > 0 && level < decoded[index - 1]!);
    const errors = decoded.map((level, index) => Math.abs(level - all[index]!) / (132 + Math.abs(all[index]!)));
    expect(falls).toEqual([]);
    expect(Math.max(...errors.slice(132, -132))).toBeLessThanOrEqual(1 / 32);
  });

  test('encoding what was decoded gives the code back, but for negative zero', () => {
    const codes = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => byte !== 0x7f);
    const decoded = samplesToBytes(Int16Array.from(codes.map((byte) => levels[byte]!)));
    expect([...encodeMulaw(decoded)]).toEqual(codes);
  });

  test('silence is 0xFF and half a sample is ignored', () => {
    expect([...encodeMulaw(new Uint8Array(5))]).toEqual([0xff, 0xff]);
  });
});

describe('resamplePcm', () => {
  const rates = [8_000, 16_000, 22_050, 24_000, 44_100, 48_000];
  const pairs = rates.flatMap((from) => rates.filter((to) => to !== from).map((to) => [from, to] as const));

  test.each(pairs)('from %i to %i Hz a tone stays itself to a thousandth', (from, to) => {
    const output = toSamples(resamplePcm(samplesToBytes(sine(from / 5, 1000, from)), from, to));
    const wanted = sine(to / 5, 1000, to);
    expect(output).toHaveLength(wanted.length);
    const edge = Math.ceil(to / 200);
    const errors = output.map((sample, index) => Math.abs(sample - wanted[index]!));
    expect(Math.max(...errors.slice(edge, -edge))).toBeLessThanOrEqual(12);
  });

  test.each([
    [48_000, 16_000, 9_500],
    [44_100, 8_000, 5_000],
    [24_000, 22_050, 11_800],
  ])('from %i to %i Hz a tone of %i Hz, too high for the result, does not fold back', (from, to, frequency) => {
    const output = toSamples(resamplePcm(samplesToBytes(sine(from / 5, frequency, from)), from, to));
    const edge = Math.ceil(to / 100);
    expect(Math.max(...output.slice(edge, -edge).map(Math.abs))).toBeLessThan(120);
  });

  test('a constant stays constant up to the edges, and the loudest sound does not wrap round', () => {
    fc.assert(
      fc.property(fc.integer({ min: -32_768, max: 32_767 }), fc.constantFrom(...pairs), (level, [from, to]) => {
        const output = toSamples(resamplePcm(samplesToBytes(new Int16Array(200).fill(level)), from, to));
        expect(output).toHaveLength(Math.round((200 * to) / from));
        expect(new Set(output)).toEqual(new Set([level]));
      }),
    );
    const square = Int16Array.from({ length: 400 }, (_, index) => (index % 40 < 20 ? 32_767 : -32_768));
    const output = toSamples(resamplePcm(samplesToBytes(square), 16_000, 24_000));
    for (let index = 60; index < 540; index++) {
      if (index % 60 > 5 && index % 60 < 25) expect(output[index]).toBeGreaterThan(20_000);
    }
  });

  test('equal rates and nothing at all are left alone', () => {
    const bytes = noise(100, 1);
    expect(resamplePcm(bytes, 24_000, 24_000)).toEqual(bytes);
    expect(resamplePcm(new Uint8Array(0), 24_000, 8_000)).toHaveLength(0);
  });
});
