import { readUint32, writeUint32 } from './byte-window';

// Ogg pages: RFC 3533 section 6.
export const OGG_HEADER_BYTES = 27;
const CONTINUED = 1;
const BEGIN_OF_STREAM = 2;
const END_OF_STREAM = 4;

/** `value` for each number of following zero bytes: four bytes are taken per step. */
const CRC_TABLES = ((): readonly [Uint32Array, Uint32Array, Uint32Array, Uint32Array] => {
  const tables = [new Uint32Array(256), new Uint32Array(256), new Uint32Array(256), new Uint32Array(256)] as const;
  for (let byte = 0; byte < 256; byte++) {
    let value = byte << 24;
    for (let bit = 0; bit < 8; bit++) value = (value & 0x8000_0000) === 0 ? value << 1 : (value << 1) ^ 0x04c1_1db7;
    tables[0][byte] = value;
  }
  for (let byte = 0; byte < 256; byte++) {
    for (let index = 1; index < 4; index++) {
      const before = tables[index - 1]![byte]!;
      tables[index]![byte] = (before << 8) ^ tables[0][before >>> 24]!;
    }
  }
  return tables;
})();

/** CRC-32 of Ogg (polynomial 0x04C11DB7, not reflected, from zero) of bytes [start, end), going on from `crc`. */
export const oggCrc = (bytes: Uint8Array, start: number, end: number, crc = 0): number => {
  const [t0, t1, t2, t3] = CRC_TABLES;
  let value = crc;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    value ^= (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    value = t3[value >>> 24]! ^ t2[(value >>> 16) & 255]! ^ t1[(value >>> 8) & 255]! ^ t0[value & 255]!;
  }
  for (; at < end; at++) value = (value << 8) ^ t0[((value >>> 24) ^ bytes[at]!) & 255]!;
  return value >>> 0;
};

const NO_CHECKSUM = new Uint8Array(4);
/** The checksum of a page is taken with its own field at zero. */
const pageCrc = (bytes: Uint8Array, start: number, end: number): number =>
  oggCrc(bytes, start + 26, end, oggCrc(NO_CHECKSUM, 0, 4, oggCrc(bytes, start, start + 22)));

/** A page that lies whole in [start, end) of `bytes`. */
export interface OggPage {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly segments: number;
  /** First byte of the payload. */
  readonly body: number;
  readonly serial: number;
  /** The page goes on with a packet of the page before. */
  readonly continued: boolean;
  readonly beginsStream: boolean;
  readonly endsStream: boolean;
  /** null: no packet ends on this page. */
  readonly granule: number | null;
}

/** Length of the page at `offset`, at least whose first 27 bytes are there; 0: the segment table has not arrived. */
export const oggPageLength = (bytes: Uint8Array, offset: number, end: number): number => {
  const segments = bytes[offset + 26]!;
  let length = OGG_HEADER_BYTES + segments;
  if (offset + length > end) return 0;
  for (let index = 0; index < segments; index++) length += bytes[offset + OGG_HEADER_BYTES + index]!;
  return length;
};

/** Reads a page that is there as a whole; null when its checksum is wrong. */
export const readOggPage = (bytes: Uint8Array, start: number, end: number): OggPage | null => {
  if (pageCrc(bytes, start, end) !== readUint32(bytes, start + 22)) return null;
  const flags = bytes[start + 5]!;
  const low = readUint32(bytes, start + 6);
  const high = readUint32(bytes, start + 10) | 0;
  const segments = bytes[start + 26]!;
  return {
    bytes,
    start,
    end,
    segments,
    body: start + OGG_HEADER_BYTES + segments,
    serial: readUint32(bytes, start + 14),
    continued: (flags & CONTINUED) !== 0,
    beginsStream: (flags & BEGIN_OF_STREAM) !== 0,
    endsStream: (flags & END_OF_STREAM) !== 0,
    granule: high === -1 && low === 0xffff_ffff ? null : high * 0x1_0000_0000 + low,
  };
};

/** The place of a page in the stream that is written. */
export interface OggPlace {
  readonly serial: number;
  readonly sequence: number;
  /** null: no packet ends on the page. */
  readonly granule: number | null;
  readonly endsStream: boolean;
}

/** Puts `page`, a whole page, in its place: every field but its payload and its other flags, checksum included. */
export const placeOggPage = (page: Uint8Array, place: OggPlace): void => {
  page[5] = place.endsStream ? page[5]! | END_OF_STREAM : page[5]! & ~END_OF_STREAM;
  if (place.granule === null) {
    page.fill(0xff, 6, 14);
  } else {
    writeUint32(page, 6, place.granule % 0x1_0000_0000);
    writeUint32(page, 10, Math.floor(place.granule / 0x1_0000_0000));
  }
  writeUint32(page, 14, place.serial);
  writeUint32(page, 18, place.sequence);
  writeUint32(page, 22, pageCrc(page, 0, page.length));
};

/** A page without payload, which may end a stream. */
export const emptyOggPage = (place: OggPlace): Uint8Array => {
  const page = new Uint8Array(OGG_HEADER_BYTES);
  page.set([0x4f, 0x67, 0x67, 0x53]); // OggS
  placeOggPage(page, place);
  return page;
};
