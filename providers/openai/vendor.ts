import type { Credential } from '../contract/credential';
import type { HttpEndpoint } from '../contract/provider';
import { firstHeader } from '../http/provider-failures';
import { asText } from '../http/wire';
import { errorOfOpenAi } from '../openai-compatible/error';

/** OpenAI, whatever is asked of it. Its error codes: https://developers.openai.com/api/docs/guides/error-codes */
export const openAi = {
  provider: 'openai',
  name: 'OpenAI',
  firstParty: false,
  keyHeader: 'X-Provider-Key-OpenAI',
  keyRequired: true,
  defaultBaseUrl: 'https://api.openai.com',
  errorOf: errorOfOpenAi,
  requestIdOf: (headers) => asText(firstHeader(headers, 'x-request-id')),
} satisfies HttpEndpoint;

export function openAiHeaders({ secret }: Credential): Record<string, string> {
  return secret === null ? {} : { authorization: `Bearer ${secret}` };
}
