import fc from 'fast-check';
import {
  type AssembledAudio,
  type AudioFault,
  AudioFormatError,
  createAssembler,
  type ExpectedAudio,
} from '../../../../providers/audio';

/** Sizes of pieces, used in turn over and over. */
export const pieceSizes = fc.oneof(
  fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
  fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 8 }),
);

export const concat = (pieces: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(pieces));

export interface Assembled extends AssembledAudio {
  /** As it was streamed. */
  readonly stream: Uint8Array;
  /** After the patch. */
  readonly file: Uint8Array;
}

/** Runs whole parts, cut into pieces of `sizes`, through an assembler. */
export const assemble = (
  expected: ExpectedAudio,
  parts: readonly Uint8Array[],
  sizes: readonly number[] = [Number.MAX_SAFE_INTEGER],
): Assembled => {
  const assembler = createAssembler(expected);
  const pieces: Uint8Array[] = [];
  let turn = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length; ) {
      const size = sizes[turn++ % sizes.length]!;
      pieces.push(...assembler.push(part.slice(at, at + size)));
      at += size;
    }
    pieces.push(...assembler.endPart());
  }
  const result = assembler.finish();
  pieces.push(...result.tail);
  const stream = concat(pieces);
  const file = stream.slice();
  if (result.patch !== null) file.set(result.patch.bytes, result.patch.offset);
  return { ...result, stream, file };
};

/** The fault that the parts are refused with; null when they are accepted. */
export const faultOf = (
  expected: ExpectedAudio,
  parts: readonly Uint8Array[],
  sizes?: readonly number[],
): { fault: AudioFault; message: string } | null => {
  try {
    assemble(expected, parts, sizes);
    return null;
  } catch (error) {
    if (!(error instanceof AudioFormatError)) throw error;
    return { fault: error.fault, message: error.message };
  }
};

export const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));

/** Little-endian 16-bit bytes of samples. */
export const samplesToBytes = (samples: Int16Array): Uint8Array => {
  const bytes = new Uint8Array(samples.length * 2);
  const view = new DataView(bytes.buffer);
  for (const [index, sample] of samples.entries()) view.setInt16(index * 2, sample, true);
  return bytes;
};

export const sine = (count: number, frequency: number, sampleRate: number, amplitude = 12_000): Int16Array =>
  Int16Array.from({ length: count }, (_, index) =>
    Math.round(amplitude * Math.sin((2 * Math.PI * frequency * index) / sampleRate)),
  );

/** Deterministic bytes that look like compressed sound, without 0xFF so that they hold no sync by chance. */
export const noise = (length: number, seed: number): Uint8Array => {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  return Uint8Array.from({ length }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % 255;
  });
};
