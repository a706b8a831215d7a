import { damaged, silentFile, truncated } from '../recording-errors';
import { type Element, elementsIn, readElement, readFloat, readNumber, readUnsigned } from './ebml';
import type { FileBytes } from './file-bytes';
import { type MeasuredAudio, refusalIfTooLong } from './measured-audio';
import { type WebmTrack, webmTracks } from './webm-track';

// RFC 9559 section 5.1.
const EBML = 0x1a45dfa3;
const SEGMENT = 0x18538067;
const INFO = 0x1549a966;
const TIMESTAMP_SCALE = 0x2ad7b1;
const DURATION = 0x4489;
const TRACKS = 0x1654ae6b;
const CLUSTER = 0x1f43b675;
const CLUSTER_TIMESTAMP = 0xe7;
const SIMPLE_BLOCK = 0xa3;
const BLOCK_GROUP = 0xa0;
const BLOCK = 0xa1;
const DISCARD_PADDING = 0x75a2;
/** What may stand beside a cluster, and so ends one of unknown size. */
const BESIDE_CLUSTERS: ReadonlySet<number> = new Set([
  CLUSTER,
  INFO,
  TRACKS,
  0x114d9b74, // SeekHead
  0x1c53bb6b, // Cues
  0x1043a770, // Chapters
  0x1254c367, // Tags
  0x1941a469, // Attachments
]);
const FRAMES_OF_A_BLOCK_MAX = 256;
/** More than any encoder needs before the first sound: beyond it a delay is not believed. */
const DELAY_NS_MAX = 120_000_000;
const NS_PER_SECOND = 1_000_000_000;

/** One track's count. */
class TrackCount {
  samples = 0;
  /** Of the last block, in the segment's ticks. */
  lastTimestamp = 0;
  /** Of the last block: all that padding can cut off. */
  private lastBlock = 0;
  private padding = 0;

  constructor(readonly track: WebmTrack) {}

  beginBlock(timestamp: number): void {
    this.lastTimestamp = Math.max(this.lastTimestamp, timestamp);
    this.lastBlock = 0;
    this.padding = 0;
  }

  add(samples: number): void {
    this.samples += samples;
    this.lastBlock += samples;
  }

  /** The end of the last block that is not to be heard. */
  discard(nanoseconds: number): void {
    this.padding = Math.min(this.lastBlock, this.samplesOf(nanoseconds));
  }

  /** Without what a decoder drops at the start and at the end. */
  get heard(): number {
    const { delayNs } = this.track;
    const dropped = this.padding + (delayNs <= DELAY_NS_MAX ? this.samplesOf(delayNs) : 0);
    return Math.max(0, this.samples - dropped);
  }

  private samplesOf(nanoseconds: number): number {
    return Math.floor((nanoseconds * this.track.counter.sampleRate) / NS_PER_SECOND);
  }
}

/**
 * WebM and Matroska: the frames of the blocks of each track of sound, whatever the header says of the length. Live
 * recordings, whose segment and clusters have no size, are read to their end. Of several tracks the longest counts.
 */
export async function probeWebm(file: FileBytes): Promise<MeasuredAudio> {
  const header = await readElement(file, 0, file.size);
  if (header.id !== EBML || header.unknownSize) throw damaged('WEBM', 'it does not begin with a header');
  const segment = await readElement(file, header.end, file.size);
  if (segment.id !== SEGMENT) throw damaged('WEBM', 'it has no segment');
  const reader = new SegmentReader(file);
  for (let at = segment.start; at < segment.end; ) at = await reader.readTopLevel(at, segment.end);
  return reader.measured();
}

class SegmentReader {
  private counts: TrackCount[] | null = null;
  /** Nanoseconds of a tick, and ticks of the whole as the header claims. */
  private scale = 1_000_000;
  private claimedTicks = 0;
  private clusterTimestamp = 0;

  constructor(private readonly file: FileBytes) {}

  /** Reads the element at `at` and returns where the next one begins. */
  async readTopLevel(at: number, end: number): Promise<number> {
    const element = await readElement(this.file, at, end);
    if (element.id === CLUSTER) return this.readCluster(element);
    if (element.unknownSize) throw damaged('WEBM', 'an element has no size');
    if (element.id === INFO) await this.readInfo(element);
    if (element.id === TRACKS && this.counts === null) {
      this.counts = (await webmTracks(this.file, element)).map((track) => new TrackCount(track));
    }
    return element.end;
  }

  measured(): MeasuredAudio {
    if (this.counts === null) throw truncated('WEBM', 'header');
    const measures = this.counts.map(({ heard, lastTimestamp, track }) => ({
      samples: heard,
      sampleRate: track.counter.sampleRate,
      claimedMs: Math.ceil((Math.max(lastTimestamp, this.claimedTicks) * this.scale) / 1_000_000),
    }));
    measures.sort((one, other) => other.samples / other.sampleRate - one.samples / one.sampleRate);
    if (!measures[0]) throw silentFile('WEBM');
    return measures[0];
  }

  private async readInfo(info: Element): Promise<void> {
    for await (const element of elementsIn(this.file, info.start, info.end)) {
      if (element.id === TIMESTAMP_SCALE) this.scale = await readUnsigned(this.file, element);
      if (element.id === DURATION) this.claimedTicks = await readFloat(this.file, element);
    }
    if (this.scale === 0 || !Number.isFinite(this.claimedTicks)) throw damaged('WEBM', 'its times are impossible');
  }

  private async readCluster(cluster: Element): Promise<number> {
    if (this.counts === null) throw damaged('WEBM', 'its blocks come before its tracks');
    for (let at = cluster.start; at < cluster.end; ) {
      const element = await readElement(this.file, at, cluster.end);
      if (cluster.unknownSize && BESIDE_CLUSTERS.has(element.id)) return at;
      if (element.unknownSize) throw damaged('WEBM', 'an element has no size');
      if (element.id === CLUSTER_TIMESTAMP) this.clusterTimestamp = await readUnsigned(this.file, element);
      else if (element.id === SIMPLE_BLOCK) await this.readBlock(element);
      else if (element.id === BLOCK_GROUP) await this.readGroup(element);
      at = element.end;
    }
    return cluster.end;
  }

  private async readGroup(group: Element): Promise<void> {
    let counted: TrackCount | null = null;
    for await (const element of elementsIn(this.file, group.start, group.end)) {
      if (element.id === BLOCK) counted = await this.readBlock(element);
      if (element.id === DISCARD_PADDING) {
        const nanoseconds = await readUnsigned(this.file, element);
        // Signed; a negative one cuts off the beginning of the first block, which the delay does too.
        if (nanoseconds < 2 ** (8 * (element.end - element.start) - 1)) counted?.discard(nanoseconds);
      }
    }
  }

  /** RFC 9559 section 10: track, timestamp, flags, and one frame or several that are laced. null: of no track of sound. */
  private async readBlock(block: Element): Promise<TrackCount | null> {
    const { file } = this;
    const look = Math.min(12, block.end - block.start);
    if (look < 4 || !(file.has(block.start, look) || (await file.load(block.start, look))))
      throw damaged('WEBM', 'a block is too short');
    const numberLength = Math.clz32(file.uint8(block.start)) - 23;
    const at = block.start + numberLength;
    if (numberLength > 8 || at + 3 > block.end) throw damaged('WEBM', 'a block is too short');
    const number = readNumber(file, block.start, numberLength).value;
    const count = this.counts!.find(({ track }) => track.number === number);
    if (!count) return null;
    const timestamp = this.clusterTimestamp + ((file.uint16(at) << 16) >> 16);
    const lacing = (file.uint8(at + 2) >> 1) & 3;
    count.beginBlock(timestamp);
    for (const frame of await this.framesOf({ ...block, start: at + 3 }, lacing)) {
      await this.countFrame(count, frame.start, frame.length);
    }
    return count;
  }

  private async countFrame(count: TrackCount, at: number, length: number): Promise<void> {
    const { counter } = count.track;
    const needed = Math.min(counter.bytesNeeded, length);
    if (length === 0 || !(this.file.has(at, needed) || (await this.file.load(at, needed))))
      throw damaged('WEBM', 'a block is empty');
    const samples = counter.samplesOf(this.file.view(at, needed), length);
    if (samples === null) throw damaged('WEBM', `a block is not ${counter.codec}`);
    count.add(samples);
    const refusal = refusalIfTooLong(count.samples, counter.sampleRate);
    if (refusal) throw refusal;
  }

  /** @param lacing 0: one frame; 1: Xiph; 2: equal lengths; 3: EBML */
  private async framesOf(body: Element, lacing: number): Promise<readonly { start: number; length: number }[]> {
    const { file } = this;
    if (lacing === 0) return [{ start: body.start, length: body.end - body.start }];
    const look = Math.min(4_096, body.end - body.start);
    if (look < 1 || !(await file.load(body.start, look))) throw badLacing();
    const frames = file.uint8(body.start) + 1;
    let at = body.start + 1;
    const lengths: number[] = [];
    if (lacing === 2) {
      const length = (body.end - at) / frames;
      if (!Number.isInteger(length)) throw badLacing();
      lengths.push(...new Array<number>(frames - 1).fill(length));
    }
    const inLook = (bytes: number): void => {
      if (at + bytes > body.start + look) throw badLacing();
    };
    while (lacing === 1 && lengths.length < frames - 1) {
      let length = 0;
      let byte = 255;
      while (byte === 255) {
        inLook(1);
        byte = file.uint8(at++);
        length += byte;
      }
      lengths.push(length);
    }
    while (lacing === 3 && lengths.length < frames - 1) {
      inLook(1);
      const size = Math.clz32(file.uint8(at)) - 23;
      if (size > 8) throw badLacing();
      inLook(size);
      const { value } = readNumber(file, at, size);
      at += size;
      // After the first, differences: signed by half of the range (section 10.3.3).
      lengths.push(lengths.length === 0 ? value : lengths[lengths.length - 1]! + value - (2 ** (7 * size - 1) - 1));
    }
    const known = lengths.reduce((sum, length) => sum + length, 0);
    const last = body.end - at - known;
    if (frames > FRAMES_OF_A_BLOCK_MAX || last < 0 || lengths.some((length) => length < 0)) throw badLacing();
    return [...lengths, last].map((length) => {
      const start = at;
      at += length;
      return { start, length };
    });
  }
}

const badLacing = () => damaged('WEBM', 'a block is laced impossibly');
