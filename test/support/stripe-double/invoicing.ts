import { amountOf } from './money';
import {
  type Invoice,
  type InvoiceLine,
  listFrom,
  type Price,
  type Subscription,
  type SubscriptionItem,
} from './objects';
import type { Store } from './store';

export interface LineDraft {
  readonly amount: number;
  readonly description: string;
  readonly price: Price;
  readonly quantity: number;
  readonly start: number;
  readonly end: number;
  readonly proration?: boolean;
}

export function addInvoice(
  store: Store,
  customer: string,
  subscription: Subscription | null,
  reason: string,
  drafts: readonly LineDraft[],
): Invoice {
  const id = store.id('in');
  const lines = drafts.map((draft) => lineOf(store, id, subscription, draft));
  const invoice: Invoice = {
    id,
    object: 'invoice',
    amount_due: 0,
    amount_paid: 0,
    billing_reason: reason,
    collection_method: 'charge_automatically',
    created: store.now,
    currency: 'usd',
    customer,
    hosted_invoice_url: null,
    lines: listFrom(lines, `/v1/invoices/${id}/lines`),
    livemode: false,
    metadata: {},
    number: null,
    parent: subscription && {
      type: 'subscription_details',
      subscription_details: { subscription: subscription.id },
    },
    period_start: store.now,
    period_end: store.now,
    status: 'draft',
    subtotal: 0,
    total: 0,
  };
  sum(invoice);
  store.invoices.set(id, invoice);
  if (subscription) subscription.latest_invoice = id;
  store.emit('invoice.created', invoice);
  return invoice;
}

export function addLines(
  store: Store,
  invoice: Invoice,
  subscription: Subscription,
  drafts: readonly LineDraft[],
): void {
  invoice.lines.data.push(...drafts.map((draft) => lineOf(store, invoice.id, subscription, draft)));
  sum(invoice);
}

export function finalize(store: Store, invoice: Invoice): void {
  invoice.status = 'open';
  invoice.number = `DBL-${invoice.id.slice(3, 11)}`;
  invoice.hosted_invoice_url = `https://invoice.stripe.com/i/${invoice.id}`;
  store.emit('invoice.finalized', invoice);
}

/** Tries to collect; false when the customer's payment is declined. */
export function pay(store: Store, invoice: Invoice): boolean {
  if (invoice.total > 0 && store.declined.has(invoice.customer)) {
    store.emit('invoice.payment_failed', invoice);
    return false;
  }
  invoice.status = 'paid';
  invoice.amount_paid = invoice.amount_due;
  store.emit('invoice.paid', invoice);
  store.emit('invoice.payment_succeeded', invoice);
  return true;
}

/** What a meter counted for an item in a period. Usage before the item was added is not billed. */
export function usageLine(
  store: Store,
  subscription: Subscription,
  item: SubscriptionItem,
  start: number,
  end: number,
): LineDraft {
  const from = Math.max(start, item.created);
  const quantity = store.meterEvents
    .filter((event) => event.meter === item.price.recurring!.meter && event.customer === subscription.customer)
    .filter(({ timestamp }) => timestamp >= from && timestamp < end)
    .reduce((total, { value }) => total + value, 0n);
  return {
    amount: amountOf(quantity, item.price.unit_amount_decimal),
    description: `${quantity} x ${item.price.product}`,
    price: item.price,
    quantity: Number(quantity),
    start,
    end,
  };
}

export const planLine = (
  item: SubscriptionItem,
  start: number,
  end: number,
  cents = item.price.unit_amount ?? 0,
): LineDraft => ({
  amount: cents * (item.quantity ?? 1),
  description: `${item.quantity ?? 1} x ${item.price.product} (at $${((item.price.unit_amount ?? 0) / 100).toFixed(2)} / month)`,
  price: item.price,
  quantity: item.quantity ?? 1,
  start,
  end,
});

function lineOf(store: Store, invoice: string, subscription: Subscription | null, draft: LineDraft): InvoiceLine {
  return {
    id: store.id('il'),
    object: 'line_item',
    amount: draft.amount,
    currency: 'usd',
    description: draft.description,
    invoice,
    livemode: false,
    metadata: {},
    parent: subscription && {
      type: 'subscription_item_details',
      invoice_item_details: null,
      subscription_item_details: { proration: draft.proration ?? false, subscription: subscription.id },
    },
    period: { start: draft.start, end: draft.end },
    pricing: {
      type: 'price_details',
      price_details: { price: draft.price.id, product: draft.price.product },
      unit_amount_decimal: draft.price.unit_amount_decimal,
    },
    quantity: draft.quantity,
  };
}

function sum(invoice: Invoice): void {
  invoice.subtotal = invoice.lines.data.reduce((total, { amount }) => total + amount, 0);
  invoice.total = invoice.subtotal;
  invoice.amount_due = Math.max(0, invoice.total);
}
