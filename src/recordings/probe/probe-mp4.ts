import { damaged, silentFile } from '../recording-errors';
import type { FileBytes } from './file-bytes';
import type { MeasuredAudio } from './measured-audio';
import { type Box, boxesIn } from './mp4-boxes';
import { countFragment, fragmentDefaults } from './mp4-fragments';
import { countTable, MediaData, SampleCount } from './mp4-samples';
import { soundTracks } from './mp4-track';

/**
 * MP4, M4A, QuickTime, whole or in fragments: the samples that the tables name, each of which must lie in the media data,
 * and what each of them decodes to. Of several tracks of sound the longest counts.
 */
export async function probeMp4(file: FileBytes): Promise<MeasuredAudio> {
  const boxes: Box[] = [];
  for await (const box of boxesIn(file, 0, file.size)) {
    if (box.type === 'moov' || box.type === 'moof' || box.type === 'mdat') boxes.push(box);
  }
  const movie = boxes.find(({ type }) => type === 'moov');
  if (!movie) throw damaged('MP4', 'its index is missing, as in a recording that was cut before its end');
  const data = new MediaData(boxes);
  const defaults = await fragmentDefaults(file, movie);
  let longest: MeasuredAudio | null = null;
  for (const track of await soundTracks(file, movie)) {
    data.startOver();
    const count = new SampleCount(file, track, data);
    await countTable(file, count);
    for (const box of boxes) {
      if (box.type === 'moof') await countFragment(file, box, defaults, count);
    }
    const { sampleRate } = track.counter;
    if (!longest || count.heard / sampleRate > longest.samples / longest.sampleRate) {
      longest = { samples: count.heard, sampleRate, claimedMs: count.claimedMs };
    }
  }
  if (!longest) throw silentFile('MP4');
  return longest;
}
