import type {
  CreateWorkspaceInput,
  GrantCreditsInput,
  SetWorkspacePlanInput,
} from '../../../schema/inputs/workspace-inputs';
import type { CreditBalance } from '../../../schema/types/credit-balance';
import type { GrantCreditsPayload } from '../../../schema/types/grant-credits-payload';
import type { CreateWorkspacePayload, Workspace } from '../../../schema/types/workspace';
import type { BillingAccounts } from '../../billing/accounts';
import type { AccountBalance, Balances } from '../../billing/balances';
import type { ClientTokenBudgets } from '../../billing/client-token-budgets';
import type { KeyService } from '../../identity/api-keys';
import type { PrincipalContext } from '../../identity/caller';
import type { WorkspaceService } from '../../identity/workspaces';
import { formatCredits } from '../../lib/credits';
import { AppError, badInput, notFound } from '../../lib/errors';
import { isId } from '../../lib/ids';
import { meteredWindow } from '../../limits/request-limits';
import type { RequestWindows } from '../../limits/request-windows';
import { planOf } from '../../metering/agreed-terms';
import type { PriceBook } from '../../metering/price-book';
import { checkCredits, checkIdempotencyKey, checkReason } from '../input-rules';
import { balanceView, budgetView } from '../views/balance-view';
import { planView } from './plan-view';

export interface AccountDependencies {
  readonly book: PriceBook;
  readonly accounts: BillingAccounts;
  readonly balances: Balances;
  readonly budgets: ClientTokenBudgets;
  readonly workspaces: WorkspaceService;
  readonly keys: KeyService;
  readonly windows: RequestWindows;
}

/** Workspaces and what they may spend. */
export class AccountOperations {
  constructor(private readonly dependencies: AccountDependencies) {}

  /** Of the workspace; for a client token, of its own budget. */
  async balance(context: PrincipalContext): Promise<CreditBalance> {
    const { clientTokenId, workspaceId } = context.principal;
    if (clientTokenId === null) return this.balanceOf(workspaceId);
    const budget = await this.dependencies.budgets.read(clientTokenId);
    if (!budget) throw notFound('client token');
    return budgetView(workspaceId, budget);
  }

  async current(context: PrincipalContext): Promise<Workspace> {
    return this.workspaceView(context.principal.workspaceId, context);
  }

  async create(context: PrincipalContext, input: CreateWorkspaceInput): Promise<CreateWorkspacePayload> {
    const made = await this.dependencies.workspaces.create({ name: input.name, planId: input.plan });
    return {
      workspace: await this.workspaceView(made.workspace.id, context),
      apiKey: made.apiKey,
      secret: made.secret,
    };
  }

  async setPlan(context: PrincipalContext, input: SetWorkspacePlanInput): Promise<Workspace> {
    const workspaceId = idOf(input.workspaceId);
    await this.dependencies.accounts.setPlan(workspaceId, { planId: input.plan });
    return this.workspaceView(workspaceId, context);
  }

  async grantCredits(_context: PrincipalContext, input: GrantCreditsInput): Promise<GrantCreditsPayload> {
    const credits = checkCredits('credits', input.credits);
    if (credits === null || credits === 0n) throw badInput('credits', 'credits takes an amount above 0.');
    if (input.kind === 'MONTHLY')
      throw badInput('kind', 'Monthly grants come from the plan; choose TOP_UP, PROMOTION or ADJUSTMENT.');
    const reason = checkReason(input.reason);
    const workspaceId = idOf(input.workspaceId);
    const grant = await this.dependencies.accounts.grant({
      workspaceId,
      kind: input.kind,
      credits,
      reason,
      expiresAt: input.expiresAt ?? null,
      idempotencyKey: checkIdempotencyKey(input.idempotencyKey)!,
    });
    return {
      grant: {
        id: grant.id,
        kind: grant.kind,
        credits: formatCredits(BigInt(grant.credits)),
        remaining: formatCredits(BigInt(grant.remaining)),
        effectiveAt: grant.effective_at,
        expiresAt: grant.expires_at,
      },
      balance: await this.balanceOf(workspaceId),
    };
  }

  async balanceOf(workspaceId: string): Promise<CreditBalance> {
    return balanceView(await this.account(workspaceId), this.dependencies.balances);
  }

  private async account(workspaceId: string): Promise<AccountBalance> {
    const account = await this.dependencies.balances.read(workspaceId);
    if (!account) throw notFound('workspace');
    return account;
  }

  private async workspaceView(workspaceId: string, context: PrincipalContext): Promise<Workspace> {
    const { book, keys, windows, workspaces } = this.dependencies;
    const workspace = await workspaces.find(workspaceId);
    const { principal } = context;
    const plan = (): Workspace['plan'] => {
      const found = planOf(book, workspace.planId, workspace.agreedTerms);
      if (!found)
        throw new AppError(
          'UNAVAILABLE',
          `The price book has no plan "${workspace.planId}" any more; the operator has to add it.`,
        );
      return planView(found);
    };
    return {
      id: workspace.id,
      name: workspace.name,
      plan: plan as Workspace['plan'],
      currentApiKey: () =>
        principal.kind === 'api-key' && principal.workspaceId === workspace.id
          ? keys.find(workspace.id, principal.apiKeyId)
          : null,
      balance: () => (principal.workspaceId === workspace.id ? this.balance(context) : this.balanceOf(workspace.id)),
      rateLimit: async () => {
        const limit = planOf(book, workspace.planId, workspace.agreedTerms)?.requestsPerMinute ?? null;
        const [window] = await windows.peek([meteredWindow(workspace.id, 0, limit)]);
        return {
          limit,
          remaining: window?.remaining ?? null,
          resetAt: new Date(window?.resetAtMs ?? (Math.floor(Date.now() / 60_000) + 1) * 60_000),
          currentMinute: window?.used ?? 0,
        };
      },
      createdAt: workspace.createdAt,
    };
  }
}

function idOf(workspaceId: string): string {
  if (!isId(workspaceId)) throw notFound('workspace');
  return workspaceId;
}
