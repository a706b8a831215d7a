import type Stripe from 'stripe';
import type { Database } from '../../db/database';
import { takenMinutes } from './overage-collector';
import { chooseSlot, isCountable, minuteOf, type Stretch } from './overage-slots';
import { calling, isKnownMeterEvent } from './stripe-failures';
import type { OverageMeter, StripePrices } from './stripe-prices';
import type { StripeSubscriptions } from './stripe-subscriptions';
import { fromSeconds } from './subscription-state';

/** Stripe knows an identifier for 24 hours; an hour of that is left for clocks that differ. */
const IDENTIFIER_KNOWN_MS = 23 * 3_600_000;
const MINUTE_SECONDS = 60;
const BATCH = 50;
/** A process that took an event and died leaves it to others after so long; no call takes longer. */
const TAKEN_SECONDS = 300;
const FIRST_RETRY_SECONDS = 60;
const LAST_RETRY_SECONDS = 3_600;

interface WaitingEvent {
  identifier: string;
  workspace_id: string;
  customer_id: string;
  overage_rate: number;
  micro_credits: string;
  counted_at: Date;
  hour: Date;
  attempts: number;
  /** When it was first sent; null: never. */
  first_sent_at: Date | null;
  period_start: Date;
  period_end: Date;
  present_period_start: Date;
  /** The subscription that bills; null: there is none any more. */
  subscription_id: string | null;
  /** Since when it bills this rate; null: it does not. */
  billed_since: Date | null;
  now: Date;
}

/** Takes events that are due, so that no other process sends them meanwhile. */
const TAKE = `
WITH due AS (
  SELECT identifier FROM stripe_overage_events
  WHERE acknowledged_at IS NULL AND next_attempt_at <= ledger_now()
  ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
UPDATE stripe_overage_events e SET attempts = attempts + 1, next_attempt_at = ledger_now() + make_interval(secs => $2)
FROM due, stripe_customers c, billing_periods p, accounts a
LEFT JOIN LATERAL (
  SELECT subscription_id, overage_items FROM stripe_subscriptions s
  WHERE s.workspace_id = a.workspace_id AND s.ended_at IS NULL ORDER BY started_at DESC LIMIT 1
) s ON true
WHERE e.identifier = due.identifier AND c.workspace_id = e.workspace_id AND a.workspace_id = e.workspace_id
  AND p.workspace_id = e.workspace_id AND p.number = e.period_number
RETURNING e.identifier, e.workspace_id, c.customer_id, e.overage_rate, e.micro_credits, e.counted_at, e.hour, e.attempts,
  e.first_sent_at, p.period_start, p.period_end, a.period_start AS present_period_start,
  s.subscription_id, (s.overage_items ->> e.overage_rate::text)::timestamptz AS billed_since,
  date_trunc('milliseconds', ledger_now()) AS now`;

export interface OverageReporterDependencies {
  readonly database: Database;
  readonly stripe: Stripe.Stripe;
  readonly prices: StripePrices;
  readonly subscriptions: StripeSubscriptions;
  readonly logFailure: (identifier: string, error: unknown) => void;
}

/**
 * Sends the collected events of overage until Stripe has acknowledged each. Within 24 hours of the first attempt an
 * event is simply sent again, as Stripe refuses an identifier that it knows; after that its minute in the meter's
 * summary tells first whether it arrived.
 */
export class OverageReporter {
  constructor(private readonly dependencies: OverageReporterDependencies) {}

  /** Sends what is due. Answers how many events were acknowledged and how many failed for now. */
  async send(): Promise<{ readonly acknowledged: number; readonly failed: number }> {
    let acknowledged = 0;
    let failed = 0;
    for (;;) {
      const { rows } = await this.dependencies.database.query<WaitingEvent>(TAKE, [BATCH, TAKEN_SECONDS]);
      for (const event of rows) {
        try {
          await this.report(event);
          await this.acknowledge(event);
          acknowledged += 1;
        } catch (error) {
          failed += 1;
          this.dependencies.logFailure(event.identifier, error);
          await this.postpone(event);
        }
      }
      if (rows.length < BATCH) return { acknowledged, failed };
    }
  }

  /** Lets everything that waits for its next attempt be due now. */
  async hurry(): Promise<void> {
    await this.dependencies.database.query(
      `UPDATE stripe_overage_events SET next_attempt_at = ledger_now()
       WHERE acknowledged_at IS NULL AND next_attempt_at > ledger_now() + make_interval(secs => $1)`,
      [TAKEN_SECONDS],
    );
  }

  /** Resolves when Stripe has the event, whoever sent it and when. */
  private async report(event: WaitingEvent): Promise<void> {
    const meter = await this.dependencies.prices.overage(event.overage_rate);
    const { first_sent_at: sent, now } = event;
    const forgotten = sent !== null && now.getTime() - sent.getTime() >= IDENTIFIER_KNOWN_MS;
    if (forgotten && (await this.hasArrived(event, meter))) return;
    const since = event.billed_since ?? (await this.ensureItem(event, meter));
    const stretch: Stretch = {
      hour: event.hour,
      periodStart: event.period_start,
      periodEnd: event.period_end,
      presentPeriodStart: event.present_period_start,
      billedSince: since,
      now,
    };
    // An event that Stripe may have must keep its time, or it would be counted a second time.
    const movable = sent === null || forgotten;
    const countedAt =
      movable && !isCountable(event.counted_at, stretch) ? await this.move(event, stretch) : event.counted_at;
    await this.dependencies.database.query(
      'UPDATE stripe_overage_events SET first_sent_at = COALESCE(first_sent_at, ledger_now()) WHERE identifier = $1',
      [event.identifier],
    );
    await this.create(event, meter, countedAt);
  }

  private async create(event: WaitingEvent, meter: OverageMeter, countedAt: Date): Promise<void> {
    try {
      await this.dependencies.stripe.billing.meterEvents.create({
        event_name: meter.eventName,
        identifier: event.identifier,
        timestamp: countedAt.getTime() / 1000,
        payload: { [meter.customerKey]: event.customer_id, [meter.valueKey]: event.micro_credits },
      });
    } catch (error) {
      if (!isKnownMeterEvent(error)) throw error;
    }
  }

  /** @throws Error when the minute holds another amount, which must never be; an operator has to look */
  private async hasArrived(event: WaitingEvent, meter: OverageMeter): Promise<boolean> {
    const start = minuteOf(event.counted_at).getTime() / 1000;
    let sum = 0;
    for await (const summary of this.dependencies.stripe.billing.meters.listEventSummaries(meter.meterId, {
      customer: event.customer_id,
      start_time: start,
      end_time: start + MINUTE_SECONDS,
    })) {
      sum += summary.aggregated_value;
    }
    if (sum === 0) return false;
    if (String(sum) === event.micro_credits) return true;
    throw new Error(`The meter holds ${sum} in the minute of an event of ${event.micro_credits} micro-credits.`);
  }

  /**
   * Adds the rate's price to the subscription where it is not there, as after a change that was made at Stripe itself.
   * Answers since when the rate is billed; null: there is no subscription that could bill it.
   */
  private async ensureItem(event: WaitingEvent, meter: OverageMeter): Promise<Date | null> {
    const { stripe, subscriptions } = this.dependencies;
    if (event.subscription_id === null) return null;
    const state = await subscriptions.refresh(event.workspace_id);
    if (!state || state.endedAt !== null) return null;
    const known = state.overageItems.get(event.overage_rate);
    if (known) return known;
    const item = await calling(() =>
      stripe.subscriptionItems.create({
        subscription: state.snapshot.subscriptionId,
        price: meter.priceId,
        proration_behavior: 'none',
      }),
    );
    await subscriptions.refresh(event.workspace_id);
    return fromSeconds(item.created);
  }

  /** Gives an event that Stripe does not have another time, one that it takes and bills. */
  private async move(event: WaitingEvent, stretch: Stretch): Promise<Date> {
    return this.dependencies.database.transaction(async (tx) => {
      await tx.query('SELECT 1 FROM stripe_customers WHERE workspace_id = $1 FOR UPDATE', [event.workspace_id]);
      const countedAt = chooseSlot(stretch, await takenMinutes(tx, event.workspace_id, event.overage_rate));
      await tx.query('UPDATE stripe_overage_events SET counted_at = $2, minute = $3 WHERE identifier = $1', [
        event.identifier,
        countedAt,
        minuteOf(countedAt),
      ]);
      return countedAt;
    });
  }

  private async acknowledge({ identifier }: WaitingEvent): Promise<void> {
    await this.dependencies.database.query(
      'UPDATE stripe_overage_events SET acknowledged_at = ledger_now() WHERE identifier = $1',
      [identifier],
    );
  }

  private async postpone({ identifier, attempts }: WaitingEvent): Promise<void> {
    const seconds = Math.min(FIRST_RETRY_SECONDS * 2 ** Math.min(attempts - 1, 10), LAST_RETRY_SECONDS);
    await this.dependencies.database.query(
      'UPDATE stripe_overage_events SET next_attempt_at = ledger_now() + make_interval(secs => $2) WHERE identifier = $1',
      [identifier, seconds],
    );
  }
}
