import { ascii, concat, noise } from './assemble';

/** CRC of a page, bit by bit, as RFC 3533 words it. */
const crcOf = (page: Uint8Array): number => {
  let crc = 0;
  for (const byte of page) {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit++) crc = crc < 0 ? (crc << 1) ^ 0x04c1_1db7 : crc << 1;
  }
  return crc >>> 0;
};

export const CONTINUED = 1;
export const BEGIN = 2;
export const END = 4;

export interface PageFields {
  readonly flags: number;
  readonly granule: bigint;
  readonly serial: number;
  readonly sequence: number;
  readonly lacing: readonly number[];
  readonly body: Uint8Array;
}

export const buildPage = (fields: PageFields): Uint8Array => {
  const header = new Uint8Array(27);
  header.set(ascii('OggS'));
  const view = new DataView(header.buffer);
  view.setUint8(5, fields.flags);
  view.setBigInt64(6, fields.granule, true);
  view.setUint32(14, fields.serial, true);
  view.setUint32(18, fields.sequence, true);
  view.setUint8(26, fields.lacing.length);
  const page = concat([header, Uint8Array.from(fields.lacing), fields.body]);
  new DataView(page.buffer).setUint32(22, crcOf(page), true);
  return page;
};

const lacingOf = (length: number): number[] => [...Array<number>(Math.floor(length / 255)).fill(255), length % 255];

export const opusHead = (channels: number, preSkip: number, gain = 0): Uint8Array => {
  const head = new Uint8Array(19);
  head.set(ascii('OpusHead'));
  const view = new DataView(head.buffer);
  view.setUint8(8, 1);
  view.setUint8(9, channels);
  view.setUint16(10, preSkip, true);
  view.setUint32(12, 24_000, true);
  view.setInt16(16, gain, true);
  return head;
};

/** A 20 ms packet of `length` bytes. */
export const opusPacket = (length: number, seed: number): Uint8Array =>
  concat([Uint8Array.of(0xf8), noise(length - 1, seed)]);
/** Samples at 48 kHz of each packet that opusPacket makes. */
export const PACKET_SAMPLES = 960;

export interface OpusOptions {
  readonly packets: readonly Uint8Array[];
  readonly channels?: number;
  readonly preSkip?: number;
  readonly gain?: number;
  readonly serial?: number;
  /** Lacing values that a page holds at most: packets are split across pages at this bound. */
  readonly segmentsMax?: number;
  /** Samples of the last packet that are padding. */
  readonly endPadding?: number;
  /** Bytes of the comment header. */
  readonly tagsLength?: number;
  readonly unmarkedEnd?: boolean;
}

/** An Ogg Opus file as an encoder would write it. */
export const buildOpus = (options: OpusOptions): Uint8Array => {
  const { channels = 1, preSkip = 312, serial = 7, segmentsMax = 4, tagsLength = 40 } = options;
  const pages: Uint8Array[] = [];
  const write = (packets: readonly Uint8Array[], audio: boolean): void => {
    const segments = packets.flatMap((packet) =>
      lacingOf(packet.length).map((size, index) => ({
        size,
        opens: index === 0,
        bytes: packet.subarray(index * 255, index * 255 + size),
      })),
    );
    let done = 0;
    for (let at = 0; at < segments.length; at += segmentsMax) {
      const own = segments.slice(at, at + segmentsMax);
      const ended = own.filter(({ size }) => size < 255).length;
      done += ended;
      const last = audio && at + segmentsMax >= segments.length;
      let granule = ended === 0 ? -1n : BigInt(audio ? done * PACKET_SAMPLES : 0);
      if (last) granule -= BigInt(options.endPadding ?? 0);
      let flags = own[0]!.opens ? 0 : CONTINUED;
      if (pages.length === 0) flags |= BEGIN;
      if (last && options.unmarkedEnd !== true) flags |= END;
      pages.push(
        buildPage({
          flags,
          granule,
          serial,
          sequence: pages.length,
          lacing: own.map(({ size }) => size),
          body: concat(own.map(({ bytes }) => bytes)),
        }),
      );
    }
  };
  write([opusHead(channels, preSkip, options.gain)], false);
  write([concat([ascii('OpusTags'), noise(tagsLength - 8, serial)])], false);
  write(options.packets, true);
  return concat(pages);
};

export interface OpusFile {
  readonly serial: number;
  readonly preSkip: number;
  readonly packets: readonly Uint8Array[];
  readonly lastGranule: number;
  readonly pages: number;
}

/** Accepts only one well-formed logical stream whose positions count the samples of its packets. */
export const readOpus = (file: Uint8Array): OpusFile => {
  const packets: Uint8Array[] = [];
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  let open: Uint8Array[] | null = null;
  let at = 0;
  let sequence = 0;
  let serial = -1;
  let position = 0;
  while (at < file.length) {
    expect(Buffer.from(file.subarray(at, at + 5)).toString('latin1')).toBe('OggS\0');
    const flags = view.getUint8(at + 5);
    const granule = view.getBigInt64(at + 6, true);
    const lacing = file.subarray(at + 27, at + 27 + view.getUint8(at + 26));
    const end = at + 27 + lacing.length + lacing.reduce((sum, size) => sum + size, 0);
    expect(end).toBeLessThanOrEqual(file.length);
    const page = file.slice(at, end);
    page.fill(0, 22, 26);
    expect(view.getUint32(at + 22, true)).toBe(crcOf(page));
    if (serial === -1) serial = view.getUint32(at + 14, true);
    expect(view.getUint32(at + 14, true)).toBe(serial);
    expect(view.getUint32(at + 18, true)).toBe(sequence);
    const last = end === file.length;
    expect(flags).toBe((open === null ? 0 : CONTINUED) | (sequence === 0 ? BEGIN : 0) | (last ? END : 0));

    let body = at + 27 + lacing.length;
    let ended = 0;
    for (const size of lacing) {
      open = [...(open ?? []), file.subarray(body, body + size)];
      body += size;
      if (size === 255) continue;
      packets.push(concat(open));
      open = null;
      ended++;
    }
    if (ended === 0) {
      expect(granule).toBe(-1n);
    } else {
      const samples = packets.length <= 2 ? 0 : ended * PACKET_SAMPLES;
      if (last) {
        expect(Number(granule)).toBeGreaterThanOrEqual(position);
        expect(Number(granule)).toBeLessThanOrEqual(position + samples);
        position = Number(granule);
      } else {
        position += samples;
        expect(Number(granule)).toBe(position);
      }
    }
    sequence++;
    at = end;
  }
  expect(open).toBeNull();
  const [head, tags, ...audio] = packets;
  expect(Buffer.from(head!.subarray(0, 8)).toString('latin1')).toBe('OpusHead');
  expect(Buffer.from(tags!.subarray(0, 8)).toString('latin1')).toBe('OpusTags');
  return {
    serial,
    preSkip: head![10]! | (head![11]! << 8),
    packets: audio,
    lastGranule: position,
    pages: sequence,
  };
};
