import fc from 'fast-check';
import { wavHeader } from '../../../providers/audio/wav-header';
import { waveSamples } from '../../../providers/local/wave-samples';

const samples = Buffer.from(Int16Array.of(1, -2, 32_767, -32_768).buffer);

test('samples reach to the stated size, or to the end of the bytes where the size is not true', () => {
  const expected = Int16Array.of(1, -2, 32_767, -32_768);
  expect(waveSamples(Buffer.concat([wavHeader(16_000, 1, 8), samples, Buffer.from('tail')]), 16_000)).toEqual(expected);
  expect(waveSamples(Buffer.concat([wavHeader(16_000, 1, null), samples]), 16_000)).toEqual(expected);
  expect(waveSamples(wavHeader(16_000, 1, 0), 16_000)).toEqual(Int16Array.of());
});

test('chunks before the samples are passed over', () => {
  const header = Buffer.from(wavHeader(16_000, 1, 8));
  const odd = Buffer.from('LIST\x03\0\0\0abc\0', 'latin1');
  const file = Buffer.concat([header.subarray(0, 36), odd, header.subarray(36), samples]);
  expect(waveSamples(file, 16_000)).toHaveLength(4);
});

test('another rate, another number of channels and other bytes are no speech of the engine', () => {
  expect(waveSamples(Buffer.concat([wavHeader(8_000, 1, 8), samples]), 16_000)).toBeNull();
  expect(waveSamples(Buffer.concat([wavHeader(16_000, 2, 8), samples]), 16_000)).toBeNull();
  expect(waveSamples(wavHeader(16_000, 1, 8).subarray(0, 40), 16_000)).toBeNull();
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => waveSamples(bytes, 16_000) === null));
});
