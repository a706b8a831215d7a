import type { AppError } from '../lib/errors';
import {
  findTarget,
  hostAndPort,
  type OutboundTarget,
  type Resolve,
  readUrl,
  refusedUrl,
  URL_LENGTH_MAX,
  type UrlWording,
} from '../outbound/outbound-target';

const WORDING: UrlWording = {
  field: 'url',
  withoutPassword: 'Messages are signed: verify the signature in place of a password.',
  notPublic: 'Give an address that can be reached from the Internet, or ask the operator to allow the host.',
};

export interface OutboundRules {
  /** Finds the addresses of a host. */
  readonly resolve: Resolve;
  /** host:port pairs that may be reached wherever they lead, and by http: OUTBOUND_ALLOW. */
  readonly allowed: readonly string[];
}

/**
 * A URL that messages may be sent to, resolved and checked: https, or http where the operator allows the host; never an
 * address that is not public. Asked when an endpoint is made and again at each delivery.
 * @throws AppError BAD_USER_INPUT
 */
export async function findEndpoint(text: string, rules: OutboundRules): Promise<OutboundTarget> {
  const url = readUrl(text, WORDING);
  // It names a place within an answer, and is not sent.
  url.hash = '';
  if (url.href.length > URL_LENGTH_MAX) {
    throw refused(`A URL takes at most ${URL_LENGTH_MAX} characters, counted as it is sent.`);
  }
  if (url.protocol !== 'https:' && !rules.allowed.includes(hostAndPort(url))) {
    throw refused('A webhook takes an https:// URL, so that nobody on the way can read what it says.');
  }
  return findTarget(url, rules, WORDING);
}

const refused = (message: string): AppError => refusedUrl(WORDING, message);
