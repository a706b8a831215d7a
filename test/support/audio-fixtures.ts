import type { AudioFormat } from '../../providers/contract/audio';

/**
 * Real, minimal audio of every format, made without any encoder: a 220 Hz tone where samples are stored as they are, valid
 * silent frames where they are coded. Mono. `milliseconds` is met to within one frame (PCM, WAV, FLAC and MULAW exactly).
 */
export function audioFixture(format: AudioFormat, sampleRate: number, milliseconds: number): Buffer {
  const key = `${format} ${sampleRate} ${milliseconds}`;
  let bytes = made.get(key);
  if (bytes === undefined) {
    bytes = MAKERS[format](sampleRate, milliseconds);
    if (made.size >= FIXTURES_KEPT_MAX) made.clear();
    made.set(key, bytes);
  }
  return bytes;
}

const FIXTURES_KEPT_MAX = 256;
const made = new Map<string, Buffer>();

const MAKERS: Readonly<Record<AudioFormat, (sampleRate: number, milliseconds: number) => Buffer>> = {
  PCM: tone,
  WAV: wav,
  MULAW: (sampleRate, milliseconds) => mulaw(tone(sampleRate, milliseconds)),
  MP3: mp3,
  OGG_OPUS: oggOpus,
  FLAC: flac,
};

/** Signed 16-bit little-endian; the period is a whole number of samples, so that one of them can be repeated. */
function tone(sampleRate: number, milliseconds: number): Buffer {
  const samples = Math.round((sampleRate * milliseconds) / 1000);
  const period = Math.round(sampleRate / 220);
  const wave = Buffer.alloc(period * 2);
  for (let index = 0; index < period; index++) {
    wave.writeInt16LE(Math.round(12_000 * Math.sin((2 * Math.PI * index) / period)), index * 2);
  }
  return Buffer.alloc(samples * 2, wave);
}

/** `dataBytes` is what the header says: placeholder lengths are a way of real servers. */
export function wavHeaderFixture(sampleRate: number, dataBytes: number, riffBytes = dataBytes + 36): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(riffBytes >>> 0, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(sampleRate * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(dataBytes >>> 0, 40);
  return header;
}

function wav(sampleRate: number, milliseconds: number): Buffer {
  const samples = tone(sampleRate, milliseconds);
  return Buffer.concat([wavHeaderFixture(sampleRate, samples.length), samples]);
}

/** ITU-T G.711: sign, exponent of the biased magnitude, four bits of mantissa, all inverted. */
function mulaw(samples: Buffer): Buffer {
  const coded = Buffer.alloc(samples.length / 2);
  for (let index = 0; index < coded.length; index++) {
    const sample = samples.readInt16LE(index * 2);
    const magnitude = Math.min(Math.abs(sample), 32_635) + 132;
    const exponent = 31 - Math.clz32(magnitude) - 7;
    coded[index] = ~((sample < 0 ? 0x80 : 0) | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0f)) & 0xff;
  }
  return coded;
}

/** Header bits of Layer III by sample rate: version, rate index, the index of a bit rate, and the frame's length. */
const MP3_FRAMES: Readonly<Record<number, { second: number; third: number; bytes: number; samples: number }>> = {
  48000: { second: 0xfb, third: 0x94, bytes: 384, samples: 1152 }, // MPEG-1, 128 kbit/s
  44100: { second: 0xfb, third: 0x90, bytes: 417, samples: 1152 }, // MPEG-1, 128 kbit/s
  32000: { second: 0xfb, third: 0x98, bytes: 576, samples: 1152 }, // MPEG-1, 128 kbit/s
  24000: { second: 0xf3, third: 0x64, bytes: 144, samples: 576 }, // MPEG-2, 48 kbit/s
  22050: { second: 0xf3, third: 0x40, bytes: 104, samples: 576 }, // MPEG-2, 32 kbit/s
  16000: { second: 0xf3, third: 0x88, bytes: 288, samples: 576 }, // MPEG-2, 64 kbit/s
  8000: { second: 0xe3, third: 0x88, bytes: 576, samples: 576 }, // MPEG-2.5, 64 kbit/s
};

/** Frames whose side information is zero: no coded data, which is silence. */
function mp3(sampleRate: number, milliseconds: number): Buffer {
  const kind = MP3_FRAMES[sampleRate];
  if (kind === undefined) throw new RangeError(`no MP3 fixture at ${sampleRate} Hz`);
  const frame = Buffer.alloc(kind.bytes);
  frame.set([0xff, kind.second, kind.third, 0xc0]);
  const frames = Math.max(1, Math.round((sampleRate * milliseconds) / 1000 / kind.samples));
  return Buffer.alloc(frames * kind.bytes, frame);
}

const OPUS_PRE_SKIP = 312;
const OPUS_PACKETS_PER_PAGE = 50;

/** RFC 7845: a head, tags, then packets of 20 ms, each the three bytes that full-band Opus needs for silence. */
function oggOpus(sampleRate: number, milliseconds: number): Buffer {
  const head = Buffer.alloc(19);
  head.write('OpusHead', 0, 'latin1');
  head.set([1, 1], 8);
  head.writeUInt16LE(OPUS_PRE_SKIP, 10);
  head.writeUInt32LE(sampleRate, 12);
  const tags = Buffer.alloc(20);
  tags.write('OpusTags', 0, 'latin1');
  tags.writeUInt32LE(4, 8);
  tags.write('stub', 12, 'latin1');
  const pages = [oggPage(0, 0x02, 0n, [head]), oggPage(1, 0, 0n, [tags])];
  const packet = Buffer.from([0xf8, 0xff, 0xfe]);
  const packets = Math.max(1, Math.ceil((milliseconds * 48 + OPUS_PRE_SKIP) / 960));
  for (let sent = 0; sent < packets; ) {
    const count = Math.min(OPUS_PACKETS_PER_PAGE, packets - sent);
    sent += count;
    const last = sent === packets;
    // The last page's position cuts the final packet to the length that was asked for.
    const position = last ? Math.max(milliseconds * 48 + OPUS_PRE_SKIP, 960 * (sent - 1) + 1) : 960 * sent;
    pages.push(oggPage(pages.length, last ? 0x04 : 0, BigInt(position), new Array<Buffer>(count).fill(packet)));
  }
  return Buffer.concat(pages);
}

function oggPage(sequence: number, flags: number, position: bigint, packets: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(27 + packets.length);
  header.write('OggS', 0, 'latin1');
  header[5] = flags;
  header.writeBigInt64LE(position, 6);
  header.writeUInt32LE(0x706f6c79, 14);
  header.writeUInt32LE(sequence, 18);
  header[26] = packets.length;
  packets.forEach((packet, index) => {
    header[27 + index] = packet.length;
  });
  const page = Buffer.concat([header, ...packets]);
  page.writeUInt32LE(crc(page, 32, 0x04c11db7), 22);
  return page;
}

const FLAC_BLOCK_SAMPLES = 4096;

/** A STREAMINFO block and frames whose one subframe is "verbatim": the samples as they are. */
function flac(sampleRate: number, milliseconds: number): Buffer {
  const samples = tone(sampleRate, milliseconds).swap16();
  const total = samples.length / 2;
  const info = Buffer.alloc(42);
  info.write('fLaC', 0, 'latin1');
  info.set([0x80, 0, 0, 34], 4);
  info.writeUInt16BE(FLAC_BLOCK_SAMPLES, 8);
  info.writeUInt16BE(FLAC_BLOCK_SAMPLES, 10);
  // 20 bits of rate, 3 of channels - 1, 5 of bits a sample - 1, 36 of samples.
  info.writeBigUInt64BE((BigInt(sampleRate) << 44n) | (15n << 36n) | BigInt(total), 18);
  const frames: Buffer[] = [info];
  for (let from = 0, number = 0; from < total; from += FLAC_BLOCK_SAMPLES, number++) {
    const count = Math.min(FLAC_BLOCK_SAMPLES, total - from);
    // Block size and rate are spelled out after the number: codes 7 (16 bits) and 13 (16 bits of hertz).
    const header = Buffer.from([0xff, 0xf8, 0x7d, 0x08, ...utf8Number(number), 0, 0, 0, 0]);
    header.writeUInt16BE(count - 1, header.length - 4);
    header.writeUInt16BE(sampleRate, header.length - 2);
    const body = samples.subarray(from * 2, (from + count) * 2);
    const frame = Buffer.concat([header, Buffer.from([crc(header, 8, 0x07)]), Buffer.from([0x02]), body]);
    const check = Buffer.alloc(2);
    check.writeUInt16BE(crc(frame, 16, 0x8005));
    frames.push(frame, check);
  }
  return Buffer.concat(frames);
}

/** FLAC counts its frames in the way UTF-8 writes code points. */
function utf8Number(number: number): number[] {
  if (number < 0x80) return [number];
  if (number < 0x800) return [0xc0 | (number >> 6), 0x80 | (number & 0x3f)];
  return [0xe0 | (number >> 12), 0x80 | ((number >> 6) & 0x3f), 0x80 | (number & 0x3f)];
}

const crcTables = new Map<number, Uint32Array>();

/** Most significant bit first, no inversion: the form that Ogg and FLAC share. */
function crc(bytes: Uint8Array, width: 8 | 16 | 32, polynomial: number): number {
  const top = 2 ** (width - 1);
  const mask = 2 ** width - 1;
  let table = crcTables.get(polynomial);
  if (table === undefined) {
    table = new Uint32Array(256);
    for (let byte = 0; byte < 256; byte++) {
      let value = byte * 2 ** (width - 8);
      for (let bit = 0; bit < 8; bit++) {
        const carry = value >= top;
        value = (((value * 2) % 2 ** width) ^ (carry ? polynomial : 0)) >>> 0;
      }
      table[byte] = value;
    }
    crcTables.set(polynomial, table);
  }
  let value = 0;
  for (const byte of bytes) {
    const index = ((value >>> (width - 8)) ^ byte) & 0xff;
    value = ((((value << 8) >>> 0) & mask) ^ table[index]!) >>> 0;
  }
  return value;
}
