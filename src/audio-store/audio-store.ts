import { createReadStream } from 'node:fs';
import { open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { AudioFile } from './audio-file';
import { AudioPacks } from './audio-packs';

/** How long after its end a speech may be on its way to the disk, and how often it is looked for meanwhile. */
const BEHIND_MS = 5_000;
const POLL_MS = 20;
/** Chunk size of a replay whose index is gone. */
const REPLAY_CHUNK_BYTES = 32_768;

export interface StoredAudio {
  readonly sizeBytes: number;
  /** Bytes from `start` to `end`, both included; all of them when left out. */
  stream(range?: { readonly start: number; readonly end: number }): Readable;
}

/** Audio files of all speeches, in folders by the random end of their id. Processes on one machine share the folder. */
export class AudioStore {
  /** Files that are not all on disk yet. */
  private readonly writing = new Map<string, AudioFile>();

  private readonly packs: AudioPacks;

  constructor(
    private readonly directory: string,
    private readonly onError: (error: Error) => void,
  ) {
    this.packs = new AudioPacks(join(directory, 'packs'));
  }

  /** `eager`: others may follow the file while it is written. */
  create(operationId: string, eager: boolean): AudioFile {
    const file = new AudioFile(
      this.pathOf(operationId),
      eager,
      this.onError,
      () => this.writing.delete(operationId),
      this.packs,
    );
    this.writing.set(operationId, file);
    return file;
  }

  /**
   * null: deleted, past its retention, or lost in a crash. `place` is what `AudioFile.place` answered when the speech
   * was made; without one it has a file of its own.
   */
  async find(operationId: string, place: string | null = null): Promise<StoredAudio | null> {
    await this.writing.get(operationId)?.settled();
    if (place !== null) return this.packs.find(place);
    const path = this.pathOf(operationId);
    try {
      const { size } = await stat(path);
      return { sizeBytes: size, stream: (range) => createReadStream(path, range) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  /**
   * The same for a speech of so many bytes that has just ended: audio is written behind its maker, who may be another
   * process, so that it is waited for. `endedMsAgo` bounds the wait; what ended long ago is there or is not.
   */
  async findWhole(
    operationId: string,
    { place = null, sizeBytes = 0 }: { readonly place?: string | null; readonly sizeBytes?: number },
    endedMsAgo: number,
  ): Promise<StoredAudio | null> {
    const until = performance.now() + Math.min(BEHIND_MS, BEHIND_MS - endedMsAgo);
    for (;;) {
      const audio = await this.find(operationId, place);
      if (audio && audio.sizeBytes >= sizeBytes) return audio;
      if (performance.now() >= until) return null;
      await new Promise<void>((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** The chunks of a finished speech, with the numbers they had when they were made. */
  async *chunks(
    operationId: string,
    after: number,
  ): AsyncGenerator<{ sequence: number; bytes: Uint8Array }, void, void> {
    const path = this.pathOf(operationId);
    await this.writing.get(operationId)?.settled();
    const handle = await open(path, 'r');
    try {
      const { size } = await handle.stat();
      const ends = await this.chunkEnds(path, size);
      for (let index = after; index < ends.length; index++) {
        const start = index === 0 ? 0 : ends[index - 1]!;
        const bytes = Buffer.allocUnsafe(ends[index]! - start);
        await handle.read(bytes, 0, bytes.length, start);
        yield { sequence: index + 1, bytes };
      }
    } finally {
      await handle.close();
    }
  }

  /** How many chunks a finished speech has. */
  async chunkCount(operationId: string): Promise<number> {
    const path = this.pathOf(operationId);
    await this.writing.get(operationId)?.settled();
    return (await this.chunkEnds(path, (await stat(path)).size)).length;
  }

  async delete(operationId: string, place: string | null = null): Promise<void> {
    const path = this.pathOf(operationId);
    await this.writing.get(operationId)?.settled();
    if (place !== null) await this.packs.erase(place);
    await rm(path, { force: true });
    await rm(`${path}.chunks`, { force: true });
  }

  /** Removes audio older than the retention; answers how many files went. */
  async removeOlderThan(timeMs: number): Promise<number> {
    let removed = 0;
    for (const folder of await readdir(this.directory).catch(() => [])) {
      for (const name of await readdir(join(this.directory, folder)).catch(() => [])) {
        const path = join(this.directory, folder, name);
        const found = await stat(path).catch(() => null);
        if (found?.isFile() && found.mtimeMs < timeMs) {
          await rm(path, { force: true });
          removed += 1;
        }
      }
    }
    return removed;
  }

  /** Waits for what is being written into packs and closes them. */
  close(): Promise<void> {
    return this.packs.close();
  }

  pathOf(operationId: string): string {
    return join(this.directory, operationId.slice(-2), operationId);
  }

  private async chunkEnds(path: string, size: number): Promise<Uint32Array> {
    const index = await readFile(`${path}.chunks`).catch(() => null);
    if (index && index.length % 4 === 0 && index.length > 0) {
      const ends = new Uint32Array(index.buffer.slice(index.byteOffset, index.byteOffset + index.length));
      if (ends[ends.length - 1] === size) return ends;
    }
    // One chunk has no index; a long file without one is cut into even pieces.
    if (size <= REPLAY_CHUNK_BYTES * 8) return Uint32Array.of(size);
    return Uint32Array.from({ length: Math.ceil(size / REPLAY_CHUNK_BYTES) }, (_, i) =>
      Math.min((i + 1) * REPLAY_CHUNK_BYTES, size),
    );
  }
}
