import type Stripe from 'stripe';
import { AppError, badInput } from '../../lib/errors';
import type { Plan } from '../../metering/plan';
import type { PriceBook } from '../../metering/price-book';
import type { BillingInvoice, PaymentGateway } from '../payment-gateway';
import { requestKey } from './stripe-checkout';
import type { StripeCustomers } from './stripe-customers';
import { calling } from './stripe-failures';
import { listInvoices } from './stripe-invoices';
import type { StripePrices } from './stripe-prices';
import type { StripeSubscriptions } from './stripe-subscriptions';
import type { SubscriptionState } from './subscription-state';

export interface StripeGatewayDependencies {
  readonly stripe: Stripe.Stripe;
  readonly book: PriceBook;
  readonly customers: StripeCustomers;
  readonly prices: StripePrices;
  readonly subscriptions: StripeSubscriptions;
}

/**
 * Changes of a subscription that is paid through Stripe. A dearer plan is charged at once, prorated to the second, and
 * only if the payment succeeds; a cheaper one is a phase of a schedule that Stripe begins by itself at the end of the
 * period. Every method reads Stripe's state first and applies what has become of it afterwards.
 */
export class StripeGateway implements PaymentGateway {
  constructor(private readonly dependencies: StripeGatewayDependencies) {}

  async changePlan(workspaceId: string, planId: string, idempotencyKey: string | null): Promise<void> {
    const { subscriptions } = this.dependencies;
    const plan = this.requirePlan(planId);
    const state = await this.requireSubscription(workspaceId);
    const request = requestKey(workspaceId, `changePlan ${plan.id}`, idempotencyKey);
    const current = this.dependencies.book.findPlan(state.snapshot.planId);
    if ((plan.priceUsd ?? 0n) === 0n) {
      await this.cancelAtPeriodEnd(state, request);
    } else if (plan.id === state.snapshot.planId) {
      await this.goOn(state, request);
    } else if (!current || (plan.priceUsd ?? 0n) >= (current.priceUsd ?? 0n)) {
      await this.upgrade(state, plan, request);
    } else {
      await this.downgrade(state, plan, request);
    }
    await subscriptions.refresh(workspaceId);
  }

  async cancel(workspaceId: string): Promise<void> {
    const state = await this.requireSubscription(workspaceId, true);
    await this.cancelAtPeriodEnd(state, null);
    await this.dependencies.subscriptions.refresh(workspaceId);
  }

  async resume(workspaceId: string): Promise<void> {
    const state = await this.requireSubscription(workspaceId, true);
    await this.goOn(state, null);
    await this.dependencies.subscriptions.refresh(workspaceId);
  }

  async invoices(workspaceId: string, first: number, after: string | null): Promise<readonly BillingInvoice[] | null> {
    const { stripe, customers, prices } = this.dependencies;
    const customer = await customers.find(workspaceId);
    return customer === null ? null : calling(() => listInvoices(stripe, prices, customer, first, after));
  }

  private requirePlan(planId: string): Plan {
    const plan = this.dependencies.book.findPlan(planId);
    if (!plan) throw badInput('plan', `There is no plan "${planId.slice(0, 60)}"; the query plans lists them.`);
    if (plan.custom) throw badInput('plan', `The plan ${plan.name} is by agreement; ask the operator for it.`);
    return plan;
  }

  /** @param unpaidToo whether a subscription whose payment failed will do */
  private async requireSubscription(workspaceId: string, unpaidToo = false): Promise<SubscriptionState> {
    const state = await this.dependencies.subscriptions.refresh(workspaceId);
    switch (state?.snapshot.status) {
      case 'ACTIVE':
      case 'TRIALING':
        return state;
      case 'PAST_DUE':
      case 'UNPAID':
        if (unpaidToo) return state;
        throw new AppError(
          'CONFLICT',
          'An invoice of this subscription is unpaid: settle it with createBillingPortalSession, then change the plan.',
        );
      default:
        throw new AppError(
          'CONFLICT',
          'This workspace has no subscription to change: use createCheckoutSession to begin one.',
        );
    }
  }

  /** Charged at once for the rest of the period, less what the present plan's rest is worth; refused if it is not paid. */
  private async upgrade(state: SubscriptionState, plan: Plan, request: string | null): Promise<void> {
    const { stripe, prices } = this.dependencies;
    const price = await prices.ofPlan(plan);
    const overage = plan.overageUsdE4PerCredit === null ? 0 : Number(plan.overageUsdE4PerCredit);
    const items: Stripe.SubscriptionUpdateParams.Item[] = [{ id: state.planItemId, price: price.id, quantity: 1 }];
    // Usage at the old rate is still billed by its own item.
    if (overage > 0 && !state.overageItems.has(overage)) items.push({ price: (await prices.overage(overage)).priceId });
    await this.goOn(state, request);
    try {
      await calling(() =>
        stripe.subscriptions.update(
          state.snapshot.subscriptionId,
          { items, proration_behavior: 'always_invoice', payment_behavior: 'error_if_incomplete' },
          step(request, 'upgrade'),
        ),
      );
    } catch (error) {
      await this.restore(state);
      throw error;
    }
  }

  /** What waited for the end of the period waits again, as the change that took its place was refused. */
  private async restore(state: SubscriptionState): Promise<void> {
    const { snapshot } = state;
    const asLeft = { ...state, scheduleId: null, snapshot: { ...snapshot, cancelAtPeriodEnd: false } };
    const pending = snapshot.pendingPlanId && this.dependencies.book.findPlan(snapshot.pendingPlanId);
    if (snapshot.cancelAtPeriodEnd) await this.cancelAtPeriodEnd(asLeft, null);
    else if (pending) await this.downgrade(asLeft, pending, null);
  }

  private async downgrade(state: SubscriptionState, plan: Plan, request: string | null): Promise<void> {
    const { stripe, prices } = this.dependencies;
    const price = await prices.ofPlan(plan);
    const overage = plan.overageUsdE4PerCredit === null ? 0 : Number(plan.overageUsdE4PerCredit);
    const added =
      overage > 0 && !state.overageItems.has(overage) ? [{ price: (await prices.overage(overage)).priceId }] : [];
    await this.goOn(state, request);
    const { subscriptionId, periodStart, periodEnd } = state.snapshot;
    await calling(async () => {
      const schedule = await stripe.subscriptionSchedules.create(
        { from_subscription: subscriptionId },
        step(request, 'schedule'),
      );
      await stripe.subscriptionSchedules.update(
        schedule.id,
        {
          end_behavior: 'release',
          proration_behavior: 'none',
          phases: [
            {
              items: [...state.items],
              start_date: schedule.phases[0]?.start_date ?? seconds(periodStart),
              end_date: seconds(periodEnd),
              proration_behavior: 'none',
            },
            {
              items: [
                ...state.items.map((item) => (item.price === state.planPriceId ? { ...item, price: price.id } : item)),
                ...added,
              ],
              duration: { interval: 'month', interval_count: 1 },
              proration_behavior: 'none',
            },
          ],
        },
        step(request, 'phases'),
      );
    });
  }

  private async cancelAtPeriodEnd(state: SubscriptionState, request: string | null): Promise<void> {
    if (state.snapshot.cancelAtPeriodEnd) return;
    await this.release(state, request);
    await calling(() =>
      this.dependencies.stripe.subscriptions.update(
        state.snapshot.subscriptionId,
        { cancel_at_period_end: true },
        step(request, 'cancel'),
      ),
    );
  }

  /** Takes back whatever waits for the end of the period. */
  private async goOn(state: SubscriptionState, request: string | null): Promise<void> {
    await this.release(state, request);
    if (!state.snapshot.cancelAtPeriodEnd) return;
    const { stripe } = this.dependencies;
    await calling(() =>
      stripe.subscriptions.update(
        state.snapshot.subscriptionId,
        // Stripe knows two ways to cancel at the end of a period, and each is taken back in its own words.
        state.cancelsByDate ? { cancel_at: '' } : { cancel_at_period_end: false },
        step(request, 'resume'),
      ),
    );
  }

  private async release({ scheduleId }: SubscriptionState, request: string | null): Promise<void> {
    if (scheduleId === null) return;
    await calling(() =>
      this.dependencies.stripe.subscriptionSchedules.release(scheduleId, {}, step(request, 'release')),
    );
  }
}

/** Each call of one request has a key of its own. */
const step = (request: string | null, name: string): { idempotencyKey?: string } =>
  request === null ? {} : { idempotencyKey: `${request}-${name}` };

const seconds = (moment: Date): number => Math.round(moment.getTime() / 1000);
