/** Audio encodings the platform can ask a provider for; the names are those of the public schema. */
export const AUDIO_FORMATS = ['MP3', 'WAV', 'OGG_OPUS', 'FLAC', 'PCM', 'MULAW'] as const;
export type AudioFormat = (typeof AUDIO_FORMATS)[number];

/** One format that an adapter can deliver. Audio is mono on every provider served so far. */
export interface FormatOffer {
  readonly contentType: string;
  /** Hertz; the first is the default. */
  readonly sampleRates: readonly [number, ...number[]];
  readonly channels: 1 | 2;
}

/** What a player needs before the first byte. */
export interface AudioDescription {
  readonly format: AudioFormat;
  readonly contentType: string;
  readonly sampleRate: number;
  readonly channels: number;
}
