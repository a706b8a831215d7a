import type { Database, Queryable } from '../db/database';
import { revokeGrant } from '../ledger/grants';
import { type AccountState, readLocked } from './account-state';
import { applyTerms } from './account-terms';
import type { BillingAccounts } from './accounts';
import { calendarOf } from './periods';
import { beginPeriod, grantPeriod } from './plan-periods';
import { isDearer, type PlanTerms, priceOf } from './plan-terms';
import { rollAccount } from './roll';
import { type AppliedSnapshot, inEffect, type Subscription, type SubscriptionSnapshot } from './subscription';
import { readSubscription, type SubscriptionRecord, subscriptionOf, writeSubscription } from './subscription-records';

export type { AppliedSnapshot, Subscription, SubscriptionSnapshot, SubscriptionStatus } from './subscription';
export { inEffect } from './subscription';

/** How far a provider's next period may lie from where our calendar put it and still be the same one: months differ so. */
const SAME_PERIOD_MS = 4 * 86_400_000;

export interface SubscriptionsDependencies {
  readonly database: Database;
  readonly accounts: BillingAccounts;
  /** The plan of a workspace that pays for none. */
  readonly defaultPlanId: () => string;
  /** Told after each commit that changed a subscription. */
  readonly onSubscriptionChanged?: (workspaceId: string) => void;
}

/**
 * The subscriptions of workspaces. A payment provider's word is final: whoever hears of a change fetches the present
 * state there, outside any transaction, and applies it here; what is applied twice, late or out of order ends alike.
 */
export class Subscriptions {
  constructor(private readonly dependencies: SubscriptionsDependencies) {}

  /** null: nothing is or was paid for. Brings the account up to the present first. */
  async find(workspaceId: string): Promise<Subscription | null> {
    const { database, accounts } = this.dependencies;
    return database.transaction(async (tx) => {
      const account = await accounts.lockRolled(tx, workspaceId);
      const record = await readSubscription(tx, workspaceId);
      if (record && inEffect(record.status)) return this.ofAccount(record, account);
      const plan = accounts.findPlan(account.planId, account.agreed);
      const costsNothing = !plan || (plan.priceUsd !== null && priceOf(plan) === 0n);
      if (costsNothing) return record && subscriptionOf(record);
      return this.byOperator(account);
    });
  }

  /** The workspace that a provider's subscription belongs to; null: none is known. */
  async workspaceOf(paymentProvider: string, subscriptionId: string): Promise<string | null> {
    const { rows } = await this.dependencies.database.query<{ workspace_id: string }>(
      'SELECT workspace_id FROM subscriptions WHERE payment_provider = $1 AND subscription_id = $2',
      [paymentProvider, subscriptionId],
    );
    return rows[0]?.workspace_id ?? null;
  }

  /**
   * Brings ours to the provider's present state, within the caller's transaction (so that the record of a webhook and
   * its effect commit together). Locks the account. Idempotent, and independent of the order of events, as the
   * state was fetched just before and an earlier fetch never undoes a later one. An upgrade acts at once with the prorated grant; a lower plan waits for the period's end.
   * - INCOMPLETE is remembered and changes no plan.
   * - TRIALING: the plan with its grant, which ends with the trial; no overage, as nobody would bill it.
   * - PAST_DUE: the provider still tries to collect, so grants come and are served as before; no overage meanwhile.
   * - UNPAID: nothing that costs is served, and no period gets its grant; both come back with the payment.
   * - CANCELED: final for this subscription. Back to the book's default plan; what was paid for stays usable until it
   *   runs out, what is left of a month that never was (`periodPaid`) is revoked.
   * - A snapshot of another subscription that is not in effect never displaces one that is.
   * Never makes a call and publishes nothing: the caller hands the answer to `announce` after its commit.
   * @throws AppError BAD_USER_INPUT for an unknown plan, NOT_FOUND for an unknown workspace; nothing is changed then
   */
  async applySnapshot(tx: Queryable, workspaceId: string, snapshot: SubscriptionSnapshot): Promise<AppliedSnapshot> {
    const { accounts } = this.dependencies;
    const plan = accounts.requirePlan(snapshot.planId);
    if (snapshot.pendingPlanId !== null) accounts.requirePlan(snapshot.pendingPlanId);
    const locked = await accounts.lockRolled(tx, workspaceId);
    const known = await readSubscription(tx, workspaceId);
    if (known && !supersedes(snapshot, known)) return NOTHING;
    const same =
      known?.subscriptionId === snapshot.subscriptionId && known.paymentProvider === snapshot.paymentProvider;
    const before = same ? known : null;
    let account = locked;
    if (inEffect(snapshot.status)) account = await this.follow(tx, account, before, snapshot, plan);
    else if (known && inEffect(known.status)) account = await this.end(tx, account, snapshot);
    const accountPeriod =
      inEffect(snapshot.status) && covers(snapshot, account) ? account.periodNumber : (before?.accountPeriod ?? -1);
    await writeSubscription(tx, workspaceId, snapshot, accountPeriod);
    const planChanged = account.planId !== locked.planId;
    return {
      subscriptionChanged: !known || !sameSubscription(known, snapshot),
      balanceChanged: planChanged || changed(locked, account),
      planChanged,
    };
  }

  /** Tells all who follow this workspace; after the commit. Nothing happens where nothing changed. */
  announce(workspaceId: string, applied: AppliedSnapshot): void {
    if (applied.balanceChanged || applied.planChanged)
      this.dependencies.accounts.announce(workspaceId, applied.planChanged);
    if (applied.subscriptionChanged) this.dependencies.onSubscriptionChanged?.(workspaceId);
  }

  /** The account takes over the period, the plan and the standing of a subscription that is in effect. */
  private async follow(
    tx: Queryable,
    locked: AccountState,
    before: SubscriptionRecord | null,
    snapshot: SubscriptionSnapshot,
    plan: PlanTerms,
  ): Promise<AccountState> {
    const { accounts, defaultPlanId: planOfNobody } = this.dependencies;
    const defaultPlanId = planOfNobody();
    const { workspaceId } = locked;
    const { status } = snapshot;
    await tx.query(
      `UPDATE accounts SET blocked = $2, overage_stopped = $3, grants_stopped = $4 WHERE workspace_id = $1`,
      [workspaceId, status === 'UNPAID', status !== 'ACTIVE', status === 'UNPAID' || status === 'TRIALING'],
    );
    let account = await readLocked(tx, locked);
    const place = placeOf(account, before, snapshot);
    if (place === 'next') {
      const start = snapshot.periodStart > account.periodStart ? snapshot.periodStart : account.periodStart;
      account = await beginPeriod(tx, account, {
        start,
        end: snapshot.periodEnd,
        calendar: calendarOf(account.periodNumber + 1, snapshot.periodStart, snapshot.periodEnd),
        planId: plan.id,
        plan,
      });
    } else if (place === 'present') {
      account = await realign(tx, account, snapshot);
    }
    const current = accounts.findPlan(account.planId, account.agreed);
    const present = covers(snapshot, account);
    if (present && (!current || isDearer(plan, current))) {
      // A period that our calendar began before its payment was known is the new plan's from its start.
      const at = before && account.periodNumber > before.accountPeriod ? account.periodStart : account.now;
      account = await accounts.moveTo(tx, account, plan, null, false, at);
    }
    // What was withheld until the payment, and the grant of a trial, of which grantPeriod gives each once.
    if (present && status !== 'UNPAID' && account.planId === plan.id) account = await grantPeriod(tx, account, plan);
    const pending =
      snapshot.pendingPlanId ??
      (snapshot.cancelAtPeriodEnd ? defaultPlanId : account.planId === plan.id ? null : plan.id);
    await tx.query('UPDATE accounts SET pending_plan_id = NULLIF($2, plan_id) WHERE workspace_id = $1', [
      workspaceId,
      pending,
    ]);
    const served = accounts.findPlan(account.planId, account.agreed);
    if (served) await applyTerms(tx, account, served, place === 'next');
    account = await readLocked(tx, account);
    return account.periodEnd <= account.now ? rollAccount(tx, account, accounts.findPlan) : account;
  }

  /** Back to the plan of those who pay for none; a month that was never paid for is taken back. */
  private async end(tx: Queryable, locked: AccountState, snapshot: SubscriptionSnapshot): Promise<AccountState> {
    const { accounts, defaultPlanId: planOfNobody } = this.dependencies;
    const defaultPlanId = planOfNobody();
    await tx.query(
      `UPDATE accounts SET blocked = false, overage_stopped = false, grants_stopped = false WHERE workspace_id = $1`,
      [locked.workspaceId],
    );
    if (!snapshot.periodPaid) {
      const unpaid = await tx.query<{ id: string }>(
        `SELECT id FROM grants WHERE workspace_id = $1 AND kind = 'MONTHLY' AND remaining > 0 AND effective_at >= $2
           AND effective_at < $3
         ORDER BY created_at, id`,
        [locked.workspaceId, snapshot.periodStart, snapshot.periodEnd],
      );
      for (const { id } of unpaid.rows) await revokeGrant(tx, locked, id);
    }
    const account = await readLocked(tx, locked);
    return accounts.moveTo(tx, account, accounts.requirePlan(defaultPlanId), null, false);
  }

  /** The provider's word, but for the plan: until a lower one begins, the dearer one is served. */
  private ofAccount(record: SubscriptionRecord, account: AccountState): Subscription {
    const subscription = subscriptionOf(record);
    if (account.planId === record.planId || !covers(record, account)) return subscription;
    return { ...subscription, planId: account.planId, pendingPlanId: account.pendingPlanId };
  }

  private byOperator(account: AccountState): Subscription {
    return {
      workspaceId: account.workspaceId,
      planId: account.planId,
      agreed: account.agreed,
      status: account.blocked ? 'UNPAID' : 'ACTIVE',
      periodStart: account.periodStart,
      periodEnd: account.periodEnd,
      trialEnd: null,
      cancelAtPeriodEnd: account.pendingPlanId === this.dependencies.defaultPlanId(),
      pendingPlanId: account.pendingPlanId,
      payment: null,
    };
  }
}

const NOTHING: AppliedSnapshot = { subscriptionChanged: false, balanceChanged: false, planChanged: false };

interface Span {
  readonly periodStart: Date;
  readonly periodEnd: Date;
}

/** Whether the account is in the period that the provider speaks of. */
const covers = (span: Span, account: AccountState): boolean =>
  span.periodEnd.getTime() === account.periodEnd.getTime() && span.periodStart < account.periodEnd;

/**
 * The end of a subscription is final, an earlier fetch never undoes a later one, and a subscription that is not in
 * effect never displaces one that is; of two that are not, the later one is kept.
 */
function supersedes(snapshot: SubscriptionSnapshot, known: SubscriptionRecord): boolean {
  const same = known.subscriptionId === snapshot.subscriptionId && known.paymentProvider === snapshot.paymentProvider;
  if (same) return known.status !== 'CANCELED' && snapshot.fetchedAt >= known.fetchedAt;
  if (inEffect(snapshot.status) !== inEffect(known.status)) return inEffect(snapshot.status);
  return inEffect(known.status) ? snapshot.fetchedAt >= known.fetchedAt : snapshot.periodStart > known.periodStart;
}

/**
 * Where the provider's period lies: the account's next, its present one, or one that it has left behind (our calendar
 * was faster than the provider's word).
 */
function placeOf(
  account: AccountState,
  before: SubscriptionRecord | null,
  snapshot: SubscriptionSnapshot,
): 'next' | 'present' | 'past' {
  if (snapshot.periodEnd <= account.periodStart) return 'past';
  if (!before || !inEffect(before.status)) return 'next';
  const ahead = account.periodNumber > before.accountPeriod;
  if (snapshot.periodStart.getTime() === before.periodStart.getTime()) return ahead ? 'past' : 'present';
  if (snapshot.periodStart < before.periodStart) return 'past';
  const apart = snapshot.periodStart.getTime() - account.periodStart.getTime();
  if (ahead && Math.abs(apart) <= SAME_PERIOD_MS) return 'present';
  return apart > 0 ? 'next' : 'past';
}

/** The account's present period ends when the provider's does. */
async function realign(tx: Queryable, account: AccountState, { periodStart, periodEnd }: Span): Promise<AccountState> {
  if (periodEnd.getTime() === account.periodEnd.getTime() || periodEnd <= account.periodStart) return account;
  const calendar = calendarOf(account.periodNumber, periodStart, periodEnd);
  await tx.query(
    'UPDATE accounts SET period_end = $2, billing_anchor = $3, anchor_period = $4 WHERE workspace_id = $1',
    [account.workspaceId, periodEnd, calendar.anchor, calendar.anchorPeriod],
  );
  await tx.query('UPDATE billing_periods SET period_end = $3 WHERE workspace_id = $1 AND number = $2', [
    account.workspaceId,
    account.periodNumber,
    periodEnd,
  ]);
  return readLocked(tx, account);
}

const sameSubscription = (known: SubscriptionRecord, snapshot: SubscriptionSnapshot): boolean =>
  known.subscriptionId === snapshot.subscriptionId &&
  known.planId === snapshot.planId &&
  known.status === snapshot.status &&
  known.periodStart.getTime() === snapshot.periodStart.getTime() &&
  known.periodEnd.getTime() === snapshot.periodEnd.getTime() &&
  known.trialEnd?.getTime() === snapshot.trialEnd?.getTime() &&
  known.cancelAtPeriodEnd === snapshot.cancelAtPeriodEnd &&
  known.pendingPlanId === snapshot.pendingPlanId;

const changed = (before: AccountState, after: AccountState): boolean =>
  before.spendable !== after.spendable ||
  before.blocked !== after.blocked ||
  before.periodNumber !== after.periodNumber ||
  before.periodEnd.getTime() !== after.periodEnd.getTime() ||
  before.overageRate !== after.overageRate ||
  before.overageLimit !== after.overageLimit ||
  before.allowanceLimit !== after.allowanceLimit;
