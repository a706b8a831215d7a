import { ascii, concat } from './assemble';

export interface WavOptions {
  readonly sampleRate?: number;
  readonly channels?: number;
  /** What the header says, in place of the truth. */
  readonly riffLength?: number;
  readonly dataLength?: number;
  readonly bits?: number;
  readonly tag?: number;
  readonly extensible?: boolean;
  /** Whole chunks before and after `data`. */
  readonly before?: Uint8Array;
  readonly after?: Uint8Array;
}

export const chunk = (id: string, body: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(8 + body.length + (body.length & 1));
  bytes.set(ascii(id));
  new DataView(bytes.buffer).setUint32(4, body.length, true);
  bytes.set(body, 8);
  return bytes;
};

/** A WAV file as some server would send it. */
export const buildWav = (data: Uint8Array, options: WavOptions = {}): Uint8Array => {
  const { sampleRate = 24_000, channels = 1, bits = 16, tag = 1, extensible = false } = options;
  const format = new Uint8Array(extensible ? 40 : 16);
  const view = new DataView(format.buffer);
  view.setUint16(0, extensible ? 0xfffe : tag, true);
  view.setUint16(2, channels, true);
  view.setUint32(4, sampleRate, true);
  view.setUint32(8, (sampleRate * channels * bits) / 8, true);
  view.setUint16(12, (channels * bits) / 8, true);
  view.setUint16(14, bits, true);
  if (extensible) {
    view.setUint16(16, 22, true);
    view.setUint16(18, bits, true);
    view.setUint16(24, tag, true);
    format.set([0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71], 26);
  }
  const dataChunk = chunk('data', data);
  new DataView(dataChunk.buffer).setUint32(4, options.dataLength ?? data.length, true);
  const body = concat([
    ascii('WAVE'),
    chunk('fmt ', format),
    options.before ?? ascii(''),
    dataChunk,
    options.after ?? ascii(''),
  ]);
  const file = chunk('RIFF', body);
  if (options.riffLength !== undefined) new DataView(file.buffer).setUint32(4, options.riffLength, true);
  return file;
};

/** Accepts only a canonical 44-byte header whose lengths are true to the byte. */
export const readWav = (file: Uint8Array): { sampleRate: number; channels: number; data: Uint8Array } => {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const text = (at: number): string => Buffer.from(file.subarray(at, at + 4)).toString('latin1');
  const channels = view.getUint16(22, true);
  const sampleRate = view.getUint32(24, true);
  expect([text(0), text(8), text(12), text(36)]).toEqual(['RIFF', 'WAVE', 'fmt ', 'data']);
  expect(view.getUint32(4, true)).toBe(file.length - 8);
  expect([view.getUint32(16, true), view.getUint16(20, true)]).toEqual([16, 1]);
  expect(view.getUint32(28, true)).toBe(sampleRate * channels * 2);
  expect([view.getUint16(32, true), view.getUint16(34, true)]).toEqual([channels * 2, 16]);
  expect(view.getUint32(40, true)).toBe(file.length - 44);
  return { sampleRate, channels, data: file.slice(44) };
};
