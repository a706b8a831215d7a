import { AppError } from '../lib/errors';
import type { Principal } from './principal';
import type { Scope } from './scopes';

/** Throws FORBIDDEN unless the principal holds the scope. */
export function requireScope(principal: Principal, scope: Scope): void {
  if (principal.scopes.includes(scope)) return;
  if (principal.kind === 'client-token') {
    throw new AppError('FORBIDDEN', `A client token cannot do this; use an API key with the scope ${scope}.`);
  }
  throw new AppError('FORBIDDEN', `This API key lacks the scope ${scope}; use a key that has it.`);
}

/** Throws FORBIDDEN where a client token was made for other capabilities. */
export function requireCapability(principal: Principal, capability: string): void {
  if (principal.capabilities === null || principal.capabilities.includes(capability)) return;
  throw new AppError(
    'FORBIDDEN',
    `This client token is made for ${principal.capabilities.join(', ')}, not for ${capability}; create one that names it.`,
  );
}

/** Throws FORBIDDEN for a client token, whatever its scopes. */
export function requireApiKey(principal: Principal): void {
  if (principal.kind === 'api-key') return;
  throw new AppError('FORBIDDEN', 'A client token cannot do this; use an API key.');
}

/**
 * Whether a request with this Origin header may use the principal. API keys and tokens without origins may be used
 * from anywhere; otherwise the header must be there and name one of the origins.
 */
export function originAllowed(principal: Principal, originHeader: string | undefined): boolean {
  if (principal.origins === null) return true;
  return originHeader !== undefined && principal.origins.includes(originHeader.toLowerCase());
}
