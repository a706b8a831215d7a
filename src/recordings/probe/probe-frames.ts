import { AudioFormatError } from '../../../providers/audio/audio-format-error';
import { createAssembler } from '../../../providers/audio/create-assembler';
import { FLAC_STREAMINFO_BYTES, parseStreamInfo } from '../../../providers/audio/flac-frame';
import { isMp3IndexFrame, MP3_HEADER_BYTES, parseMp3Header } from '../../../providers/audio/mp3-frame';
import type { AppError } from '../../lib/errors';
import { claimsMore, damaged, notAudio, silentFile, truncated } from '../recording-errors';
import type { FileBytes } from './file-bytes';
import { type MeasuredAudio, refusalIfTooLong } from './measured-audio';

const PIECE_BYTES = 65_536;
/** An encoder may count its padding or not; a file that has so much less than its index says was cut. */
const INDEX_TOLERANCE = 0.98;
const INDEX_SLACK_MS = 300;
/** What an encoder puts around the sound is no more than so many frames. */
const FRAMES_CUT_MAX = 3;

/** MP3 by its frames. An index that promises more of them than there are tells of a cut. */
export async function probeMp3(file: FileBytes, from: number): Promise<MeasuredAudio> {
  const index = await readIndex(file, from);
  const durationMs = await assemble(file, from, 'MP3');
  if (!index) return { samples: durationMs, sampleRate: 1_000, claimedMs: null };
  const { sampleRate, samplesOfAFrame, frames, cut } = index;
  const promisedMs = frames === null ? 0 : Math.ceil((frames * samplesOfAFrame * 1_000) / sampleRate);
  if (durationMs + INDEX_SLACK_MS < promisedMs * INDEX_TOLERANCE) throw claimsMore('MP3', promisedMs, durationMs);
  // A frame is many milliseconds, so the rounded length still tells how many there were.
  const counted = Math.floor((durationMs * sampleRate) / 1_000 / samplesOfAFrame) * samplesOfAFrame;
  return { samples: counted - (cut <= FRAMES_CUT_MAX * samplesOfAFrame ? cut : 0), sampleRate, claimedMs: null };
}

/** FLAC by its frames, each with its checksum. A header that promises more samples than there are tells of a cut. */
export async function probeFlac(file: FileBytes): Promise<MeasuredAudio> {
  if (!(await file.load(0, 8 + FLAC_STREAMINFO_BYTES))) throw truncated('FLAC', 'header');
  // 36 bits of the number of samples; 0: unknown (RFC 9639 section 8.2).
  const promised = (file.uint8(21) & 15) * 0x1_0000_0000 + file.uint32(22);
  const { sampleRate } = parseStreamInfo(file.view(8, FLAC_STREAMINFO_BYTES), 0);
  const durationMs = await assemble(file, 0, 'FLAC');
  const promisedMs = Math.ceil((promised * 1_000) / sampleRate);
  if (durationMs < promisedMs) throw claimsMore('FLAC', promisedMs, durationMs);
  return { samples: durationMs, sampleRate: 1_000, claimedMs: null };
}

/** Milliseconds by the parser that also checks what providers answer; what it puts together is let go at once. */
async function assemble(file: FileBytes, from: number, format: 'MP3' | 'FLAC'): Promise<number> {
  const assembler = createAssembler({ format, sampleRate: 48_000, channels: 1 });
  try {
    for (let at = from; at < file.size; at += PIECE_BYTES) {
      const length = Math.min(PIECE_BYTES, file.size - at);
      if (!(await file.load(at, length))) throw truncated(format, 'frame');
      assembler.push(file.view(at, length));
      const refusal = refusalIfTooLong(assembler.durationSoFarMs(), 1_000);
      if (refusal) throw refusal;
    }
    return assembler.finish().durationMs;
  } catch (error) {
    throw error instanceof AudioFormatError ? refusalOf(error, format) : error;
  }
}

function refusalOf(error: AudioFormatError, format: 'MP3' | 'FLAC'): AppError {
  switch (error.fault) {
    case 'TRUNCATED':
      return truncated(format, 'frame');
    case 'NO_AUDIO':
    case 'EMPTY':
      return silentFile(format);
    case 'WRONG_FORMAT':
      return notAudio('something else than its first bytes say');
    default:
      return damaged(format, 'its frames do not follow each other as they should');
  }
}

/** What the index frame of an encoder says: http://gabriel.mp3-tech.org/mp3infotag.html */
interface Mp3Index {
  readonly sampleRate: number;
  readonly samplesOfAFrame: number;
  /** null: it does not say. */
  readonly frames: number | null;
  /** Samples before and behind the sound that players drop. */
  readonly cut: number;
}

/** A Xing or Info index; null without one. */
async function readIndex(file: FileBytes, from: number): Promise<Mp3Index | null> {
  const length = Math.min(2_048, file.size - from);
  if (length < MP3_HEADER_BYTES || !(await file.load(from, length))) return null;
  const bytes = file.view(from, length);
  const header = parseMp3Header(bytes, 0);
  if (!header || header.length > bytes.length || !isMp3IndexFrame(bytes, 0, header, true)) return null;
  const mark = Math.max(bytes.indexOf('Xing'), bytes.indexOf('Info'));
  if (mark < 0 || mark + 8 > header.length) return null;
  const flags = bytes[mark + 7]!;
  let at = mark + 8;
  const frames = (flags & 1) !== 0 && at + 4 <= header.length ? bytes.readUInt32BE(at) : null;
  // Frames, bytes, a table of a hundred places, quality: each is there where its bit is set.
  for (const [bit, size] of [
    [1, 4],
    [2, 4],
    [4, 100],
    [8, 4],
  ] as const)
    if ((flags & bit) !== 0) at += size;
  const delays = at + 21;
  const cut =
    delays + 3 <= header.length ? (bytes.readUIntBE(delays, 3) >> 12) + (bytes.readUIntBE(delays, 3) & 0xfff) : 0;
  return { sampleRate: header.sampleRate, samplesOfAFrame: header.samples, frames, cut };
}
