import type Stripe from 'stripe';
import type { Database } from '../../db/database';
import type { Clock } from '../../lib/clock';
import type { Secret } from '../../lib/secret';
import type { StripeCustomers } from './stripe-customers';
import { type EventRecord, isHandled } from './stripe-events';
import type { StripeSubscriptions } from './stripe-subscriptions';
import { idOf, type TopUpPayments } from './top-up-payments';

/** How old a signature may be, in seconds: an older one is a replay. */
const TOLERANCE_SECONDS = 300;

export type WebhookOutcome = 'handled' | 'ignored' | 'known' | 'forged';

export interface StripeWebhooksDependencies {
  readonly database: Database;
  readonly stripe: Stripe.Stripe;
  readonly webhookSecret: Secret;
  readonly livemode: boolean | null;
  readonly clock: Clock;
  readonly customers: StripeCustomers;
  readonly subscriptions: StripeSubscriptions;
  readonly topUps: TopUpPayments;
}

/** What we need of the object that an event is about; everything else of it is fetched anew, as it may be old. */
interface Subject {
  readonly id?: unknown;
  readonly object?: unknown;
  readonly customer?: string | { readonly id: string } | null;
  readonly payment_intent?: string | { readonly id: string } | null;
  readonly mode?: unknown;
}

/**
 * Events of Stripe. Each one is only the news that something changed: its signature is checked on the raw body, the
 * present state is fetched, and the state and the event's id are committed together. So an event may come twice, late
 * or in any order; one whose effect failed comes again, as it is answered with an error.
 */
export class StripeWebhooks {
  constructor(private readonly dependencies: StripeWebhooksDependencies) {}

  /**
   * @param signature the header Stripe-Signature
   * @throws AppError UNAVAILABLE when Stripe or the database does not answer; the event has to come again
   */
  async receive(body: Buffer, signature: string | undefined): Promise<WebhookOutcome> {
    const event = this.verify(body, signature);
    if (!event) return 'forged';
    const { database, livemode } = this.dependencies;
    // A connected account's, or of the other mode of the same account: not about our customers.
    if (event.account || (livemode !== null && event.livemode !== livemode)) return 'ignored';
    if (await isHandled(database, event.id)) return 'known';
    return this.follow({ id: event.id, type: event.type }, event.data.object as Subject);
  }

  private verify(body: Buffer, signature: string | undefined): Stripe.Event | null {
    const { stripe, webhookSecret, clock } = this.dependencies;
    if (!signature) return null;
    try {
      return stripe.webhooks.constructEvent(
        body,
        signature,
        webhookSecret.reveal(),
        TOLERANCE_SECONDS,
        undefined,
        clock.now(),
      );
    } catch {
      // Whatever is wrong with it, nobody has signed it.
      return null;
    }
  }

  private async follow(event: EventRecord, subject: Subject): Promise<WebhookOutcome> {
    const family = event.type.split('.').slice(0, -1).join('.');
    switch (family) {
      case 'customer.subscription':
      case 'subscription_schedule':
      case 'invoice':
        return this.refresh(event, idOf(subject.customer));
      case 'checkout.session':
        return subject.mode === 'payment'
          ? this.followPayment(event, idOf(subject.payment_intent))
          : this.refresh(event, idOf(subject.customer));
      case 'charge':
      case 'charge.dispute':
      case 'charge.refund':
      case 'refund':
        return this.followPayment(event, idOf(subject.payment_intent));
      case 'payment_intent':
        return this.followPayment(event, typeof subject.id === 'string' ? subject.id : null);
      default:
        return 'ignored';
    }
  }

  private async refresh(event: EventRecord, customerId: string | null): Promise<WebhookOutcome> {
    const { customers, subscriptions } = this.dependencies;
    const workspaceId = customerId && (await customers.workspaceOf(customerId));
    if (!workspaceId) return 'ignored';
    await subscriptions.refresh(workspaceId, event);
    return 'handled';
  }

  private async followPayment(event: EventRecord, paymentIntentId: string | null): Promise<WebhookOutcome> {
    if (paymentIntentId === null) return 'ignored';
    return (await this.dependencies.topUps.follow(paymentIntentId, event)) ? 'handled' : 'ignored';
  }
}
