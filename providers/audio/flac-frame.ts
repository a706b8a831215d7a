// FLAC: RFC 9639. Checksums of section 9.1.8 (CRC-8, polynomial 0x07) and 9.3 (CRC-16, polynomial 0x8005).
const CRC8_TABLE = new Uint8Array(256);
const CRC16_TABLE = new Uint16Array(256);
for (let byte = 0; byte < 256; byte++) {
  let small = byte;
  let large = byte << 8;
  for (let bit = 0; bit < 8; bit++) {
    small = (small & 0x80) === 0 ? small << 1 : (small << 1) ^ 0x07;
    large = (large & 0x8000) === 0 ? large << 1 : (large << 1) ^ 0x8005;
  }
  CRC8_TABLE[byte] = small;
  CRC16_TABLE[byte] = large;
}

const flacCrc8 = (bytes: Uint8Array, start: number, end: number): number => {
  let crc = 0;
  for (let at = start; at < end; at++) crc = CRC8_TABLE[crc ^ bytes[at]!]!;
  return crc;
};

/** CRC-16 of bytes [start, end), going on from `crc`. Over a frame with its own checksum it is 0. */
export const flacCrc16 = (bytes: Uint8Array, start: number, end: number, crc = 0): number => {
  let value = crc;
  for (let at = start; at < end; at++) value = ((value & 0xff) << 8) ^ CRC16_TABLE[(value >> 8) ^ bytes[at]!]!;
  return value;
};

/**
 * The first position in (start, end] at which the CRC-16 from `start` on is 0, going on from `crc`; -1 when there is
 * none, and then `state.crc` is the value at the end.
 */
export const findZeroCrc16 = (bytes: Uint8Array, start: number, end: number, state: { crc: number }): number => {
  let value = state.crc;
  for (let at = start; at < end; at++) {
    value = ((value & 0xff) << 8) ^ CRC16_TABLE[(value >> 8) ^ bytes[at]!]!;
    if (value === 0) {
      state.crc = 0;
      return at + 1;
    }
  }
  state.crc = value;
  return -1;
};

/** What every frame must agree with (section 8.2). */
export interface FlacStreamInfo {
  readonly sampleRate: number;
  readonly channels: number;
  readonly bitsPerSample: number;
}

export const FLAC_STREAMINFO_BYTES = 34;
/** Smallest block that may stand anywhere but at the end (section 8.2). */
export const FLAC_BLOCK_MIN = 16;
export const FLAC_BLOCK_MAX = 65_535;

/** Reads a STREAMINFO block that is there as a whole. */
export const parseStreamInfo = (bytes: Uint8Array, at: number): FlacStreamInfo => ({
  sampleRate: (bytes[at + 10]! << 12) | (bytes[at + 11]! << 4) | (bytes[at + 12]! >> 4),
  channels: ((bytes[at + 12]! >> 1) & 7) + 1,
  bitsPerSample: (((bytes[at + 12]! & 1) << 4) | (bytes[at + 13]! >> 4)) + 1,
});

export interface FlacSizes {
  /** Samples of the largest block. */
  readonly blockMax: number;
  /** Bytes of the smallest and the largest frame; 0: unknown. */
  readonly frameMin: number;
  readonly frameMax: number;
  /** 0: unknown. */
  readonly samples: number;
}

/** STREAMINFO of a stream of variable block size, for which the two block limits must differ. The MD5 is left unset. */
export const writeStreamInfo = (info: FlacStreamInfo, sizes: FlacSizes): Uint8Array => {
  const bytes = new Uint8Array(FLAC_STREAMINFO_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, FLAC_BLOCK_MIN);
  view.setUint16(2, Math.max(sizes.blockMax, FLAC_BLOCK_MIN + 1));
  view.setUint32(4, sizes.frameMin * 256 + (sizes.frameMax >>> 16));
  view.setUint16(8, sizes.frameMax & 0xffff);
  const highSamples = Math.floor(sizes.samples / 0x1_0000_0000) & 15;
  view.setUint32(
    10,
    ((info.sampleRate << 12) | ((info.channels - 1) << 9) | ((info.bitsPerSample - 1) << 4) | highSamples) >>> 0,
  );
  view.setUint32(14, sizes.samples % 0x1_0000_0000);
  return bytes;
};

export interface FlacFrameHeader {
  /** Bytes of the header, its checksum included. */
  readonly length: number;
  readonly blockSize: number;
  /** Where, counted from the frame's start, the coded number begins and ends. */
  readonly numberStart: number;
  readonly numberEnd: number;
}

/** Longest header: 4 bytes, 7 of number, 2 of block size, 2 of rate, 1 of checksum. */
const NUMBER_START = 4;
const SAMPLE_RATES = [0, 88_200, 176_400, 192_000, 8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000];
const BITS_PER_SAMPLE = [0, 8, 12, 0, 16, 20, 24, 32];

/** Bytes of the number whose first byte is given (UTF-8 stretched to seven bytes, section 9.1.5); 0: impossible. */
const numberBytes = (first: number): number => {
  if (first < 0x80) return 1;
  if (first < 0xc0 || first === 0xff) return 0;
  return Math.clz32(~(first << 24));
};

/**
 * Reads the frame header at `start` (section 9.1). 'more': bytes after `end` are needed to tell. null: no frame of this
 * stream starts here: sync, reserved values, agreement with STREAMINFO or CRC-8 are not right.
 */
export const parseFlacHeader = (
  bytes: Uint8Array,
  start: number,
  end: number,
  info: FlacStreamInfo,
): FlacFrameHeader | 'more' | null => {
  if (start >= end) return 'more';
  if (bytes[start] !== 0xff) return null;
  if (start + 5 > end) return 'more';
  if ((bytes[start + 1]! & 0xfe) !== 0xf8) return null;
  const blockCode = bytes[start + 2]! >> 4;
  const rateCode = bytes[start + 2]! & 15;
  const channelCode = bytes[start + 3]! >> 4;
  const bitsCode = (bytes[start + 3]! >> 1) & 7;
  if (blockCode === 0 || rateCode === 15 || channelCode > 10 || bitsCode === 3 || (bytes[start + 3]! & 1) !== 0) {
    return null;
  }
  if ((channelCode < 8 ? channelCode + 1 : 2) !== info.channels) return null;
  if (bitsCode !== 0 && BITS_PER_SAMPLE[bitsCode] !== info.bitsPerSample) return null;

  const coded = numberBytes(bytes[start + NUMBER_START]!);
  if (coded === 0) return null;
  const numberEnd = NUMBER_START + coded;
  const blockBytes = blockCode === 6 ? 1 : blockCode === 7 ? 2 : 0;
  const rateBytes = rateCode === 12 ? 1 : rateCode > 12 ? 2 : 0;
  const length = numberEnd + blockBytes + rateBytes + 1;
  if (start + length > end) return 'more';

  const rateAt = start + numberEnd + blockBytes;
  const rate =
    rateCode < 12
      ? SAMPLE_RATES[rateCode]!
      : rateCode === 12
        ? bytes[rateAt]! * 1000
        : ((bytes[rateAt]! << 8) | bytes[rateAt + 1]!) * (rateCode === 13 ? 1 : 10);
  if (rate !== info.sampleRate && rateCode !== 0) return null;
  if (flacCrc8(bytes, start, start + length - 1) !== bytes[start + length - 1]) return null;

  const blockAt = start + numberEnd;
  const blockSize =
    blockCode === 1
      ? 192
      : blockCode < 6
        ? 144 << blockCode
        : blockCode === 6
          ? bytes[blockAt]! + 1
          : blockCode === 7
            ? ((bytes[blockAt]! << 8) | bytes[blockAt + 1]!) + 1
            : 1 << blockCode;
  return blockSize > FLAC_BLOCK_MAX ? null : { length, blockSize, numberStart: NUMBER_START, numberEnd };
};

/** The number of a frame as its header codes it: up to 36 bits. */
const encodeNumber = (value: number): number[] => {
  if (value < 0x80) return [value];
  const tail: number[] = [];
  let rest = value;
  // The first byte of n bytes has room for 7 - n bits.
  do {
    tail.unshift(0x80 | (rest % 64));
    rest = Math.floor(rest / 64);
  } while (rest >= 1 << (6 - tail.length));
  const bytes = tail.length + 1;
  return [((0xff << (8 - bytes)) & 0xff) | rest, ...tail];
};

/**
 * The frame in [start, end) as a frame of a stream of variable block size that begins at `sampleNumber`, with its
 * checksums made anew. Such numbering stays true after a short block, which numbering by frames does not.
 */
export const renumberFlacFrame = (
  bytes: Uint8Array,
  start: number,
  end: number,
  header: FlacFrameHeader,
  sampleNumber: number,
): Uint8Array => {
  const number = encodeNumber(sampleNumber);
  const grown = number.length - (header.numberEnd - header.numberStart);
  const frame = new Uint8Array(end - start + grown);
  frame.set(bytes.subarray(start, start + header.numberStart));
  frame[1] = bytes[start + 1]! | 1;
  frame.set(number, header.numberStart);
  frame.set(bytes.subarray(start + header.numberEnd, end), header.numberStart + number.length);
  const headerEnd = header.length + grown;
  frame[headerEnd - 1] = flacCrc8(frame, 0, headerEnd - 1);
  const crc = flacCrc16(frame, 0, frame.length - 2);
  frame[frame.length - 2] = crc >> 8;
  frame[frame.length - 1] = crc;
  return frame;
};
