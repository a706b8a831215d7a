import Stripe from 'stripe';
import type { Database } from '../../db/database';
import { formatScaled, USD_DECIMALS } from '../../lib/credits';
import type { Plan } from '../../metering/plan';
import type { PriceBook } from '../../metering/price-book';
import { calling, isTaken, notForSale } from './stripe-failures';

/** USD x 10^10 of a cent. */
export const USD_E10_PER_CENT = 100_000_000n;
/** USD x 10^4 a credit is so many 10^-8 cents a micro-credit. */
const OVERAGE_CENT_DECIMALS = 8;
const OVERAGE_RATE_DECIMALS = 4;

/** What a price is for: a plan's month, or overage at a rate (USD x 10^4 a credit). */
export type PricePurpose = { readonly planId: string } | { readonly overageRate: number };

/** How overage at one rate reaches Stripe. */
export interface OverageMeter {
  readonly priceId: string;
  readonly meterId: string;
  readonly eventName: string;
  /** Key of the payload under which the meter looks for the customer, and for the number. */
  readonly customerKey: string;
  readonly valueKey: string;
}

/**
 * Prices at Stripe. A plan's price is the operator's and found by lookup_key = plan id; it must be what the price book
 * says. Overage has a meter and a price for each rate, as it keeps the rate at which it was spent whatever the plan
 * becomes; both are made here when first needed, in micro-credits, the smallest unit there is.
 */
export class StripePrices {
  private readonly meters = new Map<number, Promise<OverageMeter>>();

  constructor(
    private readonly database: Database,
    private readonly stripe: Stripe.Stripe,
    private readonly book: PriceBook,
  ) {}

  /** @throws AppError UNAVAILABLE when Stripe has no such price or another than the price book's */
  async ofPlan(plan: Plan): Promise<Stripe.Price> {
    const { data } = await calling(() => this.stripe.prices.list({ lookup_keys: [plan.id], active: true, limit: 1 }));
    const price = data[0];
    const fault = price ? faultOf(price, plan) : 'is not there';
    if (!price || fault) {
      throw notForSale(
        `The plan ${plan.name} cannot be bought at present: the operator has to set its price at the payment provider.`,
        `The Stripe price with lookup_key "${plan.id}" ${fault}`,
      );
    }
    await this.remember(price.id, { planId: plan.id });
    return price;
  }

  /** @param rate USD x 10^4 a credit */
  overage(rate: number): Promise<OverageMeter> {
    let known = this.meters.get(rate);
    if (!known) {
      known = calling(() => this.provideOverage(rate)).catch((error) => {
        this.meters.delete(rate);
        throw error;
      });
      this.meters.set(rate, known);
    }
    return known;
  }

  /** What a price of a subscription or an invoice is for; null: it is none of ours. */
  async purposeOf(price: { readonly id: string; readonly lookup_key?: string | null }): Promise<PricePurpose | null> {
    const { rows } = await this.database.query<{ plan_id: string | null; overage_rate: number | null }>(
      'SELECT plan_id, overage_rate FROM stripe_prices WHERE price_id = $1',
      [price.id],
      'stripe_price',
    );
    if (rows[0]) return rows[0].plan_id === null ? { overageRate: rows[0].overage_rate! } : { planId: rows[0].plan_id };
    if (!price.lookup_key || !this.book.findPlan(price.lookup_key)) return null;
    const purpose = { planId: price.lookup_key };
    await this.remember(price.id, purpose);
    return purpose;
  }

  private async provideOverage(rate: number): Promise<OverageMeter> {
    const usd = formatScaled(BigInt(rate), OVERAGE_RATE_DECIMALS);
    const unit = formatScaled(BigInt(rate), OVERAGE_CENT_DECIMALS);
    const lookupKey = `overage-usd-${usd}`;
    const find = async (): Promise<Stripe.Price | undefined> =>
      (await this.stripe.prices.list({ lookup_keys: [lookupKey], active: true, limit: 1 })).data[0];
    let price = await find();
    if (!price) {
      const made = await this.provideMeter(usd);
      try {
        price = await this.stripe.prices.create({
          currency: 'usd',
          lookup_key: lookupKey,
          unit_amount_decimal: Stripe.Decimal.from(unit),
          recurring: { interval: 'month', usage_type: 'metered', meter: made.id },
          product_data: { name: `Overage at USD ${usd} a credit, in millionths of a credit` },
        });
      } catch (error) {
        // Another process was faster.
        if (!isTaken(error)) throw error;
        price = await find();
      }
    }
    if (!price?.recurring?.meter || String(price.unit_amount_decimal) !== unit) {
      throw notForSale(
        'Overage cannot be billed at present: the operator has to set its price at the payment provider.',
        `The Stripe price with lookup_key "${lookupKey}" must have a meter and unit_amount_decimal ${unit}`,
      );
    }
    const meter = await this.stripe.billing.meters.retrieve(price.recurring.meter);
    await this.remember(price.id, { overageRate: rate });
    return {
      priceId: price.id,
      meterId: meter.id,
      eventName: meter.event_name,
      customerKey: meter.customer_mapping.event_payload_key,
      valueKey: meter.value_settings.event_payload_key,
    };
  }

  private async provideMeter(usd: string): Promise<Stripe.Billing.Meter> {
    const eventName = `polyphony_overage_usd_${usd.replace('.', '_')}`;
    const find = async (): Promise<Stripe.Billing.Meter | undefined> => {
      for await (const meter of this.stripe.billing.meters.list({ status: 'active', limit: 100 })) {
        if (meter.event_name === eventName) return meter;
      }
      return undefined;
    };
    const known = await find();
    if (known) return known;
    try {
      return await this.stripe.billing.meters.create({
        display_name: `Overage at USD ${usd} a credit`,
        event_name: eventName,
        default_aggregation: { formula: 'sum' },
        customer_mapping: { type: 'by_id', event_payload_key: 'stripe_customer_id' },
        value_settings: { event_payload_key: 'value' },
      });
    } catch (error) {
      const other = isTaken(error) ? await find() : undefined;
      if (!other) throw error;
      return other;
    }
  }

  private async remember(priceId: string, purpose: PricePurpose): Promise<void> {
    await this.database.query(
      `INSERT INTO stripe_prices (price_id, plan_id, overage_rate) VALUES ($1, $2, $3) ON CONFLICT (price_id) DO NOTHING`,
      [priceId, 'planId' in purpose ? purpose.planId : null, 'overageRate' in purpose ? purpose.overageRate : null],
    );
  }
}

/** What is wrong with the price of a plan, to follow its name; null: nothing. */
function faultOf(price: Stripe.Price, plan: Plan): string | null {
  const cents = (plan.priceUsd ?? 0n) / USD_E10_PER_CENT;
  if (price.currency !== 'usd') return `is in ${price.currency}; it must be in usd`;
  if (price.recurring?.interval !== 'month' || price.recurring.interval_count !== 1) return 'must recur every month';
  if (price.recurring.usage_type === 'metered') return 'must not be metered';
  if (String(price.unit_amount) !== cents.toString()) {
    return `is ${price.unit_amount} cents; the price book says USD ${formatScaled(plan.priceUsd ?? 0n, USD_DECIMALS)}`;
  }
  return null;
}

/** Days of trial that a plan's price offers, as its metadata `trial_days` says; null: none. */
export function trialDaysOf(price: Stripe.Price): number | null {
  const days = Number(price.metadata.trial_days ?? 0);
  return Number.isInteger(days) && days >= 1 && days <= 730 ? days : null;
}
