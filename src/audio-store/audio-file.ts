import { type FileHandle, mkdir, open, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { AudioPacks, PackRoom } from './audio-packs';

/** Bytes that may wait for the disk before the writer is asked to wait. */
const PENDING_BYTES_MAX = 4_194_304;
/** A speech of this size or less is kept until its end. */
const WHOLE_BYTES_MAX = 262_144;

/**
 * One speech's audio on disk, written behind its maker and never synced: after a crash audio may be missing, the
 * charge and the event never are. Beside it lies an index of where its chunks end (`.chunks`, 32-bit little-endian),
 * which keeps chunk numbers the same for a replay.
 */
export class AudioFile {
  private handle: FileHandle | null = null;
  private queue: Uint8Array[] = [];
  private queuedBytes = 0;
  private written = 0;
  private patches: { offset: number; bytes: Uint8Array }[] = [];
  private ending: { ends: Uint32Array | null } | null = null;
  private worker: Promise<void> | null = null;
  private failure: Error | null = null;
  private ended = false;
  private room: PackRoom | null = null;

  /**
   * `eager`: bytes are written as they come, for those who follow the file from another process. Otherwise a short
   * speech is written once, whole, at its end.
   */
  constructor(
    readonly path: string,
    private readonly eager: boolean,
    private readonly onError: (error: Error) => void,
    /** Told once all is written, or given up. */
    private readonly onClosed: () => void,
    /** Where short speeches lie together. */
    private readonly packs: AudioPacks,
  ) {}

  /** Throws when the disk has failed; an answer must be awaited: the disk is behind. */
  append(bytes: Uint8Array): Promise<void> | undefined {
    if (this.failure) throw this.failure;
    this.queue.push(bytes);
    this.queuedBytes += bytes.length;
    if (this.eager || this.handle || this.queuedBytes > WHOLE_BYTES_MAX) this.work();
    return this.queuedBytes > PENDING_BYTES_MAX ? this.settled() : undefined;
  }

  isWritten(offset: number): boolean {
    return this.written >= offset;
  }

  /**
   * Where a short speech will lie among others, to be kept with it; null: in a file of its own. Asked when no more
   * bytes come, before `end`.
   */
  place(): string | null {
    if (this.eager || this.handle || this.worker || this.failure || this.queuedBytes === 0) return null;
    this.room ??= this.packs.reserve(basename(this.path), this.queuedBytes);
    return this.room.place;
  }

  /** Forgets every byte; the next ones begin the file anew. Nothing may be appended until it resolves. */
  async restart(): Promise<void> {
    await this.settled();
    this.queue = [];
    this.queuedBytes = 0;
    this.patches = [];
    this.written = 0;
    await this.handle?.truncate(0);
  }

  patch(offset: number, bytes: Uint8Array): void {
    this.patches.push({ offset, bytes });
  }

  /** No bytes come after this. `ends` null: the audio broke and its index is not kept. */
  end(ends: Uint32Array | null): void {
    this.ending = { ends };
    this.ended = true;
    if (this.failure) this.onClosed();
    else this.work();
  }

  /** Resolves when what was given so far is written; a disk that failed is told once through `onError`. */
  async settled(): Promise<void> {
    while (this.worker) await this.worker;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (this.failure) throw this.failure;
    const handle = await open(this.path, 'r');
    try {
      const buffer = Buffer.allocUnsafe(length);
      const { bytesRead } = await handle.read(buffer, 0, length, offset);
      if (bytesRead < length) throw new Error('Stored audio is shorter than what was written.');
      return buffer;
    } finally {
      await handle.close();
    }
  }

  private work(): void {
    if (this.worker || this.failure) return;
    this.worker = this.drain()
      .catch((error: unknown) => {
        this.failure = error instanceof Error ? error : new Error(String(error));
        this.queue = [];
        this.queuedBytes = 0;
        this.onError(this.failure);
      })
      .finally(() => {
        this.worker = null;
        // What came between the last look and this moment is not left lying.
        if (this.unfinished()) this.work();
        else if (this.ended) this.onClosed();
      });
  }

  private unfinished(): boolean {
    if (this.failure) return false;
    return this.ending !== null || (this.handle !== null && (this.queue.length > 0 || this.patches.length > 0));
  }

  private async drain(): Promise<void> {
    while (this.queue.length > 0 || this.patches.length > 0 || this.ending) {
      if (this.ending && !this.handle && this.written === 0) {
        await this.writeWhole();
        continue;
      }
      this.handle ??= await this.openNew();
      const batch = this.queue;
      const bytes = this.queuedBytes;
      this.queue = [];
      if (batch.length > 0) await this.handle.writev(batch, this.written);
      this.queuedBytes -= bytes;
      this.written += bytes;
      const patches = this.patches;
      this.patches = [];
      for (const patch of patches) await this.handle.write(patch.bytes, 0, patch.bytes.length, patch.offset);
      if (this.ending && this.queue.length === 0 && this.patches.length === 0) {
        const { ends } = this.ending;
        this.ending = null;
        await this.handle.close();
        this.handle = null;
        await this.writeIndex(ends);
      }
    }
  }

  /** The usual case: the speech was complete before anything was written. */
  private async writeWhole(): Promise<void> {
    const { ends } = this.ending!;
    const whole = this.queue.length === 1 && this.patches.length === 0 ? this.queue[0]! : Buffer.concat(this.queue);
    for (const patch of this.patches) whole.set(patch.bytes, patch.offset);
    this.queue = [];
    this.patches = [];
    this.ending = null;
    if (this.room && ends) {
      await this.packs.write(this.room, whole);
    } else if (this.room) {
      this.packs.giveUp(this.room);
    } else if (whole.length > 0) {
      await this.inFolder(() => writeFile(this.path, whole));
      await this.writeIndex(ends);
    }
    this.queuedBytes = 0;
    this.written = whole.length;
  }

  private openNew(): Promise<FileHandle> {
    return this.inFolder(() => open(this.path, 'w'));
  }

  /** An index of one chunk says nothing that the file's size does not. */
  private async writeIndex(ends: Uint32Array | null): Promise<void> {
    if (ends && ends.length > 1) await writeFile(`${this.path}.chunks`, Buffer.from(ends.buffer));
  }

  private async inFolder<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await task();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
      return task();
    }
  }
}
