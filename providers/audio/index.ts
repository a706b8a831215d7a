export type { AssembledAudio, AudioAssembler, AudioPatch, ExpectedAudio } from './assembler';
export { type AudioFault, AudioFormatError } from './audio-format-error';
export { createAssembler } from './create-assembler';
export { encodeMulaw } from './mulaw';
export { resamplePcm } from './resample-pcm';
export { nameOfFormat, type SniffedFormat, sniffFormat } from './sniff-format';
export { WAV_HEADER_BYTES, wavHeader } from './wav-header';
