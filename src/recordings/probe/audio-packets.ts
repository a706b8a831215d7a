import { parseMp3Header } from '../../../providers/audio/mp3-frame';
import { opusPacketSamples } from '../../../providers/audio/opus-packet';
import { VorbisCounter, type VorbisModes } from './vorbis-modes';

/** How the packets of a container's track are counted. */
export interface PacketCounter {
  readonly codec: string;
  readonly sampleRate: number;
  /** Bytes of a packet's beginning that `samplesOf` needs. */
  readonly bytesNeeded: number;
  /**
   * Samples that a packet decodes to. null: it is no packet of this codec.
   * @param opening the packet's first bytes: `bytesNeeded`, or the whole of a shorter one
   */
  samplesOf(opening: Uint8Array, length: number): number | null;
}

/** Packets that all hold the same number of samples, as those of AAC and ALAC do. */
export const constantCounter = (codec: string, sampleRate: number, samples: number): PacketCounter => ({
  codec,
  sampleRate,
  bytesNeeded: 0,
  samplesOf: () => samples,
});

/** Samples as they are: the length of a packet tells their number. */
export const plainCounter = (codec: string, sampleRate: number, blockBytes: number): PacketCounter => ({
  codec,
  sampleRate,
  bytesNeeded: 0,
  samplesOf: (_opening, length) => (length % blockBytes === 0 ? length / blockBytes : null),
});

export const opusCounter: PacketCounter = {
  codec: 'Opus',
  sampleRate: 48_000,
  bytesNeeded: 2,
  samplesOf: (opening) => (opening.length === 0 ? null : opusPacketSamples(opening[0]!, opening[1] ?? 0)),
};

export const mp3Counter = (sampleRate: number): PacketCounter => ({
  codec: 'MP3',
  sampleRate,
  bytesNeeded: 4,
  samplesOf(opening) {
    const header = opening.length < 4 ? null : parseMp3Header(opening, 0);
    return header?.sampleRate === sampleRate ? header.samples : null;
  },
});

export const vorbisCounter = (modes: VorbisModes): PacketCounter => {
  const counter = new VorbisCounter(modes);
  return {
    codec: 'Vorbis',
    sampleRate: modes.sampleRate,
    bytesNeeded: 1,
    samplesOf: (opening) => (opening.length === 0 ? null : counter.samplesOf(opening[0]!)),
  };
};

const FLAC_CODED = [0, 192, 576, 1_152, 2_304, 4_608];

/** FLAC frames that a container has cut apart (RFC 9639 section 9.1); their checksums are not looked at. */
export const flacCounter = (sampleRate: number): PacketCounter => ({
  codec: 'FLAC',
  sampleRate,
  bytesNeeded: 16,
  samplesOf(opening) {
    if (opening.length < 6 || opening[0] !== 0xff || (opening[1]! & 0xfe) !== 0xf8) return null;
    const code = opening[2]! >> 4;
    if (code === 0) return null;
    if (code < 6) return FLAC_CODED[code]!;
    if (code >= 8) return 1 << code;
    const first = opening[4]!;
    const at = 4 + (first < 0x80 ? 1 : Math.clz32(~(first << 24)));
    if (at + (code - 5) > opening.length) return null;
    return (code === 6 ? opening[at]! : (opening[at]! << 8) | opening[at + 1]!) + 1;
  },
});

// AudioSpecificConfig: ISO/IEC 14496-3 section 1.6.2.1.
const AAC_RATES = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
] as const;

/** The rate that an index of an AAC header stands for; undefined: reserved. */
export const aacRate = (index: number): number | undefined => AAC_RATES[index];

/** How AAC frames are counted, out of the configuration that a container keeps; null when it is none. */
export function aacCounter(config: Uint8Array): PacketCounter | null {
  if (config.length < 2) return null;
  const reader = bitReader(config);
  const objectType = (): number => {
    const type = reader(5);
    return type === 31 ? 32 + reader(6) : type;
  };
  const rate = (): number | undefined => {
    const index = reader(4);
    return index === 15 ? reader(24) : aacRate(index);
  };
  let type = objectType();
  const sampleRate = rate();
  reader(4);
  // 5 and 29: what follows is the core, whose frames are counted at the core's rate, which stands first.
  if (type === 5 || type === 29) {
    rate();
    type = objectType();
  }
  if (sampleRate === undefined || sampleRate === 0) return null;
  // ER AAC LD and ELD halve the frame.
  const half = type === 23 || type === 39;
  const shorter = reader(1) === 1;
  return constantCounter('AAC', sampleRate, half ? (shorter ? 480 : 512) : shorter ? 960 : 1_024);
}

/** Bits from the highest of the first byte on; beyond the end they are 0. */
function bitReader(bytes: Uint8Array): (count: number) => number {
  let at = 0;
  return (count) => {
    let value = 0;
    for (let bit = 0; bit < count; bit++, at++) value = value * 2 + (((bytes[at >> 3] ?? 0) >> (7 - (at & 7))) & 1);
    return value;
  };
}
