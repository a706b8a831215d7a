import { hasAscii, readUint32 } from '../../../providers/audio/byte-window';

// Vorbis I: https://xiph.org/vorbis/doc/Vorbis_I_spec.html, sections 4.2 and 4.3.

/** What tells how many samples a packet gives. */
export interface VorbisModes {
  readonly channels: number;
  readonly sampleRate: number;
  readonly blockSizes: readonly [short: number, long: number];
  /** For each mode, whether its blocks are long ones. */
  readonly longBlocks: readonly boolean[];
}

const IDENTIFICATION_BYTES = 30;
const MODES_MAX = 64;
/** Block flag, window type, transform type, mapping. */
const MODE_BITS = 1 + 16 + 16 + 8;

/** Reads the identification header; null when the packet is none. */
export function readVorbisIdentification(packet: Uint8Array): Omit<VorbisModes, 'longBlocks'> | null {
  if (packet.length < IDENTIFICATION_BYTES || packet[0] !== 1 || !hasAscii(packet, 1, 'vorbis')) return null;
  const channels = packet[11]!;
  const sampleRate = readUint32(packet, 12);
  const short = 1 << (packet[28]! & 15);
  const long = 1 << (packet[28]! >> 4);
  if (channels === 0 || sampleRate === 0 || short < 64 || long > 8_192 || short > long) return null;
  return { channels, sampleRate, blockSizes: [short, long] };
}

/**
 * The block sizes of the modes out of the setup header. What stands before them can only be read with all codebooks;
 * they are the last thing in it, so they are read from its end: each mode must begin with the only window and transform
 * types that there are, and the number of modes must stand before the first. Null when nothing fits.
 */
export function readVorbisModes(packet: Uint8Array): readonly boolean[] | null {
  if (packet.length < 7 || packet[0] !== 5 || !hasAscii(packet, 1, 'vorbis')) return null;
  // Bits run from the lowest of the first byte to the highest of the last; the framing bit is the last one that is set.
  let end = packet.length * 8 - 1;
  while (end > 56 && bitAt(packet, end) === 0) end--;
  const longBlocks: boolean[] = [];
  let found: readonly boolean[] | null = null;
  for (let at = end - MODE_BITS; at >= 56 + 6 && longBlocks.length < MODES_MAX; at -= MODE_BITS) {
    if (bitsAt(packet, at + 1, 32) !== 0) break;
    longBlocks.unshift(bitAt(packet, at) === 1);
    // A shorter list may fit by chance: the longest one that does is the true one.
    if (bitsAt(packet, at - 6, 6) + 1 === longBlocks.length) found = [...longBlocks];
  }
  return found;
}

/** Whether an audio packet with this first byte has a long block; null when it is no audio packet of these modes. */
export function isLongVorbisBlock(firstByte: number, longBlocks: readonly boolean[]): boolean | null {
  if ((firstByte & 1) !== 0) return null;
  const bits = 32 - Math.clz32(longBlocks.length - 1);
  return longBlocks[(firstByte >> 1) & ((1 << bits) - 1)] ?? null;
}

/** Counts what a stream of audio packets decodes to: each block overlaps half of the one before. */
export class VorbisCounter {
  private before = 0;

  constructor(private readonly modes: VorbisModes) {}

  /** Samples that become known with the packet; null when it is none of this stream. */
  samplesOf(firstByte: number): number | null {
    const long = isLongVorbisBlock(firstByte, this.modes.longBlocks);
    if (long === null) return null;
    const block = this.modes.blockSizes[long ? 1 : 0];
    const samples = this.before === 0 ? 0 : (this.before + block) / 4;
    this.before = block;
    return samples;
  }
}

function bitAt(bytes: Uint8Array, index: number): number {
  return (bytes[index >> 3]! >> (index & 7)) & 1;
}

function bitsAt(bytes: Uint8Array, index: number, count: number): number {
  let value = 0;
  for (let bit = 0; bit < count; bit++) value += bitAt(bytes, index + bit) * 2 ** bit;
  return value;
}
