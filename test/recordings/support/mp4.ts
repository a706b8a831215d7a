import { ascii, concat } from '../../providers/audio/support/assemble';

const u16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value);
const u32 = (...values: number[]): Uint8Array => {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, index * 4);
  return bytes;
};
const u64 = (value: number): Uint8Array => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
};

export const box = (type: string, ...parts: Uint8Array[]): Uint8Array => {
  const body = concat(parts);
  return concat([u32(body.length + 8), ascii(type), body]);
};
const full = (type: string, flags: number, ...parts: Uint8Array[]): Uint8Array => box(type, u32(flags), ...parts);

const AAC_RATES = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000];

/** AudioSpecificConfig of AAC LC in an elementary stream descriptor. */
const esds = (sampleRate: number): Uint8Array => {
  const index = AAC_RATES.indexOf(sampleRate);
  const config = Uint8Array.of((2 << 3) | (index >> 1), ((index & 1) << 7) | (1 << 3));
  const specific = concat([Uint8Array.of(5, config.length), config]);
  const decoder = concat([Uint8Array.of(4, 13 + specific.length, 0x40, 0x15), new Uint8Array(11), specific]);
  return full('esds', 0, Uint8Array.of(3, 3 + decoder.length, 0, 1, 0), decoder);
};

export interface Mp4Options {
  readonly sampleRate?: number;
  /** Bytes of each coded sample. */
  readonly sizes: readonly number[];
  /** Samples of a chunk. */
  readonly perChunk?: number;
  /** Length of a sample in the track's time scale, which is the sample rate. */
  readonly delta?: number;
  /** Of the last sample, where it is another. */
  readonly lastDelta?: number;
  readonly indexFirst?: boolean;
  readonly wide?: boolean;
  /** Samples of each fragment; left out: not in fragments. */
  readonly perFragment?: number;
  /** 16-bit PCM of this many channels in place of AAC: `sizes` are then ignored and `pcmSamples` counts. */
  readonly pcm?: { readonly channels: number; readonly samples: number };
}

/** An MP4 file with one track of sound, as an encoder would write it. */
export function buildMp4(options: Mp4Options): Uint8Array {
  const media = new Uint8Array(
    options.pcm ? options.pcm.samples * options.pcm.channels * 2 : options.sizes.reduce((sum, size) => sum + size, 0),
  ).fill(0x55);
  const opening = box('ftyp', ascii('isom'), u32(0), ascii('isom'));
  if (options.perFragment !== undefined)
    return concat([opening, movie(options, 0, true), ...fragments(options, media)]);
  const length = movie(options, 0, false).length;
  const first = options.indexFirst ?? false;
  const mediaAt = opening.length + (first ? length : 0) + 8;
  const index = movie(options, mediaAt, false);
  return concat(first ? [opening, index, box('mdat', media)] : [opening, box('mdat', media), index]);
}

function movie(options: Mp4Options, mediaAt: number, inFragments: boolean): Uint8Array {
  const { sampleRate = 44_100 } = options;
  const table = inFragments ? emptyTable() : sampleTable(options, mediaAt);
  const track = box(
    'trak',
    full('tkhd', 3, u32(0, 0, 1), new Uint8Array(68)),
    box(
      'mdia',
      full('mdhd', 0, u32(0, 0, sampleRate, 0), u32(0)),
      full('hdlr', 0, u32(0), ascii('soun'), new Uint8Array(13)),
      box('minf', box('stbl', description(options), ...table)),
    ),
  );
  const extension = full('trex', 0, u32(1, 1, options.delta ?? 1_024, 0, 0));
  return box('moov', full('mvhd', 0, new Uint8Array(96)), track, ...(inFragments ? [box('mvex', extension)] : []));
}

function description({ sampleRate = 44_100, pcm }: Mp4Options): Uint8Array {
  const head = concat([
    new Uint8Array(6),
    u16(1),
    new Uint8Array(8),
    u16(pcm?.channels ?? 1),
    u16(16),
    u32(0),
    u16(sampleRate),
    u16(0),
  ]);
  return full('stsd', 0, u32(1), pcm ? box('sowt', head) : box('mp4a', head, esds(sampleRate)));
}

const emptyTable = (): Uint8Array[] => [
  full('stts', 0, u32(0)),
  full('stsc', 0, u32(0)),
  full('stsz', 0, u32(0, 0)),
  full('stco', 0, u32(0)),
];

function sampleTable(options: Mp4Options, mediaAt: number): Uint8Array[] {
  const { sizes, pcm, perChunk = 3, delta = pcm ? 1 : 1_024, lastDelta = delta, wide = false } = options;
  const count = pcm?.samples ?? sizes.length;
  const offsets: number[] = [];
  let at = mediaAt;
  for (let index = 0; index < count; index++) {
    if (index % perChunk === 0) offsets.push(at);
    at += pcm ? pcm.channels * 2 : sizes[index]!;
  }
  return [
    full('stts', 0, u32(2, count - 1, delta, 1, lastDelta)),
    full('stsc', 0, u32(1, 1, perChunk, 1)),
    pcm ? full('stsz', 0, u32(pcm.channels * 2, pcm.samples)) : full('stsz', 0, u32(0, sizes.length), u32(...sizes)),
    wide
      ? full('co64', 0, u32(offsets.length), ...offsets.map(u64))
      : full('stco', 0, u32(offsets.length), u32(...offsets)),
  ];
}

function fragments({ sizes, perFragment = 1 }: Mp4Options, media: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let used = 0;
  for (let from = 0; from < sizes.length; from += perFragment) {
    const own = sizes.slice(from, from + perFragment);
    const bytes = own.reduce((sum, size) => sum + size, 0);
    const head = (offset: number): Uint8Array =>
      box(
        'moof',
        full('mfhd', 0, u32(parts.length)),
        box('traf', full('tfhd', 0x20000, u32(1)), full('trun', 0x201, u32(own.length, offset), u32(...own))),
      );
    parts.push(head(head(0).length + 8), box('mdat', media.subarray(used, used + bytes)));
    used += bytes;
  }
  return parts;
}
