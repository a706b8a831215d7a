import type { Queryable } from '../db/database';
import { type AccountState, readLocked } from './account-state';
import type { PlanTerms } from './plan-terms';

/** How soon a plan without overage is looked at again while operations that began on overage still run. */
const HOLDS_END_SECONDS = 60;

/**
 * Writes what the account's plan means for admission: the rate and the limit of overage, and the characters.
 *
 * Operations that hold overage when a plan without it begins keep the promise they were given: until they end the rate
 * stays, and the limit of 0 admits no further one. Within a period the characters never become fewer than they were
 * (`mayShrink` false), as they were paid for with it; nor fewer than are used and held.
 */
export async function applyTerms(
  tx: Queryable,
  before: AccountState,
  plan: PlanTerms,
  mayShrink: boolean,
): Promise<void> {
  const account = await readLocked(tx, before);
  const ends = plan.overageRate === null && account.overageHeld > 0n;
  const rate = ends ? account.overageRate : plan.overageRate;
  const chosen = account.ownOverageLimit === undefined ? (plan.monthlyCredits ?? 0n) : account.ownOverageLimit;
  const limit = ends || account.overageStopped ? 0n : rate === null ? null : chosen;
  await tx.query(
    'UPDATE accounts SET overage_rate = $2, overage_limit = $3, allowance_limit = $4 WHERE workspace_id = $1',
    [account.workspaceId, rate, limit?.toString() ?? null, allowanceOf(account, plan, mayShrink)?.toString() ?? null],
  );
  await refreshNextChange(tx, account.workspaceId);
}

/**
 * Sets when admission must next stop for billing: the period's end, the first expiry of a grant with a remainder, or
 * soon where operations on overage are awaited that no further ones may follow.
 */
export async function refreshNextChange(tx: Queryable, workspaceId: string): Promise<void> {
  await tx.query(
    `UPDATE accounts SET next_change_at = LEAST(period_end,
       CASE WHEN overage_held > 0 AND overage_limit = 0 THEN ledger_now() + make_interval(secs => $2) END,
       (SELECT min(expires_at) FROM grants WHERE grants.workspace_id = $1 AND remaining > 0))
     WHERE workspace_id = $1`,
    [workspaceId, HOLDS_END_SECONDS],
  );
}

function allowanceOf(account: AccountState, plan: PlanTerms, mayShrink: boolean): bigint | null {
  if (plan.monthlyCharacters === null || (!mayShrink && account.allowanceLimit === null)) return null;
  const least = account.allowanceUsed + account.allowanceHeld;
  const before = mayShrink ? 0n : account.allowanceLimit!;
  return [BigInt(plan.monthlyCharacters), least, before].reduce((most, value) => (value > most ? value : most));
}
