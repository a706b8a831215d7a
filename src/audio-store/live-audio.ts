import type { AudioDescription } from '../../providers/contract/audio';
import type { AudioFile } from './audio-file';

/** What is known of audio before its first byte: one of several providers may make it, each at a rate of its own. */
export type AnnouncedAudio = Omit<AudioDescription, 'sampleRate'> & { readonly sampleRate: number | null };

/** How a speech's audio ended. A broken one has no more bytes than those that listeners were given. */
export type AudioEnd = { readonly complete: true } | { readonly complete: false; readonly error: Error };

export interface AudioChunk {
  /** Counts from 1; a chunk keeps its number for ever. */
  readonly sequence: number;
  readonly bytes: Uint8Array;
}

/** Bytes kept in memory behind the newest; listeners further back read the file. */
const WINDOW_BYTES = 1_048_576;

/**
 * Audio while it is made: one writer, any number of listeners, each at its own place. Every byte goes to the file;
 * the newest stay in memory, so that a listener that keeps up gets them at once and memory does not grow with length.
 */
export class LiveAudio {
  private window: Uint8Array[] = [];
  private windowBytes = 0;
  /** Chunks that have left the window. */
  private dropped = 0;
  /** Offset at which each chunk ends. */
  private ends: number[] = [];
  private end: AudioEnd | null = null;
  private wake: (() => void)[] = [];
  private listeners = 0;
  /** At least one byte was handed to a listener. */
  delivered = false;

  constructor(
    readonly operationId: string,
    readonly description: AnnouncedAudio,
    private readonly file: AudioFile,
  ) {}

  get sizeBytes(): number {
    return this.ends.length === 0 ? 0 : this.ends[this.ends.length - 1]!;
  }

  /** Where it will be found when it is short, see `AudioFile.place`. Nothing may be appended after this. */
  place(): string | null {
    return this.file.place();
  }

  get chunkCount(): number {
    return this.ends.length;
  }

  get ended(): AudioEnd | null {
    return this.end;
  }

  get listenerCount(): number {
    return this.listeners;
  }

  /** Adds a chunk. The answer, where there is one, must be awaited: the disk is behind. */
  append(bytes: Uint8Array): Promise<void> | undefined {
    if (this.end) throw new Error('Audio that has ended takes no more bytes.');
    this.ends.push(this.sizeBytes + bytes.length);
    this.window.push(bytes);
    this.windowBytes += bytes.length;
    const behind = this.file.append(bytes);
    while (this.windowBytes > WINDOW_BYTES && this.window.length > 1 && this.file.isWritten(this.ends[this.dropped]!)) {
      this.windowBytes -= this.window.shift()!.length;
      this.dropped += 1;
    }
    this.notify();
    return behind;
  }

  /** Begins anew, as nothing of it has reached anybody. Nothing may be appended until it resolves. */
  async restart(): Promise<void> {
    if (this.delivered) throw new Error('Audio that has been heard cannot begin anew.');
    this.window = [];
    this.windowBytes = 0;
    this.dropped = 0;
    this.ends = [];
    await this.file.restart();
  }

  /** Replaces bytes near the start (a header whose sizes are known at last); what was sent is not taken back. */
  patch(offset: number, bytes: Uint8Array): void {
    this.file.patch(offset, bytes);
    if (this.dropped > 0) return;
    let start = 0;
    for (const [index, chunk] of this.window.entries()) {
      const from = Math.max(offset, start);
      const to = Math.min(offset + bytes.length, start + chunk.length);
      if (from < to) {
        // A copy: a listener may still hold the chunk.
        const changed = Uint8Array.from(chunk);
        changed.set(bytes.subarray(from - offset, to - offset), from - start);
        this.window[index] = changed;
      }
      start += chunk.length;
      if (start >= offset + bytes.length) return;
    }
  }

  finish(): void {
    this.close({ complete: true });
  }

  fail(error: Error): void {
    this.close({ complete: false, error });
  }

  /** Resolves when every byte is in the file. */
  stored(): Promise<void> {
    return this.file.settled();
  }

  private close(end: AudioEnd): void {
    if (this.end) return;
    this.end = end;
    this.file.end(end.complete ? Uint32Array.from(this.ends) : null);
    this.notify();
  }

  private notify(): void {
    if (this.wake.length === 0) return;
    const waiting = this.wake;
    this.wake = [];
    for (const wake of waiting) wake();
  }

  /**
   * Chunks after `sequence`, to the end. Throws the error of audio that broke. `touch` is told of each chunk that is
   * handed over.
   */
  async *chunks(after = 0, signal?: AbortSignal): AsyncGenerator<AudioChunk, void, void> {
    this.listeners += 1;
    const onAbort = (): void => this.notify();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      let index = after;
      for (;;) {
        if (signal?.aborted) return;
        if (index < this.ends.length) {
          const bytes = index >= this.dropped ? this.window[index - this.dropped]! : await this.readChunk(index);
          index += 1;
          this.delivered = true;
          yield { sequence: index, bytes };
          continue;
        }
        if (this.end) {
          if (!this.end.complete) throw this.end.error;
          return;
        }
        await new Promise<void>((resolve) => this.wake.push(resolve));
      }
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.listeners -= 1;
    }
  }

  /** All bytes, where they are still in memory; null when they must be read from the file. */
  whole(): Buffer | null {
    return this.dropped === 0 ? Buffer.concat(this.window) : null;
  }

  private readChunk(index: number): Promise<Uint8Array> {
    const start = index === 0 ? 0 : this.ends[index - 1]!;
    return this.file.read(start, this.ends[index]! - start);
  }
}
