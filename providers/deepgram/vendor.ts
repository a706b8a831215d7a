import type { Credential } from '../contract/credential';
import type { HttpEndpoint } from '../contract/provider';
import { firstHeader } from '../http/provider-failures';
import { asCode, asObject, asText } from '../http/wire';

/** The provider lost a part of the upload; sent again it may arrive. */
const INTERRUPTED_UPLOAD = 'ASR_UNPROCESSABLE_ENTITY';
/** The provider saw the request end before it was complete. */
const REQUEST_ENDED_EARLY = 499;

/** Deepgram, whatever is asked of it. Its errors: https://developers.deepgram.com/docs/errors */
export const deepgram = {
  provider: 'deepgram',
  name: 'Deepgram',
  firstParty: false,
  keyHeader: 'X-Provider-Key-Deepgram',
  keyRequired: true,
  defaultBaseUrl: 'https://api.deepgram.com',
  /** `{ err_code, err_msg }`, or the newer `{ category, message, details }`, or plain text. */
  errorOf(body, answer) {
    const error = asObject(body);
    const code = asCode(error?.err_code) ?? asCode(error?.category);
    const message = asText(error?.err_msg) ?? asText(error?.message) ?? asText(error?.details) ?? asText(body);
    const passes = code === INTERRUPTED_UPLOAD || answer?.status === REQUEST_ENDED_EARLY;
    return { code, message: message ?? undefined, ...(passes ? { kind: 'UNAVAILABLE', retryable: true } : {}) };
  },
  // Two spellings have been seen; which is sent today is UNCONFIRMED.
  requestIdOf: (headers) =>
    asText(firstHeader(headers, 'dg-request-id')) ?? asText(firstHeader(headers, 'x-dg-request-id')),
} satisfies HttpEndpoint;

/** The word is Token; Bearer is for temporary tokens. */
export function deepgramHeaders({ secret }: Credential): Record<string, string> {
  return secret === null ? {} : { authorization: `Token ${secret}` };
}
