import { ascii, concat, noise } from './assemble';

export interface Mp3Kind {
  readonly version: '1' | '2' | '2.5';
  readonly sampleRate: number;
  /** kbit/s */
  readonly bitrate: number;
  readonly channels: 1 | 2;
}

export const MPEG1_STEREO: Mp3Kind = { version: '1', sampleRate: 44_100, bitrate: 128, channels: 2 };
export const MPEG1_MONO: Mp3Kind = { version: '1', sampleRate: 44_100, bitrate: 64, channels: 1 };
export const MPEG2_MONO: Mp3Kind = { version: '2', sampleRate: 24_000, bitrate: 64, channels: 1 };
export const MPEG25_MONO: Mp3Kind = { version: '2.5', sampleRate: 8_000, bitrate: 16, channels: 1 };

const VERSION_BITS = { '1': 3, '2': 2, '2.5': 0 };
const RATES = { '1': [44_100, 48_000, 32_000], '2': [22_050, 24_000, 16_000], '2.5': [11_025, 12_000, 8_000] };
const BITRATES = {
  '1': [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  '2': [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
};

export const samplesPerFrame = (kind: Mp3Kind): number => (kind.version === '1' ? 1152 : 576);
const sideInformation = (kind: Mp3Kind): number =>
  kind.version === '1' ? (kind.channels === 1 ? 17 : 32) : kind.channels === 1 ? 9 : 17;

/** A frame: header, then side information of zeros (which decodes to silence), then `seed`'s noise unless 0. */
export const mp3Frame = (kind: Mp3Kind, seed = 0, padding = false): Uint8Array => {
  const table = kind.version === '1' ? BITRATES['1'] : BITRATES['2'];
  const length = Math.floor((samplesPerFrame(kind) * 125 * kind.bitrate) / kind.sampleRate) + (padding ? 1 : 0);
  const frame = new Uint8Array(length);
  frame[0] = 0xff;
  frame[1] = 0xe3 | (VERSION_BITS[kind.version] << 3);
  frame[2] =
    (table.indexOf(kind.bitrate) << 4) | (RATES[kind.version].indexOf(kind.sampleRate) << 2) | (padding ? 2 : 0);
  frame[3] = kind.channels === 1 ? 0xc0 : 0x00;
  const body = 4 + sideInformation(kind);
  if (seed !== 0) frame.set(noise(length - body, seed), body);
  return frame;
};

/** A frame that holds `mark` where an index of the file stands. */
export const indexFrame = (kind: Mp3Kind, mark: 'Xing' | 'Info' | 'VBRI'): Uint8Array => {
  const frame = mp3Frame(kind);
  const at = mark === 'VBRI' ? 36 : 4 + sideInformation(kind);
  frame.set(ascii(mark), at);
  frame.set([0, 0, 0, 15, 0, 0, 0, 99], at + 4);
  return frame;
};

export const id3v2 = (bodyLength: number): Uint8Array =>
  concat([
    ascii('ID3'),
    Uint8Array.of(4, 0, 0, 0, 0, bodyLength >> 7, bodyLength & 127),
    new Uint8Array(bodyLength).fill(0x41),
  ]);
export const id3v1 = (): Uint8Array => concat([ascii('TAG'), new Uint8Array(125).fill(0x20)]);
export const apeTag = (bodyLength: number): Uint8Array => {
  const edge = (flags: number): Uint8Array => {
    const bytes = new Uint8Array(32);
    bytes.set(ascii('APETAGEX'));
    const view = new DataView(bytes.buffer);
    view.setUint32(8, 2000, true);
    view.setUint32(12, bodyLength + 32, true);
    view.setUint32(20, flags, true);
    return bytes;
  };
  return concat([edge(0xa000_0000), new Uint8Array(bodyLength).fill(0x42), edge(0x8000_0000)]);
};

/** Frames of `kind` with distinct contents. */
export const mp3Frames = (kind: Mp3Kind, count: number, seed = 1): Uint8Array =>
  concat(Array.from({ length: count }, (_, index) => mp3Frame(kind, seed * 1000 + index, index % 3 === 1)));
