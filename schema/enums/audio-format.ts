import type { AudioFormat as ProviderAudioFormat } from '../../providers/contract/audio';
import { defineEnum } from './define-enum';

export const AudioFormat = defineEnum(
  'AudioFormat',
  'Encoding of audio. Not every provider makes each; UNSUPPORTED names those that it does.',
  {
    MP3: 'MPEG audio layer III.',
    WAV: '16-bit linear PCM in a RIFF container.',
    OGG_OPUS: 'Opus in an Ogg container.',
    FLAC: 'FLAC: compressed without loss.',
    PCM: 'Raw 16-bit signed little-endian samples, without a header.',
    MULAW: 'Raw 8-bit G.711 mu-law samples, without a header; for telephony.',
  } satisfies Record<ProviderAudioFormat, string>,
);
export type AudioFormat = keyof typeof AudioFormat;
