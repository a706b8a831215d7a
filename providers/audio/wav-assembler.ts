import { type AudioPatch, PartAssembler } from './assembler';
import { hasAscii, readUint16, readUint32 } from './byte-window';
import { wavHeader } from './wav-header';

/**
 * Lengths from here on are placeholders of servers that stream: 2000000000 (pocket-tts), 0x7FFFF000 (espeak-ng),
 * 0xFFFFFF00 (Fish Audio), 0xFFFFFFFF. No answer is as long.
 */
const PLACEHOLDER_MIN = 2_000_000_000;
const FORMAT_BYTES_MAX = 1024;
const PCM_TAG = 1;
const EXTENSIBLE_TAG = 0xfffe;
const CODECS: Readonly<Record<number, string>> = { 3: 'floating-point samples', 6: 'A-law', 7: 'mu-law', 85: 'MP3' };

type State = 'riff' | 'chunk' | 'format' | 'data';

/**
 * WAV of 16-bit PCM. One canonical header leaves first, with unknown lengths; the true ones are the patch. Chunks other
 * than `fmt ` and `data` are dropped. Servers that put several whole files into one answer are understood.
 */
export class WavAssembler extends PartAssembler {
  private state: State = 'riff';
  /** Bytes to drop before the next step. */
  private skip = 0;
  private riffLength = 0;
  /** Bytes of the current file up to the chunk being read, to tell an empty `data` from a length left at zero. */
  private offset = 0;
  private chunkLength = 0;
  private blockBytes = 0;
  /** Bytes of `data` still to come; Infinity: it runs to the end of the part. */
  private remaining = 0;
  private dataSeen = false;
  private headerEmitted = false;
  private dataBytes = 0;

  protected openPart(): void {
    this.mustStartWith('RIFF');
    this.state = 'riff';
    this.skip = 0;
    this.dataSeen = false;
  }

  protected consume(final: boolean): void {
    while (this.step());
    if (!final) return;
    if (this.state === 'data') {
      if (this.remaining !== Number.POSITIVE_INFINITY) throw this.truncated('data chunk');
    } else if (!this.dataSeen) {
      throw this.truncated('header');
    }
  }

  /** Does one thing; false when it needs more bytes. */
  private step(): boolean {
    const window = this.window;
    if (this.skip > 0) {
      const dropped = Math.min(this.skip, window.length);
      window.start += dropped;
      this.skip -= dropped;
      if (this.skip > 0) return false;
    }
    switch (this.state) {
      case 'riff':
        return window.length >= 12 && this.readRiff();
      case 'chunk':
        return window.length >= 8 && this.readChunk();
      case 'format':
        return window.length >= this.chunkLength && this.readFormat();
      case 'data':
        return this.readData();
    }
  }

  private readRiff(): boolean {
    const { bytes, start } = this.window;
    if (!hasAscii(bytes, start + 8, 'WAVE')) throw this.wrongFormat('RIFF that is not WAV');
    this.riffLength = readUint32(bytes, start + 4);
    this.window.start += 12;
    this.offset = 12;
    this.blockBytes = 0;
    this.state = 'chunk';
    return true;
  }

  private readChunk(): boolean {
    const { bytes, start } = this.window;
    const length = readUint32(bytes, start + 4);
    if (this.dataSeen && hasAscii(bytes, start, 'RIFF')) {
      this.dataSeen = false;
      this.state = 'riff';
      return true;
    }
    this.window.start += 8;
    this.offset += 8;
    if (hasAscii(bytes, start, 'data') && !this.dataSeen) {
      if (this.blockBytes === 0) throw this.damaged('its data comes before its format');
      const endless =
        length >= PLACEHOLDER_MIN ||
        (length === 0 && (this.riffLength + 8 <= this.offset || this.riffLength >= PLACEHOLDER_MIN));
      this.remaining = endless ? Number.POSITIVE_INFINITY : length;
      this.chunkLength = length;
      this.dataSeen = true;
      this.state = 'data';
      return true;
    }
    if (hasAscii(bytes, start, 'fmt ') && !this.dataSeen) {
      if (length < 16 || length > FORMAT_BYTES_MAX) throw this.damaged('its format chunk has an impossible length');
      this.chunkLength = length;
      this.state = 'format';
      return true;
    }
    this.skip = length + (length & 1);
    this.offset += this.skip;
    return true;
  }

  private readFormat(): boolean {
    const { bytes, start } = this.window;
    const extensible = readUint16(bytes, start) === EXTENSIBLE_TAG && this.chunkLength >= 26;
    const tag = readUint16(bytes, extensible ? start + 24 : start);
    const channels = readUint16(bytes, start + 2);
    const sampleRate = readUint32(bytes, start + 4);
    const bits = readUint16(bytes, start + 14);
    if (tag !== PCM_TAG) throw this.wrongFormat(`WAV with ${CODECS[tag] ?? `codec ${tag}`} in place of 16-bit PCM`);
    if (bits !== 16) throw this.wrongFormat(`WAV with ${bits}-bit samples in place of 16-bit PCM`);
    if (channels === 0 || channels > 8 || sampleRate === 0 || sampleRate > 768_000) {
      throw this.damaged(`its format says ${sampleRate} Hz and ${channels} channels`);
    }
    this.declare(sampleRate, channels, !this.headerEmitted);
    if (!this.headerEmitted) {
      this.headerEmitted = true;
      this.emit(wavHeader(sampleRate, channels, null));
    }
    this.blockBytes = channels * 2;
    this.skip = this.chunkLength + (this.chunkLength & 1);
    this.offset += this.skip;
    this.state = 'chunk';
    return true;
  }

  private readData(): boolean {
    const { bytes, start, end } = this.window;
    const available = Math.min(end - start, this.remaining);
    // Whole blocks only: a fraction at the end of a part would turn every later sample into noise.
    const whole = available - (available % this.blockBytes);
    this.emit(bytes.subarray(start, start + whole));
    this.dataBytes += whole;
    this.window.start += whole;
    this.remaining -= whole;
    if (this.remaining >= this.blockBytes) return false;
    this.skip = this.remaining + (this.chunkLength & 1);
    this.offset += this.chunkLength;
    this.remaining = 0;
    this.state = 'chunk';
    return true;
  }

  protected close(): AudioPatch | null {
    return { offset: 0, bytes: wavHeader(this.sampleRate, this.channels, this.dataBytes) };
  }

  protected samplesSoFar(): number {
    return this.dataBytes / (this.channels * 2);
  }
}
