import type { Credential } from '../contract/credential';
import type { HttpEndpoint } from '../contract/provider';
import { firstHeader } from '../http/provider-failures';
import { asText } from '../http/wire';
import { errorOfOpenAi } from '../openai-compatible/error';

/** The status of Groq's own for "no capacity on this tier right now". */
const CAPACITY_EXCEEDED = 498;

/** Groq, whatever is asked of it. Its errors: https://console.groq.com/docs/errors */
export const groq = {
  provider: 'groq',
  name: 'Groq',
  firstParty: false,
  keyHeader: 'X-Provider-Key-Groq',
  keyRequired: true,
  defaultBaseUrl: 'https://api.groq.com',
  errorOf(body, answer) {
    const words = errorOfOpenAi(body, answer);
    return answer?.status === CAPACITY_EXCEEDED ? { ...words, kind: 'UNAVAILABLE', retryable: true } : words;
  },
  requestIdOf: (headers) => asText(firstHeader(headers, 'x-request-id')),
} satisfies HttpEndpoint;

export function groqHeaders({ secret }: Credential): Record<string, string> {
  return secret === null ? {} : { authorization: `Bearer ${secret}` };
}
