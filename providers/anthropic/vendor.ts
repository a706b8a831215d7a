import type { HttpEndpoint } from '../contract/provider';
import { firstHeader, meaningOfStatus } from '../http/provider-failures';
import { asCode, asObject, asText } from '../http/wire';

/** The status that goes with each type of error, for errors that come inside a stream. */
const STATUS_OF: Readonly<Record<string, number>> = {
  api_error: 500,
  authentication_error: 401,
  billing_error: 402,
  conflict_error: 409,
  invalid_request_error: 400,
  not_found_error: 404,
  overloaded_error: 529,
  permission_error: 403,
  rate_limit_error: 429,
  request_too_large: 413,
  timeout_error: 504,
};

/** Anthropic, whatever is asked of it. Its errors: https://platform.claude.com/docs/en/api/errors */
export const anthropic = {
  provider: 'anthropic',
  name: 'Anthropic',
  firstParty: false,
  keyHeader: 'X-Provider-Key-Anthropic',
  keyRequired: true,
  defaultBaseUrl: 'https://api.anthropic.com',
  errorOf(body, answer) {
    const error = asObject(asObject(body)?.error);
    const code = asCode(error?.type);
    const message = asText(error?.message) ?? asText(body) ?? undefined;
    if (answer === undefined) {
      const { kind, retryable } = meaningOfStatus(STATUS_OF[code ?? ''] ?? 500);
      return { code, message, kind, retryable };
    }
    // The monthly limit of an account is a 429 that says nothing of when to come back.
    const monthly = answer.status === 429 && firstHeader(answer.headers, 'retry-after') === undefined;
    return { code, message, ...(monthly ? { retryable: false } : {}) };
  },
  requestIdOf: (headers) => asText(firstHeader(headers, 'request-id')),
} satisfies HttpEndpoint;
