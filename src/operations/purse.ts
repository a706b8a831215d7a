import { overageLeft, remainingOf } from '../billing/balance-state';
import type { AccountBalance, Balances } from '../billing/balances';
import type { ClientTokenBudgets } from '../billing/client-token-budgets';
import type { PrincipalContext } from '../identity/caller';
import { formatCredits, formatUsd, type MicroCredits, USD_E10_PER_MICRO } from '../lib/credits';
import { AppError } from '../lib/errors';

/** USD x 10^4 of a credit of overage where the plan has none: what every other credit is worth. */
const RATE_WITHOUT_OVERAGE = 10;

/** What there is to spend: of the account, or of a client token's budget within it. */
export interface Purse {
  readonly account: AccountBalance;
  /** Micro-credits left of the token's budget; null for an API key. */
  readonly budget: bigint | null;
}

/** What an operation would cost, in micro-credits. */
export interface ForeseenCost {
  readonly expected: MicroCredits;
  /** What would be held. */
  readonly atMost: MicroCredits;
  /** The hold at list price, which a client token's budget counts, also with an own key. */
  readonly listAtMost: MicroCredits;
}

/** The fields of an estimate that are about money. */
export interface EstimatedCost {
  readonly credits: string;
  readonly creditsAtMost: string;
  readonly costUsd: string;
  readonly balanceAfter: string;
  readonly affordable: boolean;
}

/** @throws AppError UNAVAILABLE for a workspace whose account is not there yet */
export async function readPurse(
  { principal }: PrincipalContext,
  { balances, budgets }: { readonly balances: Balances; readonly budgets: ClientTokenBudgets },
): Promise<Purse> {
  const account = await balances.read(principal.workspaceId);
  if (!account) throw new AppError('UNAVAILABLE', 'This workspace has no account yet; try again shortly.');
  const budget = principal.clientTokenId === null ? null : await budgets.read(principal.clientTokenId);
  return { account, budget: budget && budget.budget - budget.spent - budget.held };
}

/** What a cost means to who has this to spend. Nothing is deducted. */
export function estimatedCost({ account, budget }: Purse, cost: ForeseenCost): EstimatedCost {
  const remaining = remainingOf(account);
  const left = budget === null || budget > remaining ? remaining : budget;
  const { expected, atMost } = cost;
  const fromOverage = expected > remaining ? expected - (remaining > 0n ? remaining : 0n) : 0n;
  const overageRate = BigInt(account.overageRate ?? RATE_WITHOUT_OVERAGE);
  return {
    credits: formatCredits(expected),
    creditsAtMost: formatCredits(atMost),
    costUsd: formatUsd((expected - fromOverage) * USD_E10_PER_MICRO + fromOverage * overageRate),
    balanceAfter: formatCredits(left > expected ? left - expected : 0n),
    affordable: isAffordable({ account, budget }, cost),
  };
}

/** Whether a hold would be admitted, as far as money goes. */
export function isAffordable(
  { account, budget }: Purse,
  { atMost, listAtMost }: Pick<ForeseenCost, 'atMost' | 'listAtMost'>,
): boolean {
  if (budget !== null && (listAtMost > atMost ? listAtMost : atMost) > budget) return false;
  if (account.blocked && atMost > 0n) return false;
  const over = overageLeft(account);
  return over === null || atMost <= remainingOf(account) + over;
}
