/** USD x 10^10 of one cent. */
const CENT_E10 = 100_000_000n;

/**
 * An amount of USD x 10^10, given as an exact fraction, rounded once to a whole cent, half up. Both parts non-negative,
 * the divisor positive.
 */
export function roundToCent(dividend: bigint, divisor = 1n): bigint {
  if (dividend < 0n || divisor <= 0n)
    throw new RangeError('roundToCent takes a non-negative dividend and a positive divisor');
  const whole = CENT_E10 * divisor;
  return ((2n * dividend + whole) / (2n * whole)) * CENT_E10;
}
