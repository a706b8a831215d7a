import { ascii, concat } from './assemble';

/** A CRC bit by bit: no table, no shared code. */
const crcOf = (bytes: Uint8Array, width: 8 | 16, polynomial: number): number => {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << (width - 8);
    for (let bit = 0; bit < 8; bit++) crc = (crc >> (width - 1)) & 1 ? (crc << 1) ^ polynomial : crc << 1;
    crc &= (1 << width) - 1;
  }
  return crc;
};

/** UTF-8 stretched to 36 bits, by the table of RFC 9639. */
export const codedNumber = (value: number): number[] => {
  if (value < 0x80) return [value];
  const limits = [0x800, 0x1_0000, 0x20_0000, 0x400_0000, 0x8000_0000, 0x10_0000_0000];
  const tailLength = limits.findIndex((limit) => value < limit) + 1;
  const lead = (0xff << (7 - tailLength)) & 0xff;
  const digits = Array.from(
    { length: tailLength },
    (_, index) => Math.floor(value / 64 ** (tailLength - 1 - index)) % 64,
  );
  return [lead | Math.floor(value / 64 ** tailLength), ...digits.map((digit) => 0x80 | digit)];
};

export interface FlacOptions {
  readonly sampleRate?: number;
  readonly channels?: number;
  readonly blockSize?: number;
  /** Number frames by their first sample, as a stream of variable block size. */
  readonly variable?: boolean;
  readonly firstNumber?: number;
  /** Whole metadata blocks after STREAMINFO, without headers: [type, body]. */
  readonly metadata?: readonly (readonly [number, Uint8Array])[];
  /** How block size and rate are written: by code where there is one, or spelled out. */
  readonly spelledOut?: boolean;
}

const RATE_CODES: Readonly<Record<number, number>> = { 8000: 4, 16000: 5, 22050: 6, 24000: 7, 44100: 9, 48000: 10 };

/** A FLAC frame of 16-bit samples with verbatim subframes, or constant ones where the samples are. */
export const flacFrame = (samples: Int16Array, number: number, options: FlacOptions): Uint8Array => {
  const { sampleRate = 24_000, channels = 1, variable = false, spelledOut = false } = options;
  const size = samples.length / channels;
  const powers = Math.log2(size);
  const coded = !spelledOut && Number.isInteger(powers) && powers >= 8 && powers <= 15;
  const rateCode = spelledOut ? 13 : RATE_CODES[sampleRate]!;
  const header = [
    0xff,
    variable ? 0xf9 : 0xf8,
    ((coded ? powers : 7) << 4) | rateCode,
    ((channels - 1) << 4) | (4 << 1),
    ...codedNumber(number),
    ...(coded ? [] : [(size - 1) >> 8, (size - 1) & 255]),
    ...(spelledOut ? [sampleRate >> 8, sampleRate & 255] : []),
  ];
  header.push(crcOf(Uint8Array.from(header), 8, 0x07));
  const body: number[] = [];
  for (let channel = 0; channel < channels; channel++) {
    const own = samples.filter((_, index) => index % channels === channel);
    const constant = own.every((sample) => sample === own[0]);
    body.push(constant ? 0 : 2);
    for (const sample of constant ? own.subarray(0, 1) : own) body.push((sample >> 8) & 255, sample & 255);
  }
  const frame = Uint8Array.from([...header, ...body]);
  const crc = crcOf(frame, 16, 0x8005);
  return concat([frame, Uint8Array.of(crc >> 8, crc & 255)]);
};

const streamInfo = (samples: Int16Array, options: FlacOptions): Uint8Array => {
  const { sampleRate = 24_000, channels = 1, blockSize = 256 } = options;
  const info = new Uint8Array(34);
  const view = new DataView(info.buffer);
  view.setUint16(0, blockSize);
  view.setUint16(2, blockSize);
  view.setBigUint64(
    10,
    (BigInt(sampleRate) << 44n) | (BigInt(channels - 1) << 41n) | (15n << 36n) | BigInt(samples.length / channels),
  );
  info.fill(0xab, 18);
  return info;
};

export const buildFlac = (samples: Int16Array, options: FlacOptions = {}): Uint8Array => {
  const { channels = 1, blockSize = 256, variable = false, firstNumber = 0 } = options;
  const blocks: (readonly [number, Uint8Array])[] = [[0, streamInfo(samples, options)], ...(options.metadata ?? [])];
  const pieces: Uint8Array[] = [ascii('fLaC')];
  for (const [index, [type, body]] of blocks.entries()) {
    const last = index === blocks.length - 1 ? 128 : 0;
    pieces.push(Uint8Array.of(last | type, body.length >> 16, (body.length >> 8) & 255, body.length & 255), body);
  }
  let number = firstNumber;
  for (let at = 0; at < samples.length; at += blockSize * channels) {
    const block = samples.subarray(at, at + blockSize * channels);
    pieces.push(flacFrame(block, number, options));
    number += variable ? block.length / channels : 1;
  }
  return concat(pieces);
};

export interface FlacFile {
  readonly sampleRate: number;
  readonly channels: number;
  readonly samples: readonly number[];
  /** As STREAMINFO says. */
  readonly totalSamples: number;
  readonly blockSizes: readonly [number, number];
  readonly frameSizes: readonly [number, number];
}

/**
 * Decodes the frames that this file can make and checks all that RFC 9639 asks of a stream of variable block size;
 * `patched`: STREAMINFO must tell the whole truth.
 */
export const readFlac = (file: Uint8Array, patched: boolean): FlacFile => {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  expect(Buffer.from(file.subarray(0, 4)).toString('latin1')).toBe('fLaC');
  expect([...file.subarray(4, 8)]).toEqual([0x80, 0, 0, 34]);
  const packed = view.getBigUint64(18);
  const sampleRate = Number(packed >> 44n);
  const channels = Number((packed >> 41n) & 7n) + 1;
  const totalSamples = Number(packed & 0xf_ffff_ffffn);
  const blockSizes = [view.getUint16(8), view.getUint16(10)] as const;
  const frameSizes = [view.getUint32(12) >>> 8, view.getUint32(14) & 0xff_ffff] as const;
  expect(Number((packed >> 36n) & 31n) + 1).toBe(16);
  expect([...file.subarray(26, 42)]).toEqual(Array(16).fill(0));

  const samples: number[] = [];
  const sizes: number[] = [];
  let at = 42;
  let first = 0;
  while (at < file.length) {
    const start = at;
    expect([...file.subarray(at, at + 2)]).toEqual([0xff, 0xf9]);
    const blockCode = file[at + 2]! >> 4;
    const rateCode = file[at + 2]! & 15;
    at += 4;
    const number = codedNumber(first);
    expect([...file.subarray(at, at + number.length)]).toEqual(number);
    at += number.length;
    let size = 1 << blockCode;
    if (blockCode === 7) {
      size = view.getUint16(at) + 1;
      at += 2;
    }
    if (rateCode === 13) at += 2;
    expect(file[at]).toBe(crcOf(file.subarray(start, at), 8, 0x07));
    at++;
    const decoded: number[][] = [];
    for (let channel = 0; channel < channels; channel++) {
      const constant = file[at++] === 0;
      const stored = Array.from({ length: constant ? 1 : size }, (_, index) => view.getInt16(at + 2 * index));
      at += 2 * stored.length;
      decoded.push(constant ? Array<number>(size).fill(stored[0]!) : stored);
    }
    for (let index = 0; index < size; index++) for (const own of decoded) samples.push(own[index]!);
    expect(view.getUint16(at)).toBe(crcOf(file.subarray(start, at), 16, 0x8005));
    at += 2;
    if (at < file.length) expect(size).toBeGreaterThanOrEqual(16);
    expect(size).toBeLessThanOrEqual(blockSizes[1]);
    sizes.push(at - start);
    first += size;
  }
  if (patched) {
    expect(totalSamples).toBe(first);
    expect(frameSizes).toEqual([Math.min(...sizes), Math.max(...sizes)]);
  }
  expect(blockSizes[0]).toBe(16);
  expect(blockSizes[1]).toBeGreaterThan(16);
  return { sampleRate, channels, samples, totalSamples, blockSizes, frameSizes };
};
