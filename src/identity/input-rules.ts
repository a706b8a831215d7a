import { badInput } from '../lib/errors';

const NAME_MAX = 200;
/** Enough for every site of one product; the list is compared on each request. */
const ORIGINS_MAX = 50;
const ORIGIN_LENGTH_MAX = 255;

/** Control characters and unpaired surrogates, which no stored text may hold. */
const UNFIT = /[\p{Cc}\p{Cs}]/u;

/** 1 to 200 characters without control characters, not blank. */
export function checkName(name: string, field = 'name'): string {
  if (name.trim() === '' || lengthOf(name) > NAME_MAX || UNFIT.test(name)) {
    throw badInput(field, `${field} takes 1 to ${NAME_MAX} characters, not only spaces, without control characters.`);
  }
  return name;
}

/** A whole number from `min` to `max`. */
export function checkWholeNumber(field: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw badInput(field, `${field} takes a whole number from ${min} to ${max}.`);
  }
  return value;
}

/**
 * Web origins as browsers write them in the Origin header (RFC 6454): lower case, punycode, no default port.
 * null (all origins) stays null; an empty list would allow none and is refused.
 */
export function checkOrigins(origins: readonly string[] | null | undefined): string[] | null {
  if (origins == null) return null;
  if (origins.length < 1 || origins.length > ORIGINS_MAX) {
    throw badInput('origins', `origins takes 1 to ${ORIGINS_MAX} web origins; leave it out to allow all.`);
  }
  return [...new Set(origins.map(canonicalOrigin))];
}

function canonicalOrigin(text: string): string {
  const url = /^https?:\/\/[^/?#@\\\s*]+$/i.test(text) && text.length <= ORIGIN_LENGTH_MAX ? parse(text) : null;
  if (!url) {
    throw badInput(
      'origins',
      'origins takes web origins as "https://app.example.com" or "http://localhost:5173": scheme, host and port, no path and no wildcard.',
    );
  }
  return url.origin;
}

function parse(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}

const lengthOf = (text: string): number => [...text].length;
