import { type AudioPatch, PartAssembler } from './assembler';
import { isMp3IndexFrame, MP3_HEADER_BYTES, type Mp3FrameHeader, parseMp3Header } from './mp3-frame';
import { TAG_OPENING_BYTES, tagLength } from './mp3-tags';
import { nameOfFormat, SIGNATURE_BYTES, sniffFormat } from './sniff-format';

/** Stray bytes between two frames, other than zeros, that are stepped over before the stream counts as damaged. */
const STRAY_BYTES_MAX = 8192;

/** What stands at a position of the stream. */
type Unit =
  | { readonly kind: 'frame'; readonly header: Mp3FrameHeader }
  | { readonly kind: 'tag'; readonly length: number }
  | { readonly kind: 'stray' }
  | { readonly kind: 'unknown yet' };
const sameStream = (one: Mp3FrameHeader, other: Mp3FrameHeader): boolean =>
  one.sampleRate === other.sampleRate && one.channels === other.channels;
const STRAY: Unit = { kind: 'stray' };
const UNKNOWN_YET: Unit = { kind: 'unknown yet' };

/**
 * MP3: whole frames are forwarded as they are. Tags go, and so do the index frames (Xing, Info, VBRI) that declare
 * how long one part is: on a joined file they would be untrue. A frame right where the last one ended, or after zeros, is
 * believed at once; after other stray bytes a frame counts only when something known follows it.
 */
export class Mp3Assembler extends PartAssembler {
  /** Header of the first frame of all. */
  private reference: Mp3FrameHeader | null = null;
  private samples = 0;
  /** Bytes of a tag still to drop. */
  private skip = 0;
  /** Stray bytes stepped over since the last frame or tag, and whether all were zero, which is padding. */
  private strayBytes = 0;
  private strayIsPadding = true;
  /** No frame of sound since the start of the part or the last tag: an index frame may come. */
  private atStart = true;

  protected openPart(): void {
    const { bytes, start, end } = this.window;
    // Always the same few bytes, so that the verdict does not depend on how the stream was cut.
    const found = sniffFormat(bytes.subarray(start, Math.min(end, start + SIGNATURE_BYTES)));
    if (found !== 'MP3' && found !== 'UNKNOWN') throw this.wrongFormat(nameOfFormat(found));
    this.skip = 0;
    this.strayBytes = 0;
    this.strayIsPadding = true;
    this.atStart = true;
  }

  protected consume(final: boolean): void {
    const { bytes, end } = this.window;
    let position = this.window.start;
    // Frames that lie side by side leave as one view.
    let run = position;
    for (;;) {
      if (this.skip > 0) {
        const dropped = Math.min(this.skip, end - position);
        position += dropped;
        this.skip -= dropped;
        run = position;
        if (this.skip > 0) break;
      }
      const unit = this.unitAt(position, final);
      if (unit.kind === 'frame') {
        const { header } = unit;
        if (position + header.length > end) break;
        this.acceptFrame(header);
        if (isMp3IndexFrame(bytes, position, header, this.atStart)) {
          this.emit(bytes.subarray(run, position));
          run = position + header.length;
        } else {
          this.samples += header.samples;
        }
        this.atStart = false;
        position += header.length;
      } else if (unit.kind === 'tag') {
        this.emit(bytes.subarray(run, position));
        run = position;
        this.skip = unit.length;
        this.strayBytes = 0;
        this.strayIsPadding = true;
        this.atStart = true;
      } else if (unit.kind === 'stray') {
        this.emit(bytes.subarray(run, position));
        this.stepOver(bytes[position]!);
        position++;
        run = position;
      } else {
        break;
      }
    }
    this.emit(bytes.subarray(run, position));
    this.window.start = position;
    if (final) this.mustBeWhole();
  }

  /** What stands at `position`; 'unknown yet' where more bytes must come to tell. */
  private unitAt(position: number, final: boolean): Unit {
    const { bytes, end } = this.window;
    const available = end - position;
    if (available < MP3_HEADER_BYTES) return final && available > 0 && bytes[position] === 0 ? STRAY : UNKNOWN_YET;
    const header = parseMp3Header(bytes, position);
    if (header !== null) {
      if (this.strayIsPadding) return this.fits(header) || this.atStart ? { kind: 'frame', header } : STRAY;
      return this.fits(header) ? this.confirmed(position, header, final) : STRAY;
    }
    const first = bytes[position];
    // I, T, A: the initials of the three tags.
    if (first !== 0x49 && first !== 0x54 && first !== 0x41) return STRAY;
    if (available < TAG_OPENING_BYTES && !final) return UNKNOWN_YET;
    const length = tagLength(bytes.subarray(position, end), 0);
    return length > 0 ? { kind: 'tag', length } : STRAY;
  }

  /** After stray bytes: a frame only if another, a tag or the end of the part follows it. */
  private confirmed(position: number, header: Mp3FrameHeader, final: boolean): Unit {
    const { bytes, end } = this.window;
    const next = position + header.length;
    if (next + TAG_OPENING_BYTES > end && !final) return UNKNOWN_YET;
    if (next === end) return { kind: 'frame', header };
    if (next + MP3_HEADER_BYTES > end) return STRAY;
    const following = parseMp3Header(bytes, next);
    const follows = following === null ? tagLength(bytes.subarray(next, end), 0) > 0 : sameStream(header, following);
    return follows ? { kind: 'frame', header } : STRAY;
  }

  private fits(header: Mp3FrameHeader): boolean {
    return this.reference === null || sameStream(this.reference, header);
  }

  private acceptFrame(header: Mp3FrameHeader): void {
    this.declare(header.sampleRate, header.channels, this.reference === null);
    this.reference ??= header;
    this.strayBytes = 0;
    this.strayIsPadding = true;
  }

  private stepOver(byte: number): void {
    this.strayBytes++;
    if (byte !== 0) this.strayIsPadding = false;
    if (this.strayIsPadding || this.strayBytes <= STRAY_BYTES_MAX) return;
    throw this.atStart ? this.wrongFormat('unrecognised bytes') : this.damaged('bytes that are no frame');
  }

  /** At the end of a part nothing but padding may be left over. */
  private mustBeWhole(): void {
    if (this.skip > 0) throw this.truncated('tag');
    if (this.strayIsPadding) {
      if (this.window.length > 0) throw this.truncated('frame');
      return;
    }
    throw this.atStart ? this.wrongFormat('unrecognised bytes') : this.damaged('it ends with bytes that are no frame');
  }

  protected close(): AudioPatch | null {
    return null;
  }

  protected samplesSoFar(): number {
    return this.samples;
  }
}
