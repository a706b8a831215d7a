import type { DocumentNode } from 'graphql';
import type { Principal } from '../identity/principal';
import { clientTokenWindow, meteredWindow, otherWindow, rateLimited } from '../limits/request-limits';
import type { RequestWindows, WindowRequest, WindowState } from '../limits/request-windows';
import { countMeteredFields } from './metered-fields';

/** The account's metered window after the decision; undefined on a plan without a limit. */
export type AccountWindow = WindowState | undefined;

/**
 * Counts a document against the account's windows before anything of it runs: its metered fields together in the
 * first, anything else in the second.
 */
export class Admission {
  constructor(
    private readonly windows: RequestWindows,
    private readonly requestsPerMinute: (planId: string, agreedTerms: Principal['agreedTerms']) => number | null,
  ) {}

  /** @throws AppError RATE_LIMITED or QUERY_TOO_LARGE; `onWindow` is told of the window in either case. */
  async admit(
    principal: Principal,
    document: DocumentNode,
    operationName: string | null | undefined,
    variables: Readonly<Record<string, unknown>> | null | undefined,
    onWindow: (window: AccountWindow) => void,
  ): Promise<void> {
    const metered = countMeteredFields(document, operationName, variables);
    const limit = this.limitOf(principal);
    if (limit === null && principal.clientTokenId === null) return;
    const requests: WindowRequest[] = [
      meteredWindow(principal.workspaceId, metered, limit),
      otherWindow(principal.workspaceId, metered === 0 ? 1 : 0, limit),
    ];
    if (principal.clientTokenId !== null && metered > 0) {
      requests.push(clientTokenWindow(principal.clientTokenId, metered, principal.requestsPerMinute));
    }
    const decision = await this.windows.admit(requests);
    onWindow(limit === null ? undefined : decision.windows[0]);
    if (!decision.admitted) throw rateLimited(decision.retryAfterSeconds);
  }

  /** Counts a request that ran nothing in the second window. @throws AppError RATE_LIMITED */
  async admitOther(principal: Principal, onWindow: (window: AccountWindow) => void): Promise<void> {
    const limit = this.limitOf(principal);
    if (limit === null) return;
    const decision = await this.windows.admit([
      meteredWindow(principal.workspaceId, 0, limit),
      otherWindow(principal.workspaceId, 1, limit),
    ]);
    onWindow(decision.windows[0]);
    if (!decision.admitted) throw rateLimited(decision.retryAfterSeconds);
  }

  /** The operator's own workspace is no customer: it must be able to act when it matters. */
  private limitOf(principal: Principal): number | null {
    return principal.operator ? null : this.requestsPerMinute(principal.planId, principal.agreedTerms);
  }
}
