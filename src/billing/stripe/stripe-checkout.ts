import { createHash } from 'node:crypto';
import type Stripe from 'stripe';
import { formatCredits, MICRO_PER_CREDIT, type MicroCredits, USD_E10_PER_MICRO } from '../../lib/credits';
import { AppError, badInput } from '../../lib/errors';
import type { Plan } from '../../metering/plan';
import type { PriceBook } from '../../metering/price-book';
import { inEffect } from '../subscription';
import type { StripeCustomers } from './stripe-customers';
import { calling } from './stripe-failures';
import { type StripePrices, trialDaysOf, USD_E10_PER_CENT } from './stripe-prices';
import type { StripeSubscriptions } from './stripe-subscriptions';
import type { SubscriptionState } from './subscription-state';
import type { TopUpMetadata } from './top-up-payments';

/** A page of Stripe's to which the browser is sent. */
export interface RedirectSession {
  readonly url: string;
  /** null: Stripe does not say. */
  readonly expiresAt: Date | null;
}

/** Addresses to which Stripe sends the browser back; the caller has checked that they are http(s). */
export interface ReturnAddresses {
  readonly successUrl: string;
  readonly cancelUrl: string;
}

/** Stripe charges at most USD 999,999.99 at once. */
const MOST_CENTS = 99_999_999n;
/** Metadata under which an open session names the request that made it. */
const REQUEST = 'request';

export interface StripeCheckoutDependencies {
  readonly stripe: Stripe.Stripe;
  readonly book: PriceBook;
  readonly customers: StripeCustomers;
  readonly prices: StripePrices;
  readonly subscriptions: StripeSubscriptions;
}

/** Pages of Stripe on which people pay: a subscription, a top-up, and the portal. */
export class StripeCheckout {
  constructor(private readonly dependencies: StripeCheckoutDependencies) {}

  /**
   * A page on which the workspace begins to pay for a plan. Of a workspace only the newest page can be paid, and none
   * while it pays already, so that nobody pays twice.
   * @throws AppError BAD_USER_INPUT (plan), CONFLICT, UNAVAILABLE
   */
  async subscribe(
    workspaceId: string,
    planId: string,
    addresses: ReturnAddresses,
    idempotencyKey: string | null,
  ): Promise<RedirectSession> {
    const { stripe, customers, prices, subscriptions } = this.dependencies;
    const plan = this.requirePlanForSale(planId);
    const customer = await customers.ensure(workspaceId);
    const request = requestKey(workspaceId, 'checkout', idempotencyKey);
    await calling(() => this.expireOthers(customer, request));
    const state = await subscriptions.refresh(workspaceId);
    refuseSecond(state);
    const price = await prices.ofPlan(plan);
    const overage = plan.overageUsdE4PerCredit;
    const items: Stripe.Checkout.SessionCreateParams.LineItem[] = [{ price: price.id, quantity: 1 }];
    if (overage !== null && overage > 0n) items.push({ price: (await prices.overage(Number(overage))).priceId });
    const trialDays = state === null ? trialDaysOf(price) : null;
    const session = await calling(() =>
      stripe.checkout.sessions.create(
        {
          mode: 'subscription',
          customer,
          client_reference_id: workspaceId,
          line_items: items,
          success_url: addresses.successUrl,
          cancel_url: addresses.cancelUrl,
          metadata: { workspace: workspaceId, plan: plan.id, ...(request && { [REQUEST]: request }) },
          subscription_data: {
            metadata: { workspace: workspaceId },
            ...(trialDays !== null && { trial_period_days: trialDays }),
          },
        },
        request ? { idempotencyKey: request } : {},
      ),
    );
    return redirectTo(session.url, session.expires_at);
  }

  /**
   * A page on which credits are bought. They come when Stripe says that they are paid.
   * @param credits whole credits, not fewer than the price book's least
   * @throws AppError BAD_USER_INPUT (credits), CONFLICT, UNAVAILABLE
   */
  async topUp(
    workspaceId: string,
    credits: MicroCredits,
    addresses: ReturnAddresses,
    idempotencyKey: string | null,
  ): Promise<RedirectSession> {
    const { stripe, customers } = this.dependencies;
    const cents = this.priceOfTopUp(credits);
    const customer = await customers.ensure(workspaceId);
    const request = requestKey(workspaceId, 'top-up', idempotencyKey);
    const metadata: TopUpMetadata = {
      workspace: workspaceId,
      top_up_credits: (credits / MICRO_PER_CREDIT).toString(),
    };
    const session = await calling(() =>
      stripe.checkout.sessions.create(
        {
          mode: 'payment',
          customer,
          client_reference_id: workspaceId,
          line_items: [
            {
              quantity: 1,
              price_data: {
                currency: 'usd',
                unit_amount: Number(cents),
                product_data: { name: `${formatCredits(credits)} credits` },
              },
            },
          ],
          success_url: addresses.successUrl,
          cancel_url: addresses.cancelUrl,
          metadata,
          payment_intent_data: { metadata },
          invoice_creation: { enabled: true },
        },
        request ? { idempotencyKey: request } : {},
      ),
    );
    return redirectTo(session.url, session.expires_at);
  }

  /** The page on which people see their invoices, change how they pay and cancel. */
  async portal(workspaceId: string, returnUrl: string | null): Promise<RedirectSession> {
    const { stripe, customers } = this.dependencies;
    const customer = await customers.ensure(workspaceId);
    const session = await calling(() =>
      stripe.billingPortal.sessions.create({ customer, ...(returnUrl !== null && { return_url: returnUrl }) }),
    );
    return redirectTo(session.url, null);
  }

  private requirePlanForSale(planId: string): Plan {
    const plan = this.dependencies.book.findPlan(planId);
    if (!plan) throw badInput('plan', `There is no plan "${planId.slice(0, 60)}"; the query plans lists them.`);
    if (plan.custom || plan.priceUsd === null) {
      throw badInput(
        'plan',
        `The plan ${plan.name} is by agreement and cannot be bought here; ask the operator for it.`,
      );
    }
    if (plan.priceUsd === 0n) {
      throw badInput(
        'plan',
        `The plan ${plan.name} costs nothing, so there is nothing to pay; cancelSubscription leads back to it.`,
      );
    }
    return plan;
  }

  private priceOfTopUp(credits: bigint): bigint {
    const terms = this.dependencies.book.topUps;
    if (!terms) throw badInput('credits', 'Credits are not sold here; the plans are listed by the query plans.');
    if (credits % MICRO_PER_CREDIT !== 0n) throw badInput('credits', 'credits takes whole credits, as "5000".');
    if (credits < terms.minimumCredits) {
      throw badInput('credits', `A top-up is of ${formatCredits(terms.minimumCredits)} credits or more.`);
    }
    // Half up to a whole cent, as every line of an invoice.
    const cents = (credits * USD_E10_PER_MICRO + USD_E10_PER_CENT / 2n) / USD_E10_PER_CENT;
    if (cents > MOST_CENTS) {
      const most = (MOST_CENTS * USD_E10_PER_CENT) / USD_E10_PER_MICRO;
      throw badInput('credits', `One payment takes at most ${formatCredits(most)} credits; buy them in parts.`);
    }
    return cents;
  }

  /** An earlier page that is still open would make a second subscription; the one of the same request stays. */
  private async expireOthers(customer: string, request: string | null): Promise<void> {
    const { stripe } = this.dependencies;
    for await (const session of stripe.checkout.sessions.list({ customer, status: 'open', limit: 100 })) {
      if (session.mode !== 'subscription' || (request !== null && session.metadata?.[REQUEST] === request)) continue;
      // Paid or expired in this moment: what it has become is seen right after.
      await stripe.checkout.sessions.expire(session.id).catch((error) => {
        if (error?.type !== 'StripeInvalidRequestError') throw error;
      });
    }
  }
}

function refuseSecond(state: SubscriptionState | null): void {
  if (state === null) return;
  const { status } = state.snapshot;
  if (inEffect(status)) {
    throw new AppError('CONFLICT', 'This workspace pays for a plan already: use changePlan to move to another one.');
  }
  if (status === 'INCOMPLETE') {
    throw new AppError(
      'CONFLICT',
      'The first payment of a subscription is still under way: finish it with createBillingPortalSession, or try again in a day.',
    );
  }
}

/** The caller's idempotency key as Stripe gets it: never the same for two workspaces or two operations. null: none. */
export function requestKey(workspaceId: string, operation: string, key: string | null): string | null {
  return key === null ? null : createHash('sha256').update(`${workspaceId}\0${operation}\0${key}`).digest('hex');
}

function redirectTo(url: string | null, expiresAt: number | null): RedirectSession {
  if (url === null) {
    throw new AppError(
      'CONFLICT',
      'The page of this idempotency key is over: it was paid or has expired. Use a new key.',
    );
  }
  return { url, expiresAt: expiresAt === null ? null : new Date(expiresAt * 1000) };
}
