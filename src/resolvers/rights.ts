import type { ApiKeyScope } from '../../schema/enums/api-key-scope';
import type { Capability } from '../../schema/enums/capability';
import { unauthenticated } from '../identity/refusals';
import * as rights from '../identity/rights';
import type { AuthorizedContext, RequestContext } from './context';

/**
 * Lets a request pass whose key or token holds the scope. A client token that passes sees and spends its own alone;
 * that narrowing is the service's.
 * @throws AppError UNAUTHENTICATED without a principal, FORBIDDEN without the scope.
 */
export function requireScope(context: RequestContext, scope: ApiKeyScope): asserts context is AuthorizedContext {
  if (context.principal === null) throw unauthenticated('missing');
  rights.requireScope(context.principal, scope);
}

/**
 * The scope METERED, and a client token that was made for the capability.
 * @throws AppError UNAUTHENTICATED or FORBIDDEN.
 */
export function requireCapability(
  context: RequestContext,
  capability: Capability,
): asserts context is AuthorizedContext {
  requireScope(context, 'METERED');
  rights.requireCapability(context.principal, capability);
}

/**
 * The scope, held by a permanent key: what concerns the workspace beyond one browser is closed to client tokens.
 * @throws AppError UNAUTHENTICATED or FORBIDDEN.
 */
export function requireApiKey(context: RequestContext, scope: ApiKeyScope): asserts context is AuthorizedContext {
  requireScope(context, scope);
  rights.requireApiKey(context.principal);
}
