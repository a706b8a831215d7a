import type { Queryable } from '../db/database';
import type { Subscription, SubscriptionSnapshot, SubscriptionStatus } from './subscription';

/** The last snapshot of a workspace's subscription, with the account's period that it covers (-1: none). */
export interface SubscriptionRecord extends Omit<SubscriptionSnapshot, 'periodPaid'> {
  readonly workspaceId: string;
  readonly accountPeriod: number;
}

interface Row {
  workspace_id: string;
  payment_provider: string;
  customer_id: string;
  subscription_id: string;
  plan_id: string;
  status: SubscriptionStatus;
  period_start: Date;
  period_end: Date;
  trial_end: Date | null;
  cancel_at_period_end: boolean;
  pending_plan_id: string | null;
  account_period: number;
  fetched_at: Date;
}

export async function readSubscription(tx: Queryable, workspaceId: string): Promise<SubscriptionRecord | null> {
  const { rows } = await tx.query<Row>('SELECT * FROM subscriptions WHERE workspace_id = $1', [workspaceId]);
  const row = rows[0];
  if (!row) return null;
  return {
    workspaceId: row.workspace_id,
    paymentProvider: row.payment_provider,
    customerId: row.customer_id,
    subscriptionId: row.subscription_id,
    planId: row.plan_id,
    status: row.status,
    periodStart: row.period_start,
    periodEnd: row.period_end,
    trialEnd: row.trial_end,
    cancelAtPeriodEnd: row.cancel_at_period_end,
    pendingPlanId: row.pending_plan_id,
    accountPeriod: row.account_period,
    fetchedAt: row.fetched_at,
  };
}

/** In place of what was known; the account is locked by the caller. */
export async function writeSubscription(
  tx: Queryable,
  workspaceId: string,
  snapshot: SubscriptionSnapshot,
  accountPeriod: number,
): Promise<void> {
  await tx.query(
    `INSERT INTO subscriptions AS s (workspace_id, payment_provider, customer_id, subscription_id, plan_id, status,
       period_start, period_end, trial_end, cancel_at_period_end, pending_plan_id, account_period, fetched_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
     ON CONFLICT (workspace_id) DO UPDATE SET payment_provider = excluded.payment_provider,
       customer_id = excluded.customer_id, subscription_id = excluded.subscription_id, plan_id = excluded.plan_id,
       status = excluded.status, period_start = excluded.period_start, period_end = excluded.period_end,
       trial_end = excluded.trial_end, cancel_at_period_end = excluded.cancel_at_period_end,
       pending_plan_id = excluded.pending_plan_id, account_period = excluded.account_period,
       fetched_at = excluded.fetched_at`,
    [
      workspaceId,
      snapshot.paymentProvider,
      snapshot.customerId,
      snapshot.subscriptionId,
      snapshot.planId,
      snapshot.status,
      snapshot.periodStart,
      snapshot.periodEnd,
      snapshot.trialEnd,
      snapshot.cancelAtPeriodEnd,
      snapshot.pendingPlanId,
      accountPeriod,
      snapshot.fetchedAt,
    ],
  );
}

export const subscriptionOf = (record: SubscriptionRecord): Subscription => ({
  workspaceId: record.workspaceId,
  planId: record.planId,
  agreed: null,
  status: record.status,
  periodStart: record.periodStart,
  periodEnd: record.periodEnd,
  trialEnd: record.trialEnd,
  cancelAtPeriodEnd: record.cancelAtPeriodEnd,
  pendingPlanId: record.pendingPlanId,
  payment: {
    provider: record.paymentProvider,
    customerId: record.customerId,
    subscriptionId: record.subscriptionId,
  },
});
