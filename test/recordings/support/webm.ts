import { ascii, concat } from '../../providers/audio/support/assemble';

const idBytes = (id: number): Uint8Array => {
  const bytes: number[] = [];
  for (let rest = id; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Uint8Array.from(bytes);
};
const sizeBytes = (size: number): Uint8Array => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(size) | (1n << 56n));
  return bytes;
};
const UNKNOWN = Uint8Array.of(0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);

export const element = (id: number, body: Uint8Array, unknownSize = false): Uint8Array =>
  concat([idBytes(id), unknownSize ? UNKNOWN : sizeBytes(body.length), body]);
export const number = (value: number): Uint8Array => {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(value, 0, 6);
  return bytes;
};
const float = (value: number): Uint8Array => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
};

export type Lacing = 'none' | 'xiph' | 'fixed' | 'ebml';

export interface WebmOptions {
  readonly codec?: string;
  readonly config?: Uint8Array;
  readonly sampleRate?: number;
  /** The frames of each block; a block of several is laced. */
  readonly blocks: readonly (readonly Uint8Array[])[];
  readonly lacing?: Lacing;
  /** Milliseconds from a block to the next. */
  readonly step?: number;
  /** As a live recorder writes: nothing has a size but the blocks. */
  readonly live?: boolean;
  readonly blocksOfACluster?: number;
  /** Milliseconds that the header claims; left out: none. */
  readonly claimed?: number;
  /** Nanoseconds. */
  readonly delay?: number;
  readonly padding?: number;
  /** Blocks of another track, a picture's, among the others. */
  readonly withVideo?: boolean;
}

/** A WebM file as a browser or an encoder would write it. */
export function buildWebm(options: WebmOptions): Uint8Array {
  const { live = false, blocksOfACluster = 5, step = 20, sampleRate = 48_000 } = options;
  const info = [element(0x2ad7b1, number(1_000_000))];
  if (options.claimed !== undefined) info.push(element(0x4489, float(options.claimed)));
  const track = [
    element(0xd7, number(1)),
    element(0x83, number(2)),
    element(0x86, ascii(options.codec ?? 'A_OPUS')),
    element(0xe1, concat([element(0xb5, float(sampleRate)), element(0x9f, number(1)), element(0x6264, number(16))])),
  ];
  if (options.config) track.push(element(0x63a2, options.config));
  if (options.delay !== undefined) track.push(element(0x56aa, number(options.delay)));
  const tracks = [element(0xae, concat(track))];
  if (options.withVideo)
    tracks.push(
      element(0xae, concat([element(0xd7, number(2)), element(0x83, number(1)), element(0x86, ascii('V_VP8'))])),
    );
  const clusters: Uint8Array[] = [];
  for (let from = 0; from < options.blocks.length; from += blocksOfACluster) {
    const blocks = options.blocks.slice(from, from + blocksOfACluster).map((frames, index) => {
      const last = from + index === options.blocks.length - 1;
      const bytes = block(1, index * step, frames, options.lacing ?? 'none');
      if (!last || options.padding === undefined) return element(0xa3, bytes);
      return element(0xa0, concat([element(0xa1, bytes), element(0x75a2, number(options.padding))]));
    });
    const video = options.withVideo ? [element(0xa3, block(2, 0, [new Uint8Array(40)], 'none'))] : [];
    clusters.push(element(0x1f43b675, concat([element(0xe7, number(from * step)), ...video, ...blocks]), live));
  }
  const header = element(0x1a45dfa3, element(0x4282, ascii('webm')));
  const body = concat([element(0x1549a966, concat(info)), element(0x1654ae6b, concat(tracks)), ...clusters]);
  return concat([header, element(0x18538067, body, live)]);
}

const LACING_FLAGS: Readonly<Record<Lacing, number>> = { none: 0, xiph: 2, fixed: 4, ebml: 6 };

function block(track: number, timestamp: number, frames: readonly Uint8Array[], lacing: Lacing): Uint8Array {
  const head = Uint8Array.of(
    0x80 | track,
    timestamp >> 8,
    timestamp,
    LACING_FLAGS[frames.length > 1 ? lacing : 'none'],
  );
  if (frames.length === 1 || lacing === 'none') return concat([head, ...frames]);
  const sizes = frames.slice(0, -1).map(({ length }) => length);
  const laced: number[] = [frames.length - 1];
  if (lacing === 'xiph')
    for (const size of sizes) laced.push(...new Array<number>(Math.floor(size / 255)).fill(255), size % 255);
  if (lacing === 'ebml') {
    for (const [index, size] of sizes.entries()) {
      // Two bytes each: 14 bits, the differences moved up by 2^13 - 1.
      const value = index === 0 ? size : size - sizes[index - 1]! + 8_191;
      laced.push(0x40 | (value >> 8), value & 255);
    }
  }
  return concat([head, Uint8Array.from(laced), ...frames]);
}
