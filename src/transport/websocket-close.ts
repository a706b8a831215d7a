import { SecretRefused } from '../identity/refusals';
import { AppError } from '../lib/errors';

/** Close codes of the public surface. */
export const CLOSE = {
  unauthenticated: 4401,
  forbidden: 4403,
  noInit: 4408,
  tooMany: 4429,
  goingAway: 1013,
  internal: 1011,
} as const;

/** A socket closed with one of these was left; anything else is a network that broke, and its client may come back. */
export const LEFT_CODES: ReadonlySet<number> = new Set([1000, 1001, 1005, 4401, 4403, 4429, 1013]);

/** RFC 6455: a control frame holds 125 bytes, the code among them. */
const REASON_BYTES_MAX = 123;

/** How a socket is closed whose credential was refused. */
export function closeFor(error: unknown): [code: number, reason: string] {
  if (error instanceof SecretRefused && error.why === 'revoked') return [CLOSE.forbidden, 'Revoked'];
  switch (error instanceof AppError ? error.code : null) {
    case 'UNAUTHENTICATED':
      return [CLOSE.unauthenticated, 'Unauthenticated'];
    case 'RATE_LIMITED':
      return [CLOSE.tooMany, 'Too many failed sign-ins'];
    case 'UNAVAILABLE':
      return [CLOSE.goingAway, 'Try again later'];
    case 'FORBIDDEN':
    case 'BAD_USER_INPUT': {
      const { message } = error as AppError;
      return [CLOSE.forbidden, Buffer.byteLength(message) <= REASON_BYTES_MAX ? message : 'Forbidden'];
    }
    default:
      return [CLOSE.internal, 'Internal error'];
  }
}
