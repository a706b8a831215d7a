import { isId3v2, tagLength } from '../../../providers/audio/mp3-tags';
import { nameOfFormat, sniffFormat } from '../../../providers/audio/sniff-format';
import type { RecordingFormat } from '../../../providers/contract/stt';
import { empty, notAudio, truncated } from '../recording-errors';
import { FileBytes } from './file-bytes';
import { durationOf, type MeasuredAudio } from './measured-audio';
import { adifRefusal, probeAdts } from './probe-adts';
import { probeFlac, probeMp3 } from './probe-frames';
import { probeMp4 } from './probe-mp4';
import { probeOgg } from './probe-ogg';
import { probeWav } from './probe-wav';
import { probeWebm } from './probe-webm';

/** What the bytes of a recording are, whatever anybody says of them. */
export interface ProbedRecording {
  readonly format: RecordingFormat;
  /** Whole milliseconds, rounded up; at least 1. */
  readonly durationMs: number;
}

const SNIFFED_BYTES = 4_096;
const TAGS_MAX = 8;

/**
 * Finds the container and counts the length out of the bytes themselves: what a header claims is compared, never
 * believed. The file is read once from end to end, through a window.
 * @throws AppError BAD_USER_INPUT, UNSUPPORTED or PAYLOAD_TOO_LARGE, with what to do
 */
export async function probeRecording(path: string): Promise<ProbedRecording> {
  const file = await FileBytes.open(path);
  try {
    if (file.size === 0) throw empty();
    const from = await afterTags(file);
    const format = await formatAt(file, from);
    return { format, durationMs: durationOf(format, await measure(file, format, from)) };
  } finally {
    await file.close();
  }
}

/** ID3v2 tags stand before MP3 and AAC alike. */
async function afterTags(file: FileBytes): Promise<number> {
  let at = 0;
  for (let tags = 0; tags < TAGS_MAX; tags++) {
    const length = Math.min(32, file.size - at);
    if (length < 10 || !(await file.load(at, length)) || !isId3v2(file.view(at, length), 0)) return at;
    at += tagLength(file.view(at, length), 0);
    if (at >= file.size) throw truncated('MP3', 'tag');
  }
  return at;
}

async function formatAt(file: FileBytes, from: number): Promise<RecordingFormat> {
  const length = Math.min(SNIFFED_BYTES, file.size - from);
  await file.load(from, length);
  const bytes = file.view(from, length);
  const found = sniffFormat(bytes);
  switch (found) {
    case 'WAV':
    case 'MP3':
    case 'FLAC':
    case 'MP4':
    case 'WEBM':
      return found;
    case 'OGG':
    case 'OGG_OPUS':
      return 'OGG';
    case 'AAC':
      if (bytes[0] === 0x41) throw adifRefusal();
      return found;
    default:
      if (isQuickTime(bytes)) return 'MP4';
      throw notAudio(nameOfFormat(found));
  }
}

/** QuickTime of before MP4 begins without `ftyp`. */
const isQuickTime = (bytes: Buffer): boolean =>
  ['moov', 'mdat', 'wide', 'free', 'skip'].includes(bytes.toString('latin1', 4, 8));

function measure(file: FileBytes, format: RecordingFormat, from: number): Promise<MeasuredAudio> {
  switch (format) {
    case 'WAV':
      return probeWav(file);
    case 'MP3':
      return probeMp3(file, from);
    case 'OGG':
      return probeOgg(file);
    case 'FLAC':
      return probeFlac(file);
    case 'MP4':
      return probeMp4(file);
    case 'WEBM':
      return probeWebm(file);
    case 'AAC':
      return probeAdts(file, from);
  }
}
