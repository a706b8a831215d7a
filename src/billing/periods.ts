/** Billing periods: calendar months counted from an anchor, in UTC. */

/**
 * Start of period `number`, so many months after the anchor at the anchor's time of day. A day that a month lacks
 * becomes its last one, without drifting: anchored on the 31st, February ends on the 28th or 29th and March on the 31st.
 */
export function periodStart(anchor: Date, number: number): Date {
  const months = anchor.getUTCMonth() + number;
  const lastDay = new Date(Date.UTC(anchor.getUTCFullYear(), months + 1, 0)).getUTCDate();
  return new Date(
    Date.UTC(
      anchor.getUTCFullYear(),
      months,
      Math.min(anchor.getUTCDate(), lastDay),
      anchor.getUTCHours(),
      anchor.getUTCMinutes(),
      anchor.getUTCSeconds(),
      anchor.getUTCMilliseconds(),
    ),
  );
}

/** End of period `number`, which is the start of the next. */
export const periodEnd = (anchor: Date, number: number): Date => periodStart(anchor, number + 1);

/** From where an account's periods are counted: the period `anchorPeriod` starts at `anchor`. */
export interface Calendar {
  readonly anchor: Date;
  readonly anchorPeriod: number;
}

/** Start of period `number` by a calendar. */
export const startBy = ({ anchor, anchorPeriod }: Calendar, number: number): Date =>
  periodStart(anchor, number - anchorPeriod);

/** End of period `number` by a calendar. */
export const endBy = (calendar: Calendar, number: number): Date => startBy(calendar, number + 1);

/**
 * The calendar of which [start, end) is period `number`. Anchored on its start where that gives its end; otherwise on its
 * end: after a trial, and for a month such as 28 February to 31 March, whose true anchor its end alone shows.
 */
export function calendarOf(number: number, start: Date, end: Date): Calendar {
  return periodEnd(start, 0).getTime() === end.getTime()
    ? { anchor: start, anchorPeriod: number }
    : { anchor: end, anchorPeriod: number + 1 };
}

/** Whole seconds of a period, and how many of them are left at a moment; what has begun counts no more. */
export function secondsLeft(start: Date, end: Date, now: Date): { readonly left: bigint; readonly of: bigint } {
  const of = BigInt(Math.round((end.getTime() - start.getTime()) / 1000));
  const left = BigInt(Math.max(0, Math.floor((end.getTime() - now.getTime()) / 1000)));
  return { left: left < of ? left : of, of };
}

/** Share of an amount for the part of a period that is left, in whole seconds, rounded down. */
export function proratedShare(amount: bigint, start: Date, end: Date, now: Date): bigint {
  const { left, of } = secondsLeft(start, end, now);
  return of === 0n ? 0n : (amount * left) / of;
}
