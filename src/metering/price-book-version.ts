import { MICRO_PER_CREDIT, USD_E10_PER_MICRO, type UsdE10, usdE10, ZERO } from '../lib/credits';
import { AppError, badInput } from '../lib/errors';
import { type Charge, chargeOf } from './cost';
import type { Plan, TopUpTerms } from './plan';
import type { WrittenPlan, WrittenRate, WrittenVersion } from './price-book-file';
import type { Rate, RateQuery } from './rate';
import { type AllowanceScope, type Capability, type UnitOfMeasure, VOICE_QUALITIES } from './terms';

/** A provider whose rates are 0 for now, whatever the book says, and whose speech no allowance pays for. */
export interface ZeroRateOverride {
  readonly capability: Capability;
  readonly provider: string;
}

/** Who speaks, as far as an allowance asks. */
export interface SpeechSource {
  readonly capability: Capability;
  readonly provider: string | null;
  readonly firstParty: boolean;
}

/** All prices and plans of one version: immutable, looked up without rounding. */
export class PriceBookVersion {
  readonly version: string;
  readonly effectiveFrom: Date;
  /** Dollars of one credit: fixed, USD 0.001. */
  readonly creditUsd: UsdE10 = usdE10(MICRO_PER_CREDIT * USD_E10_PER_MICRO);
  readonly plans: readonly Plan[];
  /** Of a workspace that is made without naming one. */
  readonly defaultPlan: Plan;
  /** null: credits cannot be bought. */
  readonly topUps: TopUpTerms | null;
  readonly allowanceScope: AllowanceScope;
  /** Every rate that has a price, in the order of the file. */
  readonly rates: readonly Rate[];
  private readonly plansById: ReadonlyMap<string, Plan>;
  /** By capability, provider, model and quality; an empty list is a price that was written as null. */
  private readonly ratesByKey = new Map<string, Rate[]>();
  private readonly defaultModels = new Map<string, string>();
  private readonly overridden: ReadonlySet<string>;

  constructor(written: WrittenVersion, overrides: readonly ZeroRateOverride[] = []) {
    this.version = written.version;
    this.effectiveFrom = new Date(written.effectiveFrom);
    this.topUps = written.topUps;
    this.allowanceScope = written.allowance.scope;
    this.plans = written.plans.map(planOf);
    this.plansById = new Map(this.plans.map((plan) => [plan.id, plan]));
    this.defaultPlan = this.plan(written.defaultPlan);
    this.overridden = new Set(overrides.map(({ capability, provider }) => sourceKey(capability, provider)));
    this.rates = written.rates.flatMap((rate) => this.addRate(rate));
  }

  /** @throws AppError BAD_USER_INPUT, field `plan` */
  plan(id: string): Plan {
    const plan = this.plansById.get(id);
    if (!plan) throw badInput('plan', `There is no such plan; choose one of ${[...this.plansById.keys()].join(', ')}.`);
    return plan;
  }

  findPlan(id: string): Plan | null {
    return this.plansById.get(id) ?? null;
  }

  /**
   * The rates of the most specific entry for what is asked: model and quality, else model, else quality, else the
   * whole provider. An entry without a price hides the less specific ones. One rate for each unit.
   * @throws AppError PRICE_NOT_CONFIGURED: a missing price is an error, never zero
   */
  ratesFor(query: RateQuery): readonly Rate[] {
    const rates = this.findRates(query);
    if (rates.length === 0) throw notConfigured(query);
    return rates;
  }

  /**
   * The one rate for what is asked. `unit` may be left out where a single unit prices the operation, as in speech.
   * @throws AppError PRICE_NOT_CONFIGURED
   */
  rate(query: RateQuery & { readonly unit?: UnitOfMeasure }): Rate {
    const rates = this.findRates(query);
    if (query.unit === undefined && rates.length > 1)
      throw new RangeError(`${query.capability} is priced by several units; name one`);
    const rate = query.unit === undefined ? rates[0] : rates.find(({ unit }) => unit === query.unit);
    if (!rate) throw notConfigured(query);
    return rate;
  }

  hasPrice(query: RateQuery): boolean {
    return this.findRates(query).length > 0;
  }

  /** The rates that a model is charged at, one for each quality and unit that differ; empty when it has no price. */
  ratesOfModel(capability: Capability, provider: string, model: string): readonly Rate[] {
    const found = [null, ...VOICE_QUALITIES].flatMap((quality) =>
      this.findRates({ capability, provider, model, quality }),
    );
    return [...new Set(found)];
  }

  /** The model that the book makes the provider's default; null where it leaves that to the adapter. */
  defaultModel(capability: Capability, provider: string): string | null {
    return this.defaultModels.get(sourceKey(capability, provider)) ?? null;
  }

  /** Whether the plan's characters count, and pay for, speech from there. `usage.characters` counts the same. */
  allowanceCounts(source: SpeechSource): boolean {
    return this.planLimitsHold(source) && !this.overridden.has(sourceKey(source.capability, source.provider));
  }

  /** Whether the plan's characters a request and qualities hold for speech from there; an override does not lift them. */
  planLimitsHold({ capability, firstParty }: SpeechSource): boolean {
    if (capability !== 'TEXT_TO_SPEECH' || this.allowanceScope === 'NONE') return false;
    return this.allowanceScope === 'ALL_SPEECH' || firstParty;
  }

  /**
   * What a speech costs, before it is known how much of the allowance is left.
   * @param quantity of the rate's unit: counted characters, or whole milliseconds of audio
   * @throws AppError PRICE_NOT_CONFIGURED, also for a rate that exists only inside an allowance that does not count here
   */
  speechCharge(query: RateQuery & { readonly firstParty: boolean }, quantity: (unit: UnitOfMeasure) => number): Charge {
    const rate = this.rate(query);
    const charge = chargeOf(rate, quantity(rate.unit), this.allowanceCounts(query));
    if (charge.allowanceOnly && !charge.allowanceEligible) throw notConfigured(query);
    return charge;
  }

  /** The same as ratesFor, but empty where there is no price. */
  findRates({ capability, provider, model = null, quality = null }: RateQuery): readonly Rate[] {
    return (
      (model !== null && quality !== null && this.ratesByKey.get(rateKey(capability, provider, model, quality))) ||
      (model !== null && this.ratesByKey.get(rateKey(capability, provider, model, null))) ||
      (quality !== null && this.ratesByKey.get(rateKey(capability, provider, null, quality))) ||
      this.ratesByKey.get(rateKey(capability, provider, null, null)) ||
      []
    );
  }

  private addRate(written: WrittenRate): Rate[] {
    const { capability, provider, model, quality, unit, per, credits } = written;
    const source = sourceKey(capability, provider);
    if (written.default && model !== null) this.defaultModels.set(source, model);
    const key = rateKey(capability, provider, model, quality);
    const together = this.ratesByKey.get(key) ?? [];
    this.ratesByKey.set(key, together);
    if (credits === null) return [];
    const free = this.overridden.has(source);
    const creditsMicro = free ? ZERO : credits;
    const rate: Rate = {
      capability,
      provider,
      model,
      quality,
      unit,
      per,
      creditsMicro,
      allowanceOnly: !free && written.allowanceOnly,
    };
    together.push(rate);
    return [rate];
  }
}

const sourceKey = (capability: Capability, provider: string | null): string => `${capability}/${provider ?? ''}`;
/** No part of it can hold a slash. */
const rateKey = (
  capability: Capability,
  provider: string | null,
  model: string | null,
  quality: string | null,
): string => `${capability}/${provider ?? ''}/${model ?? ''}/${quality ?? ''}`;

function planOf({ overageUsdPerCredit, ...plan }: WrittenPlan): Plan {
  return { ...plan, overageUsdE4PerCredit: overageUsdPerCredit };
}

function notConfigured({ capability, provider, model = null, quality = null }: RateQuery): AppError {
  const of = [provider, model, quality].filter((part) => part !== null).join(', ');
  return new AppError(
    'PRICE_NOT_CONFIGURED',
    `There is no price for ${capability}${of === '' ? '' : ` of ${of}`}; choose another, or ask the operator to add a rate to the price book.`,
    { capability, provider, model, quality },
  );
}
