import type { Queryable } from '../db/database';
import { addGrant } from '../ledger/grants';
import { micro } from '../lib/credits';
import { type AccountState, readLocked } from './account-state';
import { type Calendar, endBy, proratedShare, secondsLeft } from './periods';
import { creditsOf, type PlanTerms, priceOf } from './plan-terms';

/*
 * What a plan gives and costs in a period of a locked account. Every function takes the account as it is and answers
 * it as it is after.
 */

/** Where a period lies, and on which plan it begins. */
export interface NewPeriod {
  readonly start: Date;
  readonly end: Date;
  readonly calendar: Calendar;
  readonly planId: string;
  /** null: the price book has it no more, so that it gives nothing. */
  readonly plan: PlanTerms | null;
}

/** A trial is granted like a paid period, ends with its grant, and costs nothing. */
const isTrial = (account: AccountState): boolean => account.overageStopped && account.grantsStopped && !account.blocked;

/** Ends the present period at the start of the next, which begins with its grant unless its payment is not known. */
export async function beginPeriod(tx: Queryable, account: AccountState, next: NewPeriod): Promise<AccountState> {
  const { workspaceId } = account;
  await tx.query('UPDATE billing_periods SET period_end = $3, closing = $4 WHERE workspace_id = $1 AND number = $2', [
    workspaceId,
    account.periodNumber,
    next.start,
    account.spendable.toString(),
  ]);
  await tx.query(
    `UPDATE accounts SET period_number = $2, period_start = $3, period_end = $4, billing_anchor = $5, anchor_period = $6,
       agreed_terms = CASE WHEN plan_id = $7 THEN agreed_terms END, plan_id = $7, pending_plan_id = NULL,
       overage_used = 0, allowance_used = 0
     WHERE workspace_id = $1`,
    [
      workspaceId,
      account.periodNumber + 1,
      next.start,
      next.end,
      next.calendar.anchor,
      next.calendar.anchorPeriod,
      next.planId,
    ],
  );
  await tx.query(
    'UPDATE grants SET period_opening = remaining WHERE workspace_id = $1 AND period_opening <> remaining',
    [workspaceId],
  );
  const begun = await readLocked(tx, account);
  await recordPeriod(tx, begun);
  return next.plan && !begun.grantsStopped ? grantPeriod(tx, begun, next.plan) : begun;
}

/** The row of a period that has just begun. */
export async function recordPeriod(tx: Queryable, account: AccountState): Promise<void> {
  await tx.query(
    `INSERT INTO billing_periods (workspace_id, number, period_start, period_end, plan_id, opening)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [
      account.workspaceId,
      account.periodNumber,
      account.periodStart,
      account.periodEnd,
      account.planId,
      account.spendable.toString(),
    ],
  );
}

/** Gives and charges the plan for the whole of the present period, once however often it is asked for. */
export async function grantPeriod(tx: Queryable, account: AccountState, plan: PlanTerms): Promise<AccountState> {
  const { workspaceId, periodNumber } = account;
  const price = isTrial(account) ? 0n : priceOf(plan);
  const first = await tx.query(
    `UPDATE billing_periods SET granted_credits = $3, priced_usd_e10 = $4
     WHERE workspace_id = $1 AND number = $2 AND granted_credits IS NULL RETURNING number`,
    [workspaceId, periodNumber, creditsOf(plan).toString(), price.toString()],
  );
  if (first.rows.length === 0) return account;
  if (price > 0n) await chargePlan(tx, account, plan, 'PLAN', price, account.periodStart);
  if (creditsOf(plan) > 0n) {
    await addGrant(tx, {
      workspaceId,
      kind: 'MONTHLY',
      credits: micro(creditsOf(plan)),
      reason: `${isTrial(account) ? 'trial' : 'monthly grant'} of ${plan.name}`,
      idempotencyKey: `period-${periodNumber}`,
      periodNumber,
      effectiveAt: account.periodStart,
      expiresAt: expiryOf(account, plan),
      createdAt: account.periodStart,
    });
  }
  return readLocked(tx, account);
}

/**
 * Gives and charges the difference to a dearer plan for the share of the present period that is left at `at`. The
 * difference is to the dearest plan that the period had, so that nothing is given or charged twice.
 */
export async function upgradePeriod(
  tx: Queryable,
  account: AccountState,
  plan: PlanTerms,
  at: Date,
): Promise<AccountState> {
  const { rows } = await tx.query<{ granted_credits: string | null; priced_usd_e10: string | null }>(
    'SELECT granted_credits, priced_usd_e10 FROM billing_periods WHERE workspace_id = $1 AND number = $2',
    [account.workspaceId, account.periodNumber],
  );
  const before = rows[0]!;
  if (before.granted_credits === null || before.priced_usd_e10 === null) {
    return account.grantsStopped && !isTrial(account) ? account : grantPeriod(tx, account, plan);
  }
  const gain = creditsOf(plan) - BigInt(before.granted_credits);
  const rise = isTrial(account) ? 0n : priceOf(plan) - BigInt(before.priced_usd_e10);
  await tx.query(
    `UPDATE billing_periods SET granted_credits = GREATEST(granted_credits, $3), priced_usd_e10 = GREATEST(priced_usd_e10, $4)
     WHERE workspace_id = $1 AND number = $2`,
    [
      account.workspaceId,
      account.periodNumber,
      creditsOf(plan).toString(),
      (BigInt(before.priced_usd_e10) + (rise > 0n ? rise : 0n)).toString(),
    ],
  );
  if (rise > 0n) await chargePlan(tx, account, plan, 'UPGRADE', rise, at);
  const credits = gain > 0n ? proratedShare(gain, account.periodStart, account.periodEnd, at) : 0n;
  if (credits > 0n) {
    await addGrant(tx, {
      workspaceId: account.workspaceId,
      kind: 'MONTHLY',
      credits: micro(credits),
      reason: `upgrade to ${plan.name}, for the rest of the period`,
      idempotencyKey: null,
      periodNumber: account.periodNumber,
      effectiveAt: account.now,
      expiresAt: expiryOf(account, plan),
      createdAt: account.now,
    });
  }
  return readLocked(tx, account);
}

const expiryOf = (account: AccountState, plan: PlanTerms): Date =>
  isTrial(account) || plan.carryoverMonths === 0
    ? account.periodEnd
    : endBy(account, account.periodNumber + plan.carryoverMonths);

async function chargePlan(
  tx: Queryable,
  account: AccountState,
  plan: PlanTerms,
  kind: 'PLAN' | 'UPGRADE',
  price: bigint,
  from: Date,
): Promise<void> {
  const { left, of } = secondsLeft(account.periodStart, account.periodEnd, from);
  if (left === 0n) return;
  await tx.query(
    `INSERT INTO plan_charges (workspace_id, period_number, kind, plan_id, plan_name, price_usd_e10, seconds, of_seconds,
       recorded_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      account.workspaceId,
      account.periodNumber,
      kind,
      plan.id,
      plan.name,
      price.toString(),
      left.toString(),
      of.toString(),
      from,
    ],
  );
}
