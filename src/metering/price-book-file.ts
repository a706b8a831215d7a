import { z } from 'zod';
import { CREDIT_DECIMALS, type MicroCredits, parseScaled, USD_DECIMALS, type UsdE10 } from '../lib/credits';
import { OVERAGE_RATE_DECIMALS } from './cost';
import { ALLOWANCE_SCOPES, CAPABILITIES, UNITS_OF_MEASURE, VOICE_QUALITIES } from './terms';

/** Most credits of one rate. With it, a cost in micro-credits fits 64 bits up to 9 million units. */
const RATE_CREDITS_MAX = 1_000_000n;
const INT_MAX = 2_147_483_647;

/** Messages begin with a verb, as the path of the field stands before them. */
const say = (advice: string) => ({
  error: (issue: { readonly input?: unknown }) =>
    issue.input === undefined ? `is missing; ${advice}` : `is not valid; ${advice}`,
});

/** What a decimal that was not written as one should look like. */
const decimalAdvice = (what: string) => ({
  error: ({ input }: { readonly input?: unknown }) => {
    if (typeof input === 'number')
      return `is a number without quotes, which may lose digits; write ${what} in quotes, "${input}"`;
    const state = input === undefined ? 'is missing' : 'is not valid';
    return `${state}; write ${what} as a decimal in quotes, like "0.5", and none at all as "0"`;
  },
});

/** A decimal in quotes, read into an integer of its least unit; never through a float. */
const decimal = <T extends bigint>(scale: number, written: number, what: string, max?: bigint) =>
  z.string(decimalAdvice(what)).transform((text, context): T => {
    const value = parseScaled(text, scale);
    const fault = (message: string): never => {
      context.addIssue({ code: 'custom', message });
      return z.NEVER as never;
    };
    if (/^-?\.\d+$/.test(text)) return fault(`has no digit before its point; write "${text.replace('.', '0.')}"`);
    if (value === null || parseScaled(text, written) === null) {
      return fault(`is not valid; write ${what} as a decimal of at most ${written} decimals in quotes`);
    }
    if (value < 0n) return fault(`is negative; ${what} are 0 or more`);
    if (max !== undefined && value > max * 10n ** BigInt(scale))
      return fault(`is too large; ${what} are at most ${max}`);
    return value as T;
  });

const wholeNumber = (least: number, most: number, advice: string) =>
  z.int(say(advice)).min(least, `is too small; ${advice}`).max(most, `is too large; ${advice}`);

const identifier = z
  .string(say('write an id of small letters, digits and hyphens in quotes'))
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'is not valid; an id has small letters, digits and hyphens');

export const rateSchema = z.strictObject({
  capability: z.enum(CAPABILITIES, say(`write one of ${CAPABILITIES.join(', ')}`)),
  provider: identifier.nullable(),
  model: z
    .string(say('write the bare name of the model in quotes, or null for every model of the provider'))
    .regex(/^[^\s/]{1,200}$/, 'is not valid; a bare name has no provider, slash or white space')
    .nullable(),
  quality: z
    .enum(VOICE_QUALITIES, say(`write one of ${VOICE_QUALITIES.join(', ')}, or null for every quality`))
    .nullable(),
  unit: z.enum(UNITS_OF_MEASURE, say(`write one of ${UNITS_OF_MEASURE.join(', ')}`)),
  per: wholeNumber(1, INT_MAX, 'write how many units the credits buy, 1 or more'),
  /** null: there is no price, and what it would price is refused. Free is "0". */
  credits: decimal<MicroCredits>(CREDIT_DECIMALS, CREDIT_DECIMALS, 'credits', RATE_CREDITS_MAX).nullable(),
  allowanceOnly: z.boolean(say('write true or false')).default(false),
  default: z.boolean(say('write true or false')).default(false),
});

export const planSchema = z.strictObject({
  id: identifier,
  name: z
    .string(say('write the name to show'))
    .min(1, 'is empty; write the name to show')
    .max(100, 'is too long; at most 100 characters'),
  custom: z.boolean(say('write true or false')),
  priceUsd: decimal<UsdE10>(USD_DECIMALS, 2, 'dollars a month').nullable(),
  monthlyCredits: decimal<MicroCredits>(CREDIT_DECIMALS, CREDIT_DECIMALS, 'credits').nullable(),
  hardCap: z.boolean(say('write true or false')),
  overageUsdPerCredit: decimal<bigint>(OVERAGE_RATE_DECIMALS, OVERAGE_RATE_DECIMALS, 'dollars a credit').nullable(),
  carryoverMonths: wholeNumber(0, 120, 'write a number of months from 0 to 120'),
  monthlyCharacters: wholeNumber(0, Number.MAX_SAFE_INTEGER, 'write a number of characters, 0 for none').nullable(),
  maxCharactersPerRequest: wholeNumber(1, INT_MAX, 'write a number of characters, or null for no limit').nullable(),
  qualities: z
    .array(z.enum(VOICE_QUALITIES, say(`write one of ${VOICE_QUALITIES.join(', ')}`)), say('write a list of qualities'))
    .min(1, 'is empty; name at least one quality'),
  requestsPerMinute: wholeNumber(1, INT_MAX, 'write a number of requests, or null for no limit').nullable(),
  maxApiKeys: wholeNumber(1, INT_MAX, 'write a number of keys, or null for no limit').nullable(),
});

/** One version, whole. Every key is known and written; unknown ones are faults, so that none is misspelt. */
export const versionSchema = z.strictObject({
  version: z
    .string(say('write a name for this version in quotes'))
    .regex(/^[\w.-]{1,64}$/, 'is not valid; a version has letters, digits, points, hyphens and underscores'),
  effectiveFrom: z
    .string(say('write a time in UTC, like "2026-01-01T00:00:00Z"'))
    .refine(
      (text) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) && !Number.isNaN(Date.parse(text)),
      'is not valid; write a time in UTC, like "2026-01-01T00:00:00Z"',
    ),
  allowance: z.strictObject(
    { scope: z.enum(ALLOWANCE_SCOPES, say(`write one of ${ALLOWANCE_SCOPES.join(', ')}`)) },
    say('write {"scope": ...}'),
  ),
  defaultPlan: identifier,
  topUps: z
    .strictObject(
      {
        minimumCredits: decimal<MicroCredits>(CREDIT_DECIMALS, 0, 'whole credits'),
        validMonths: wholeNumber(1, 120, 'write a number of months from 1 to 120'),
      },
      say('write its terms, or null where credits cannot be bought'),
    )
    .nullable(),
  plans: z.array(planSchema, say('write the list of plans')).min(1, 'is empty; a price book has at least one plan'),
  rates: z.array(rateSchema, say('write the list of rates')).min(1, 'is empty; a price book has at least one rate'),
});

export type WrittenRate = z.output<typeof rateSchema>;
export type WrittenPlan = z.output<typeof planSchema>;
export type WrittenVersion = z.output<typeof versionSchema>;

/** A file that was found to be right: its versions by the time at which they begin, never none. */
export interface WrittenPriceBook {
  readonly versions: readonly [WrittenVersion, ...WrittenVersion[]];
}
