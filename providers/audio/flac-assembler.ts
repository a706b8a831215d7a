import { type AudioPatch, PartAssembler } from './assembler';
import {
  FLAC_BLOCK_MAX,
  FLAC_BLOCK_MIN,
  FLAC_STREAMINFO_BYTES,
  type FlacFrameHeader,
  type FlacStreamInfo,
  findZeroCrc16,
  parseFlacHeader,
  parseStreamInfo,
  renumberFlacFrame,
  writeStreamInfo,
} from './flac-frame';

/** Of the stream that is written: the marker, and the header of STREAMINFO, its only metadata block. */
const OPENING = [0x66, 0x4c, 0x61, 0x43, 0x80, 0, 0, FLAC_STREAMINFO_BYTES];

type State = 'marker' | 'metadata' | 'frames';

/**
 * FLAC: STREAMINFO of the first part with unknown lengths (the true ones are the patch), no other metadata, and every
 * frame numbered by its first sample. A frame does not tell its length; it ends where its CRC-16 is right and a header
 * of this stream or the end of the part follows.
 */
export class FlacAssembler extends PartAssembler {
  private state: State = 'marker';
  private skip = 0;
  private lastBlockSeen = false;
  private info: FlacStreamInfo | null = null;
  private partInfo: FlacStreamInfo | null = null;
  private header: FlacFrameHeader | null = null;
  /** How far, from the start of the frame, its end has been looked for, and the checksum there. */
  private scanned = 0;
  private readonly scan = { crc: 0 };
  /** A block too short to stand before another: only the end of the file may have it. */
  private held: { readonly frame: Uint8Array; readonly blockSize: number } | null = null;
  private samples = 0;
  private blockMax = 0;
  private frameMin = 0;
  private frameMax = 0;

  protected openPart(): void {
    this.mustStartWith('fLaC');
    this.state = 'marker';
    this.skip = 0;
    this.lastBlockSeen = false;
    this.partInfo = null;
    this.startFrame(null);
  }

  protected consume(final: boolean): void {
    while (this.step(final));
    if (!final) return;
    if (this.state !== 'frames') throw this.truncated('header');
    if (this.window.length > 0) throw this.truncated('frame');
  }

  /** Does one thing; false when it needs more bytes. */
  private step(final: boolean): boolean {
    const window = this.window;
    if (this.skip > 0) {
      const dropped = Math.min(this.skip, window.length);
      window.start += dropped;
      this.skip -= dropped;
      if (this.skip > 0) return false;
    }
    if (this.state === 'frames') return this.header === null ? this.readHeader(final) : this.readFrame(final);
    if (this.state === 'metadata') return this.readMetadata();
    if (window.length < 4) return false;
    window.start += 4;
    this.state = 'metadata';
    return true;
  }

  private readMetadata(): boolean {
    if (this.lastBlockSeen) {
      this.state = 'frames';
      return true;
    }
    const window = this.window;
    const { bytes, start } = window;
    if (window.length < 4) return false;
    const type = bytes[start]! & 127;
    const length = (bytes[start + 1]! << 16) | (bytes[start + 2]! << 8) | bytes[start + 3]!;
    if ((type === 0) !== (this.partInfo === null) || (type === 0 && length !== FLAC_STREAMINFO_BYTES) || type === 127) {
      throw this.damaged('its metadata is not in order');
    }
    if (type === 0) {
      if (window.length < 4 + FLAC_STREAMINFO_BYTES) return false;
      this.readStreamInfo(parseStreamInfo(bytes, start + 4));
    }
    this.lastBlockSeen = bytes[start]! >= 128;
    this.skip = 4 + length;
    return true;
  }

  private readStreamInfo(info: FlacStreamInfo): void {
    if (info.sampleRate === 0) throw this.damaged('its header has no sample rate');
    this.declare(info.sampleRate, info.channels, this.info === null);
    this.partInfo = info;
    if (this.info === null) {
      this.info = info;
      this.emit(Uint8Array.from(OPENING));
      // The largest possible block, since a later part may have larger ones than the first.
      this.emit(writeStreamInfo(info, { blockMax: FLAC_BLOCK_MAX, frameMin: 0, frameMax: 0, samples: 0 }));
    } else if (info.bitsPerSample !== this.info.bitsPerSample) {
      throw this.fault('MISMATCH', 'A later FLAC part has another sample size than the first.');
    }
  }

  private readHeader(final: boolean): boolean {
    const { bytes, start, end } = this.window;
    const header = parseFlacHeader(bytes, start, end, this.partInfo!);
    if (header === null) throw this.damaged('bytes that are no frame');
    if (header === 'more') {
      if (final && end > start) throw this.truncated('frame');
      return false;
    }
    this.startFrame(header);
    return true;
  }

  private readFrame(final: boolean): boolean {
    const { bytes, start, end } = this.window;
    const header = this.header!;
    // A checksum of 0 where the search stopped: what follows there had not come yet.
    const resumed = this.scan.crc === 0 && this.scanned > 0;
    let boundary = resumed ? start + this.scanned : findZeroCrc16(bytes, start + this.scanned, end, this.scan);
    while (boundary !== -1) {
      this.scanned = boundary - start;
      const next = this.scanned < header.length + 2 ? null : parseFlacHeader(bytes, boundary, end, this.partInfo!);
      if (next === 'more' && !final) return false;
      if (next === 'more' ? boundary === end : next !== null) {
        this.acceptFrame(header, boundary);
        this.startFrame(next === 'more' ? null : next);
        return true;
      }
      boundary = findZeroCrc16(bytes, boundary, end, this.scan);
    }
    this.scanned = end - start;
    // Twice what the samples would take unpacked.
    if (this.scanned > 1024 + 8 * header.blockSize * this.channels) throw this.damaged('a frame fails its checksum');
    return false;
  }

  /** The frame from the window's start to `end` is whole. */
  private acceptFrame(header: FlacFrameHeader, end: number): void {
    const { bytes, start } = this.window;
    this.window.start = end;
    // Of the part before, and now known not to be the last: less than 16 samples, which may not stand here.
    this.held = null;
    const frame = renumberFlacFrame(bytes, start, end, header, this.samples);
    if (header.blockSize < FLAC_BLOCK_MIN) this.held = { frame, blockSize: header.blockSize };
    else this.emitFrame(frame, header.blockSize);
  }

  private emitFrame(frame: Uint8Array, blockSize: number): void {
    this.samples += blockSize;
    this.blockMax = Math.max(this.blockMax, blockSize);
    this.frameMin = this.frameMin === 0 ? frame.length : Math.min(this.frameMin, frame.length);
    this.frameMax = Math.max(this.frameMax, frame.length);
    this.emit(frame);
  }

  private startFrame(header: FlacFrameHeader | null): void {
    this.header = header;
    this.scanned = 0;
    this.scan.crc = 0;
  }

  protected close(): AudioPatch | null {
    const held = this.held;
    this.held = null;
    if (held !== null) this.emitFrame(held.frame, held.blockSize);
    if (this.info === null) return null;
    const { blockMax, frameMin, frameMax, samples } = this;
    return { offset: OPENING.length, bytes: writeStreamInfo(this.info, { blockMax, frameMin, frameMax, samples }) };
  }

  protected samplesSoFar(): number {
    return this.samples + (this.held?.blockSize ?? 0);
  }
}
