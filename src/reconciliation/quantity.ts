import type { CountedUnit } from '../../providers/contract/usage';
import { formatScaled } from '../lib/credits';

/** Quantities are integers of millionths of their unit, so that sums of both sides are exact. */
const DECIMALS = 6;
const PER_UNIT = 1_000_000n;

/** What a provider wrote as a JSON number; a finite one that is not negative. */
export function quantityOf(number: number): bigint {
  const whole = Math.trunc(number);
  return BigInt(whole) * PER_UNIT + BigInt(Math.round((number - whole) * Number(PER_UNIT)));
}

export const formatQuantity = (quantity: bigint): string => formatScaled(quantity, DECIMALS);

/** The quantities of one operation, or sums of them; whole, as decimal texts or numbers. */
export interface OwnQuantities {
  readonly characters: string | number;
  readonly audio_milliseconds: string | number;
  readonly input_tokens: string | number;
  readonly output_tokens: string | number;
}

/** Our own count in a unit. */
export function ownQuantity(unit: CountedUnit, quantities: OwnQuantities): bigint {
  switch (unit) {
    case 'CHARACTER':
      return BigInt(quantities.characters) * PER_UNIT;
    case 'AUDIO_SECOND':
      return (BigInt(quantities.audio_milliseconds) * PER_UNIT) / 1_000n;
    case 'INPUT_TOKEN':
      return BigInt(quantities.input_tokens) * PER_UNIT;
    case 'OUTPUT_TOKEN':
      return BigInt(quantities.output_tokens) * PER_UNIT;
  }
}

/** Rounded up to a whole unit. */
export const wholeUnits = (quantity: bigint): bigint => ((quantity + PER_UNIT - 1n) / PER_UNIT) * PER_UNIT;

export const magnitude = (quantity: bigint): bigint => (quantity < 0n ? -quantity : quantity);

/** Sums by date and unit. */
export class Sums {
  private readonly sums = new Map<string, bigint>();

  add(date: string, unit: CountedUnit, quantity: bigint): void {
    const key = `${date} ${unit}`;
    this.sums.set(key, (this.sums.get(key) ?? 0n) + quantity);
  }

  of(date: string, unit: CountedUnit): bigint {
    return this.sums.get(`${date} ${unit}`) ?? 0n;
  }
}
