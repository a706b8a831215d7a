/** Whole cents of a quantity at a price in decimal cents, rounded half up, exactly. */
export function amountOf(quantity: bigint, unitAmountDecimal: string): number {
  const [whole = '0', fraction = ''] = unitAmountDecimal.split('.');
  const scale = 10n ** BigInt(fraction.length);
  const scaled = quantity * BigInt(whole + fraction);
  return Number((2n * scaled + scale) / (2n * scale));
}

/** A share of an amount for some seconds of a period, rounded half up. */
export function shareOf(cents: number, seconds: number, ofSeconds: number): number {
  const [amount, part, all] = [BigInt(cents), BigInt(seconds), BigInt(ofSeconds)];
  return Number((2n * amount * part + all) / (2n * all));
}

/** So many calendar months after a moment; a day that a month lacks becomes its last one. Unix seconds. */
export function monthsAfter(anchor: number, months: number): number {
  const from = new Date(anchor * 1000);
  const month = from.getUTCMonth() + months;
  const lastDay = new Date(Date.UTC(from.getUTCFullYear(), month + 1, 0)).getUTCDate();
  const to = new Date(from);
  to.setUTCDate(1);
  to.setUTCFullYear(from.getUTCFullYear(), month, Math.min(from.getUTCDate(), lastDay));
  return to.getTime() / 1000;
}
