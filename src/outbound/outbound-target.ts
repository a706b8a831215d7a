import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { AppError } from '../lib/errors';
import { isPublicAddress } from './public-addresses';

/** Finds the numeric addresses of a name. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

export const resolveByDns: Resolve = async (hostname) =>
  (await lookup(hostname, { all: true, verbatim: true })).map(({ address }) => address);

/** Where a request goes: the number is connected to, the name is only spoken of. */
export interface OutboundTarget {
  readonly url: URL;
  readonly hostname: string;
  readonly port: number;
  /** Tried in order until one can be connected to. */
  readonly addresses: readonly [string, ...string[]];
}

export const URL_FIELD = 'audio.url';
const URL_LENGTH_MAX = 2_048;
const ADDRESSES_MAX = 4;

/** A URL that may be fetched, as far as its text tells. @throws AppError BAD_USER_INPUT */
export function readUrl(text: string): URL {
  if (text.length > URL_LENGTH_MAX) throw refused(`A URL takes at most ${URL_LENGTH_MAX} characters.`);
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw refused('This is no URL; write it as https://host/path.');
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refused('A URL begins with https:// or http://.');
  if (url.username !== '' || url.password !== '') {
    throw refused('A URL takes no user and password; use a signed URL, or upload the audio with createUpload.');
  }
  if (url.port === '0' || url.hostname === '') throw refused('This URL leads nowhere; write it as https://host/path.');
  return url;
}

/**
 * Resolves the host once and checks every answer. A host that the operator allows is taken wherever it leads.
 * @param allowed host:port pairs, in lower case, IPv6 in brackets
 * @throws AppError BAD_USER_INPUT; the message does not tell the address, which may be an inner one
 */
export async function findTarget(
  url: URL,
  { resolve, allowed }: { readonly resolve: Resolve; readonly allowed: readonly string[] },
): Promise<OutboundTarget> {
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = isIP(hostname) ? [hostname] : await addressesOf(hostname, resolve);
  const numeric = addresses.filter((address) => isIP(address) !== 0);
  if (!isNotEmpty(numeric)) throw refused('The host of the URL has no address; check its spelling.');
  const open = allowed.includes(`${url.hostname.toLowerCase()}:${port}`);
  // All of them: an answer that mixes inner with public addresses is made to get past a check.
  if (!open && !(addresses.length === numeric.length && numeric.every(isPublicAddress))) {
    throw refused(
      'The URL leads to an address that is not public, so it is not fetched. Upload the audio with createUpload, or ask the operator to allow the host.',
    );
  }
  const [first, ...others] = numeric;
  return { url, hostname, port, addresses: [first, ...others.slice(0, ADDRESSES_MAX - 1)] };
}

async function addressesOf(hostname: string, resolve: Resolve): Promise<readonly string[]> {
  try {
    return await resolve(hostname);
  } catch (error) {
    throw refused('The host of the URL could not be found; check its spelling.', error);
  }
}

export const refused = (message: string, cause?: unknown): AppError =>
  new AppError('BAD_USER_INPUT', message, { field: URL_FIELD }, cause);

const isNotEmpty = (items: readonly string[]): items is readonly [string, ...string[]] => items.length > 0;
