import type { Caller, PrincipalContext } from '../identity/caller';
import type { Services } from './services';

/** The context of every resolver. */
export interface RequestContext extends Caller {
  readonly services: Services;
}

/** The same behind `requireScope`: there is a principal, and it holds the scope. */
export interface AuthorizedContext extends RequestContext, PrincipalContext {
  readonly principal: PrincipalContext['principal'];
}
