import { writeUint32 } from './byte-window';

/** Bytes of the header that wavHeader makes. */
export const WAV_HEADER_BYTES = 44;
/** Stands for a length that is not known yet, or does not fit. */
const UNKNOWN_LENGTH = 0xffffffff;

/**
 * Header of a WAV file of 16-bit PCM. `dataBytes` null: the length is not known yet, both length fields say
 * 0xFFFFFFFF, and players read to the end of the stream.
 */
export const wavHeader = (sampleRate: number, channels: number, dataBytes: number | null): Uint8Array => {
  const known = dataBytes !== null && dataBytes <= UNKNOWN_LENGTH - WAV_HEADER_BYTES;
  const header = new Uint8Array(WAV_HEADER_BYTES);
  writeUint32(header, 0, 0x46464952); // RIFF
  writeUint32(header, 4, known ? dataBytes + WAV_HEADER_BYTES - 8 : UNKNOWN_LENGTH);
  writeUint32(header, 8, 0x45564157); // WAVE
  writeUint32(header, 12, 0x20746d66); // fmt
  writeUint32(header, 16, 16);
  writeUint32(header, 20, 1 | (channels << 16));
  writeUint32(header, 24, sampleRate);
  writeUint32(header, 28, sampleRate * channels * 2);
  writeUint32(header, 32, (channels * 2) | (16 << 16));
  writeUint32(header, 36, 0x61746164); // data
  writeUint32(header, 40, known ? dataBytes : UNKNOWN_LENGTH);
  return header;
};
