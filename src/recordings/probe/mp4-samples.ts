import { damaged } from '../recording-errors';
import type { FileBytes } from './file-bytes';
import { refusalIfTooLong } from './measured-audio';
import { type Box, findBox, TableReader } from './mp4-boxes';
import type { SoundTrack } from './mp4-track';

/** Where the bytes of samples may lie: the contents of all `mdat`, in order. */
export class MediaData {
  private readonly ranges: readonly Box[];
  private readonly totalBytes: number;
  private usedBytes = 0;
  private near = 0;

  constructor(boxes: readonly Box[]) {
    this.ranges = boxes.filter(({ type }) => type === 'mdat');
    this.totalBytes = this.ranges.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  /** For another track, whose samples have a count of their own. */
  startOver(): void {
    this.usedBytes = 0;
    this.near = 0;
  }

  /** Samples lie in the media data, and no more of them than there are bytes: the same bytes cannot be many samples. */
  claim(at: number, length: number): void {
    this.usedBytes += length;
    if (!this.holds(at, length) || this.usedBytes > this.totalBytes) {
      throw damaged('MP4', 'its tables speak of samples that are not there, as in a recording that was cut');
    }
  }

  private holds(at: number, length: number): boolean {
    const fits = (range: Box | undefined): boolean =>
      range !== undefined && at >= range.start && at + length <= range.end;
    if (fits(this.ranges[this.near])) return true;
    let low = 0;
    let high = this.ranges.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.ranges[middle]!.start <= at) low = middle;
      else high = middle - 1;
    }
    this.near = low;
    return fits(this.ranges[low]);
  }
}

/** Counts the samples of one track, whichever tables name them. */
export class SampleCount {
  /** Samples of sound, of one channel. */
  decoded = 0;
  /** Length by the tables of times, in the track's time scale. */
  claimed = 0;
  /** Of the sample that gave most. */
  private largest = 1;
  private readonly content: FileBytes;

  constructor(
    file: FileBytes,
    readonly track: SoundTrack,
    private readonly data: MediaData,
  ) {
    this.content = file.another();
  }

  get claimedMs(): number {
    return Math.ceil((this.claimed * 1_000) / this.track.timescale);
  }

  /** One coded sample. */
  async add(at: number, length: number): Promise<void> {
    const { counter } = this.track;
    this.data.claim(at, length);
    const needed = Math.min(counter.bytesNeeded, length);
    let opening: Uint8Array = NOTHING;
    if (needed > 0) {
      if (!this.content.has(at, needed)) await this.content.load(at, needed);
      opening = this.content.view(at, needed);
    }
    const samples = length === 0 ? null : counter.samplesOf(opening, length);
    if (samples === null) throw damaged('MP4', `a sample is not ${counter.codec}`);
    this.decoded += samples;
    this.largest = Math.max(this.largest, samples);
    this.mustNotBeTooLong();
  }

  /**
   * Samples that are to be heard: the tables of times may cut off what the encoder had to put before the first and behind
   * the last, which is less than two of its frames.
   */
  get heard(): number {
    const { counter, timescale } = this.track;
    const timed = Math.ceil((this.claimed * counter.sampleRate) / timescale);
    return timed < this.decoded && timed >= this.decoded - FRAMES_CUT_MAX * this.largest ? timed : this.decoded;
  }

  /** A run of samples that are stored as they are. */
  addPlain(at: number, count: number): void {
    this.data.claim(at, count * this.track.plainBytes!);
    this.decoded += count;
    this.mustNotBeTooLong();
  }

  private mustNotBeTooLong(): void {
    const refusal = refusalIfTooLong(this.decoded, this.track.counter.sampleRate);
    if (refusal) throw refusal;
  }
}

const NOTHING = new Uint8Array(0);
const FRAMES_CUT_MAX = 2;
const SAMPLES_OF_A_TURN = 4_096;

/** The samples that the tables of `moov` name: ISO/IEC 14496-12 sections 8.6 and 8.7. */
export async function countTable(file: FileBytes, count: SampleCount): Promise<void> {
  const { track } = count;
  const times = await table(file, track.table, 'stts');
  let timed = 0;
  for (let left = times.count; left > 0; left--) {
    const samples = await times.reader.uint32();
    count.claimed += samples * (await times.reader.uint32());
    timed += samples;
  }
  const sizes = await readSizes(file, track);
  if (timed !== sizes.count) throw damaged('MP4', 'its tables of times and sizes do not agree');
  if (sizes.count === 0) return;

  const wide = await findBox(file, track.table, 'co64');
  const chunks = await table(file, track.table, wide ? 'co64' : 'stco');
  const runs = await table(file, track.table, 'stsc');
  let runsLeft = runs.count;
  const nextRun = async (): Promise<number> => {
    runsLeft--;
    return runs.reader.uint32();
  };
  let nextStart = runsLeft > 0 ? await nextRun() : 0;
  if (nextStart !== 1) throw damaged('MP4', 'its table of chunks does not begin with the first');
  let perChunk = 0;
  let counted = 0;
  for (let chunk = 1; chunk <= chunks.count && counted < sizes.count; chunk++) {
    if (chunk === nextStart) {
      perChunk = await runs.reader.uint32();
      await runs.reader.uint32();
      nextStart = runsLeft > 0 ? await nextRun() : 0;
      if (nextStart !== 0 && nextStart <= chunk) throw damaged('MP4', 'its table of chunks is not in order');
    }
    const offset = wide ? await chunks.reader.uint64() : await chunks.reader.uint32();
    const samples = Math.min(perChunk, sizes.count - counted);
    if (track.plainBytes !== null) {
      count.addPlain(offset, samples);
    } else {
      let at = offset;
      for (let index = 0; index < samples; index++) {
        const size = await sizes.next();
        await count.add(at, size);
        at += size;
        // Where all is in memory already, nothing else would let others have their turn.
        if ((counted + index) % SAMPLES_OF_A_TURN === 0) await new Promise(setImmediate);
      }
    }
    counted += samples;
  }
  if (counted !== sizes.count) throw damaged('MP4', 'its tables of chunks and sizes do not agree');
}

/** A table of a version, flags and a number of entries. */
async function table(file: FileBytes, within: Box, type: string): Promise<{ count: number; reader: TableReader }> {
  const box = await findBox(file, within, type);
  if (!box || !(await file.load(box.start, 8))) throw damaged('MP4', `its table "${type}" is missing`);
  return { count: file.uint32(box.start + 4), reader: TableReader.over(file, box.start + 8, box.end) };
}

async function readSizes(file: FileBytes, track: SoundTrack): Promise<{ count: number; next: () => Promise<number> }> {
  const box = await findBox(file, track.table, 'stsz');
  if (!box || !(await file.load(box.start, 12))) throw damaged('MP4', 'its table of sizes is missing');
  const size = file.uint32(box.start + 4);
  const count = file.uint32(box.start + 8);
  const reader = TableReader.over(file, box.start + 12, box.end);
  return { count, next: size === 0 ? () => reader.uint32() : async () => size };
}
