import type { Credential } from '../contract/credential';
import type { HttpEndpoint, ProviderWords } from '../contract/provider';
import { firstHeader } from '../http/provider-failures';
import { asCode, asObject, asText, validationFailure } from '../http/wire';

/**
 * `{ object: "error", message, type, param, code }`, FastAPI's list in `detail`, or a gateway's `{ message, request_id }`;
 * `message` may itself hold an object with either.
 */
function errorOf(body: unknown): ProviderWords {
  const error = asObject(body);
  if (error === null) return { message: asText(body) ?? undefined };
  const code = asCode(error.code) ?? asCode(error.type);
  const nested = asObject(error.message);
  const validation = validationFailure(error.detail) ?? validationFailure(nested?.detail);
  const message = asText(error.message) ?? asText(nested?.message) ?? validation?.message ?? asText(error.detail);
  return { code: code ?? validation?.code, message: message ?? undefined };
}

/** Mistral, whatever is asked of it. Its errors: https://docs.mistral.ai/resources/error-glossary */
export const mistral = {
  provider: 'mistral',
  name: 'Mistral',
  firstParty: false,
  keyHeader: 'X-Provider-Key-Mistral',
  keyRequired: true,
  defaultBaseUrl: 'https://api.mistral.ai',
  errorOf,
  // Its headers are UNCONFIRMED; a gateway's error body has a `request_id`.
  requestIdOf: (headers) => asText(firstHeader(headers, 'x-request-id')),
} satisfies HttpEndpoint;

export function mistralHeaders({ secret }: Credential): Record<string, string> {
  return secret === null ? {} : { authorization: `Bearer ${secret}` };
}
