import { type MicroCredits, parseCredits } from '../lib/credits';
import { badInput } from '../lib/errors';

const METADATA_KEYS_MAX = 16;
const METADATA_BYTES_MAX = 2_048;
const KEY_MAX = 255;
const REASON_MAX = 500;
export const TIMEOUT_MS_MIN = 1_000;
export const TIMEOUT_MS_MAX = 600_000;

/** Control characters, and halves of surrogate pairs, which no database takes. */
const UNFIT = /[\p{Cc}\p{Cs}]/u;
/** What JSON of a database does not take: NUL, and halves of surrogate pairs. */
const UNFIT_FOR_JSON = /[\0\p{Cs}]/u;

/** At most 16 string values under string keys, 2 kB as JSON. */
export function checkMetadata(
  value: Readonly<Record<string, unknown>> | null | undefined,
): Record<string, string> | null {
  if (value == null) return null;
  const entries = Object.entries(value);
  if (entries.length > METADATA_KEYS_MAX || entries.some(([, item]) => typeof item !== 'string')) {
    throw badInput('metadata', `metadata takes at most ${METADATA_KEYS_MAX} keys, each with a string.`);
  }
  const json = JSON.stringify(value);
  if (Buffer.byteLength(json) > METADATA_BYTES_MAX) {
    throw badInput('metadata', `metadata takes at most ${METADATA_BYTES_MAX} bytes as JSON.`);
  }
  if (entries.flat().some((part) => UNFIT_FOR_JSON.test(part as string))) {
    throw badInput('metadata', 'metadata takes well-formed Unicode without NUL characters.');
  }
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1))) as Record<string, string>;
}

/** 1 to 255 characters without control characters. */
export function checkIdempotencyKey(value: string | null | undefined): string | null {
  if (value == null) return null;
  if (value === '' || value.length > KEY_MAX || UNFIT.test(value)) {
    throw badInput('idempotencyKey', `idempotencyKey takes 1 to ${KEY_MAX} characters without control characters.`);
  }
  return value;
}

/** Why a grant was given, for the journal: 1 to 500 characters, not only spaces, without control characters. */
export function checkReason(value: string): string {
  const reason = value.trim();
  if (reason === '' || reason.length > REASON_MAX || UNFIT.test(reason)) {
    throw badInput('reason', `reason takes 1 to ${REASON_MAX} characters without control characters.`);
  }
  return reason;
}

/** A non-negative amount of credits with at most 6 decimals. */
export function checkCredits(field: string, value: string | null | undefined): MicroCredits | null {
  if (value == null) return null;
  const credits = parseCredits(value);
  if (credits === null) throw badInput(field, `${field} takes a decimal with at most 6 decimals, as "12.5".`);
  if (credits < 0n) throw badInput(field, `${field} takes no negative amount.`);
  if (credits > 9_000_000_000_000_000_000n) throw badInput(field, `${field} is larger than any balance.`);
  return credits;
}

export function checkTimeoutMs(value: number | null | undefined): number | null {
  if (value == null) return null;
  if (!Number.isInteger(value) || value < TIMEOUT_MS_MIN || value > TIMEOUT_MS_MAX) {
    throw badInput('routing.timeoutMs', `timeoutMs takes ${TIMEOUT_MS_MIN} to ${TIMEOUT_MS_MAX} milliseconds.`);
  }
  return value;
}
