import { tagLength } from '../../../providers/audio/mp3-tags';
import { damaged, truncated, unsupportedAudio } from '../recording-errors';
import { aacRate } from './audio-packets';
import type { FileBytes } from './file-bytes';
import { type MeasuredAudio, refusalIfTooLong } from './measured-audio';

// ADTS: ISO/IEC 13818-7 section 6.2.
const HEADER_BYTES = 7;
const BLOCK_SAMPLES = 1_024;

/** AAC in ADTS: its frames, each of which says how long it is and how many blocks it has. */
export async function probeAdts(file: FileBytes, from: number): Promise<MeasuredAudio> {
  let sampleRate = 0;
  let samples = 0;
  for (let at = from; at < file.size; ) {
    if (!file.has(at, HEADER_BYTES) && !(await file.load(at, HEADER_BYTES))) throw truncated('AAC', 'frame');
    if (file.uint8(at) !== 0xff || (file.uint8(at + 1) & 0xf6) !== 0xf0) {
      if (file.size - at === tagLength(await rest(file, at), 0)) break;
      throw damaged('AAC', 'it holds bytes that are no frame');
    }
    const rate = aacRate((file.uint8(at + 2) >> 2) & 15);
    const length = ((file.uint8(at + 3) & 3) << 11) | (file.uint8(at + 4) << 3) | (file.uint8(at + 5) >> 5);
    if (rate === undefined || length < HEADER_BYTES) throw damaged('AAC', 'a frame has an impossible header');
    if (sampleRate !== 0 && rate !== sampleRate) throw damaged('AAC', 'its frames have different sample rates');
    if (at + length > file.size) throw truncated('AAC', 'frame');
    sampleRate = rate;
    samples += ((file.uint8(at + 6) & 3) + 1) * BLOCK_SAMPLES;
    at += length;
    const refusal = refusalIfTooLong(samples, sampleRate);
    if (refusal) throw refusal;
  }
  return { samples, sampleRate: sampleRate || 1, claimedMs: null };
}

export const adifRefusal = () => unsupportedAudio('This AAC file is in the form ADIF.', ['ADTS', 'MP4']);

async function rest(file: FileBytes, at: number): Promise<Uint8Array> {
  const length = Math.min(32, file.size - at);
  return (await file.load(at, length)) ? file.view(at, length) : new Uint8Array(0);
}
