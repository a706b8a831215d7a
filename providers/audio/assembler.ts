import type { AudioDescription, AudioFormat } from '../contract/audio';
import { type AudioFault, AudioFormatError } from './audio-format-error';
import { ByteWindow } from './byte-window';
import { nameOfFormat, SIGNATURE_BYTES, sniffFormat } from './sniff-format';

/** What was asked of the provider; formats with a header overrule rate and channels by what the first part declares. */
export type ExpectedAudio = Pick<AudioDescription, 'format' | 'sampleRate' | 'channels'>;

/** Bytes that replace as many at `offset` once the whole file is known, such as a header with true lengths. */
export interface AudioPatch {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export interface AssembledAudio {
  /** The last bytes of the file. */
  readonly tail: Uint8Array[];
  /** null where the streamed bytes already are the final ones. Without it the file still plays. */
  readonly patch: AudioPatch | null;
  /** Whole milliseconds, rounded up, out of the samples that a decoder gives out. At least 1. */
  readonly durationMs: number;
  /** Hertz and channels as decoded (Opus: always 48000). */
  readonly sampleRate: number;
  readonly channels: number;
  /** Bytes of the file, the tail included. */
  readonly sizeBytes: number;
}

/**
 * Makes one file out of the bytes of one or more complete files of the same format, while they arrive. Every method
 * throws AudioFormatError when the bytes are not what was promised; after that the assembler is of no more use.
 *
 * What is given out may be a view into what was pushed: neither may be written to afterwards.
 */
export interface AudioAssembler {
  /** Next bytes of the current part, cut anywhere; gives out what can leave now. */
  push(chunk: Uint8Array): Uint8Array[];
  /** The current part is complete; the next push starts another. */
  endPart(): Uint8Array[];
  /** The current part is broken off on purpose: what is not whole of it is left out. The next push starts another. */
  cutPart(): Uint8Array[];
  /** The last part is complete (it is ended here if it was not). Once only. */
  finish(): AssembledAudio;
  /** Milliseconds of sound accepted so far, rounded up. */
  durationSoFarMs(): number;
  /** Hertz: as asked until the first part has declared its own. */
  readonly sampleRate: number;
  readonly channels: number;
}

/** What all formats share: parts, the first look at the bytes, the books. A format implements three steps. */
export abstract class PartAssembler implements AudioAssembler {
  protected readonly format: AudioFormat;
  protected readonly window = new ByteWindow();
  private currentRate: number;
  private currentChannels: number;
  private output: Uint8Array[] = [];
  private sizeBytes = 0;
  private partOpen = false;
  private opened = false;
  private finished = false;

  constructor(expected: ExpectedAudio) {
    this.format = expected.format;
    this.currentRate = expected.sampleRate;
    this.currentChannels = expected.channels;
  }

  get sampleRate(): number {
    return this.currentRate;
  }

  get channels(): number {
    return this.currentChannels;
  }

  /** Uses what it can of the window. `final`: no more bytes of this part will come. */
  protected abstract consume(final: boolean): void;
  /** A part begins; the window holds its first bytes: at least SIGNATURE_BYTES of them unless there are no more. */
  protected abstract openPart(): void;
  /** Emits what was held back until the end was known. */
  protected abstract close(): AudioPatch | null;
  /** Samples of one channel that a decoder gives out for what was accepted so far. */
  protected abstract samplesSoFar(): number;

  push(chunk: Uint8Array): Uint8Array[] {
    this.mustBeOpen();
    if (chunk.length === 0) return [];
    this.partOpen = true;
    this.window.append(chunk);
    if (!this.opened) {
      if (this.window.length < SIGNATURE_BYTES) return [];
      this.opened = true;
      this.openPart();
    }
    this.consume(false);
    return this.take();
  }

  endPart(): Uint8Array[] {
    this.mustBeOpen();
    if (!this.partOpen) throw this.fault('EMPTY', `The ${this.format} part is empty.`);
    if (!this.opened) this.openPart();
    this.consume(true);
    this.window.clear();
    this.partOpen = false;
    this.opened = false;
    return this.take();
  }

  cutPart(): Uint8Array[] {
    this.mustBeOpen();
    this.window.clear();
    this.partOpen = false;
    this.opened = false;
    return this.take();
  }

  finish(): AssembledAudio {
    this.mustBeOpen();
    const tail = this.partOpen ? this.endPart() : [];
    this.finished = true;
    const patch = this.close();
    tail.push(...this.take());
    const durationMs = this.durationSoFarMs();
    if (durationMs === 0) throw this.fault('NO_AUDIO', `The ${this.format} stream holds no audio.`);
    return {
      tail,
      patch,
      durationMs,
      sampleRate: this.currentRate,
      channels: this.currentChannels,
      sizeBytes: this.sizeBytes,
    };
  }

  durationSoFarMs(): number {
    return Math.ceil((this.samplesSoFar() * 1000) / this.currentRate);
  }

  protected emit(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.sizeBytes += bytes.length;
    this.output.push(bytes);
  }

  /** What the first part declares counts; later parts must declare the same. */
  protected declare(sampleRate: number, channels: number, first: boolean): void {
    if (!first && (sampleRate !== this.currentRate || channels !== this.currentChannels)) {
      throw this.fault(
        'MISMATCH',
        `A later ${this.format} part has ${sampleRate} Hz and ${channels} channels, the first has ${this.currentRate} Hz and ${this.currentChannels}.`,
      );
    }
    this.currentRate = sampleRate;
    this.currentChannels = channels;
  }

  protected fault(fault: AudioFault, message: string): AudioFormatError {
    return new AudioFormatError(fault, this.format, message);
  }

  protected truncated(inside: string): AudioFormatError {
    return this.fault('TRUNCATED', `The ${this.format} stream ends inside a ${inside}.`);
  }

  protected damaged(what: string): AudioFormatError {
    return this.fault('DAMAGED', `The ${this.format} stream is damaged: ${what}.`);
  }

  protected wrongFormat(found: string): AudioFormatError {
    return this.fault('WRONG_FORMAT', `Expected ${this.format}, found ${found}.`);
  }

  /** Refuses a part whose opening bytes are not `magic`; a part cut inside it is left for `consume` to refuse. */
  protected mustStartWith(magic: string): void {
    const { bytes, start, end } = this.window;
    const available = Math.min(magic.length, end - start);
    for (let index = 0; index < available; index++) {
      if (bytes[start + index] !== magic.charCodeAt(index)) {
        throw this.wrongFormat(nameOfFormat(sniffFormat(bytes.subarray(start, end))));
      }
    }
  }

  private mustBeOpen(): void {
    if (this.finished) throw new Error('The audio is already finished.');
  }

  private take(): Uint8Array[] {
    const taken = this.output;
    this.output = [];
    return taken;
  }
}
