import { RECORDING_FORMATS, type RecordingFormat } from '../../providers/contract/stt';
import { AppError, badInput } from '../lib/errors';
import { RECORDING_SECONDS_MAX } from './limits';

/** The input that a refusal of a recording names. */
export const AUDIO_FIELD = 'audio';

const NAMES: Readonly<Record<RecordingFormat, string>> = {
  WAV: 'WAV',
  MP3: 'MP3',
  OGG: 'Ogg',
  FLAC: 'FLAC',
  MP4: 'MP4',
  WEBM: 'WebM',
  AAC: 'AAC',
};

export const empty = (): AppError => badInput(AUDIO_FIELD, 'The audio is empty; send a recording that holds sound.');

export const silentFile = (format: RecordingFormat): AppError =>
  badInput(
    AUDIO_FIELD,
    `The ${NAMES[format]} file is well formed but holds no audio; send a recording that holds sound.`,
  );

export const notAudio = (found: string): AppError =>
  badInput(AUDIO_FIELD, `What was sent is ${found}, not audio; send one of ${RECORDING_FORMATS.join(', ')}.`);

/** @param inside the structure that was cut, as "frame" */
export const truncated = (format: RecordingFormat, inside: string): AppError =>
  badInput(AUDIO_FIELD, `The ${NAMES[format]} file is cut: it ends inside a ${inside}. Send the whole recording.`);

/** The bytes that are there cannot hold what a header promises. */
export const claimsMore = (format: RecordingFormat, claimedMs: number, heldMs: number): AppError =>
  badInput(
    AUDIO_FIELD,
    `The ${NAMES[format]} file says that it is ${seconds(claimedMs)} long and holds ${seconds(heldMs)}. Send the whole recording.`,
  );

/** @param what a clause, as "its data comes before its format" */
export const damaged = (format: RecordingFormat, what: string): AppError =>
  badInput(AUDIO_FIELD, `The ${NAMES[format]} file is damaged: ${what}. Export the recording again.`);

export const unsupportedAudio = (message: string, supported: readonly string[]): AppError =>
  new AppError('UNSUPPORTED', `${message} It takes: ${supported.join(', ')}.`, { field: AUDIO_FIELD, supported });

export const tooLarge = (limit: number, actual?: number): AppError =>
  new AppError(
    'PAYLOAD_TOO_LARGE',
    `The audio has more than the ${limit} bytes that are taken here; send a shorter or more compressed recording.`,
    { field: AUDIO_FIELD, limit, ...(actual !== undefined && { actual }) },
  );

export const tooLong = (durationMs: number): AppError =>
  new AppError(
    'PAYLOAD_TOO_LARGE',
    `The audio is longer than the ${RECORDING_SECONDS_MAX / 3_600} hours that are taken; send it in parts.`,
    { field: AUDIO_FIELD, limit: RECORDING_SECONDS_MAX, actual: Math.ceil(durationMs / 1_000) },
  );

const seconds = (milliseconds: number): string => `${(milliseconds / 1_000).toFixed(1)} s`;
