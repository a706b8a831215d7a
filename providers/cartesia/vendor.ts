import type { Credential } from '../contract/credential';
import type { HttpEndpoint } from '../contract/provider';
import { firstHeader } from '../http/provider-failures';
import { asCode, asObject, asText } from '../http/wire';

/** No waiting helps: the account behind the key needs credits or another plan, whether the status is 402, 403 or 429. */
const ACCOUNT_CODES: ReadonlySet<string> = new Set(['quota_exceeded', 'plan_upgrade_required']);

/** Cartesia, whatever is asked of it. Its errors: https://docs.cartesia.ai/use-the-api/api-errors */
export const cartesia = {
  provider: 'cartesia',
  name: 'Cartesia',
  firstParty: false,
  keyHeader: 'X-Provider-Key-Cartesia',
  keyRequired: true,
  defaultBaseUrl: 'https://api.cartesia.ai',
  errorOf(body) {
    const error = asObject(body);
    // A gateway before the service may still answer in the plain text of older versions, "Title: Message".
    if (error === null) return { message: asText(body) ?? undefined };
    const code = asCode(error.error_code);
    const message = asText(error.message) ?? asText(error.title) ?? undefined;
    const account = code !== undefined && ACCOUNT_CODES.has(code);
    return { code, message, ...(account ? { kind: 'UNAUTHORIZED', retryable: false } : {}) };
  },
  // In error bodies it is `request_id`; the header is UNCONFIRMED.
  requestIdOf: (headers) => asText(firstHeader(headers, 'x-request-id')),
} satisfies HttpEndpoint;

/** `version` is mandatory; a capability asks for the one whose forms it knows. */
export function cartesiaHeaders({ secret }: Credential, version: string): Record<string, string> {
  return { 'cartesia-version': version, ...(secret === null ? {} : { authorization: `Bearer ${secret}` }) };
}
