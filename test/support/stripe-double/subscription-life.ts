import { addInvoice, addLines, finalize, type LineDraft, pay, planLine, usageLine } from './invoicing';
import { monthsAfter, shareOf } from './money';
import { type Invoice, listFrom, type Price, type Subscription, type SubscriptionItem } from './objects';
import { Refusal } from './refusal';
import type { Store } from './store';

const DAY = 86_400;
/** An invoice of a cycle stays a draft for so long, and usage that arrives meanwhile is still in it. */
const DRAFT_SECONDS = 3_600;

const isMetered = (price: Price): boolean => price.recurring?.usage_type === 'metered';
export const isLive = ({ status }: Subscription): boolean =>
  ['active', 'trialing', 'past_due', 'unpaid'].includes(status);

export const periodOf = ({ items }: Subscription): { start: number; end: number } => ({
  start: items.data[0]!.current_period_start,
  end: items.data[0]!.current_period_end,
});

/** What happens to subscriptions as time goes on and payments succeed or fail. */
export class SubscriptionLife {
  constructor(private readonly store: Store) {}

  start(
    customer: string,
    prices: readonly { readonly price: Price; readonly quantity?: number }[],
    options: { readonly metadata: Record<string, string>; readonly trialDays?: number },
  ): Subscription {
    const { store } = this;
    const id = store.id('sub');
    const { now } = store;
    const trialEnd = options.trialDays === undefined ? null : now + options.trialDays * DAY;
    const end = trialEnd ?? monthsAfter(now, 1);
    const subscription: Subscription = {
      id,
      object: 'subscription',
      billing_cycle_anchor: trialEnd ?? now,
      cancel_at: null,
      cancel_at_period_end: false,
      canceled_at: null,
      collection_method: 'charge_automatically',
      created: now,
      currency: 'usd',
      customer,
      ended_at: null,
      items: listFrom<SubscriptionItem>([], `/v1/subscription_items?subscription=${id}`),
      latest_invoice: null,
      livemode: false,
      metadata: options.metadata,
      schedule: null,
      start_date: now,
      status: trialEnd === null ? 'active' : 'trialing',
      trial_start: trialEnd === null ? null : now,
      trial_end: trialEnd,
    };
    for (const { price, quantity } of prices)
      subscription.items.data.push(this.itemOf(subscription, price, quantity, now, end));
    store.subscriptions.set(id, subscription);
    const lines = subscription.items.data
      .filter(({ price }) => !isMetered(price))
      .map((item) => planLine(item, now, end, trialEnd === null ? undefined : 0));
    const invoice = addInvoice(store, customer, subscription, 'subscription_create', lines);
    finalize(store, invoice);
    if (!pay(store, invoice)) subscription.status = 'incomplete';
    store.emit('customer.subscription.created', subscription);
    return subscription;
  }

  addItem(subscription: Subscription, price: Price, quantity?: number): SubscriptionItem {
    const { start, end } = periodOf(subscription);
    const item = this.itemOf(subscription, price, quantity, start, end);
    subscription.items.data.push(item);
    return item;
  }

  /** Exchanges the price of an item; what is prorated comes on an invoice at once. */
  changePrice(
    subscription: Subscription,
    item: SubscriptionItem,
    price: Price,
    proration: string,
    behaviour: string,
  ): void {
    const { store } = this;
    const { start, end } = periodOf(subscription);
    const before = item.price;
    const wanted = proration === 'always_invoice' && subscription.status !== 'trialing';
    const owed = (cents: number): number => shareOf(cents, end - store.now, end - start);
    const drafts: LineDraft[] = wanted
      ? [
          {
            ...planLine(item, store.now, end),
            amount: -owed(before.unit_amount ?? 0),
            description: `Unused time on ${before.product}`,
            proration: true,
          },
          {
            ...planLine({ ...item, price }, store.now, end),
            amount: owed(price.unit_amount ?? 0),
            description: `Remaining time on ${price.product}`,
            proration: true,
          },
        ]
      : [];
    const due = drafts.reduce((sum, { amount }) => sum + amount, 0);
    if (wanted && due > 0 && behaviour === 'error_if_incomplete' && store.declined.has(subscription.customer)) {
      throw new Refusal(402, 'card_error', 'Your card was declined.', { code: 'card_declined' });
    }
    item.price = price;
    if (!wanted) return;
    const invoice = addInvoice(store, subscription.customer, subscription, 'subscription_update', drafts);
    finalize(store, invoice);
    if (!pay(store, invoice)) subscription.status = 'past_due';
  }

  updated(subscription: Subscription): void {
    this.store.emit('customer.subscription.updated', subscription);
  }

  end(subscription: Subscription): void {
    const { store } = this;
    subscription.status = 'canceled';
    subscription.ended_at = store.now;
    subscription.canceled_at ??= store.now;
    store.emit('customer.subscription.deleted', subscription);
  }

  /** Another attempt to collect an open invoice. */
  collect(invoice: Invoice): void {
    const subscription = this.store.subscriptions.get(invoice.parent?.subscription_details.subscription ?? '');
    const paid = pay(this.store, invoice);
    if (!subscription || !isLive(subscription)) return;
    const status = paid ? 'active' : 'past_due';
    if (subscription.status === status || (!paid && subscription.status === 'unpaid')) return;
    subscription.status = status;
    this.updated(subscription);
  }

  /** Everything that falls due until a moment, in the order of time. */
  advanceTo(endMs: number): void {
    for (;;) {
      const due = [...this.dueThings()].sort((a, b) => a.at - b.at)[0];
      if (!due || due.at * 1000 > endMs) break;
      this.store.nowMs = Math.max(this.store.nowMs, due.at * 1000);
      due.run();
    }
    this.store.nowMs = endMs;
  }

  private *dueThings(): Iterable<{ readonly at: number; readonly run: () => void }> {
    for (const subscription of this.store.subscriptions.values()) {
      if (isLive(subscription)) yield { at: periodOf(subscription).end, run: () => this.cycle(subscription) };
    }
    for (const invoice of this.store.invoices.values()) {
      if (invoice.status === 'draft')
        yield { at: invoice.created + DRAFT_SECONDS, run: () => this.closeDraft(invoice) };
    }
  }

  private cycle(subscription: Subscription): void {
    const { store } = this;
    const { start, end } = periodOf(subscription);
    if (subscription.cancel_at_period_end || (subscription.cancel_at !== null && subscription.cancel_at <= end)) {
      this.end(subscription);
      const metered = subscription.items.data.filter(({ price }) => isMetered(price));
      if (metered.length > 0) {
        const invoice = addInvoice(store, subscription.customer, subscription, 'subscription_cycle', []);
        invoice.period_start = start;
        invoice.period_end = end;
      }
      return;
    }
    this.enterPhase(subscription, end);
    const months = Math.round((end - subscription.billing_cycle_anchor) / (30.44 * DAY));
    const next = monthsAfter(subscription.billing_cycle_anchor, months + 1);
    for (const item of subscription.items.data) {
      item.current_period_start = end;
      item.current_period_end = next;
    }
    if (subscription.status === 'trialing') subscription.status = 'active';
    const lines = subscription.items.data
      .filter(({ price }) => !isMetered(price))
      .map((item) => planLine(item, end, next));
    const invoice = addInvoice(store, subscription.customer, subscription, 'subscription_cycle', lines);
    invoice.period_start = start;
    invoice.period_end = end;
    this.updated(subscription);
  }

  /** The next phase of a schedule, which ends with it. */
  private enterPhase(subscription: Subscription, at: number): void {
    const { store } = this;
    const schedule = subscription.schedule ? store.schedules.get(subscription.schedule) : undefined;
    const phase = schedule?.phases.find(({ start_date }) => start_date === at);
    if (!schedule || !phase) return;
    const wanted = phase.items.map(({ price }) => store.prices.get(price)!);
    const plan = subscription.items.data.find(({ price }) => !isMetered(price))!;
    plan.price = wanted.find((price) => !isMetered(price)) ?? plan.price;
    for (const price of wanted) {
      if (!subscription.items.data.some((item) => item.price.id === price.id)) this.addItem(subscription, price);
    }
    if (schedule.phases.at(-1) === phase) {
      schedule.status = 'released';
      schedule.released_subscription = subscription.id;
      schedule.subscription = null;
      subscription.schedule = null;
      store.emit('subscription_schedule.released', schedule);
    }
  }

  private closeDraft(invoice: Invoice): void {
    const { store } = this;
    const subscription = store.subscriptions.get(invoice.parent?.subscription_details.subscription ?? '');
    if (subscription) {
      const metered = subscription.items.data.filter(({ price }) => isMetered(price));
      addLines(
        store,
        invoice,
        subscription,
        metered.map((item) => usageLine(store, subscription, item, invoice.period_start, invoice.period_end)),
      );
    }
    finalize(store, invoice);
    this.collect(invoice);
  }

  private itemOf(
    subscription: Subscription,
    price: Price,
    quantity: number | undefined,
    start: number,
    end: number,
  ): SubscriptionItem {
    return {
      id: this.store.id('si'),
      object: 'subscription_item',
      created: this.store.now,
      current_period_start: start,
      current_period_end: end,
      metadata: {},
      price,
      ...(!isMetered(price) && { quantity: quantity ?? 1 }),
      subscription: subscription.id,
    };
  }
}
