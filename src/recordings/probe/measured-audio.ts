import type { RecordingFormat } from '../../../providers/contract/stt';
import type { AppError } from '../../lib/errors';
import { RECORDING_SECONDS_MAX } from '../limits';
import { claimsMore, silentFile, tooLong } from '../recording-errors';

/** What a probe counted. */
export interface MeasuredAudio {
  /** Samples of one channel that a decoder gives out, and how many of them are a second. */
  readonly samples: number;
  readonly sampleRate: number;
  /** Length in milliseconds that the container claims for itself; null: it claims none. */
  readonly claimedMs: number | null;
}

/** A claim may exceed what is there by padding, pauses that were not stored and rounding; not by more than this. */
const CLAIM_FACTOR = 2;
const CLAIM_SLACK_MS = 5_000;

/**
 * Whole milliseconds, rounded up, of what is there.
 * @throws AppError where nothing is there, or so little of what the container claims that it was cut or made up.
 */
export function durationOf(format: RecordingFormat, { samples, sampleRate, claimedMs }: MeasuredAudio): number {
  if (!Number.isSafeInteger(samples) || samples <= 0) throw silentFile(format);
  const durationMs = Math.ceil((samples * 1_000) / sampleRate);
  if (claimedMs !== null && claimedMs > durationMs * CLAIM_FACTOR + CLAIM_SLACK_MS) {
    throw claimsMore(format, claimedMs, durationMs);
  }
  if (durationMs > RECORDING_SECONDS_MAX * 1_000) throw tooLong(durationMs);
  return durationMs;
}

/** For a probe in the middle of its count: what is longer already need not be counted to its end. */
export function refusalIfTooLong(samples: number, sampleRate: number): AppError | null {
  return samples / sampleRate > RECORDING_SECONDS_MAX ? tooLong((samples * 1_000) / sampleRate) : null;
}
