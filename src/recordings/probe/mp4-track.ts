import { damaged, unsupportedAudio } from '../recording-errors';
import {
  aacCounter,
  constantCounter,
  flacCounter,
  mp3Counter,
  opusCounter,
  type PacketCounter,
  plainCounter,
} from './audio-packets';
import type { FileBytes } from './file-bytes';
import { type Box, boxesIn, findBox } from './mp4-boxes';

/** A track of sound, as far as it is needed to count it. */
export interface SoundTrack {
  readonly id: number;
  readonly timescale: number;
  readonly counter: PacketCounter;
  /** Bytes of a sample that is stored as it is; null: samples have sizes of their own. */
  readonly plainBytes: number | null;
  readonly table: Box;
}

const CODECS = ['AAC', 'ALAC', 'Opus', 'FLAC', 'MP3', 'PCM'];
/** QuickTime's and ISO's names of samples that are stored as they are, and the bytes of one. */
const PLAIN: Readonly<Record<string, number | null>> = {
  'raw ': 1,
  sowt: 2,
  twos: 2,
  in24: 3,
  in32: 4,
  fl32: 4,
  fl64: 8,
  alaw: 1,
  ulaw: 1,
  lpcm: null,
  ipcm: null,
  fpcm: null,
};

/** The tracks of sound in `moov`. */
export async function soundTracks(file: FileBytes, movie: Box): Promise<SoundTrack[]> {
  const tracks: SoundTrack[] = [];
  for await (const box of boxesIn(file, movie.start, movie.end)) {
    if (box.type !== 'trak') continue;
    const track = await readTrack(file, box);
    if (track) tracks.push(track);
  }
  return tracks;
}

async function readTrack(file: FileBytes, box: Box): Promise<SoundTrack | null> {
  const handler = await findBox(file, box, 'mdia', 'hdlr');
  if (!handler || !(await file.load(handler.start, 12)) || file.ascii(handler.start + 8, 4) !== 'soun') return null;
  const header = await findBox(file, box, 'tkhd');
  const media = await findBox(file, box, 'mdia', 'mdhd');
  const table = await findBox(file, box, 'mdia', 'minf', 'stbl');
  const description = table && (await findBox(file, table, 'stsd'));
  if (!header || !media || !table || !description) throw damaged('MP4', 'a track is incomplete');
  const id = await fieldAfterTimes(file, header);
  const timescale = await fieldAfterTimes(file, media);
  if (timescale === 0) throw damaged('MP4', 'a track has no time scale');
  return { id, timescale, table, ...(await readDescription(file, description)) };
}

/** The 32 bits that follow the times of making and changing, which have 64 bits in version 1. */
async function fieldAfterTimes(file: FileBytes, box: Box): Promise<number> {
  if (!(await file.load(box.start, 24))) throw damaged('MP4', 'a header is too short');
  return file.uint32(box.start + (file.uint8(box.start) === 1 ? 20 : 12));
}

async function readDescription(
  file: FileBytes,
  description: Box,
): Promise<{ counter: PacketCounter; plainBytes: number | null }> {
  const entries: Box[] = [];
  for await (const box of boxesIn(file, description.start + 8, description.end)) entries.push(box);
  const entry = entries[0];
  if (!entry || entries.length > 1) throw damaged('MP4', 'a track has no single form of its sound');
  if (!(await file.load(entry.start, 28))) throw damaged('MP4', 'a track has no form of its sound');
  // The reserved word of ISO/IEC 14496-12 is QuickTime's version, which lengthens what follows.
  const version = file.uint16(entry.start + 8);
  let channels = file.uint16(entry.start + 16);
  let bits = file.uint16(entry.start + 18);
  let sampleRate = file.uint16(entry.start + 24);
  let inner = entry.start + 28;
  if (version === 1) inner += 16;
  if (version === 2) {
    if (!(await file.load(entry.start, 64))) throw damaged('MP4', 'a track has no form of its sound');
    sampleRate = Math.round(file.view(entry.start + 32, 8).readDoubleBE());
    channels = file.uint32(entry.start + 40);
    bits = file.uint32(entry.start + 48);
    inner += 36;
  }
  const plain = PLAIN[entry.type];
  if (plain !== undefined) {
    const blockBytes = (plain ?? Math.ceil(bits / 8)) * channels;
    if (blockBytes === 0 || sampleRate === 0) throw damaged('MP4', 'its samples have no size');
    return { counter: plainCounter('PCM', sampleRate, blockBytes), plainBytes: blockBytes };
  }
  const counter = await codedCounter(file, { ...entry, start: inner }, sampleRate);
  return { counter, plainBytes: null };
}

async function codedCounter(file: FileBytes, entry: Box, sampleRate: number): Promise<PacketCounter> {
  switch (entry.type) {
    case 'mp4a':
      return mpegCounter(file, entry, sampleRate);
    case 'Opus':
      return opusCounter;
    case '.mp3':
      return mp3Counter(sampleRate);
    case 'fLaC': {
      const box = await findBox(file, entry, 'dfLa');
      if (!box || !(await file.load(box.start, 8 + 13))) throw damaged('MP4', 'its FLAC header is missing');
      const rate = file.uint24(box.start + 8 + 10) >> 4;
      if (rate === 0) throw damaged('MP4', 'its FLAC header has no sample rate');
      return flacCounter(rate);
    }
    case 'alac': {
      const box = await findBox(file, entry, 'alac');
      if (!box || !(await file.load(box.start, 28))) throw damaged('MP4', 'its ALAC header is missing');
      // After version and flags: samples of a frame first, the rate last.
      const samples = file.uint32(box.start + 4);
      const rate = file.uint32(box.start + 24);
      if (samples < 256 || samples > 65_536 || rate === 0) throw damaged('MP4', 'its ALAC header is impossible');
      return constantCounter('ALAC', rate, samples);
    }
    default:
      throw unsupportedAudio(
        `This MP4 file is coded as "${entry.type.replace(/[^\x20-\x7e]/g, '?')}", which is not taken.`,
        CODECS,
      );
  }
}

/** Object types of an elementary stream: ISO/IEC 14496-1 section 7.2.6.6. */
const MPEG4_AUDIO = 0x40;
const MPEG2_AAC = [0x66, 0x67, 0x68];
const MPEG_LAYERS = [0x69, 0x6b];

async function mpegCounter(file: FileBytes, entry: Box, sampleRate: number): Promise<PacketCounter> {
  // QuickTime puts it into `wave`.
  const box = (await findBox(file, entry, 'esds')) ?? (await findBox(file, entry, 'wave', 'esds'));
  const length = box ? Math.min(box.end - box.start, 1_024) : 0;
  if (!box || !(await file.load(box.start, length))) throw damaged('MP4', 'its AAC header is missing');
  const { objectType, config } = readElementaryStream(Buffer.from(file.view(box.start + 4, length - 4)));
  if (MPEG_LAYERS.includes(objectType)) return mp3Counter(sampleRate);
  if (objectType !== MPEG4_AUDIO && !MPEG2_AAC.includes(objectType)) {
    throw unsupportedAudio(
      `This MP4 file is coded with the MPEG object type ${objectType}, which is not taken.`,
      CODECS,
    );
  }
  const counter = aacCounter(config);
  if (!counter) throw damaged('MP4', 'its AAC header is impossible');
  return counter;
}

/** The descriptors of ISO/IEC 14496-1 section 7.2.6, as far as the configuration of the decoder. */
function readElementaryStream(bytes: Buffer): { objectType: number; config: Uint8Array } {
  let at = 0;
  const open = (tag: number): number => {
    if (bytes[at++] !== tag) throw damaged('MP4', 'its AAC header is impossible');
    let length = 0;
    let byte = 0x80;
    for (let count = 0; count < 4 && (byte & 0x80) !== 0; count++) {
      byte = bytes[at++] ?? 0;
      length = length * 128 + (byte & 0x7f);
    }
    return length;
  };
  open(3);
  const flags = bytes[at + 2] ?? 0;
  at += 3;
  if ((flags & 0x80) !== 0) at += 2;
  if ((flags & 0x40) !== 0) at += 1 + (bytes[at] ?? 0);
  if ((flags & 0x20) !== 0) at += 2;
  open(4);
  const objectType = bytes[at] ?? 0;
  at += 13;
  // MP3 has no configuration.
  if (bytes[at] !== 5) return { objectType, config: new Uint8Array(0) };
  const length = open(5);
  return { objectType, config: bytes.subarray(at, at + length) };
}
