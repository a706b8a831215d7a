import type { Credential } from '../contract/credential';
import { ProviderError } from '../contract/errors';
import type { HttpEndpoint, ProviderWords, ResponseHeaders } from '../contract/provider';
import type { Exchange } from './exchange';
import { firstHeader, meaningOfStatus, type ProviderIdentity, retryAfterMs, safeMessage } from './provider-failures';

/** Bytes of an error body that are read; what explains a refusal comes first. */
const ERROR_BODY_BYTES_MAX = 64 * 1024;
/** An explanation is not waited for longer than this: the status alone says what to do. */
const ERROR_BODY_TIMEOUT_MS = 5_000;

/**
 * Whether headers promise audio: a 2xx of an audio type, of the types that mean plain bytes, or of none (RFC 9110
 * section 8.3 lets a receiver take that for bytes). Text, JSON and HTML with a 200 are errors in disguise.
 */
export function promisesAudio(status: number, headers: ResponseHeaders): boolean {
  if (status < 200 || status > 299 || isEncoded(headers)) return false;
  const type = mediaType(headers);
  return type === '' || type.startsWith('audio/') || OPAQUE_TYPES.has(type);
}

/** Types under which servers send audio without naming it. */
const OPAQUE_TYPES: ReadonlySet<string> = new Set([
  'application/octet-stream',
  'binary/octet-stream',
  'application/ogg',
]);

/** A 2xx whose body can be read; whether it is JSON shows when it is parsed. */
export function promisesDocument(status: number, headers: ResponseHeaders): boolean {
  return status >= 200 && status <= 299 && !isEncoded(headers);
}

/** We ask for no compression, and nothing here undoes it. */
function isEncoded(headers: ResponseHeaders): boolean {
  const encoding = firstHeader(headers, 'content-encoding');
  return encoding !== undefined && encoding !== '' && encoding.toLowerCase() !== 'identity';
}

/** Type and subtype alone, in lower case; "" where none is named. */
export function mediaType(headers: ResponseHeaders): string {
  return (firstHeader(headers, 'content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase();
}

/**
 * The ProviderError for an answer that is not the promised one, with the provider's own words where its body has any.
 * `hidden` are the strings that must not come back in the message: the key and the text that was to be spoken.
 */
export async function refusalOf(
  exchange: Exchange,
  adapter: HttpEndpoint,
  hidden: readonly string[],
): Promise<ProviderError> {
  const body = await exchange.drain(ERROR_BODY_BYTES_MAX, ERROR_BODY_TIMEOUT_MS);
  const { status, headers } = exchange;
  const { code, message, kind, retryable } = wordsOf(adapter, body, status, headers);
  const meaning = meaningOfStatus(status);
  const type = status < 300 && message === undefined ? mediaType(headers) : '';
  const words = message ?? (type === '' ? `HTTP ${status}` : `the answer is ${type}`);
  return new ProviderError({
    provider: adapter.provider,
    kind: kind ?? meaning.kind,
    retryable: retryable ?? shouldRetry(headers) ?? meaning.retryable,
    message: safeMessage(`${adapter.name} ${meaning.summary}: ${words}`, hidden),
    status,
    providerCode: code === undefined ? undefined : safeMessage(code, hidden),
    upstreamRequestId: adapter.requestIdOf(headers) ?? undefined,
    retryAfterMs: retryAfterMs(headers, Date.now()),
  });
}

/** What some providers say outright: the clients of OpenAI and Anthropic go by this header before the status. */
function shouldRetry(headers: ResponseHeaders): boolean | undefined {
  const value = firstHeader(headers, 'x-should-retry')?.trim();
  return value === 'true' || value === 'false' ? value === 'true' : undefined;
}

function wordsOf(adapter: HttpEndpoint, body: Buffer, status: number, headers: ResponseHeaders): ProviderWords {
  const text = body.toString('utf8').trim();
  // A page made for people, or bytes, explain nothing in one line.
  const explains = !(text.startsWith('<') || isEncoded(headers) || text.includes('\u0000'));
  let parsed: unknown = explains ? text : '';
  try {
    if (explains) parsed = JSON.parse(text);
  } catch {
    // Not JSON: the adapter gets the text as it is.
  }
  const words = adapter.errorOf(parsed, { status, headers });
  return { ...words, code: words.code || undefined, message: words.message?.trim() || undefined };
}

/** What must never be quoted back: the key, and the text of the request where it is long enough to be recognised. */
export function hiddenStrings(credential: Credential, texts: readonly string[]): string[] {
  const hidden = texts.map((text) => text.trim()).filter((text) => text.length >= RECOGNISABLE_LENGTH_MIN);
  hidden.sort((one, other) => other.length - one.length);
  return credential.secret === null ? hidden : [credential.secret, ...hidden];
}

/** Shorter texts ("a", "voice") are words of the provider's own sentences. */
const RECOGNISABLE_LENGTH_MIN = 8;

/** A key that cannot be a header value is refused before it is sent anywhere. Visible ASCII, as every provider's keys are. */
export function refuseMalformedKey(who: ProviderIdentity, credential: Credential): void {
  if (credential.secret === null || /^[\x21-\x7e]+$/.test(credential.secret)) return;
  throw new ProviderError({
    provider: who.provider,
    kind: 'UNAUTHORIZED',
    message: `The key for ${who.name} is empty or holds characters that no key has. Check it for spaces and line ends.`,
    retryable: false,
  });
}
