import fc from 'fast-check';
import { ascii, assemble, concat, faultOf, noise, pieceSizes } from './support/assemble';
import { buildWav } from './support/wav';

const table = [
  { format: 'PCM', channels: 1, blockBytes: 2 },
  { format: 'PCM', channels: 2, blockBytes: 4 },
  { format: 'MULAW', channels: 1, blockBytes: 1 },
] as const;

describe.each(table)('$format assembler, $channels channels', ({ format, channels, blockBytes }) => {
  const expected = { format, channels, sampleRate: 8000 };

  test('lays parts end to end and drops only the fraction of a sample at the end of each', () => {
    const lengths = fc.array(fc.integer({ min: blockBytes, max: 900 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(lengths, pieceSizes, (sizesOfParts, sizes) => {
        const parts = sizesOfParts.map((length) => noise(length, length));
        const whole = concat(parts.map((part) => part.subarray(0, part.length - (part.length % blockBytes))));
        const result = assemble(expected, parts, sizes);
        expect(result.file).toEqual(whole);
        expect(result).toMatchObject({
          patch: null,
          sizeBytes: whole.length,
          durationMs: Math.ceil(whole.length / blockBytes / 8),
          sampleRate: 8000,
          channels,
        });
      }),
    );
  });

  test.each<[string, Uint8Array]>([
    ['JSON text', ascii('{"error": {"message": "no"}}')],
    ['JSON text', ascii('[{"a":1}, 2, 3, 4, 5]')],
    ['HTML', ascii('\n<!DOCTYPE html><html></html>')],
    ['WAV', buildWav(noise(100, 1))],
    ['MP3', concat([ascii('ID3\x04\0\0\0\0\x01\0'), noise(200, 1)])],
    ['FLAC', concat([ascii('fLaC'), noise(100, 1)])],
  ])('refuses %s', (name, part) => {
    for (const sizes of [[1], [100_000]]) {
      expect(faultOf(expected, [part], sizes)).toEqual({
        fault: 'WRONG_FORMAT',
        message: `Expected ${format}, found ${name}.`,
      });
    }
  });
});

test('a single odd byte of PCM is no audio', () => {
  expect(faultOf({ format: 'PCM', channels: 1, sampleRate: 8000 }, [Uint8Array.of(1)])?.fault).toBe('NO_AUDIO');
});
