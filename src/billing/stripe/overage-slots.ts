/**
 * The time under which Stripe counts a stretch of overage. It lies in the last minute of the stretch, not in its
 * first: a price that was added to a subscription in between bills only what comes after it. Each event has a minute
 * of its own, so that the meter's summary of that minute tells whether it arrived.
 */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
/** Stripe finalises the invoice of a period an hour after its end; usage that comes later must count in the next. */
const INVOICE_OPEN = 50 * MINUTE;
/** Stripe takes events of the last 35 days; a day is left for the way there. */
const OLDEST = 34 * 24 * HOUR;
/** Minutes that are looked through for a free one. */
const LOOKED_THROUGH = 24 * 60;

export interface Stretch {
  readonly hour: Date;
  readonly periodStart: Date;
  readonly periodEnd: Date;
  /** The present period's start; later than `periodStart` when the stretch's own period has ended. */
  readonly presentPeriodStart: Date;
  /** Since when the subscription has a price for this rate; null: not known yet. */
  readonly billedSince: Date | null;
  readonly now: Date;
}

export const minuteOf = (moment: Date): Date => new Date(floor(moment.getTime(), MINUTE));

/** Whether Stripe would still take an event of that time and bill it with its own period. */
export function isCountable(countedAt: Date, { periodEnd, billedSince, now }: Omit<Stretch, 'hour'>): boolean {
  const inOpenInvoice = now.getTime() < periodEnd.getTime() + INVOICE_OPEN || countedAt >= periodEnd;
  const billed = billedSince === null || countedAt >= billedSince;
  return inOpenInvoice && billed && now.getTime() - countedAt.getTime() < OLDEST;
}

/** The time for a new event of a stretch, in whole seconds; `taken` are the minutes, in milliseconds, of earlier events. */
export function chooseSlot(stretch: Stretch, taken: ReadonlySet<number>): Date {
  const now = stretch.now.getTime();
  const periodStart = stretch.periodStart.getTime();
  const end = Math.min(stretch.hour.getTime() + HOUR, stretch.periodEnd.getTime());
  const start = Math.max(Math.min(stretch.hour.getTime(), end - HOUR), periodStart);
  const own = latestFree(start, end, taken);
  if (own && isCountable(own, stretch)) return own;
  // The second that runs counts as past: what is billed since this very second must lie in it.
  const present = latestFree(
    Math.max(stretch.presentPeriodStart.getTime(), stretch.billedSince?.getTime() ?? 0, now - LOOKED_THROUGH * MINUTE),
    now + SECOND,
    taken,
  );
  if (!present) throw new Error('No minute is free for an event of overage.');
  return present;
}

/** The last second of the latest free minute between two moments, the end excluded; null: none. */
function latestFree(start: number, end: number, taken: ReadonlySet<number>): Date | null {
  let second = ceil(end, SECOND) - SECOND;
  for (let looked = 0; looked < LOOKED_THROUGH && second >= start; looked += 1) {
    const minute = floor(second, MINUTE);
    if (!taken.has(minute)) return new Date(second);
    second = minute - SECOND;
  }
  return null;
}

const floor = (moment: number, unit: number): number => moment - (moment % unit);
const ceil = (moment: number, unit: number): number => floor(moment + unit - 1, unit);
