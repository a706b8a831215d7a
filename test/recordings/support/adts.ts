import { concat, noise } from '../../providers/audio/support/assemble';

const RATES = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000];

/** A frame of AAC LC: header without checksum, then noise. */
export function adtsFrame(sampleRate: number, bodyBytes: number, blocks = 1): Uint8Array {
  const length = bodyBytes + 7;
  const header = Uint8Array.of(
    0xff,
    0xf1,
    (1 << 6) | (RATES.indexOf(sampleRate) << 2),
    (1 << 6) | (length >> 11),
    (length >> 3) & 255,
    ((length & 7) << 5) | 0x1f,
    0xfc | (blocks - 1),
  );
  return concat([header, noise(bodyBytes, bodyBytes + 1)]);
}

export const buildAdts = (sampleRate: number, bodies: readonly number[]): Uint8Array =>
  concat(bodies.map((bytes) => adtsFrame(sampleRate, bytes)));
