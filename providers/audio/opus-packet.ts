import { hasAscii, readUint16 } from './byte-window';

/** Opus always decodes at this rate; granule positions count it (RFC 7845 section 4). */
export const OPUS_SAMPLE_RATE = 48_000;
/** 120 ms, the longest packet (RFC 6716 section 3.4, R5). */
const SAMPLES_MAX = 5_760;

/**
 * Samples at 48 kHz of the packet whose first two bytes are given (RFC 6716 section 3.1); null when no packet can
 * start so.
 */
export const opusPacketSamples = (toc: number, second: number): number | null => {
  const config = toc >> 3;
  let frame: number;
  if (config < 12) {
    // SILK: 10, 20, 40, 60 ms.
    frame = [480, 960, 1920, 2880][config & 3]!;
  } else if (config < 16) {
    // Hybrid: 10, 20 ms.
    frame = (config & 1) === 0 ? 480 : 960;
  } else {
    // CELT: 2.5, 5, 10, 20 ms.
    frame = 120 << (config & 3);
  }
  const code = toc & 3;
  const frames = code === 0 ? 1 : code < 3 ? 2 : second & 63;
  const samples = frame * frames;
  return samples === 0 || samples > SAMPLES_MAX ? null : samples;
};

/** Identification header (RFC 7845 section 5.1). */
export interface OpusHead {
  readonly channels: number;
  /** Samples at 48 kHz that a decoder drops from the start. */
  readonly preSkip: number;
  readonly outputGain: number;
  readonly mappingFamily: number;
}

/** Reads the packet in [start, end); null when it is no identification header of version 1. */
export const parseOpusHead = (bytes: Uint8Array, start: number, end: number): OpusHead | null => {
  if (end - start < 19 || !hasAscii(bytes, start, 'OpusHead') || bytes[start + 8]! > 15) return null;
  const channels = bytes[start + 9]!;
  if (channels === 0) return null;
  return {
    channels,
    preSkip: readUint16(bytes, start + 10),
    outputGain: readUint16(bytes, start + 16),
    mappingFamily: bytes[start + 18]!,
  };
};
