import { type FileHandle, open } from 'node:fs/promises';

const WINDOW_BYTES = 131_072;
/** No structure that is looked at in one piece is larger. */
export const LOOK_BYTES_MAX = 1_048_576;

/**
 * A file seen through a window that moves: whatever its size, no more than the window is in memory. Offsets are the
 * file's own. Reading forwards and in small steps is cheap; `has` answers without waiting.
 */
export class FileBytes {
  bytes: Buffer = Buffer.alloc(0);
  /** Offset in the file of the window's first byte. */
  private start = 0;

  private constructor(
    private readonly handle: FileHandle,
    readonly size: number,
  ) {}

  static async open(path: string): Promise<FileBytes> {
    const handle = await open(path, 'r');
    return new FileBytes(handle, (await handle.stat()).size);
  }

  /** Another window on the same file, for tables that are read side by side. Only the first one is closed. */
  another(): FileBytes {
    return new FileBytes(this.handle, this.size);
  }

  /** Whether the window holds `length` bytes from `at` on. */
  has(at: number, length: number): boolean {
    return at >= this.start && at + length <= this.start + this.bytes.length;
  }

  /** Brings them into the window; false when the file ends before them. */
  async load(at: number, length: number): Promise<boolean> {
    if (this.has(at, length)) return true;
    if (at < 0 || at + length > this.size) return false;
    if (length > LOOK_BYTES_MAX) throw new RangeError(`${length} bytes are too many to look at in one piece`);
    const wanted = Math.min(Math.max(length, WINDOW_BYTES), this.size - at);
    const buffer = Buffer.allocUnsafe(wanted);
    let read = 0;
    while (read < wanted) {
      const { bytesRead } = await this.handle.read(buffer, read, wanted - read, at + read);
      if (bytesRead === 0) break;
      read += bytesRead;
    }
    this.bytes = buffer.subarray(0, read);
    this.start = at;
    return read >= length;
  }

  /** Where the byte at this offset of the file lies in `bytes`. */
  indexOf(at: number): number {
    return at - this.start;
  }

  uint8(at: number): number {
    return this.bytes[at - this.start]!;
  }

  uint16(at: number): number {
    return this.bytes.readUInt16BE(at - this.start);
  }

  uint24(at: number): number {
    return this.bytes.readUIntBE(at - this.start, 3);
  }

  uint32(at: number): number {
    return this.bytes.readUInt32BE(at - this.start);
  }

  /** Exact up to 2^53; beyond that it is larger than any file. */
  uint64(at: number): number {
    return this.uint32(at) * 0x1_0000_0000 + this.uint32(at + 4);
  }

  uint16le(at: number): number {
    return this.bytes.readUInt16LE(at - this.start);
  }

  uint32le(at: number): number {
    return this.bytes.readUInt32LE(at - this.start);
  }

  ascii(at: number, length: number): string {
    return this.bytes.toString('latin1', at - this.start, at - this.start + length);
  }

  /** The bytes as they lie in the window: to be used before the next `load`. */
  view(at: number, length: number): Buffer {
    return this.bytes.subarray(at - this.start, at - this.start + length);
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}
