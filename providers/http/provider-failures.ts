import { ProviderError, type ProviderErrorKind } from '../contract/errors';
import type { ResponseHeaders } from '../contract/provider';

/** Who is blamed: the id for machines, the name for people. */
export interface ProviderIdentity {
  readonly provider: string;
  readonly name: string;
}

/** Longest message of a ProviderError, in UTF-16 units. */
export const ERROR_MESSAGE_LENGTH_MAX = 500;

/** A Retry-After beyond this says "not today"; it is cut so that arithmetic with it stays sane. */
const RETRY_AFTER_MS_MAX = 24 * 60 * 60 * 1000;

export function cancelled(who: ProviderIdentity, cause?: unknown): ProviderError {
  return new ProviderError({
    provider: who.provider,
    kind: 'CANCELLED',
    message: `The call to ${who.name} was cancelled.`,
    retryable: false,
    cause,
  });
}

export function timedOut(who: ProviderIdentity, what: string): ProviderError {
  return new ProviderError({
    provider: who.provider,
    kind: 'TIMEOUT',
    message: `${who.name} ${what}.`,
    retryable: true,
  });
}

export function unavailable(who: ProviderIdentity, what: string, cause?: unknown, status?: number): ProviderError {
  return new ProviderError({
    provider: who.provider,
    kind: 'UNAVAILABLE',
    message: `${who.name} ${what}.`,
    retryable: true,
    status,
    cause,
  });
}

export function rejected(who: ProviderIdentity, what: string, status?: number, cause?: unknown): ProviderError {
  return new ProviderError({
    provider: who.provider,
    kind: 'REJECTED',
    message: `${who.name} ${what}.`,
    retryable: false,
    status,
    cause,
  });
}

/** What an HTTP status says about the call, before the provider's own words are added. */
export interface StatusMeaning {
  readonly kind: ProviderErrorKind;
  readonly retryable: boolean;
  /** Continues "<Name> ...". */
  readonly summary: string;
}

/**
 * One meaning for every status that is not the promised answer.
 * 402 speaks of the account behind the key (payment, plan), so it is the key's owner who can act: UNAUTHORIZED.
 * 408, 409 and 425 pass by themselves; the clients of OpenAI and ElevenLabs retry them too.
 * A 2xx here carried something other than what was asked for, an error in the clothes of a success.
 */
export function meaningOfStatus(status: number): StatusMeaning {
  if (status >= 500) return { kind: 'UNAVAILABLE', retryable: true, summary: 'failed' };
  if (status >= 200 && status < 300) {
    return { kind: 'REJECTED', retryable: false, summary: 'answered with something other than what was asked for' };
  }
  if (status >= 300 && status < 400) {
    return { kind: 'REJECTED', retryable: false, summary: 'answered with a redirect, and redirects are not followed' };
  }
  switch (status) {
    case 401:
      return { kind: 'UNAUTHORIZED', retryable: false, summary: 'refused the key' };
    case 402:
      return { kind: 'UNAUTHORIZED', retryable: false, summary: 'wants the account behind the key to be paid up' };
    case 403:
      return { kind: 'UNAUTHORIZED', retryable: false, summary: 'does not allow this with the key or its plan' };
    case 408:
      return { kind: 'TIMEOUT', retryable: true, summary: 'gave up waiting for the request' };
    case 409:
      return { kind: 'UNAVAILABLE', retryable: true, summary: 'was busy with a conflicting request' };
    case 425:
      return { kind: 'UNAVAILABLE', retryable: true, summary: 'was not ready for the request yet' };
    case 429:
      return { kind: 'UNAVAILABLE', retryable: true, summary: 'is over its rate or concurrency limit' };
    default:
      return { kind: 'REJECTED', retryable: false, summary: 'refused the request' };
  }
}

/**
 * How long a provider asks to be left alone, as milliseconds from `nowMs`: `retry-after-ms`, which OpenAI sends, else
 * Retry-After, seconds or an HTTP date (RFC 9110 section 10.2.3); undefined when unusable.
 */
export function retryAfterMs(headers: ResponseHeaders, nowMs: number): number | undefined {
  const exact = firstHeader(headers, 'retry-after-ms')?.trim() ?? '';
  const value = firstHeader(headers, 'retry-after')?.trim() ?? '';
  const number = /^\d+(\.\d+)?$/;
  const wait = number.test(exact)
    ? Number(exact)
    : number.test(value)
      ? Number(value) * 1000
      : Date.parse(value) - nowMs;
  return Number.isFinite(wait) ? Math.min(Math.max(Math.ceil(wait), 0), RETRY_AFTER_MS_MAX) : undefined;
}

/** One value of a header that may have been sent several times. */
export function firstHeader(headers: ResponseHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/**
 * A provider's words made safe to show: the given secrets and texts are cut out first and the length is limited after,
 * so that no half of a secret survives at the end; control characters become spaces.
 */
export function safeMessage(message: string, hidden: readonly string[]): string {
  let safe = message;
  for (const value of hidden) {
    // The longest form first: a key that encodes to itself is replaced once.
    for (const form of new Set([encodeURIComponent(toWellFormed(value)), JSON.stringify(value).slice(1, -1), value])) {
      if (form.length > 0) safe = safe.replaceAll(form, '[hidden]');
    }
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is being removed
  safe = safe.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();
  return truncate(safe, ERROR_MESSAGE_LENGTH_MAX);
}

/** Never splits a surrogate pair. */
function truncate(text: string, lengthMax: number): string {
  if (text.length <= lengthMax) return text;
  const cut = text.slice(0, lengthMax - 1);
  return `${/[\uD800-\uDBFF]$/.test(cut) ? cut.slice(0, -1) : cut}…`;
}

function toWellFormed(text: string): string {
  return text.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, '\uFFFD');
}
