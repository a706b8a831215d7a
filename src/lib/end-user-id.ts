import { badInput } from './errors';

/** Unicode code points of a customer's own name for one of their users. */
const END_USER_ID_MAX = 128;

/** Control characters, and halves of surrogate pairs, which no database takes. */
const UNFIT = /[\p{Cc}\p{Cs}]/u;

/** 1 to 128 characters without control characters. */
export function isEndUserId(value: string): boolean {
  // No character takes more than two units, so that a long string is not taken apart to be counted.
  const short = value.length <= 2 * END_USER_ID_MAX && [...value].length <= END_USER_ID_MAX;
  return short && value !== '' && !UNFIT.test(value);
}

/**
 * Lets an end user's id pass; null and undefined become null.
 * @throws AppError BAD_USER_INPUT, which does not repeat what was sent
 */
export function checkEndUserId(value: string): string;
export function checkEndUserId(value: string | null | undefined): string | null;
export function checkEndUserId(value: string | null | undefined): string | null {
  if (value == null) return null;
  if (isEndUserId(value)) return value;
  throw badInput('endUserId', `endUserId takes 1 to ${END_USER_ID_MAX} characters without control characters.`);
}
