import { damaged, truncated } from '../recording-errors';
import type { FileBytes } from './file-bytes';

/** A box of ISO/IEC 14496-12 section 4.2: where its contents lie. */
export interface Box {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  /** Bytes before its contents. */
  readonly headerBytes: number;
}

const BOXES_MAX = 200_000;

/** The boxes from `start` to `end`, in order. @throws AppError when one reaches beyond. */
export async function* boxesIn(file: FileBytes, start: number, end: number): AsyncGenerator<Box, void, void> {
  let count = 0;
  for (let at = start; at < end; ) {
    if (++count > BOXES_MAX) throw damaged('MP4', 'it has too many boxes');
    // A few bytes that are no box stand at the end of some containers.
    if (end - at < 8) return;
    if (!(await file.load(at, Math.min(16, end - at)))) throw truncated('MP4', 'box');
    const short = file.uint32(at);
    const type = file.ascii(at + 4, 4);
    if (short === 1 && end - at < 16) throw truncated('MP4', 'box');
    const size = short === 1 ? file.uint64(at + 8) : short === 0 ? end - at : short;
    const header = short === 1 ? 16 : 8;
    if (size < header) throw damaged('MP4', 'a box has an impossible size');
    if (at + size > end) throw truncated('MP4', 'box');
    yield { type, start: at + header, end: at + size, headerBytes: header };
    at += size;
  }
}

/** The first box at the end of a path of names; null when it is not there. */
export async function findBox(file: FileBytes, within: Box, ...path: string[]): Promise<Box | null> {
  let current = within;
  for (const type of path) {
    let found: Box | null = null;
    for await (const box of boxesIn(file, current.start, current.end)) {
      if (box.type !== type) continue;
      found = box;
      break;
    }
    if (!found) return null;
    current = found;
  }
  return current;
}

/** Reads a table of 32-bit entries one after the other, through a window of its own. */
export class TableReader {
  private constructor(
    private readonly file: FileBytes,
    private at: number,
    private readonly end: number,
  ) {}

  /** @param at where the first entry lies */
  static over(file: FileBytes, at: number, end: number): TableReader {
    return new TableReader(file.another(), at, end);
  }

  get hasMore(): boolean {
    return this.at + 4 <= this.end;
  }

  async uint32(): Promise<number> {
    await this.take(4);
    return this.file.uint32(this.at - 4);
  }

  async uint64(): Promise<number> {
    await this.take(8);
    return this.file.uint64(this.at - 8);
  }

  private async take(length: number): Promise<void> {
    if (this.at + length > this.end) throw damaged('MP4', 'a table of samples is shorter than it says');
    if (!this.file.has(this.at, length) && !(await this.file.load(this.at, length)))
      throw truncated('MP4', 'table of samples');
    this.at += length;
  }
}
