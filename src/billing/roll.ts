import type { Queryable } from '../db/database';
import { expireGrants } from '../ledger/grants';
import { type AccountState, readLocked } from './account-state';
import { applyTerms, refreshNextChange } from './account-terms';
import { endBy, startBy } from './periods';
import { beginPeriod } from './plan-periods';
import type { FindPlan } from './plan-terms';

/**
 * Brings a locked account up to the time of its lock: grants that ran out are expired, and each period that began since
 * gets its plan (the one that was waiting for it, or the same), its grant and its allowance.
 */
export async function rollAccount(tx: Queryable, locked: AccountState, findPlan: FindPlan): Promise<AccountState> {
  let account = locked;
  while (account.periodEnd <= locked.now) {
    await expireGrants(tx, account.workspaceId, account.periodEnd, account.periodNumber);
    account = await readLocked(tx, account);
    const next = account.periodNumber + 1;
    const planId = account.pendingPlanId ?? account.planId;
    const start = startBy(account, next);
    account = await beginPeriod(tx, account, {
      start,
      end: endBy(account, next),
      calendar: account,
      planId,
      plan: findPlan(planId, planId === account.planId ? account.agreed : null, start),
    });
  }
  await expireGrants(tx, account.workspaceId, locked.now, account.periodNumber);
  const plan = findPlan(account.planId, account.agreed);
  if (plan) await applyTerms(tx, account, plan, account.periodNumber !== locked.periodNumber);
  else await refreshNextChange(tx, account.workspaceId);
  return readLocked(tx, account);
}
