import { damaged, unsupportedAudio } from '../recording-errors';
import {
  aacCounter,
  flacCounter,
  mp3Counter,
  opusCounter,
  type PacketCounter,
  plainCounter,
  vorbisCounter,
} from './audio-packets';
import { type Element, elementsIn, readBytes, readFloat, readUnsigned } from './ebml';
import type { FileBytes } from './file-bytes';
import { readVorbisIdentification, readVorbisModes } from './vorbis-modes';

// Matroska: RFC 9559 section 5.1.4.
const TRACK_ENTRY = 0xae;
const TRACK_NUMBER = 0xd7;
const TRACK_TYPE = 0x83;
const CODEC_ID = 0x86;
const CODEC_PRIVATE = 0x63a2;
const AUDIO = 0xe1;
const SAMPLING_FREQUENCY = 0xb5;
const CHANNELS = 0x9f;
const BIT_DEPTH = 0x6264;
const CONTENT_ENCODINGS = 0x6d80;
const CODEC_DELAY = 0x56aa;
const SOUND = 2;
const PRIVATE_BYTES_MAX = 524_288;
const CODECS = ['Opus', 'Vorbis', 'AAC', 'MP3', 'FLAC', 'PCM'];

/** A track of sound, and how its blocks are counted. */
export interface WebmTrack {
  readonly number: number;
  readonly counter: PacketCounter;
  /** Nanoseconds that a decoder drops from the start. */
  readonly delayNs: number;
}

interface Entry {
  number: number;
  type: number;
  codec: string;
  config: Buffer;
  sampleRate: number;
  channels: number;
  bits: number;
  encoded: boolean;
  delayNs: number;
}

export async function webmTracks(file: FileBytes, tracks: Element): Promise<WebmTrack[]> {
  const found: WebmTrack[] = [];
  for await (const element of elementsIn(file, tracks.start, tracks.end)) {
    if (element.id !== TRACK_ENTRY) continue;
    const entry = await readEntry(file, element);
    if (entry.type !== SOUND) continue;
    if (entry.encoded) throw unsupportedAudio('This WebM file is compressed or encrypted.', ['tracks as they are']);
    found.push({ number: entry.number, counter: counterOf(entry), delayNs: entry.delayNs });
  }
  return found;
}

async function readEntry(file: FileBytes, track: Element): Promise<Entry> {
  const entry: Entry = {
    number: 0,
    type: 0,
    codec: '',
    config: Buffer.alloc(0),
    sampleRate: 8_000,
    channels: 1,
    bits: 0,
    encoded: false,
    delayNs: 0,
  };
  for await (const element of elementsIn(file, track.start, track.end)) {
    switch (element.id) {
      case TRACK_NUMBER:
        entry.number = await readUnsigned(file, element);
        break;
      case TRACK_TYPE:
        entry.type = await readUnsigned(file, element);
        break;
      case CODEC_ID:
        entry.codec = (await readBytes(file, element, 64)).toString('latin1').replace(/\0+$/, '');
        break;
      case CODEC_PRIVATE:
        entry.config = await readBytes(file, element, PRIVATE_BYTES_MAX);
        break;
      case CODEC_DELAY:
        entry.delayNs = await readUnsigned(file, element);
        break;
      case CONTENT_ENCODINGS:
        entry.encoded = true;
        break;
      case AUDIO:
        for await (const field of elementsIn(file, element.start, element.end)) {
          if (field.id === SAMPLING_FREQUENCY) entry.sampleRate = Math.round(await readFloat(file, field));
          if (field.id === CHANNELS) entry.channels = await readUnsigned(file, field);
          if (field.id === BIT_DEPTH) entry.bits = await readUnsigned(file, field);
        }
        break;
    }
  }
  return entry;
}

function counterOf({ codec, config, sampleRate, channels, bits }: Entry): PacketCounter {
  if (!(sampleRate > 0 && sampleRate <= 768_000)) throw damaged('WEBM', 'its track has no sample rate');
  switch (codec) {
    case 'A_OPUS':
      return opusCounter;
    case 'A_VORBIS':
      return vorbisOf(config);
    case 'A_MPEG/L3':
      return mp3Counter(sampleRate);
    case 'A_FLAC':
      return flacCounter(sampleRate);
    case 'A_PCM/INT/LIT':
    case 'A_PCM/INT/BIG':
    case 'A_PCM/FLOAT/IEEE': {
      const blockBytes = Math.ceil(bits / 8) * channels;
      if (blockBytes === 0) throw damaged('WEBM', 'its samples have no size');
      return plainCounter('PCM', sampleRate, blockBytes);
    }
  }
  if (codec === 'A_AAC') {
    const counter = aacCounter(config);
    if (!counter) throw damaged('WEBM', 'its AAC header is impossible');
    return counter;
  }
  throw unsupportedAudio(
    `This WebM file is coded as "${codec.replace(/[^\x20-\x7e]/g, '?')}", which is not taken.`,
    CODECS,
  );
}

/** The three headers of Vorbis, laced as Xiph does it: their number less one, the lengths of all but the last. */
function vorbisOf(config: Buffer): PacketCounter {
  const lengths: number[] = [];
  let at = 1;
  for (let header = 0; header < (config[0] ?? 0) && header < 3; header++) {
    let length = 0;
    let byte = 255;
    while (byte === 255 && at < config.length) {
      byte = config[at++]!;
      length += byte;
    }
    lengths.push(length);
  }
  const identification = readVorbisIdentification(config.subarray(at, at + (lengths[0] ?? 0)));
  const longBlocks = readVorbisModes(config.subarray(at + (lengths[0] ?? 0) + (lengths[1] ?? 0)));
  if (lengths.length !== 2 || !identification || !longBlocks)
    throw damaged('WEBM', 'its Vorbis headers are impossible');
  return vorbisCounter({ ...identification, longBlocks });
}
