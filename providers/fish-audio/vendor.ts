import type { Credential } from '../contract/credential';
import type { HttpEndpoint } from '../contract/provider';
import { asCode, asObject, asText, validationFailure } from '../http/wire';

/** Fish Audio, whatever is asked of it. Its errors: https://docs.fish.audio/api-reference/errors */
export const fishAudio = {
  provider: 'fish-audio',
  name: 'Fish Audio',
  firstParty: false,
  keyHeader: 'X-Provider-Key-FishAudio',
  keyRequired: true,
  defaultBaseUrl: 'https://api.fish.audio',
  /** `{ message, status, reason }`, a list of what did not validate, or plain text. */
  errorOf(body) {
    const error = asObject(body);
    if (error === null) return validationFailure(body) ?? { message: asText(body) ?? undefined };
    return { code: asCode(error.reason), message: asText(error.message) ?? undefined };
  },
  /** No answer names one (UNCONFIRMED). */
  requestIdOf: () => null,
} satisfies HttpEndpoint;

export function fishAudioHeaders({ secret }: Credential): Record<string, string> {
  return secret === null ? {} : { authorization: `Bearer ${secret}` };
}
