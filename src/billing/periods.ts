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

/** Share of an amount for the part of a period that is left, in whole seconds, rounded down to a micro-credit. */
export function proratedShare(amount: bigint, start: Date, end: Date, now: Date): bigint {
  const total = BigInt(Math.round((end.getTime() - start.getTime()) / 1000));
  const left = BigInt(Math.max(0, Math.floor((end.getTime() - now.getTime()) / 1000)));
  return (amount * (left < total ? left : total)) / total;
}
