import { divideRoundingUp, type MicroCredits, micro, USD_E10_PER_MICRO, type UsdE10, ZERO } from '../lib/credits';
import type { Rate } from './rate';

/** USD of four decimals, the finest overage rate: a micro-credit at such a rate is a whole number of 10^-10 dollars. */
export const OVERAGE_RATE_DECIMALS = 4;

/**
 * One priced quantity in the integers that the ledger computes with, in SQL as here:
 * `allowanceUnits = allowanceEligible ? min(units, allowance left) : 0` and
 * `credits = ceil((units - allowanceUnits) * rateMicro / per)`.
 */
export interface Charge {
  /** Characters, tokens or requests; audio in whole milliseconds. */
  readonly units: bigint;
  readonly rateMicro: MicroCredits;
  /** Units that `rateMicro` buys. */
  readonly per: bigint;
  /** The plan's characters pay for the first of the units. */
  readonly allowanceEligible: boolean;
  /** Units past the allowance are refused; credits cannot buy them. */
  readonly allowanceOnly: boolean;
}

/** How a charge is paid when `allowanceLeft` characters remain. */
export interface ChargeSplit {
  readonly allowanceUnits: bigint;
  readonly credits: MicroCredits;
  /** False where the rest may not be bought: the operation is to be refused. */
  readonly served: boolean;
}

/**
 * A quantity at a rate. Audio is given in whole milliseconds, everything else in the rate's own unit.
 * @throws RangeError for a quantity that is no whole non-negative number: such a one is never billed
 */
export function chargeOf(rate: Rate, quantity: number | bigint, allowanceCounts = false): Charge {
  return {
    units: wholeUnits(quantity),
    rateMicro: rate.creditsMicro,
    per: rate.unit === 'AUDIO_SECOND' ? BigInt(rate.per) * 1_000n : BigInt(rate.per),
    allowanceEligible: allowanceCounts && rate.unit === 'CHARACTER',
    allowanceOnly: rate.allowanceOnly,
  };
}

export function splitCharge(charge: Charge, allowanceLeft: bigint): ChargeSplit {
  const left = charge.allowanceEligible && allowanceLeft > 0n ? allowanceLeft : 0n;
  const allowanceUnits = charge.units < left ? charge.units : left;
  const rest = charge.units - allowanceUnits;
  return {
    allowanceUnits,
    credits: micro(divideRoundingUp(rest * charge.rateMicro, charge.per)),
    served: !charge.allowanceOnly || rest === 0n,
  };
}

/** Cost of one operation without an allowance: its charges added as exact fractions, then rounded up once. */
export function costOf(charges: readonly Charge[]): MicroCredits {
  let numerator = 0n;
  let denominator = 1n;
  for (const { units, rateMicro, per } of charges) {
    if (per === denominator) {
      numerator += units * rateMicro;
    } else {
      numerator = numerator * per + units * rateMicro * denominator;
      denominator *= per;
    }
  }
  return numerator === 0n ? ZERO : micro(divideRoundingUp(numerator, denominator));
}

/**
 * Exact USD of spent credits, in 10^-10 dollars: those from grants at USD 0.001, those from overage at the plan's rate.
 * @param overageUsdE4PerCredit the plan's overage rate in 10^-4 dollars a credit; null on a hard cap, which has no overage
 */
export function costUsdE10(
  credits: MicroCredits,
  overageCredits: MicroCredits,
  overageUsdE4PerCredit: bigint | null,
): UsdE10 {
  if (overageCredits < 0n || overageCredits > credits)
    throw new RangeError('overage credits are a part of the credits');
  if (overageCredits > 0n && overageUsdE4PerCredit === null)
    throw new RangeError('a plan without overage has no overage credits');
  return ((credits - overageCredits) * USD_E10_PER_MICRO + overageCredits * (overageUsdE4PerCredit ?? 0n)) as UsdE10;
}

/** Descriptive tokens of a speech: counted characters / 4, rounded up. They are never priced. */
export const speechTokens = (characters: number): number => Math.ceil(characters / 4);

function wholeUnits(quantity: number | bigint): bigint {
  if (typeof quantity === 'number' && !Number.isSafeInteger(quantity)) throw impossible(quantity);
  const units = BigInt(quantity);
  if (units < 0n) throw impossible(quantity);
  return units;
}

const impossible = (quantity: number | bigint): RangeError =>
  new RangeError(`A billed quantity is a whole number that is not negative, not ${quantity}.`);
