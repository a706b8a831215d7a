import type Stripe from 'stripe';
import type { Database, Queryable } from '../../db/database';
import { type AppliedSnapshot, inEffect, type SubscriptionSnapshot } from '../subscription';
import type { Subscriptions } from '../subscriptions';
import type { StripeCustomers, Ticket } from './stripe-customers';
import { type EventRecord, recordEvent } from './stripe-events';
import { calling } from './stripe-failures';
import type { StripePrices } from './stripe-prices';
import { readSubscription, type SubscriptionState } from './subscription-state';

export interface StripeSubscriptionsDependencies {
  readonly database: Database;
  readonly stripe: Stripe.Stripe;
  readonly customers: StripeCustomers;
  readonly prices: StripePrices;
  readonly subscriptions: Subscriptions;
}

/**
 * Keeps our subscriptions like Stripe's: the present state is fetched outside any transaction and applied as a
 * snapshot, so that no event is trusted for more than the news that something changed.
 */
export class StripeSubscriptions {
  constructor(private readonly dependencies: StripeSubscriptionsDependencies) {}

  /**
   * Fetches and applies the state of a workspace; `event` is recorded in the same transaction. Answers the state that
   * was fetched; null: it has no customer, or never had a subscription.
   * @throws AppError UNAVAILABLE when Stripe or the database does not answer; nothing is changed or recorded then
   */
  async refresh(workspaceId: string, event?: EventRecord): Promise<SubscriptionState | null> {
    const { database, stripe, customers, prices, subscriptions } = this.dependencies;
    const ticket = await customers.takeTicket(workspaceId);
    if (!ticket) return null;
    const state = await calling(() => readSubscription(stripe, prices, ticket.customerId));
    const applied = await database.transaction(async (tx) => {
      if (event && !(await recordEvent(tx, event))) return null;
      if (!(await isNewest(tx, workspaceId, ticket))) return null;
      return state && this.apply(tx, workspaceId, state, ticket);
    });
    if (applied) subscriptions.announce(workspaceId, applied);
    return state;
  }

  private async apply(
    tx: Queryable,
    workspaceId: string,
    state: SubscriptionState,
    ticket: Ticket,
  ): Promise<AppliedSnapshot> {
    const { subscriptions } = this.dependencies;
    const snapshot: SubscriptionSnapshot = { ...state.snapshot, fetchedAt: ticket.takenAt };
    const seen = await tx.query('SELECT 1 FROM stripe_subscriptions WHERE subscription_id = $1', [
      snapshot.subscriptionId,
    ]);
    // A subscription that began and ended before we heard of it: what was paid for is given all the same.
    if (seen.rows.length === 0 && !inEffect(snapshot.status) && snapshot.periodPaid) {
      await subscriptions.applySnapshot(tx, workspaceId, { ...snapshot, status: 'ACTIVE' });
    }
    const applied = await subscriptions.applySnapshot(tx, workspaceId, snapshot);
    if (inEffect(snapshot.status) || snapshot.status === 'CANCELED') await remember(tx, workspaceId, state);
    return applied;
  }
}

/** Whether nothing that was fetched later has been applied; locks the customer until the end of the transaction. */
async function isNewest(tx: Queryable, workspaceId: string, ticket: Ticket): Promise<boolean> {
  const { rowCount } = await tx.query(
    'UPDATE stripe_customers SET applied_ticket = $2 WHERE workspace_id = $1 AND applied_ticket < $2',
    [workspaceId, ticket.number.toString()],
  );
  return rowCount === 1;
}

/** What the report of overage needs to know. */
async function remember(tx: Queryable, workspaceId: string, state: SubscriptionState): Promise<void> {
  await tx.query(
    `INSERT INTO stripe_subscriptions (subscription_id, workspace_id, started_at, ended_at, overage_items)
     VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (subscription_id) DO UPDATE SET ended_at = excluded.ended_at, overage_items = excluded.overage_items`,
    [
      state.snapshot.subscriptionId,
      workspaceId,
      state.startedAt,
      state.endedAt,
      JSON.stringify(Object.fromEntries(state.overageItems)),
    ],
  );
}
