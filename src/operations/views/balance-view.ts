import type { CreditBalance } from '../../../schema/types/credit-balance';
import { balanceMessage, balanceState, remainingOf } from '../../billing/balance-state';
import type { AccountBalance, Balances } from '../../billing/balances';
import type { ClientTokenBudget } from '../../billing/client-token-budgets';
import { formatCredits, formatUsd, USD_E10_PER_MICRO } from '../../lib/credits';

/** An account's balance as the schema shows it. */
export function balanceView(balance: AccountBalance, balances: Balances): CreditBalance {
  const state = balanceState(balance);
  const remaining = remainingOf(balance);
  let average: Promise<bigint | null> | null = null;
  const averageRequest = (): Promise<bigint | null> => {
    average ??= balances.averageRequest(balance.workspaceId, balance.periodNumber);
    return average;
  };
  return {
    id: balance.workspaceId,
    state,
    remaining: formatCredits(remaining),
    remainingUsd: formatUsd(remaining * USD_E10_PER_MICRO),
    included: formatCredits(balance.included),
    carriedOver: formatCredits(balance.carriedOver),
    toppedUp: formatCredits(balance.toppedUp),
    promotional: formatCredits(balance.promotional),
    expired: formatCredits(balance.lostCredits),
    used: formatCredits(balance.usedCredits),
    held: formatCredits(balance.held + balance.overageHeld),
    overageCredits: formatCredits(balance.overageUsed),
    overageUsd: formatUsd(balance.overageUsdE10),
    overageLimit:
      balance.overageRate === null ? '0' : balance.overageLimit === null ? null : formatCredits(balance.overageLimit),
    averageRequestCredits: async () => {
      const credits = await averageRequest();
      return credits === null ? null : formatCredits(credits);
    },
    estimatedRequestsRemaining: async () => {
      const credits = await averageRequest();
      return credits === null || credits === 0n ? null : Number((remaining > 0n ? remaining : 0n) / credits);
    },
    // Only a low balance speaks of the average, which takes a look at the last operations.
    message:
      state === 'LOW'
        ? async () => balanceMessage(balance, state, await averageRequest())
        : balanceMessage(balance, state),
    grants: balance.grants.map((grant) => ({
      id: grant.id,
      kind: grant.kind,
      credits: formatCredits(grant.credits),
      remaining: formatCredits(grant.remaining),
      effectiveAt: grant.effectiveAt,
      expiresAt: grant.expiresAt,
    })),
    periodStart: balance.periodStart,
    periodEnd: balance.periodEnd,
  };
}

/** A client token's own budget, in the words of a balance. */
export function budgetView(workspaceId: string, budget: ClientTokenBudget): CreditBalance {
  const left = budget.budget - budget.spent - budget.held;
  const state = left <= 0n ? 'HARD_STOP' : left * 10n <= budget.budget ? 'LOW' : 'HEALTHY';
  return {
    id: workspaceId,
    state,
    remaining: formatCredits(left),
    remainingUsd: formatUsd(left * USD_E10_PER_MICRO),
    included: formatCredits(budget.budget),
    carriedOver: '0',
    toppedUp: '0',
    promotional: '0',
    expired: '0',
    used: formatCredits(budget.spent),
    held: formatCredits(budget.held),
    overageCredits: '0',
    overageUsd: '0',
    overageLimit: '0',
    averageRequestCredits: null,
    estimatedRequestsRemaining: null,
    message:
      state === 'HEALTHY'
        ? null
        : `${formatCredits(left)} credits are left of this token's budget. Ask for a new token to go on.`,
    grants: [],
    periodStart: budget.createdAt,
    periodEnd: budget.expiresAt,
  } as CreditBalance;
}
