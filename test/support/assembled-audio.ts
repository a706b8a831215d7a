import { type AssembledAudio, createAssembler, type ExpectedAudio } from '../../providers/audio';

/** Reads a whole file as the platform does, in pieces of an odd length; throws AudioFormatError when it is not what was asked for. */
export function assembledAudio(bytes: Uint8Array, expected: Omit<ExpectedAudio, 'channels'>): AssembledAudio {
  const assembler = createAssembler({ ...expected, channels: 1 });
  for (let from = 0; from < bytes.length; from += 997) assembler.push(bytes.subarray(from, from + 997));
  return assembler.finish();
}
