import type Stripe from 'stripe';
import { inEffect, type SubscriptionSnapshot, type SubscriptionStatus } from '../subscription';
import type { PricePurpose, StripePrices } from './stripe-prices';

/** The name under which subscriptions of Stripe are kept. */
export const STRIPE = 'stripe';

/** What Stripe says of a workspace's subscription at one moment. */
export interface SubscriptionState {
  /** But for when the fetch began, which the ticket knows. */
  readonly snapshot: Omit<SubscriptionSnapshot, 'fetchedAt'>;
  /** The item that is the plan. */
  readonly planItemId: string;
  readonly planPriceId: string;
  /** Since when the subscription bills overage, by rate (USD x 10^4 a credit). */
  readonly overageItems: ReadonlyMap<number, Date>;
  readonly startedAt: Date;
  /** null: it has not ended. */
  readonly endedAt: Date | null;
  /** The schedule that changes its plan at the period's end; null: none. */
  readonly scheduleId: string | null;
  /** It ends on a date that lies at the period's end, rather than with the period whenever that is. */
  readonly cancelsByDate: boolean;
  /** Every item as a schedule's phase would name it. */
  readonly items: readonly { readonly price: string; readonly quantity?: number }[];
}

const STATUS: Readonly<Record<string, SubscriptionStatus>> = {
  active: 'ACTIVE',
  trialing: 'TRIALING',
  past_due: 'PAST_DUE',
  canceled: 'CANCELED',
  unpaid: 'UNPAID',
  // A trial that ended without a payment method: nothing is served until there is one.
  paused: 'UNPAID',
  incomplete: 'INCOMPLETE',
  // It never began.
  incomplete_expired: 'CANCELED',
};

const MOST_SUBSCRIPTIONS = 100;
const MOST_INVOICES = 50;

/**
 * The one subscription that counts for a customer: one in effect before one that is not, and of several the one that
 * began last. null: the customer never had one to a plan of ours. It depends on Stripe's present state alone, so
 * events in any order lead to the same answer.
 */
export async function readSubscription(
  stripe: Stripe.Stripe,
  prices: StripePrices,
  customerId: string,
): Promise<SubscriptionState | null> {
  const { data } = await stripe.subscriptions.list({
    customer: customerId,
    status: 'all',
    limit: MOST_SUBSCRIPTIONS,
    expand: ['data.schedule'],
  });
  const ranked = [...data].sort((a, b) => rankOf(b) - rankOf(a) || b.created - a.created || (a.id < b.id ? 1 : -1));
  for (const subscription of ranked) {
    const state = await stateOf(stripe, prices, customerId, subscription);
    if (state) return state;
  }
  return null;
}

const rankOf = (subscription: Stripe.Subscription): number => {
  const status = STATUS[subscription.status] ?? 'CANCELED';
  return inEffect(status) ? 2 : status === 'INCOMPLETE' ? 1 : 0;
};

async function stateOf(
  stripe: Stripe.Stripe,
  prices: StripePrices,
  customerId: string,
  subscription: Stripe.Subscription,
): Promise<SubscriptionState | null> {
  const purposes = await Promise.all(subscription.items.data.map((item) => prices.purposeOf(item.price)));
  const at = purposes.findIndex((purpose) => purpose !== null && 'planId' in purpose);
  const item = subscription.items.data[at];
  if (!item) return null;
  const schedule = activeScheduleOf(subscription);
  const periodEnd = item.current_period_end;
  const planId = (purposes[at] as { planId: string }).planId;
  const next =
    schedule &&
    (await planOf(
      prices,
      schedule.phases.find((phase) => phase.start_date >= periodEnd),
    ));
  return {
    snapshot: {
      paymentProvider: STRIPE,
      customerId,
      subscriptionId: subscription.id,
      planId,
      status: STATUS[subscription.status] ?? 'CANCELED',
      periodStart: fromSeconds(item.current_period_start),
      periodEnd: fromSeconds(periodEnd),
      trialEnd: subscription.trial_end === null ? null : fromSeconds(subscription.trial_end),
      cancelAtPeriodEnd:
        subscription.cancel_at_period_end || (subscription.cancel_at !== null && subscription.cancel_at <= periodEnd),
      pendingPlanId: next && next !== planId ? next : null,
      periodPaid: await isPeriodPaid(stripe, subscription, item),
    },
    planItemId: item.id,
    planPriceId: item.price.id,
    overageItems: new Map(
      purposes.flatMap((purpose, index) =>
        purpose && 'overageRate' in purpose
          ? [[purpose.overageRate, fromSeconds(subscription.items.data[index]!.created)] as const]
          : [],
      ),
    ),
    startedAt: fromSeconds(subscription.start_date),
    endedAt: subscription.ended_at === null ? null : fromSeconds(subscription.ended_at),
    scheduleId: schedule?.id ?? null,
    cancelsByDate: !subscription.cancel_at_period_end && subscription.cancel_at !== null,
    items: subscription.items.data.map(({ price, quantity }) => ({
      price: price.id,
      ...(price.recurring?.usage_type !== 'metered' && { quantity: quantity ?? 1 }),
    })),
  };
}

/** The plan of a phase; null when there is no such phase or it has none. */
async function planOf(
  prices: StripePrices,
  phase: Stripe.SubscriptionSchedule.Phase | undefined,
): Promise<string | null> {
  for (const { price } of phase?.items ?? []) {
    const named = typeof price === 'string' ? { id: price } : price;
    const purpose: PricePurpose | null = await prices.purposeOf(named);
    if (purpose && 'planId' in purpose) return purpose.planId;
  }
  return null;
}

function activeScheduleOf({ schedule }: Stripe.Subscription): Stripe.SubscriptionSchedule | null {
  if (schedule === null || typeof schedule === 'string') return null;
  return schedule.status === 'active' || schedule.status === 'not_started' ? schedule : null;
}

/** Whether the invoice that charges the present period for the plan is paid. A trial's invoice of 0 counts as paid. */
async function isPeriodPaid(
  stripe: Stripe.Stripe,
  subscription: Stripe.Subscription,
  item: Stripe.SubscriptionItem,
): Promise<boolean> {
  const { data } = await stripe.invoices.list({ subscription: subscription.id, limit: MOST_INVOICES });
  const charging = data.find(
    (invoice) =>
      (invoice.billing_reason === 'subscription_create' || invoice.billing_reason === 'subscription_cycle') &&
      invoice.lines.data.some(
        (line) => line.period.start === item.current_period_start && line.period.end === item.current_period_end,
      ),
  );
  return charging?.status === 'paid';
}

export const fromSeconds = (seconds: number): Date => new Date(seconds * 1000);
