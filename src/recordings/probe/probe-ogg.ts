import { hasAscii } from '../../../providers/audio/byte-window';
import { OGG_HEADER_BYTES, type OggPage, oggPageLength, readOggPage } from '../../../providers/audio/ogg-page';
import { parseOpusHead } from '../../../providers/audio/opus-packet';
import { damaged, truncated, unsupportedAudio } from '../recording-errors';
import { opusCounter, type PacketCounter, vorbisCounter } from './audio-packets';
import type { FileBytes } from './file-bytes';
import { type MeasuredAudio, refusalIfTooLong } from './measured-audio';
import { readVorbisIdentification, readVorbisModes, type VorbisModes } from './vorbis-modes';

const PAGE_BYTES_MAX = OGG_HEADER_BYTES + 255 + 255 * 255;
/** Setup headers are some kilobytes; one beyond this is no setup of sound. */
const HEADER_PACKET_MAX = 524_288;

/** One logical stream: a recording is one, or several that follow each other. */
class Link {
  /** null until the headers are complete. */
  private counter: PacketCounter | null = null;
  private identification: Omit<VorbisModes, 'longBlocks'> | null = null;
  private preSkip = 0;
  private headersLeft: number;
  /** The header packet that is being gathered. */
  private header: Buffer[] = [];
  private headerBytes = 0;
  private samples = 0;
  private endPadding = 0;
  private lastGranule: number | null = null;
  /** Granule position before the first packet: more than 0 where a recording was joined late. */
  private origin: number | null = null;
  private unfinished: number | null = null;
  ended = false;

  constructor(
    readonly serial: number,
    first: Uint8Array,
  ) {
    const opus = parseOpusHead(first, 0, first.length);
    if (opus) {
      this.preSkip = opus.preSkip;
      this.counter = opusCounter;
      this.headersLeft = 1;
      return;
    }
    this.identification = readVorbisIdentification(first);
    if (!this.identification) {
      throw unsupportedAudio('This Ogg file holds something else than sound of a codec that is taken.', [
        'Opus',
        'Vorbis',
      ]);
    }
    this.headersLeft = 2;
  }

  get sampleRate(): number {
    return this.identification?.sampleRate ?? opusCounter.sampleRate;
  }

  /** Without what a decoder drops at the start and at the end. */
  get decodedSamples(): number {
    return Math.max(0, this.samples - this.preSkip - this.endPadding);
  }

  get claimedSamples(): number {
    return this.lastGranule === null ? 0 : this.lastGranule - (this.origin ?? 0) - this.preSkip;
  }

  readPage(page: OggPage): void {
    if (page.continued !== (this.unfinished !== null || this.headerBytes > 0)) {
      throw damaged('OGG', 'a packet is in pieces');
    }
    const { ended, samples } = this.readPackets(page);
    if (ended && page.granule !== null && this.headersLeft === 0) {
      this.origin ??= page.endsStream ? 0 : Math.max(0, page.granule - this.samples);
      this.lastGranule = page.granule;
      // Only what lies on the last page can be cut off.
      const surplus = this.samples + this.origin - page.granule;
      this.endPadding = page.endsStream ? Math.min(Math.max(0, surplus), samples) : 0;
    }
    this.ended = page.endsStream;
  }

  mustBeWhole(): void {
    if (this.headersLeft > 0) throw truncated('OGG', 'header');
    if (this.unfinished !== null) throw truncated('OGG', 'packet');
  }

  private readPackets(page: OggPage): { ended: boolean; samples: number } {
    const { bytes, start, segments } = page;
    let position = page.body;
    let samples = 0;
    let ended = false;
    for (let index = 0; index < segments; ) {
      const opening = position;
      let length = 0;
      let lacing = 255;
      while (index < segments && lacing === 255) {
        lacing = bytes[start + OGG_HEADER_BYTES + index]!;
        length += lacing;
        index++;
      }
      position += length;
      const complete = lacing < 255;
      if (this.headersLeft > 0) {
        this.gatherHeader(bytes.subarray(opening, opening + length), complete);
      } else {
        // How long a packet is stands in its first bytes; the samples count where it ends.
        const known = this.unfinished ?? this.samplesOf(bytes.subarray(opening, opening + length));
        this.unfinished = complete ? null : known;
        if (complete) {
          samples += known;
          this.samples += known;
        }
      }
      ended ||= complete;
    }
    return { ended, samples };
  }

  private samplesOf(packet: Uint8Array): number {
    const samples = this.counter!.samplesOf(packet, packet.length);
    if (samples === null) throw damaged('OGG', `a packet is not ${this.counter!.codec}`);
    return samples;
  }

  private gatherHeader(piece: Uint8Array, complete: boolean): void {
    this.headerBytes += piece.length;
    // A comment may hold a picture; only the setup is looked into.
    if (this.isSetup) {
      if (this.headerBytes > HEADER_PACKET_MAX) throw damaged('OGG', 'a header is too large');
      this.header.push(Buffer.from(piece));
    } else if (this.header.length === 0) {
      this.header.push(Buffer.from(piece.subarray(0, 8)));
    }
    if (!complete) return;
    this.endHeader(Buffer.concat(this.header));
    this.header = [];
    this.headerBytes = 0;
    this.headersLeft--;
  }

  private get isSetup(): boolean {
    return this.identification !== null && this.headersLeft === 1;
  }

  private endHeader(packet: Buffer): void {
    if (this.isSetup) {
      const longBlocks = readVorbisModes(packet);
      if (!longBlocks) throw damaged('OGG', 'its setup header is none of Vorbis');
      this.counter = vorbisCounter({ ...this.identification!, longBlocks });
      return;
    }
    const comment = this.identification ? '\u0003vorbis' : 'OpusTags';
    if (!hasAscii(packet, 0, comment)) throw damaged('OGG', 'its comment header is missing');
  }
}

/** Ogg with Opus or Vorbis: the samples of its packets, page by page, each with its checksum. */
export async function probeOgg(file: FileBytes): Promise<MeasuredAudio> {
  let link: Link | null = null;
  let sampleRate = 0;
  let samples = 0;
  let claimed = 0;
  const endLink = (): void => {
    if (!link) return;
    link.mustBeWhole();
    if (sampleRate !== 0 && link.sampleRate !== sampleRate)
      throw damaged('OGG', 'its parts have different sample rates');
    sampleRate = link.sampleRate;
    samples += link.decodedSamples;
    claimed += link.claimedSamples;
  };
  for (let at = 0; at < file.size; ) {
    const available = Math.min(PAGE_BYTES_MAX, file.size - at);
    if (available < OGG_HEADER_BYTES || !(await file.load(at, available))) throw truncated('OGG', 'page');
    const start = file.indexOf(at);
    const end = start + available;
    if (!hasAscii(file.bytes, start, 'OggS') || file.bytes[start + 4] !== 0)
      throw damaged('OGG', 'it holds bytes that are no page');
    const length = oggPageLength(file.bytes, start, end);
    if (length === 0 || length > available) throw truncated('OGG', 'page');
    const page = readOggPage(file.bytes, start, start + length);
    if (!page) throw damaged('OGG', 'a page fails its checksum');
    at += length;
    if (page.beginsStream) {
      if (link && !link.ended && link.decodedSamples === 0) throw severalStreams();
      endLink();
      link = new Link(page.serial, page.bytes.subarray(page.body, page.end));
      continue;
    }
    if (!link) throw damaged('OGG', 'it does not begin with a header');
    if (page.serial !== link.serial) throw severalStreams();
    if (link.ended) throw damaged('OGG', 'it goes on after its end');
    link.readPage(page);
    const refusal = refusalIfTooLong(samples + link.decodedSamples, link.sampleRate);
    if (refusal) throw refusal;
  }
  endLink();
  if (sampleRate === 0) throw truncated('OGG', 'header');
  return { samples, sampleRate, claimedMs: Math.ceil((claimed * 1_000) / sampleRate) };
}

const severalStreams = () => unsupportedAudio('This Ogg file holds several streams at once.', ['one stream of sound']);
