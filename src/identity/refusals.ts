import { AppError } from '../lib/errors';

const HOW = 'send one as "Authorization: Bearer <key>", or as "authorization" in the connectionParams of a WebSocket';

/** Why a secret is refused. What it was is told only to those who prove that they had it. */
export type Refusal = 'unknown' | 'revoked' | 'expired' | 'replaced' | 'missing';

const MESSAGES: Readonly<Record<Refusal, string>> = {
  missing: `This needs an API key or a client token: ${HOW}.`,
  unknown: `This API key or client token is not valid: check that it was copied whole, and ${HOW}.`,
  revoked: 'This API key or client token was revoked; use another one.',
  expired: 'This API key or client token has expired; create a new one.',
  replaced: 'This secret was replaced when its API key was rotated, and its grace period is over; use the new secret.',
};

/** UNAUTHENTICATED, always in the same shape: a message that says what to do, and no fields. */
export class SecretRefused extends AppError {
  constructor(readonly why: Refusal) {
    super('UNAUTHENTICATED', MESSAGES[why]);
  }
}

export const unauthenticated = (why: Refusal): AppError => new SecretRefused(why);
