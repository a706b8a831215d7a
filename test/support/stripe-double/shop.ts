import { addInvoice, finalize, pay } from './invoicing';
import type { CheckoutSession, Dispute, Invoice, PaymentIntent, Subscription } from './objects';
import type { Cart } from './payment-endpoints';
import type { Store } from './store';
import { isLive, type SubscriptionLife } from './subscription-life';

/** What people do at Stripe: customers on its pages, their banks, and the operator in the dashboard. */
export class Shop {
  constructor(
    private readonly store: Store,
    private readonly life: SubscriptionLife,
    private readonly carts: ReadonlyMap<string, Cart>,
  ) {}

  /** The session that an address of a checkout page leads to. */
  sessionOf(url: string): CheckoutSession {
    return this.store.find(this.store.sessions, 'checkout.session', url.split('/').at(-1)!);
  }

  /** The customer pays on the page. `later`: with a method that takes days. */
  complete(session: CheckoutSession, later = false): void {
    const { store, life } = this;
    const cart = this.carts.get(session.id)!;
    session.status = 'complete';
    session.url = null;
    if (session.mode === 'subscription') {
      const items = cart.items.map(({ price, quantity }) => ({ price: store.prices.get(price!)!, quantity }));
      const subscription = life.start(session.customer, items, {
        metadata: cart.subscriptionMetadata,
        ...(cart.trialDays !== undefined && { trialDays: cart.trialDays }),
      });
      session.subscription = subscription.id;
      session.invoice = subscription.latest_invoice;
      session.payment_status = subscription.status === 'incomplete' ? 'unpaid' : 'paid';
    } else {
      const payment = this.addPayment(session, cart, later);
      session.payment_intent = payment.id;
      session.payment_status = later ? 'unpaid' : 'paid';
    }
    store.emit('checkout.session.completed', session);
  }

  /** The slow payment of a session arrives. */
  settle(session: CheckoutSession): void {
    const payment = this.store.payments.get(session.payment_intent!)!;
    this.charge(payment);
    session.payment_status = 'paid';
    this.store.emit('checkout.session.async_payment_succeeded', session);
  }

  /** The only live subscription of a customer. */
  subscriptionOf(customer: string): Subscription {
    const [subscription] = [...this.store.subscriptions.values()].filter(
      (one) => one.customer === customer && isLive(one),
    );
    if (!subscription) throw new Error(`${customer} has no subscription`);
    return subscription;
  }

  /** In the portal: another plan, prorated and paid at once. */
  changePlan(customer: string, lookupKey: string): void {
    const subscription = this.subscriptionOf(customer);
    const price = [...this.store.prices.values()].find(({ lookup_key }) => lookup_key === lookupKey)!;
    this.life.changePrice(subscription, subscription.items.data[0]!, price, 'always_invoice', 'allow_incomplete');
    this.life.updated(subscription);
  }

  /** In the dashboard: at once, and without paying anything back. */
  cancelNow(customer: string): void {
    this.life.end(this.subscriptionOf(customer));
  }

  cancelAtPeriodEnd(customer: string): void {
    const subscription = this.subscriptionOf(customer);
    subscription.cancel_at_period_end = true;
    this.life.updated(subscription);
  }

  /** Stripe's rules for failed payments have come to their end. */
  giveUp(customer: string, status: 'unpaid' | 'canceled'): void {
    const subscription = this.subscriptionOf(customer);
    if (status === 'canceled') {
      this.life.end(subscription);
    } else {
      subscription.status = 'unpaid';
      this.life.updated(subscription);
    }
  }

  declines(customer: string, declined = true): void {
    if (declined) this.store.declined.add(customer);
    else this.store.declined.delete(customer);
  }

  invoicesOf(customer: string): Invoice[] {
    return [...this.store.invoices.values()].filter((invoice) => invoice.customer === customer);
  }

  /** The customer, or Stripe by itself, tries to pay an open invoice again. */
  retry(customer: string): void {
    for (const invoice of this.invoicesOf(customer)) if (invoice.status === 'open') this.life.collect(invoice);
  }

  refund(paymentId: string, cents: number): void {
    const charge = this.store.charges.get(this.store.payments.get(paymentId)!.latest_charge!)!;
    charge.amount_refunded += cents;
    charge.refunded = charge.amount_refunded >= charge.amount;
    this.store.emit('charge.refunded', charge);
  }

  dispute(paymentId: string): Dispute {
    const charge = this.store.charges.get(this.store.payments.get(paymentId)!.latest_charge!)!;
    const dispute: Dispute = {
      id: this.store.id('du'),
      object: 'dispute',
      amount: charge.amount,
      charge: charge.id,
      created: this.store.now,
      currency: 'usd',
      livemode: false,
      metadata: {},
      payment_intent: paymentId,
      reason: 'fraudulent',
      status: 'needs_response',
    };
    charge.disputed = true;
    this.store.disputes.set(dispute.id, dispute);
    this.store.emit('charge.dispute.created', dispute);
    return dispute;
  }

  closeDispute(dispute: Dispute, status: 'won' | 'lost'): void {
    dispute.status = status;
    this.store.emit('charge.dispute.closed', dispute);
  }

  private addPayment(session: CheckoutSession, cart: Cart, later: boolean): PaymentIntent {
    const { store } = this;
    const payment: PaymentIntent = {
      id: store.id('pi'),
      object: 'payment_intent',
      amount: session.amount_total,
      amount_received: 0,
      created: store.now,
      currency: 'usd',
      customer: session.customer,
      latest_charge: null,
      livemode: false,
      metadata: cart.paymentMetadata,
      status: 'processing',
    };
    store.payments.set(payment.id, payment);
    if (!later) this.charge(payment);
    if (cart.makesInvoice) {
      const price = {
        id: 'price_inline',
        product: cart.items[0]!.name,
        unit_amount_decimal: String(cart.items[0]!.amount),
      };
      const invoice = addInvoice(store, session.customer, null, 'manual', [
        {
          amount: session.amount_total,
          description: cart.items[0]!.name,
          price: price as never,
          quantity: 1,
          start: store.now,
          end: store.now,
        },
      ]);
      finalize(store, invoice);
      pay(store, invoice);
      session.invoice = invoice.id;
    }
    return payment;
  }

  private charge(payment: PaymentIntent): void {
    const { store } = this;
    const id = store.id('ch');
    store.charges.set(id, {
      id,
      object: 'charge',
      amount: payment.amount,
      amount_refunded: 0,
      created: store.now,
      currency: 'usd',
      customer: payment.customer,
      disputed: false,
      livemode: false,
      metadata: payment.metadata,
      paid: true,
      payment_intent: payment.id,
      refunded: false,
      status: 'succeeded',
    });
    payment.latest_charge = id;
    payment.amount_received = payment.amount;
    payment.status = 'succeeded';
    store.emit('payment_intent.succeeded', payment);
    store.emit('charge.succeeded', store.charges.get(id)!);
  }
}
