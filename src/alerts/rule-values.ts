import { parseScaled } from '../lib/credits';
import { badInput } from '../lib/errors';
import { type AlertKind, THRESHOLD_DECIMALS, THRESHOLD_ONE } from './alert-kinds';

const EXPECTED_VOICES_MAX = 1_000;
const VOICE_ID_MAX = 255;
/** Control characters, and halves of surrogate pairs, which no database takes. */
const UNFIT = /[\p{Cc}\p{Cs}]/u;

interface ThresholdRule {
  readonly initial: bigint | null;
  readonly fits: (value: bigint) => boolean;
  readonly takes: string;
}

const FACTOR_MAX = 1_000_000n * THRESHOLD_ONE;
const CREDITS_MAX = 9_000_000_000_000_000_000n;
const THRESHOLDS: Readonly<Record<Exclude<AlertKind, 'NEW_VOICE'>, ThresholdRule>> = {
  LOW_BALANCE: {
    initial: null,
    fits: (value) => value >= 0n && value <= CREDITS_MAX,
    takes: 'The threshold of LOW_BALANCE is an amount of credits, 0 or more, with at most 6 decimals.',
  },
  SPEND_SPIKE: {
    initial: 3n * THRESHOLD_ONE,
    fits: (value) => value > THRESHOLD_ONE && value <= FACTOR_MAX,
    takes: 'The threshold of SPEND_SPIKE is a factor over 1, at most 1000000, with at most 6 decimals.',
  },
  PROVIDER_ERRORS: {
    initial: THRESHOLD_ONE / 10n,
    fits: (value) => value > 0n && value <= THRESHOLD_ONE,
    takes: 'The threshold of PROVIDER_ERRORS is a share of requests over 0, at most 1, with at most 6 decimals.',
  },
};

/**
 * The threshold of a rule in 10^-6, its kind's own where none is given; null for NEW_VOICE, which has none.
 * @throws AppError BAD_USER_INPUT
 */
export function checkThreshold(kind: AlertKind, text: string | null | undefined): bigint | null {
  if (kind === 'NEW_VOICE') {
    if (text == null) return null;
    throw badInput('threshold', 'NEW_VOICE takes no threshold: leave it out.');
  }
  const { initial, fits, takes } = THRESHOLDS[kind];
  const value = text == null ? initial : parseScaled(text, THRESHOLD_DECIMALS);
  if (value === null || !fits(value)) throw badInput('threshold', takes);
  return value;
}

/**
 * The voices that a NEW_VOICE rule expects, each once; null where none are given, and for every other kind.
 * @throws AppError BAD_USER_INPUT
 */
export function checkExpectedVoices(kind: AlertKind, ids: readonly string[] | null | undefined): string[] | null {
  if (ids == null) return null;
  const field = 'expectedVoiceIds';
  if (kind !== 'NEW_VOICE') throw badInput(field, `Only NEW_VOICE takes ${field}: leave it out for ${kind}.`);
  if (ids.length > EXPECTED_VOICES_MAX) {
    throw badInput(field, `${field} takes at most ${EXPECTED_VOICES_MAX} voices; these are ${ids.length}.`);
  }
  // A voice without its provider would be compared with what no operation ever used.
  if (!ids.every((id) => /^[^/]+\/./.test(id) && id.length <= VOICE_ID_MAX && !UNFIT.test(id))) {
    throw badInput(field, `${field} takes ids as the query voices lists them, "provider/voice".`);
  }
  return [...new Set(ids)];
}
