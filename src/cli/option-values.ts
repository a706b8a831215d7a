import { InvalidArgumentError } from 'commander';
import { SCOPES, type Scope } from '../identity/scopes';
import type { MicroCredits } from '../lib/credits';
import { AppError } from '../lib/errors';
import { checkCredits, checkIdempotencyKey } from '../operations/input-rules';

/** Values of options. Each throws InvalidArgumentError that says what to write. */

const REASON_MAX = 500;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const DATE_TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

export const GRANT_KINDS = ['TOP_UP', 'PROMOTION', 'ADJUSTMENT'] as const;
export type ManualGrantKind = (typeof GRANT_KINDS)[number];

/** The rules that the API has for the same values. */
function asOption<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof AppError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

/** A moment with its time zone, or a day, which begins in UTC. A day that no calendar has is refused. */
export function moment(text: string): Date {
  const written = DATE.test(text) ? `${text}T00:00:00Z` : text;
  const read = DATE_TIME.test(written) ? new Date(written) : null;
  const day = Number(text.slice(8, 10));
  const lastDay = read && new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate();
  if (!read || Number.isNaN(read.getTime()) || day > lastDay!) {
    throw new InvalidArgumentError('Write a moment such as 2030-01-31 or 2030-01-31T12:00:00Z.');
  }
  return read;
}

export function scopes(text: string): Scope[] {
  const named = text
    .split(',')
    .map((scope) => scope.trim().toUpperCase())
    .filter((scope) => scope !== '');
  if (named.length === 0 || named.some((scope) => !(SCOPES as readonly string[]).includes(scope))) {
    throw new InvalidArgumentError(`Write one or more of ${SCOPES.join(', ')}, separated by commas.`);
  }
  return [...new Set(named)] as Scope[];
}

export function grantKind(text: string): ManualGrantKind {
  const kind = GRANT_KINDS.find((known) => known === text.toUpperCase().replaceAll('-', '_'));
  if (!kind)
    throw new InvalidArgumentError(`Write one of ${GRANT_KINDS.join(', ')}; monthly grants come from the plan.`);
  return kind;
}

export function credits(text: string): MicroCredits {
  const amount = asOption(() => checkCredits('credits', text)!);
  if (amount === 0n) throw new InvalidArgumentError('credits takes an amount above 0.');
  return amount;
}

export function reason(text: string): string {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed.length > REASON_MAX) {
    throw new InvalidArgumentError(`reason takes 1 to ${REASON_MAX} characters.`);
  }
  return trimmed;
}

export const idempotencyKey = (text: string): string => asOption(() => checkIdempotencyKey(text)!);
