import type { Credential } from '../contract/credential';
import type { HttpEndpoint } from '../contract/provider';
import { firstHeader } from '../http/provider-failures';
import { asCode, asObject, asText, validationFailure } from '../http/wire';

/** ElevenLabs, whatever is asked of it. Its errors: https://elevenlabs.io/docs/eleven-api/resources/errors */
export const elevenLabs = {
  provider: 'elevenlabs',
  name: 'ElevenLabs',
  firstParty: false,
  keyHeader: 'X-Provider-Key-ElevenLabs',
  keyRequired: true,
  defaultBaseUrl: 'https://api.elevenlabs.io',
  /** `detail` is `{ code, message }`, the older `{ status, message }`, a list of what did not validate, or plain text. */
  errorOf(body) {
    const detail = asObject(body)?.detail ?? body;
    const object = asObject(detail);
    if (object !== null) {
      return { code: asCode(object.code) ?? asCode(object.status), message: asText(object.message) ?? undefined };
    }
    return validationFailure(detail) ?? { message: asText(detail) ?? undefined };
  },
  requestIdOf: (headers) => asText(firstHeader(headers, 'request-id')),
} satisfies HttpEndpoint;

export function elevenLabsHeaders({ secret }: Credential): Record<string, string> {
  return secret === null ? {} : { 'xi-api-key': secret };
}
