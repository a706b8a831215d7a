import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { link, mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../lib/clock';
import type { AppError } from '../lib/errors';
import { idTimestamp, isId, newId } from '../lib/ids';

/** Bytes that lie in a file of ours. */
export interface StoredBytes {
  readonly sizeBytes: number;
  /** Of all of them, in hexadecimal. */
  readonly sha256: string;
}

/** A recording on disk for the time of one operation. */
export interface RecordingFile extends StoredBytes {
  readonly path: string;
  /** May be called again for another attempt. */
  open(): AsyncIterable<Uint8Array>;
  /** Removes it; whoever has it open reads on. */
  remove(): Promise<void>;
}

const READ_BYTES = 65_536;

/** A folder of files with random names, each written once as it comes in and never held in memory. */
export class RecordingFiles {
  constructor(
    private readonly directory: string,
    /** Names tell when a file was made by the clock that will find it old. */
    private readonly clock: Pick<Clock, 'now'>,
  ) {}

  /**
   * Writes what comes under a new name. What goes wrong leaves nothing behind.
   * @param bytesMax with more than these it ends, with `tooLarge`
   */
  async write(
    source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    bytesMax: number,
    tooLarge: () => AppError,
  ): Promise<StoredBytes & { readonly name: string }> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    const name = newId(this.clock.now());
    const handle = await open(this.pathOf(name), 'wx', 0o600);
    const hash = createHash('sha256');
    let sizeBytes = 0;
    try {
      for await (const chunk of source) {
        sizeBytes += chunk.length;
        if (sizeBytes > bytesMax) throw tooLarge();
        hash.update(chunk);
        for (let written = 0; written < chunk.length; ) {
          const { bytesWritten } = await handle.write(chunk, written, chunk.length - written);
          written += bytesWritten;
        }
      }
      await handle.close();
    } catch (error) {
      await handle.close().catch(() => {});
      await this.remove(name);
      throw error;
    }
    return { name, sizeBytes, sha256: hash.digest('hex') };
  }

  /** Another name in this folder for a file of another one: it stays readable when that is removed. */
  async adopt(path: string): Promise<string> {
    await mkdir(this.directory, { recursive: true, mode: 0o700 });
    const name = newId(this.clock.now());
    await link(path, this.pathOf(name));
    return name;
  }

  file(name: string, bytes: StoredBytes): RecordingFile {
    const path = this.pathOf(name);
    return {
      path,
      sizeBytes: bytes.sizeBytes,
      sha256: bytes.sha256,
      open: () => createReadStream(path, { highWaterMark: READ_BYTES }),
      remove: () => this.remove(name),
    };
  }

  pathOf(name: string): string {
    if (!isId(name)) throw new RangeError('A recording has an id for a name.');
    return join(this.directory, name);
  }

  async has(name: string): Promise<boolean> {
    return stat(this.pathOf(name)).then(
      () => true,
      () => false,
    );
  }

  async remove(name: string): Promise<void> {
    await rm(this.pathOf(name), { force: true });
  }

  /** Removes what nobody can need any more, by the times in the names: leftovers of a crash among it. */
  async removeOlderThan(timeMs: number): Promise<void> {
    const names = await readdir(this.directory).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    for (const name of names) {
      if (isId(name) && idTimestamp(name) < timeMs) await this.remove(name);
    }
  }
}
