import { formatCredits } from '../lib/credits';
import type { AccountBalance } from './balances';

export type BalanceState = 'HEALTHY' | 'LOW' | 'OVERAGE' | 'HARD_STOP';

const LOW_PERCENT = 10n;

/** Credits that can be spent without overage. */
export const remainingOf = (balance: AccountBalance): bigint => balance.spendable - balance.held;

/** Overage that may still be used; null: any amount. */
export function overageLeft(balance: AccountBalance): bigint | null {
  if (balance.overageRate === null) return 0n;
  if (balance.overageLimit === null) return null;
  const left = balance.overageLimit - balance.overageUsed - balance.overageHeld;
  return left > 0n ? left : 0n;
}

/** Characters left of the allowance; null: any number. */
function charactersLeft(balance: AccountBalance): bigint | null {
  if (balance.allowanceLimit === null) return null;
  return balance.allowanceLimit - balance.allowanceUsed - balance.allowanceHeld;
}

/** In a book without credits the characters are all there is. */
function livesOnCharacters(balance: AccountBalance): boolean {
  const hasCredits = balance.included > 0n || balance.lastTopUp !== null || balance.grants.length > 0;
  return !hasCredits && balance.allowanceLimit !== 0n;
}

/** Where an account stands: what is left against what it had, then whether overage may go on. */
export function balanceState(balance: AccountBalance): BalanceState {
  if (balance.blocked) return 'HARD_STOP';
  if (livesOnCharacters(balance)) {
    const left = charactersLeft(balance);
    if (left === null) return 'HEALTHY';
    return left <= 0n ? 'HARD_STOP' : left * 100n <= balance.allowanceLimit! * LOW_PERCENT ? 'LOW' : 'HEALTHY';
  }
  const remaining = remainingOf(balance);
  if (remaining <= 0n) {
    const left = overageLeft(balance);
    return left === null || left > 0n ? 'OVERAGE' : 'HARD_STOP';
  }
  const measure = balance.included > 0n ? balance.included : (balance.lastTopUp ?? 0n);
  const isUnderRule = balance.lowBalanceThreshold !== null && remaining <= balance.lowBalanceThreshold;
  return isUnderRule || remaining * 100n <= measure * LOW_PERCENT ? 'LOW' : 'HEALTHY';
}

/**
 * One sentence for a banner, with what the user can do; null while healthy.
 * @param average micro-credits of an average request, null where there is none
 */
export function balanceMessage(
  balance: AccountBalance,
  state: BalanceState,
  average: bigint | null = null,
): string | null {
  switch (state) {
    case 'HEALTHY':
      return null;
    case 'LOW':
      return livesOnCharacters(balance)
        ? `${charactersLeft(balance)} characters are left in this period. Change the plan to go on without a break.`
        : `${formatCredits(remainingOf(balance))} credits are left in this period${enoughFor(remainingOf(balance), average)}. Top up or change the plan to go on without a break.`;
    case 'OVERAGE': {
      const left = overageLeft(balance);
      const limit = left === null ? '' : ` ${formatCredits(left)} more can be used before the overage limit.`;
      return `The credits of this period are used up; further use is billed as overage.${limit}`;
    }
    case 'HARD_STOP':
      if (balance.blocked)
        return 'The subscription is unpaid, so nothing is served until it is settled. Pay the open invoice to go on.';
      if (livesOnCharacters(balance))
        return 'The characters of this period are used up, so nothing more is served. Change the plan to go on.';
      if (balance.overageStopped === 'TRIAL')
        return 'The credits of the trial are used up, so nothing more is served until it ends. Top up or subscribe to go on.';
      if (balance.overageStopped === 'PAST_DUE')
        return 'The credits are used up, and as the last payment failed there is no overage. Pay the open invoice or top up to go on.';
      return balance.overageRate === null
        ? 'The credits of this period are used up, so nothing more is served. Top up or change the plan.'
        : 'The overage limit is reached, so nothing more is served. Raise the limit, top up or change the plan.';
  }
}

/** How many average requests that is, in words; nothing where no average is known. */
function enoughFor(remaining: bigint, average: bigint | null): string {
  if (average === null || average <= 0n) return '';
  const requests = remaining / average;
  return requests === 1n ? ', enough for about 1 average request' : `, enough for about ${requests} average requests`;
}
