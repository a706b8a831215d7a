const BIAS = 132;
const LOUDEST = 32_635;

/** The mu-law byte of a 16-bit sample (ITU-T G.711). */
const encodeSample = (sample: number): number => {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(Math.abs(sample), LOUDEST) + BIAS;
  // The position of the highest bit, of 7 (quietest) to 14, is the segment.
  const segment = 24 - Math.clz32(magnitude);
  return ~(sign | (segment << 4) | ((magnitude >> (segment + 3)) & 15)) & 0xff;
};

/** Turns 16-bit little-endian PCM into mu-law, a byte for each sample; an odd last byte is ignored. */
export const encodeMulaw = (pcm: Uint8Array): Uint8Array => {
  const encoded = new Uint8Array(pcm.length >> 1);
  for (let index = 0; index < encoded.length; index++) {
    encoded[index] = encodeSample(((pcm[2 * index]! | (pcm[2 * index + 1]! << 8)) << 16) >> 16);
  }
  return encoded;
};
