import type { AudioFormat } from '../contract/audio';
import type { AudioAssembler, ExpectedAudio } from './assembler';
import { FlacAssembler } from './flac-assembler';
import { Mp3Assembler } from './mp3-assembler';
import { OpusAssembler } from './opus-assembler';
import { PcmAssembler } from './pcm-assembler';
import { WavAssembler } from './wav-assembler';

const ASSEMBLERS: Readonly<Record<AudioFormat, new (expected: ExpectedAudio) => AudioAssembler>> = {
  MP3: Mp3Assembler,
  WAV: WavAssembler,
  OGG_OPUS: OpusAssembler,
  FLAC: FlacAssembler,
  PCM: PcmAssembler,
  MULAW: PcmAssembler,
};

/** An assembler for one file of `expected.format`. It holds no resource, so it may simply be dropped. */
export const createAssembler = (expected: ExpectedAudio): AudioAssembler => new ASSEMBLERS[expected.format](expected);
