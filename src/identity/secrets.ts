import { hash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

export type SecretKind = 'api-key' | 'client-token';

const PREFIXES: Readonly<Record<SecretKind, string>> = { 'api-key': 'poly_key_', 'client-token': 'poly_token_' };

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_BYTES = 32;
/** 62^43 > 2^256. */
const RANDOM_LENGTH = 43;
/** 62^6 > 2^32. */
const CHECKSUM_LENGTH = 6;

/** A secret that an operator chose has at least this many characters. */
export const CHOSEN_SECRET_MIN = 20;
/** No header is read that is longer, and so no longer secret is ever looked up. */
export const SECRET_MAX = 512;

/** Characters of the random part that people see in lists; 36 of its 256 bits. */
const SHOWN_RANDOM = 6;
/** Of a chosen secret, whose randomness is not known, less is shown. */
const SHOWN_CHOSEN = 4;

/** A new secret: prefix, 256 random bits, and a checksum that tells a mistyped secret without asking the database. */
export function makeSecret(kind: SecretKind): string {
  const body = PREFIXES[kind] + base62(BigInt(`0x${randomBytes(RANDOM_BYTES).toString('hex')}`), RANDOM_LENGTH);
  return body + checksum(body);
}

/**
 * What a string can be. null: nothing that needs looking up. A string in our own form must carry its checksum; any
 * other string of 20 or more characters may be a key that the operator chose.
 */
export function kindOfSecret(secret: string): SecretKind | null {
  if (secret.length < CHOSEN_SECRET_MIN || secret.length > SECRET_MAX) return null;
  for (const kind of ['api-key', 'client-token'] as const) {
    if (secret.startsWith(PREFIXES[kind])) return isIntact(secret, PREFIXES[kind]) ? kind : null;
  }
  return 'api-key';
}

/** SHA-256, which is all that is ever stored of a secret. */
export const hashSecret = (secret: string): Buffer => hash('sha256', secret, 'buffer');

/** The first characters of a key's secret, by which people tell keys apart. */
export function shownPrefix(secret: string): string {
  const ours = PREFIXES['api-key'];
  return secret.slice(0, secret.startsWith(ours) ? ours.length + SHOWN_RANDOM : SHOWN_CHOSEN);
}

function isIntact(secret: string, prefix: string): boolean {
  if (secret.length !== prefix.length + RANDOM_LENGTH + CHECKSUM_LENGTH) return false;
  const body = secret.slice(0, -CHECKSUM_LENGTH);
  return checksum(body) === secret.slice(-CHECKSUM_LENGTH);
}

const checksum = (body: string): string => base62(BigInt(crc32(body)), CHECKSUM_LENGTH);

function base62(value: bigint, length: number): string {
  let digits = '';
  for (let rest = value; digits.length < length; rest /= 62n) digits = ALPHABET[Number(rest % 62n)] + digits;
  return digits;
}
