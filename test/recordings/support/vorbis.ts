import { ascii, concat, noise } from '../../providers/audio/support/assemble';

export interface VorbisOptions {
  readonly sampleRate?: number;
  /** Powers of two. */
  readonly short?: number;
  readonly long?: number;
  /** Whether each mode has long blocks. */
  readonly modes: readonly boolean[];
}

/** Identification, comment and setup, of which only what a counter looks at is true. */
export function vorbisHeaders({ sampleRate = 44_100, short = 256, long = 2_048, modes }: VorbisOptions): Uint8Array[] {
  const identification = Buffer.alloc(30);
  identification.write('\u0001vorbis', 'latin1');
  identification[11] = 1;
  identification.writeUInt32LE(sampleRate, 12);
  identification[28] = Math.log2(short) | (Math.log2(long) << 4);
  identification[29] = 1;
  const comment = concat([ascii('\u0003vorbis'), new Uint8Array(8), Uint8Array.of(1)]);
  const bits: number[] = [];
  const write = (value: number, count: number): void => {
    for (let bit = 0; bit < count; bit++) bits.push((value >> bit) & 1);
  };
  write(modes.length - 1, 6);
  for (const [index, isLong] of modes.entries()) {
    write(isLong ? 1 : 0, 1);
    write(0, 16);
    write(0, 16);
    write(index & 1, 8);
  }
  write(1, 1);
  const tail = new Uint8Array(Math.ceil(bits.length / 8));
  for (const [index, bit] of bits.entries()) tail[index >> 3]! |= bit << (index & 7);
  const codebooks = noise(300, 3).map((byte) => byte | 0x11);
  return [identification, comment, concat([ascii('\u0005vorbis'), codebooks, tail])];
}

/** An audio packet of a mode. */
export const vorbisPacket = (mode: number, length: number): Uint8Array =>
  concat([Uint8Array.of(mode << 1), noise(length - 1, mode + 1)]);

/** Headers laced as Matroska keeps them. */
export const xiphLaced = (headers: readonly Uint8Array[]): Uint8Array => {
  const lacing = headers
    .slice(0, -1)
    .flatMap(({ length }) => [...new Array<number>(Math.floor(length / 255)).fill(255), length % 255]);
  return concat([Uint8Array.of(headers.length - 1, ...lacing), ...headers]);
};
