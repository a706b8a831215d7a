import fc from 'fast-check';
import { createAssembler } from '../../../providers/audio';
import { ascii, assemble, concat, faultOf, noise, pieceSizes, sine } from './support/assemble';
import { buildFlac, type FlacOptions, flacFrame, readFlac } from './support/flac';

const FLAC = { format: 'FLAC', sampleRate: 24_000, channels: 1 } as const;
const tone = sine(1000, 440, 24_000);
const file = buildFlac(tone);

describe('FLAC assembler', () => {
  test('joined frames decode to the joined samples, whatever the pieces, blocks and numbering', () => {
    const part = fc.record({
      blocks: fc.integer({ min: 1, max: 4 }),
      rest: fc.integer({ min: 0, max: 15 }).map((index) => [0, 16, 17, 40, 100, 255][index % 6]!),
      blockSize: fc.constantFrom(64, 256, 300),
      silent: fc.boolean(),
      variable: fc.boolean(),
      spelledOut: fc.boolean(),
      firstNumber: fc.constantFrom(0, 5, 70_000),
      metadata: fc.constantFrom<FlacOptions['metadata']>(
        [],
        [[4, noise(60, 1)]],
        [
          [3, noise(36, 2)],
          [1, new Uint8Array(900)],
        ],
      ),
    });
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 3 }),
        fc.constantFrom(1, 2),
        pieceSizes,
        (drawn, channels, sizes) => {
          const parts = drawn.map(({ blocks, rest, silent, ...options }) => {
            const count = (blocks * options.blockSize + rest) * channels;
            const samples = silent ? new Int16Array(count) : sine(count, 300 + rest, 24_000);
            return { samples, bytes: buildFlac(samples, { ...options, channels }) };
          });
          const result = assemble(
            { ...FLAC, channels },
            parts.map(({ bytes }) => bytes),
            sizes,
          );
          const whole = parts.flatMap(({ samples }) => [...samples]);
          expect(readFlac(result.file, true).samples).toEqual(whole);
          const streamed = readFlac(result.stream, false);
          expect(streamed.samples).toEqual(whole);
          expect(streamed).toMatchObject({ totalSamples: 0, frameSizes: [0, 0], blockSizes: [16, 65_535] });
          expect(result).toMatchObject({
            sampleRate: 24_000,
            channels,
            sizeBytes: result.file.length,
            durationMs: Math.ceil(whole.length / channels / 24),
          });
        },
      ),
      { numRuns: 80 },
    );
  });

  test('a block of less than 16 samples is kept at the end of the file and dropped before another part', () => {
    const short = buildFlac(tone.subarray(0, 256 + 15));
    expect(readFlac(assemble(FLAC, [file, short], [9]).file, true).samples).toEqual([
      ...tone,
      ...tone.subarray(0, 256 + 15),
    ]);
    expect(readFlac(assemble(FLAC, [short, file], [9]).file, true).samples).toEqual([
      ...tone.subarray(0, 256),
      ...tone,
    ]);
  });

  test('the header leaves at once, and a frame as soon as the next has begun', () => {
    const assembler = createAssembler(FLAC);
    const first = flacFrame(tone.subarray(0, 256), 0, {}).length;
    expect(concat(assembler.push(file.subarray(0, 42)))).toHaveLength(42);
    expect(assembler.push(file.subarray(42, 42 + first))).toEqual([]);
    expect(concat(assembler.push(file.subarray(42 + first, 42 + first + 16)))).toHaveLength(first);
    expect(assembler.durationSoFarMs()).toBe(11);
  });

  test('sample numbers of every coded length are written as RFC 9639 codes them', () => {
    // Past 2 097 152 samples numbers take five bytes.
    const long = buildFlac(new Int16Array(2 ** 21 + 70_000), { blockSize: 65_535 });
    const mixed = buildFlac(new Int16Array(5056), { blockSize: 64 });
    const { samples } = readFlac(assemble(FLAC, [mixed, long, mixed]).file, true);
    expect(samples).toHaveLength(2 ** 21 + 80_112);
  });

  test('sound that holds a whole frame, header and checksums included, is not torn at it', () => {
    const inner = flacFrame(sine(64, 900, 24_000), 3, {});
    const padded = concat([Uint8Array.of(1, 2, 3), inner, Uint8Array.of(4)]).slice(0, (inner.length + 4) & ~1);
    const samples = Int16Array.from(
      { length: padded.length / 2 },
      (_, index) => (padded[2 * index]! << 8) | padded[2 * index + 1]!,
    );
    const outer = buildFlac(samples, { blockSize: samples.length });
    expect(readFlac(assemble(FLAC, [outer, outer], [5]).file, true).samples).toEqual([...samples, ...samples]);
  });

  const damaged = file.slice();
  damaged[300]! ^= 1;
  const long = buildFlac(new Int16Array(4).fill(1), {});
  const endless = concat([long.subarray(0, -1), noise(60_000, 1)]);
  test.each<[string, Uint8Array, string, string]>([
    ['a cut last frame', file.subarray(0, -1), 'TRUNCATED', 'frame'],
    ['a cut frame header', file.subarray(0, 45), 'TRUNCATED', 'frame'],
    ['a cut header', file.subarray(0, 30), 'TRUNCATED', 'header'],
    ['a cut metadata block', buildFlac(tone, { metadata: [[4, noise(90, 1)]] }).subarray(0, 90), 'TRUNCATED', 'header'],
    [
      'a flipped bit in the last frame',
      concat([file.subarray(0, -9), Uint8Array.of(9), file.subarray(-8)]),
      'TRUNCATED',
      'frame',
    ],
    ['a frame without end', endless, 'DAMAGED', 'checksum'],
    ['no frame after the header', concat([file.subarray(0, 42), noise(99, 1)]), 'DAMAGED', 'no frame'],
    [
      'metadata out of order',
      concat([ascii('fLaC'), Uint8Array.of(4, 0, 0, 2, 1, 1), file.subarray(4)]),
      'DAMAGED',
      'metadata',
    ],
    ['no frame at all', file.subarray(0, 42), 'NO_AUDIO', 'no audio'],
    ['WAV', concat([ascii('RIFF\0\0\0\0WAVEfmt '), noise(60, 1)]), 'WRONG_FORMAT', 'WAV'],
  ])('refuses %s, however it is cut', (_, part, fault, words) => {
    for (const sizes of [[1], [29], [100_000]]) {
      const found = faultOf(FLAC, [part], sizes);
      expect(found?.fault).toBe(fault);
      expect(found?.message).toContain(words);
    }
  });

  test('a damaged frame is never given out', () => {
    const assembler = createAssembler(FLAC);
    const out: Uint8Array[] = [];
    expect(() => {
      out.push(...assembler.push(damaged));
      out.push(...assembler.endPart());
    }).toThrow('FLAC');
    expect(concat(out)).toHaveLength(42);
  });

  test.each([
    ['rate', { sampleRate: 16_000 }],
    ['number of channels', { channels: 2 }],
  ])('refuses a later part with another %s', (_, options) => {
    expect(faultOf(FLAC, [file, buildFlac(tone, options)])?.fault).toBe('MISMATCH');
  });
});
