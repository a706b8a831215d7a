import { createHmac, randomBytes } from 'node:crypto';
import type { KeyRing } from '../lib/keys';
import { SecretSealer } from '../lib/secret-sealer';

const PREFIX = 'whsec_';
const SECRET_BYTES = 32;

/** Where a secret that signs belongs. */
export interface WebhookSecretPlace {
  readonly workspaceId: string;
  readonly endpointId: string;
}

/** Seals the secrets of endpoints for the database: they have to sign, so a hash would not do. */
export class WebhookSecretSealer extends SecretSealer<WebhookSecretPlace> {
  constructor(keyRing: KeyRing) {
    super(keyRing, 'webhook-secrets', ({ workspaceId, endpointId }) =>
      Buffer.from(JSON.stringify(['webhook-secret', 1, workspaceId, endpointId])),
    );
  }
}

/** `whsec_` and 32 random bytes as base64, the form of Standard Webhooks. */
export const makeWebhookSecret = (): string => PREFIX + randomBytes(SECRET_BYTES).toString('base64');

/**
 * The header webhook-signature of one attempt: HMAC-SHA256 of id, timestamp and body with dots between them, once for
 * each secret. https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 *
 * @param timestamp seconds since 1970, as the header webhook-timestamp says
 */
export function signatureOf(
  secrets: readonly string[],
  message: { readonly id: string; readonly timestamp: string; readonly body: string },
): string {
  return secrets
    .map((secret) => {
      const hmac = createHmac('sha256', Buffer.from(secret.slice(PREFIX.length), 'base64'));
      return `v1,${hmac.update(`${message.id}.${message.timestamp}.${message.body}`).digest('base64')}`;
    })
    .join(' ');
}
