import type { AgreedTerms } from './plan-terms';

/** As the public schema names them. */
export type SubscriptionStatus = 'ACTIVE' | 'TRIALING' | 'PAST_DUE' | 'CANCELED' | 'UNPAID' | 'INCOMPLETE';

/**
 * The present state of one subscription at a payment provider, in our words. Its ids are opaque here. All times are
 * the provider's own, to whatever precision it has.
 */
export interface SubscriptionSnapshot {
  /** The provider of payments, such as `stripe`. */
  readonly paymentProvider: string;
  readonly customerId: string;
  readonly subscriptionId: string;
  /** A plan of the price book: the one that is paid for at present. */
  readonly planId: string;
  readonly status: SubscriptionStatus;
  /** The period that is paid for at present, or was when the subscription ended; while TRIALING the trial itself. */
  readonly periodStart: Date;
  readonly periodEnd: Date;
  readonly trialEnd: Date | null;
  readonly cancelAtPeriodEnd: boolean;
  /** The plan that follows at the period's end, where the provider knows of one; null: the same goes on. */
  readonly pendingPlanId: string | null;
  /** Whether the invoice of this period is paid, or nothing was due. What was never paid for is not kept on CANCELED. */
  readonly periodPaid: boolean;
  /**
   * When the fetch of this state began, by the database's clock (`ledger_now()`, one for all processes). Of two
   * fetches that cross, the one that began later wins, whichever is applied first.
   */
  readonly fetchedAt: Date;
}

/** A workspace's subscription as we know it. */
export interface Subscription {
  readonly workspaceId: string;
  readonly planId: string;
  /** What was agreed with the workspace where the plan is by agreement. */
  readonly agreed: AgreedTerms | null;
  readonly status: SubscriptionStatus;
  readonly periodStart: Date;
  readonly periodEnd: Date;
  readonly trialEnd: Date | null;
  readonly cancelAtPeriodEnd: boolean;
  readonly pendingPlanId: string | null;
  /** null: the operator put the workspace on its plan, and nobody pays through a provider. */
  readonly payment: {
    readonly provider: string;
    readonly customerId: string;
    readonly subscriptionId: string;
  } | null;
}

/** What a snapshot has changed; hand it to `announce` once the transaction is committed. */
export interface AppliedSnapshot {
  /** The subscription as it is now differs from what it was. */
  readonly subscriptionChanged: boolean;
  /** Credits, limits or the state of the balance changed. */
  readonly balanceChanged: boolean;
  /** The workspace is on another plan. */
  readonly planChanged: boolean;
}

/** Statuses in which a subscription's plan is served. UNPAID keeps the plan and serves nothing that costs. */
export const inEffect = (status: SubscriptionStatus): boolean =>
  status === 'ACTIVE' || status === 'TRIALING' || status === 'PAST_DUE' || status === 'UNPAID';
