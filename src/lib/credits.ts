/**
 * Credits are integer micro-credits in a branded bigint: 1 credit = 1,000,000. USD amounts are integers of
 * 10^-10 dollars, the least unit in which every cost (micro-credits times a rate of four decimals) is exact.
 */
declare const microBrand: unique symbol;
export type MicroCredits = bigint & { readonly [microBrand]: 'micro-credits' };
declare const usdBrand: unique symbol;
export type UsdE10 = bigint & { readonly [usdBrand]: 'usd-e10' };

export const MICRO_PER_CREDIT = 1_000_000n;
export const CREDIT_DECIMALS = 6;
export const USD_DECIMALS = 10;
/** 1 credit = USD 0.001, so a micro-credit is 10 units of 10^-10 dollars. */
export const USD_E10_PER_MICRO = 10n;
export const ZERO = 0n as MicroCredits;

export const micro = (value: bigint | number | string): MicroCredits => BigInt(value) as MicroCredits;
export const usdE10 = (value: bigint | number | string): UsdE10 => BigInt(value) as UsdE10;

/** Rounds up; both arguments non-negative, divisor positive. */
export function divideRoundingUp(dividend: bigint, divisor: bigint): bigint {
  if (dividend < 0n || divisor <= 0n)
    throw new RangeError('divideRoundingUp takes a non-negative dividend and a positive divisor');
  return (dividend + divisor - 1n) / divisor;
}

/** Canonical decimal: no exponent, no sign +, no trailing zeros. */
export function formatScaled(value: bigint, decimals: number): string {
  const sign = value < 0n ? '-' : '';
  const digits = (value < 0n ? -value : value).toString().padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, '');
  return fraction === '' ? `${sign}${whole}` : `${sign}${whole}.${fraction}`;
}

/** Exact parse of a plain decimal; null when it is not one or has more than `decimals` decimals. */
export function parseScaled(text: string, decimals: number): bigint | null {
  const match = /^(-?)(\d{1,30})(?:\.(\d{1,30}))?$/.exec(text);
  if (!match) return null;
  const fraction = (match[3] ?? '').replace(/0+$/, '');
  if (fraction.length > decimals) return null;
  const value = BigInt(match[2]! + fraction.padEnd(decimals, '0'));
  return match[1] === '-' ? -value : value;
}

export const formatCredits = (value: bigint): string => formatScaled(value, CREDIT_DECIMALS);
export const parseCredits = (text: string): MicroCredits | null =>
  parseScaled(text, CREDIT_DECIMALS) as MicroCredits | null;
export const formatUsd = (value: bigint): string => formatScaled(value, USD_DECIMALS);
