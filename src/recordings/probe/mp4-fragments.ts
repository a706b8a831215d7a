import { damaged } from '../recording-errors';
import type { FileBytes } from './file-bytes';
import { type Box, boxesIn, findBox, TableReader } from './mp4-boxes';
import type { SampleCount } from './mp4-samples';

// Movie fragments: ISO/IEC 14496-12 section 8.8.
const BASE_OFFSET = 0x01;
const DESCRIPTION = 0x02;
const DEFAULT_DURATION = 0x08;
const DEFAULT_SIZE = 0x10;
const RUN_OFFSET = 0x01;
const RUN_FIRST_FLAGS = 0x04;
const RUN_DURATION = 0x100;
const RUN_SIZE = 0x200;
const RUN_FLAGS = 0x400;
const RUN_COMPOSITION = 0x800;
/** What a run says of each sample. */
const RUN_FIELDS = RUN_DURATION | RUN_SIZE | RUN_FLAGS | RUN_COMPOSITION;

interface Defaults {
  readonly duration: number;
  readonly size: number;
}

/** What `moov` says of the samples of fragments that do not say it themselves, by track. */
export async function fragmentDefaults(file: FileBytes, movie: Box): Promise<ReadonlyMap<number, Defaults>> {
  const defaults = new Map<number, Defaults>();
  const extension = await findBox(file, movie, 'mvex');
  if (!extension) return defaults;
  for await (const box of boxesIn(file, extension.start, extension.end)) {
    if (box.type !== 'trex' || !(await file.load(box.start, 24))) continue;
    defaults.set(file.uint32(box.start + 4), {
      duration: file.uint32(box.start + 12),
      size: file.uint32(box.start + 16),
    });
  }
  return defaults;
}

/** The samples of the counted track in one `moof`. */
export async function countFragment(
  file: FileBytes,
  fragment: Box,
  defaults: ReadonlyMap<number, Defaults>,
  count: SampleCount,
): Promise<void> {
  for await (const part of boxesIn(file, fragment.start, fragment.end)) {
    if (part.type !== 'traf') continue;
    const header = await findBox(file, part, 'tfhd');
    if (!header || !(await file.load(header.start, 8))) throw damaged('MP4', 'a fragment has no header');
    const flags = file.uint24(header.start + 1);
    const id = file.uint32(header.start + 4);
    if (id !== count.track.id) continue;
    const fields = TableReader.over(file, header.start + 8, header.end);
    const base = (flags & BASE_OFFSET) !== 0 ? await fields.uint64() : fragment.start - fragment.headerBytes;
    if ((flags & DESCRIPTION) !== 0) await fields.uint32();
    const known = defaults.get(id) ?? { duration: 0, size: 0 };
    const duration = (flags & DEFAULT_DURATION) !== 0 ? await fields.uint32() : known.duration;
    const size = (flags & DEFAULT_SIZE) !== 0 ? await fields.uint32() : known.size;
    let at = base;
    for await (const run of boxesIn(file, part.start, part.end)) {
      if (run.type === 'trun') at = await countRun(file, run, { base, at, duration, size }, count);
    }
  }
}

/** Returns where its last sample ends: a run that does not say where it begins goes on from there. */
async function countRun(
  file: FileBytes,
  run: Box,
  from: { readonly base: number; readonly at: number; readonly duration: number; readonly size: number },
  count: SampleCount,
): Promise<number> {
  if (!(await file.load(run.start, 8))) throw damaged('MP4', 'a fragment has an impossible run');
  const flags = file.uint24(run.start + 1);
  const samples = file.uint32(run.start + 4);
  const fields = TableReader.over(file, run.start + 8, run.end);
  let at = (flags & RUN_OFFSET) !== 0 ? from.base + ((await fields.uint32()) | 0) : from.at;
  if ((flags & RUN_FIRST_FLAGS) !== 0) await fields.uint32();
  const { plainBytes } = count.track;
  if (plainBytes !== null && (flags & RUN_FIELDS) === 0) {
    count.claimed += from.duration * samples;
    count.addPlain(at, samples);
    return at + plainBytes * samples;
  }
  for (let index = 0; index < samples; index++) {
    count.claimed += (flags & RUN_DURATION) !== 0 ? await fields.uint32() : from.duration;
    const size = (flags & RUN_SIZE) !== 0 ? await fields.uint32() : from.size;
    if ((flags & RUN_FLAGS) !== 0) await fields.uint32();
    if ((flags & RUN_COMPOSITION) !== 0) await fields.uint32();
    if (plainBytes === null) await count.add(at, size);
    else count.addPlain(at, 1);
    at += plainBytes ?? size;
  }
  return at;
}
