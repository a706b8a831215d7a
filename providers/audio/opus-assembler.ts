import { type AudioPatch, PartAssembler } from './assembler';
import { hasAscii } from './byte-window';
import { emptyOggPage, OGG_HEADER_BYTES, type OggPage, oggPageLength, placeOggPage, readOggPage } from './ogg-page';
import { OPUS_SAMPLE_RATE, type OpusHead, opusPacketSamples, parseOpusHead } from './opus-packet';

/** What the next page must be. */
type State = 'head' | 'tags' | 'audio' | 'ended';

/** The last page of a part, which waits for the next part or the end of the file. */
interface HeldPage {
  readonly bytes: Uint8Array;
  /** Granule position when it is followed by more: every sample of every packet counts. null: no packet ends on it. */
  readonly granule: number | null;
  /** When it ends the file: without the padding that its encoder asks to cut off. */
  readonly finalGranule: number | null;
}

/**
 * Ogg Opus: one logical stream with one serial number, the headers of the first part, and granule positions that count
 * the samples of the packets themselves. So they go on without a gap over the pre-skip of a later part and the padding
 * of an earlier one, which are played: at most some tens of milliseconds of near-silence at a seam, since only the end
 * of an Ogg stream can be cut to the sample (RFC 7845 section 4). A page waits only if it ends its part.
 */
export class OpusAssembler extends PartAssembler {
  private state: State = 'head';
  private head: OpusHead | null = null;
  private firstSerial = 0;
  private sequence = 0;
  /** Samples of all packets so far. */
  private samples = 0;
  /** Samples to cut off should the held page end the file. */
  private endPadding = 0;
  private held: HeldPage | null = null;

  private serial = 0;
  private inFirstLink = true;
  /** Samples of the packet that a page left unfinished; null when it finished all of them. */
  private unfinished: number | null = null;
  private tagsBegun = false;
  /** Granule position of the part before its first packet, and the samples of its packets. */
  private linkOrigin: number | null = null;
  private linkSamples = 0;

  protected openPart(): void {
    this.mustStartWith('OggS');
    this.state = 'head';
  }

  protected consume(final: boolean): void {
    const window = this.window;
    for (;;) {
      const { bytes, start, end } = window;
      if (end - start < OGG_HEADER_BYTES) break;
      if (!hasAscii(bytes, start, 'OggS') || bytes[start + 4] !== 0) throw this.damaged('bytes that are no page');
      const length = oggPageLength(bytes, start, end);
      if (length === 0 || start + length > end) break;
      const page = readOggPage(bytes, start, start + length);
      if (page === null) throw this.damaged('a page fails its checksum');
      window.start += length;
      this.readPage(page);
    }
    if (!final) return;
    if (window.length > 0) throw this.truncated('page');
    if (this.state === 'head' || this.state === 'tags') throw this.truncated('header');
    if (this.unfinished !== null) throw this.truncated('packet');
  }

  private readPage(page: OggPage): void {
    if (page.beginsStream) {
      this.readHead(page);
      return;
    }
    if (this.state === 'head') throw this.damaged('it does not begin with a header');
    if (page.serial !== this.serial) throw this.damaged('several streams are mixed');
    if (this.state === 'ended') throw this.damaged('it goes on after its end');
    if (this.state === 'tags') this.readTags(page);
    else this.readAudio(page);
  }

  /** Also where a server has put whole files one after the other: each begins a part. */
  private readHead(page: OggPage): void {
    if (this.state === 'tags' || this.unfinished !== null) throw this.damaged('several streams are mixed');
    const head = parseOpusHead(page.bytes, page.body, page.end);
    if (head === null) throw this.wrongFormat('Ogg that is not Opus');
    this.inFirstLink = this.head === null;
    this.declare(OPUS_SAMPLE_RATE, head.channels, this.inFirstLink);
    if (this.head === null) {
      this.head = head;
      this.firstSerial = page.serial;
      this.write(page.bytes.slice(page.start, page.end), 0, false);
    } else if (head.mappingFamily !== this.head.mappingFamily || head.outputGain !== this.head.outputGain) {
      throw this.fault('MISMATCH', 'A later OGG_OPUS part has another channel mapping or gain than the first.');
    }
    this.serial = page.serial;
    this.state = 'tags';
    this.tagsBegun = false;
    this.linkOrigin = null;
    this.linkSamples = 0;
  }

  /** The comment packet may fill several pages and has the last one to itself (RFC 7845 section 3). */
  private readTags(page: OggPage): void {
    if (page.continued !== this.tagsBegun || (!this.tagsBegun && !hasAscii(page.bytes, page.body, 'OpusTags'))) {
      throw this.damaged('its comment header is missing');
    }
    this.tagsBegun = true;
    let ends = false;
    for (let index = 0; index < page.segments; index++) {
      if (ends) throw this.damaged('sound on a page of headers');
      ends = page.bytes[page.start + OGG_HEADER_BYTES + index]! < 255;
    }
    if (this.inFirstLink) this.write(page.bytes.slice(page.start, page.end), ends ? 0 : null, false);
    if (page.endsStream) this.state = 'ended';
    else if (ends) this.state = 'audio';
  }

  private readAudio(page: OggPage): void {
    const ended = this.countPackets(page);
    if (ended !== null) {
      // A recording may be joined late: then its first position is beyond its first samples.
      if (this.linkOrigin === null && page.granule !== null) {
        this.linkOrigin = page.endsStream ? 0 : Math.max(0, page.granule - ended);
      }
      this.samples += ended;
      this.linkSamples += ended;
    }
    this.releaseHeld();
    const granule = ended === null ? null : this.samples;
    const bytes = page.bytes.slice(page.start, page.end);
    if (!page.endsStream) {
      this.write(bytes, granule, false);
      return;
    }
    const surplus = page.granule === null ? 0 : (this.linkOrigin ?? 0) + this.linkSamples - page.granule;
    this.endPadding = Math.min(Math.max(0, surplus), ended ?? 0);
    this.held = { bytes, granule, finalGranule: granule === null ? null : granule - this.endPadding };
    this.state = 'ended';
  }

  /** Samples of the packets that end on the page; null when none does. */
  private countPackets(page: OggPage): number | null {
    const { bytes, start, segments } = page;
    if (page.continued !== (this.unfinished !== null)) throw this.damaged('a packet is in pieces');
    let samples = 0;
    let packets = 0;
    let position = page.body;
    let packetStart = true;
    let current = this.unfinished;
    for (let index = 0; index < segments; index++) {
      const lacing = bytes[start + OGG_HEADER_BYTES + index]!;
      if (packetStart && current === null) {
        current = lacing === 0 ? null : opusPacketSamples(bytes[position]!, lacing > 1 ? bytes[position + 1]! : 0);
        if (current === null) throw this.damaged('a packet is not Opus');
      }
      packetStart = lacing < 255;
      position += lacing;
      if (lacing < 255) {
        samples += current ?? 0;
        packets++;
        current = null;
      }
    }
    this.unfinished = current;
    return packets === 0 ? null : samples;
  }

  /** The held page is not the last after all; one without payload has then nothing to say. */
  private releaseHeld(): void {
    const held = this.held;
    this.held = null;
    this.endPadding = 0;
    if (held !== null && held.granule !== null) this.write(held.bytes, held.granule, false);
  }

  private write(page: Uint8Array, granule: number | null, endsStream: boolean): void {
    placeOggPage(page, { serial: this.firstSerial, sequence: this.sequence++, granule, endsStream });
    this.emit(page);
  }

  protected close(): AudioPatch | null {
    if (this.held !== null) {
      this.write(this.held.bytes, this.held.finalGranule, true);
    } else if (this.head !== null) {
      // The last part did not mark its end; an empty page does it for the file.
      const place = { serial: this.firstSerial, sequence: this.sequence++, granule: null, endsStream: true };
      this.emit(emptyOggPage(place));
    }
    return null;
  }

  protected samplesSoFar(): number {
    return Math.max(0, this.samples - this.endPadding - (this.head?.preSkip ?? 0));
  }
}
