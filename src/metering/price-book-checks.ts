import type { PriceBookFault } from './price-book-faults';
import type { WrittenPlan, WrittenRate } from './price-book-file';
import { type AllowanceScope, type Capability, UNITS_OF_CAPABILITY } from './terms';

/** An entry of a list with its place in the file, and those of its fields that can be read. */
export interface Entry<T> {
  readonly index: number;
  readonly value: Readable<T>;
}
export type Readable<T> = { readonly [Field in keyof T]?: T[Field] | undefined };

type Rate = Readable<WrittenRate>;
type Plan = Readable<WrittenPlan>;
type FieldFault = [field: string, message: string];

/** Faults that single fields do not show: contradictions, duplicates, references to what is not there. */
export function checkRates(rates: readonly Entry<WrittenRate>[], scope: AllowanceScope | undefined): PriceBookFault[] {
  return [
    ...rates.flatMap(({ index, value }) => at(`rates[${index}]`, checkRate(value, scope))),
    ...checkDuplicates(rates),
    ...checkUnitsTogether(rates),
    ...checkDefaultModels(rates),
  ];
}

const at = (path: string, faults: readonly FieldFault[]): PriceBookFault[] =>
  faults.map(([field, message]) => ({ path: `${path}.${field}`, message }));

function checkRate(rate: Rate, scope: AllowanceScope | undefined): FieldFault[] {
  return [
    ...(rate.capability ? checkCapability(rate, rate.capability) : []),
    ...checkModel(rate),
    ...checkAllowance(rate, scope),
  ];
}

function checkCapability({ unit, provider, quality }: Rate, capability: Capability): FieldFault[] {
  const faults: FieldFault[] = [];
  const units = UNITS_OF_CAPABILITY[capability];
  if (unit && !units.includes(unit)) {
    faults.push(['unit', `is ${unit}, which does not price ${capability}; use ${units.join(' or ')}`]);
  }
  if (capability === 'RETRIEVAL' && provider) {
    faults.push(['provider', 'is set, but retrieval asks no provider; write null']);
  }
  if (capability !== 'RETRIEVAL' && provider === null) {
    faults.push(['provider', `is null; write the id of the provider, as ${capability} always has one`]);
  }
  if (quality && capability !== 'TEXT_TO_SPEECH') {
    faults.push(['quality', 'is set, but only speech has qualities; write null']);
  }
  return faults;
}

function checkModel({ provider, model, default: isDefault }: Rate): FieldFault[] {
  const faults: FieldFault[] = [];
  if (provider === null && model) faults.push(['model', 'is set without a provider; write null']);
  if (isDefault && model === null) faults.push(['default', 'is true on a rate without a model; name the model']);
  return faults;
}

function checkAllowance(
  { capability, unit, credits, allowanceOnly }: Rate,
  scope: AllowanceScope | undefined,
): FieldFault[] {
  const faults: FieldFault[] = [];
  const isSpeech = capability === 'TEXT_TO_SPEECH';
  if (allowanceOnly) {
    if ((capability && !isSpeech) || (unit && unit !== 'CHARACTER')) {
      faults.push(['allowanceOnly', 'is true, but an allowance holds characters of speech alone; write false']);
    } else if (scope === 'NONE') {
      faults.push(['allowanceOnly', 'is true, but allowance.scope is NONE; widen the scope or write false']);
    }
    if (credits !== undefined && credits !== 0n)
      faults.push(['credits', 'is not "0", but what only the allowance pays for costs no credits; write "0"']);
  }
  if (isSpeech && unit === 'AUDIO_SECOND' && scope === 'ALL_SPEECH') {
    faults.push([
      'unit',
      'is AUDIO_SECOND, but allowance.scope is ALL_SPEECH and counts characters; use CHARACTER or the scope NONE',
    ]);
  }
  return faults;
}

/** What a rate is for; null where that cannot be read. */
function keyOf({ capability, provider, model, quality }: Rate): string | null {
  const parts = [capability, provider, model, quality];
  return parts.includes(undefined) ? null : JSON.stringify(parts);
}

function checkDuplicates(rates: readonly Entry<WrittenRate>[]): PriceBookFault[] {
  const first = new Map<string, number>();
  return rates.flatMap(({ index, value }) => {
    const of = keyOf(value);
    if (of === null || value.unit === undefined) return [];
    const key = `${of} ${value.unit}`;
    const earlier = first.get(key);
    if (earlier === undefined) {
      first.set(key, index);
      return [];
    }
    return [{ path: `rates[${index}]`, message: `prices the same as rates[${earlier}]; keep one of them` }];
  });
}

/** A language model needs both its units, or half of an answer would have no price; speech must have one alone. */
function checkUnitsTogether(rates: readonly Entry<WrittenRate>[]): PriceBookFault[] {
  return [...groupByKey(rates).values()].flatMap((group): PriceBookFault[] => {
    const units = new Set(group.map((entry) => entry.value.unit));
    const { index, value } = group.find((entry) => entry.value.unit !== undefined) ?? group[0]!;
    const path = `rates[${index}]`;
    const other = group.find((entry) => entry.value.unit !== undefined && entry.value.unit !== value.unit);
    if (value.capability === 'TEXT_TO_SPEECH' && other) {
      return [
        {
          path,
          message: `prices by ${value.unit} what rates[${other.index}] prices by ${other.value.unit}; keep one of them`,
        },
      ];
    }
    if (value.capability !== 'LANGUAGE_MODEL') return [];
    const readable = group.filter((entry) => entry.value.credits !== undefined);
    const unpriced = readable.find((entry) => (entry.value.credits === null) !== (readable[0]!.value.credits === null));
    if (unpriced) {
      return [
        {
          path: `rates[${unpriced.index}].credits`,
          message: `and those of rates[${readable[0]!.index}] must both be prices or both null`,
        },
      ];
    }
    // Nothing is called missing that is only misspelt.
    if (units.has(undefined)) return [];
    return UNITS_OF_CAPABILITY.LANGUAGE_MODEL.filter((unit) => !units.has(unit)).map((unit) => ({
      path,
      message: `prices a language model without its ${unit}; add a rate for that unit`,
    }));
  });
}

function checkDefaultModels(rates: readonly Entry<WrittenRate>[]): PriceBookFault[] {
  const first = new Map<string, Entry<WrittenRate>>();
  return rates.flatMap((entry) => {
    const { capability, provider, model } = entry.value;
    if (!entry.value.default || !model || !capability || provider === undefined) return [];
    const key = `${capability} ${provider}`;
    const earlier = first.get(key);
    if (!earlier) first.set(key, entry);
    if (!earlier || earlier.value.model === model) return [];
    return [
      {
        path: `rates[${entry.index}].default`,
        message: `makes a second default model of ${describe(capability, provider)} beside rates[${earlier.index}]; keep one`,
      },
    ];
  });
}

const describe = (capability: Capability, provider: string | null): string =>
  `${provider ?? 'no provider'} for ${capability}`;

export function checkPlans(plans: readonly Entry<WrittenPlan>[], defaultPlan: unknown): PriceBookFault[] {
  const first = new Map<string, number>();
  const faults = plans.flatMap(({ index, value }) => {
    const own = at(`plans[${index}]`, checkPlan(value));
    if (value.id === undefined) return own;
    const earlier = first.get(value.id);
    if (earlier === undefined) first.set(value.id, index);
    else own.push({ path: `plans[${index}].id`, message: `is that of plans[${earlier}] too; give each plan its own` });
    return own;
  });
  if (typeof defaultPlan !== 'string') return faults;
  const chosen = plans.find(({ value }) => value.id === defaultPlan);
  if (!chosen && first.size > 0) {
    faults.push({
      path: 'defaultPlan',
      message: `names no plan of this book; use one of ${[...first.keys()].join(', ')}`,
    });
  } else if (chosen?.value.custom) {
    faults.push({
      path: 'defaultPlan',
      message: 'names a custom plan, which nobody can be put on without agreed numbers',
    });
  }
  return faults;
}

/** Fields of one plan that contradict each other. */
export function checkPlan(plan: Plan): FieldFault[] {
  const faults: FieldFault[] = [];
  if (plan.hardCap && typeof plan.overageUsdPerCredit === 'bigint') {
    faults.push([
      'overageUsdPerCredit',
      'is set, but hardCap is true and allows no overage; write null, or hardCap false',
    ]);
  }
  if (plan.qualities && new Set(plan.qualities).size < plan.qualities.length)
    faults.push(['qualities', 'names a quality twice; name each once']);
  if (plan.custom !== false) return faults;
  const agreed = 'is null, which only a custom plan can have';
  if (plan.priceUsd === null) faults.push(['priceUsd', `${agreed}; write "0" for a free plan`]);
  if (plan.monthlyCredits === null) faults.push(['monthlyCredits', `${agreed}; write "0" for a plan without credits`]);
  if (plan.monthlyCharacters === null)
    faults.push(['monthlyCharacters', `${agreed}; write 0 for a plan without an allowance`]);
  if (plan.hardCap === false && plan.overageUsdPerCredit === null) {
    faults.push([
      'overageUsdPerCredit',
      'is null without a hard cap; write the price of a credit past the grants, or hardCap true',
    ]);
  }
  return faults;
}

function groupByKey(rates: readonly Entry<WrittenRate>[]): Map<string, Entry<WrittenRate>[]> {
  const groups = new Map<string, Entry<WrittenRate>[]>();
  for (const entry of rates) {
    const key = keyOf(entry.value);
    if (key === null) continue;
    const group = groups.get(key);
    if (group) group.push(entry);
    else groups.set(key, [entry]);
  }
  return groups;
}
