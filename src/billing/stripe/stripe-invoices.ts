import type Stripe from 'stripe';
import { formatUsd, MICRO_PER_CREDIT, parseScaled } from '../../lib/credits';
import { foreignCursor } from '../../lib/cursors';
import type { BillingInvoice, BillingInvoiceLine } from '../payment-gateway';
import { isMissing } from './stripe-failures';
import { type StripePrices, USD_E10_PER_CENT } from './stripe-prices';
import { fromSeconds } from './subscription-state';

/** A unit amount in cents with 8 decimals is one in 10^-10 dollars. */
const CENT_DECIMALS = 8;
/** USD x 10^10 of a credit at an overage rate of USD x 10^-4. */
const E10_PER_RATE = 1_000_000n;
/** Invoices that are read at most for one page, so that foreign ones in between do not make it endless. */
const READ_AT_MOST = 300;

/**
 * Invoices of a customer, newest first. Amounts are Stripe's own, in whole cents; overage is shown in credits.
 * @param after id of the last invoice of the page before
 */
export async function listInvoices(
  stripe: Stripe.Stripe,
  prices: StripePrices,
  customer: string,
  first: number,
  after: string | null,
): Promise<readonly BillingInvoice[]> {
  const invoices: BillingInvoice[] = [];
  let read = 0;
  try {
    const list = stripe.invoices.list({
      customer,
      limit: Math.min(first, 100),
      ...(after !== null && { starting_after: after }),
    });
    for await (const invoice of list) {
      read += 1;
      // Prices are in dollars; what an operator wrote by hand in another currency has no place in a list of them.
      if (invoice.currency === 'usd') invoices.push(await invoiceOf(stripe, prices, invoice));
      if (invoices.length === first || read === READ_AT_MOST) break;
    }
  } catch (error) {
    if (after !== null && isMissing(error)) throw foreignCursor();
    throw error;
  }
  return invoices;
}

async function invoiceOf(
  stripe: Stripe.Stripe,
  prices: StripePrices,
  invoice: Stripe.Invoice,
): Promise<BillingInvoice> {
  const all = invoice.lines.has_more
    ? await stripe.invoices.listLineItems(invoice.id, { limit: 100 }).autoPagingToArray({ limit: 1_000 })
    : invoice.lines.data;
  const shown = (await Promise.all(all.map((line) => lineOf(prices, line)))).filter((line) => line !== null);
  const lines: BillingInvoiceLine[] = shown.map(({ line }) => line);
  const total = cents(invoice.total);
  const rest = total - all.reduce((sum, line) => sum + cents(line.amount), 0n);
  if (rest !== 0n) lines.push({ description: 'Taxes and discounts', quantity: null, unitUsd: null, amountUsd: rest });
  return {
    id: invoice.id,
    number: invoice.number,
    status: invoice.status ?? 'draft',
    ...periodOf(invoice, shown),
    lines,
    totalUsd: total,
    url: invoice.hosted_invoice_url ?? null,
    createdAt: fromSeconds(invoice.created),
  };
}

interface ShownLine {
  readonly line: BillingInvoiceLine;
  readonly isOverage: boolean;
  readonly start: number;
  readonly end: number;
}

/** null: a price that stands ready for overage, of which there was none. */
async function lineOf(prices: StripePrices, line: Stripe.InvoiceLineItem): Promise<ShownLine | null> {
  const price = line.pricing?.price_details?.price;
  const purpose =
    price === undefined ? null : await prices.purposeOf(typeof price === 'string' ? { id: price } : price);
  const counted = line.quantity === null ? null : BigInt(line.quantity);
  const { start, end } = line.period;
  const amountUsd = cents(line.amount);
  if (purpose && 'overageRate' in purpose) {
    if (counted === 0n || counted === null) return null;
    const unitUsd = BigInt(purpose.overageRate) * E10_PER_RATE;
    const description = `Overage at USD ${formatUsd(unitUsd)} a credit`;
    return { line: { description, quantity: counted, unitUsd, amountUsd }, isOverage: true, start, end };
  }
  const unit = line.pricing?.unit_amount_decimal;
  return {
    line: {
      description: line.description ?? 'Amount',
      quantity: counted === null ? null : counted * MICRO_PER_CREDIT,
      unitUsd: unit == null ? null : parseScaled(String(unit), CENT_DECIMALS),
      amountUsd,
    },
    isOverage: false,
    start,
    end,
  };
}

/**
 * What an invoice is for: the plan's period, as the overage in it is of the one before. Stripe's own period of an
 * invoice is only when its items were gathered.
 */
function periodOf(invoice: Stripe.Invoice, all: readonly ShownLine[]): { periodStart: Date; periodEnd: Date } {
  const plain = all.filter(({ isOverage }) => !isOverage);
  const lines = plain.length > 0 ? plain : all;
  if (lines.length === 0)
    return { periodStart: fromSeconds(invoice.period_start), periodEnd: fromSeconds(invoice.period_end) };
  return {
    periodStart: fromSeconds(Math.min(...lines.map(({ start }) => start))),
    periodEnd: fromSeconds(Math.max(...lines.map(({ end }) => end))),
  };
}

const cents = (amount: number): bigint => BigInt(amount) * USD_E10_PER_CENT;
