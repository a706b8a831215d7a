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

/** What a refusal says to whoever gave the URL. */
export interface UrlWording {
  /** The input field that holds the URL. */
  readonly field: string;
  /** A sentence: what to do in place of a user and a password within the URL. */
  readonly withoutPassword: string;
  /** A sentence: what to do where the URL leads to an address that is not public. */
  readonly notPublic: string;
}

export const URL_LENGTH_MAX = 2_048;
const ADDRESSES_MAX = 4;

/** A URL that may be asked, as far as its text tells. @throws AppError BAD_USER_INPUT */
export function readUrl(text: string, wording: UrlWording): URL {
  const refused = (message: string): AppError => refusedUrl(wording, message);
  if (text.length > URL_LENGTH_MAX) throw refused(`A URL takes at most ${URL_LENGTH_MAX} characters.`);
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw refused('This is no URL; write it as https://host/path.');
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw refused('A URL begins with https:// or http://.');
  if (url.username !== '' || url.password !== '') {
    throw refused(`A URL takes no user and password. ${wording.withoutPassword}`);
  }
  if (url.port === '0' || url.hostname === '') throw refused('This URL leads nowhere; write it as https://host/path.');
  return url;
}

/** host:port of a URL as OUTBOUND_ALLOW writes it. */
export const hostAndPort = (url: URL): string => `${url.hostname.toLowerCase()}:${portOf(url)}`;

/**
 * Resolves the host once and checks every answer. A host that the operator allows is taken wherever it leads.
 * @param allowed host:port pairs, in lower case, IPv6 in brackets
 * @throws AppError BAD_USER_INPUT; the message does not tell the address, which may be an inner one
 */
export async function findTarget(
  url: URL,
  { resolve, allowed }: { readonly resolve: Resolve; readonly allowed: readonly string[] },
  wording: UrlWording,
): Promise<OutboundTarget> {
  const refused = (message: string): AppError => refusedUrl(wording, message);
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = isIP(hostname) ? [hostname] : await addressesOf(hostname, resolve, wording);
  const numeric = addresses.filter((address) => isIP(address) !== 0);
  if (!isNotEmpty(numeric)) throw refused('The host of the URL has no address; check its spelling.');
  const open = allowed.includes(hostAndPort(url));
  // All of them: an answer that mixes inner with public addresses is made to get past a check.
  if (!open && !(addresses.length === numeric.length && numeric.every(isPublicAddress))) {
    throw refused(`The URL leads to an address that is not public. ${wording.notPublic}`);
  }
  const [first, ...others] = numeric;
  return { url, hostname, port: portOf(url), addresses: [first, ...others.slice(0, ADDRESSES_MAX - 1)] };
}

async function addressesOf(hostname: string, resolve: Resolve, wording: UrlWording): Promise<readonly string[]> {
  try {
    return await resolve(hostname);
  } catch (error) {
    throw refusedUrl(wording, 'The host of the URL could not be found; check its spelling.', error);
  }
}

export const refusedUrl = ({ field }: UrlWording, message: string, cause?: unknown): AppError =>
  new AppError('BAD_USER_INPUT', message, { field }, cause);

const portOf = (url: URL): number => Number(url.port || (url.protocol === 'https:' ? 443 : 80));

const isNotEmpty = (items: readonly string[]): items is readonly [string, ...string[]] => items.length > 0;
