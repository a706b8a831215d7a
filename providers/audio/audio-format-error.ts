import type { AudioFormat } from '../contract/audio';

/**
 * What is wrong with the bytes of a provider.
 * WRONG_FORMAT: they are something else. EMPTY: a part without a byte. TRUNCATED: a part ends inside a header, page or
 * frame: the stream was cut. DAMAGED: a checksum or a structure is wrong. MISMATCH: a later part cannot follow the first
 * in one file (another rate, another number of channels). NO_AUDIO: all parts are well formed and hold no sample.
 */
export type AudioFault = 'WRONG_FORMAT' | 'EMPTY' | 'TRUNCATED' | 'DAMAGED' | 'MISMATCH' | 'NO_AUDIO';

/** The message is one short sentence that names formats and structures only, never content, so it is safe to show. */
export class AudioFormatError extends Error {
  readonly fault: AudioFault;
  readonly expected: AudioFormat;

  constructor(fault: AudioFault, expected: AudioFormat, message: string) {
    super(message);
    this.name = 'AudioFormatError';
    this.fault = fault;
    this.expected = expected;
  }
}
