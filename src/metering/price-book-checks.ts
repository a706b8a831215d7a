import type { PriceBookFault } from './price-book-faults';
import type { WrittenPlan, WrittenRate } from './price-book-file';
import { type AllowanceScope, type Capability, UNITS_OF_CAPABILITY } from './terms';

/** An entry of a list with its place in the file, as entries of the wrong form have been left out before. */
export interface Entry<T> {
  readonly index: number;
  readonly value: T;
}

/**
 * Faults that single fields do not show: contradictions, duplicates, references to what is not there.
 * @param malformed entries that could not be read, so that nothing is called missing that is only misspelt
 */
export function checkRates(
  rates: readonly Entry<WrittenRate>[],
  malformed: readonly Partial<WrittenRate>[],
  scope: AllowanceScope | undefined,
): PriceBookFault[] {
  return [
    ...rates.flatMap(({ index, value }) =>
      checkRate(value, scope).map(([field, message]) => ({ path: `rates[${index}].${field}`, message })),
    ),
    ...checkDuplicates(rates),
    ...checkUnitsTogether(rates, new Set(malformed.map(keyOf))),
    ...checkDefaultModels(rates),
  ];
}

function checkRate(rate: WrittenRate, scope: AllowanceScope | undefined): [field: string, message: string][] {
  const faults: [string, string][] = [];
  const units = UNITS_OF_CAPABILITY[rate.capability];
  const isSpeech = rate.capability === 'TEXT_TO_SPEECH';
  if (!units.includes(rate.unit)) {
    faults.push(['unit', `is ${rate.unit}, which does not price ${rate.capability}; use ${units.join(' or ')}`]);
  }
  if (rate.capability === 'RETRIEVAL' && rate.provider !== null) {
    faults.push(['provider', 'is set, but retrieval asks no provider; write null']);
  }
  if (rate.capability !== 'RETRIEVAL' && rate.provider === null) {
    faults.push(['provider', `is null; write the id of the provider, as ${rate.capability} always has one`]);
  }
  if (rate.provider === null && rate.model !== null) faults.push(['model', 'is set without a provider; write null']);
  if (rate.quality !== null && !isSpeech) faults.push(['quality', 'is set, but only speech has qualities; write null']);
  if (rate.default && rate.model === null)
    faults.push(['default', 'is true on a rate without a model; name the model']);
  if (rate.allowanceOnly) {
    if (!isSpeech || rate.unit !== 'CHARACTER') {
      faults.push(['allowanceOnly', 'is true, but an allowance holds characters of speech alone; write false']);
    } else if (scope === 'NONE') {
      faults.push(['allowanceOnly', 'is true, but allowance.scope is NONE; widen the scope or write false']);
    }
    if (rate.credits !== 0n)
      faults.push(['credits', 'is not "0", but what only the allowance pays for costs no credits; write "0"']);
  }
  if (isSpeech && rate.unit === 'AUDIO_SECOND' && scope === 'ALL_SPEECH') {
    faults.push([
      'unit',
      'is AUDIO_SECOND, but allowance.scope is ALL_SPEECH and counts characters; use CHARACTER or the scope NONE',
    ]);
  }
  return faults;
}

const keyOf = ({ capability, provider, model, quality }: Partial<WrittenRate>): string =>
  JSON.stringify([capability, provider, model, quality]);

function checkDuplicates(rates: readonly Entry<WrittenRate>[]): PriceBookFault[] {
  const first = new Map<string, number>();
  return rates.flatMap(({ index, value }) => {
    const key = `${keyOf(value)} ${value.unit}`;
    const earlier = first.get(key);
    if (earlier === undefined) {
      first.set(key, index);
      return [];
    }
    return [{ path: `rates[${index}]`, message: `prices the same as rates[${earlier}]; keep one of them` }];
  });
}

/** A language model needs both its units, or half of an answer would have no price; speech must have one alone. */
function checkUnitsTogether(rates: readonly Entry<WrittenRate>[], malformed: ReadonlySet<string>): PriceBookFault[] {
  return [...groupByKey(rates).values()].flatMap((group): PriceBookFault[] => {
    const { index, value } = group[0]!;
    const units = new Set(group.map((entry) => entry.value.unit));
    const path = `rates[${index}]`;
    const other = group.find((entry) => entry.value.unit !== value.unit);
    if (value.capability === 'TEXT_TO_SPEECH' && other) {
      return [
        {
          path,
          message: `prices by ${value.unit} what rates[${other.index}] prices by ${other.value.unit}; keep one of them`,
        },
      ];
    }
    if (value.capability !== 'LANGUAGE_MODEL') return [];
    const unpriced = group.find((entry) => (entry.value.credits === null) !== (value.credits === null));
    if (unpriced) {
      return [
        { path: `rates[${unpriced.index}].credits`, message: `and those of ${path} must both be prices or both null` },
      ];
    }
    if (malformed.has(keyOf(value))) return [];
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
    if (!entry.value.default || model === null) return [];
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

export function checkPlans(
  plans: readonly Entry<WrittenPlan>[],
  malformed: readonly Partial<WrittenPlan>[],
  defaultPlan: unknown,
): PriceBookFault[] {
  const first = new Map<string, number>();
  const faults = plans.flatMap(({ index, value }) => {
    const own = checkPlan(value).map(([field, message]) => ({ path: `plans[${index}].${field}`, message }));
    const earlier = first.get(value.id);
    if (earlier === undefined) first.set(value.id, index);
    else own.push({ path: `plans[${index}].id`, message: `is that of plans[${earlier}] too; give each plan its own` });
    return own;
  });
  if (typeof defaultPlan !== 'string' || malformed.some(({ id }) => id === defaultPlan)) return faults;
  const chosen = plans.find(({ value }) => value.id === defaultPlan);
  if (!chosen) {
    faults.push({
      path: 'defaultPlan',
      message: `names no plan of this book; use one of ${[...first.keys()].join(', ')}`,
    });
  } else if (chosen.value.custom) {
    faults.push({
      path: 'defaultPlan',
      message: 'names a custom plan, which nobody can be put on without agreed numbers',
    });
  }
  return faults;
}

function checkPlan(plan: WrittenPlan): [field: string, message: string][] {
  const faults: [string, string][] = [];
  if (plan.hardCap && plan.overageUsdPerCredit !== null) {
    faults.push([
      'overageUsdPerCredit',
      'is set, but hardCap is true and allows no overage; write null, or hardCap false',
    ]);
  }
  if (new Set(plan.qualities).size < plan.qualities.length)
    faults.push(['qualities', 'names a quality twice; name each once']);
  if (plan.custom) return faults;
  const agreed = 'is null, which only a custom plan can have';
  if (plan.priceUsd === null) faults.push(['priceUsd', `${agreed}; write "0" for a free plan`]);
  if (plan.monthlyCredits === null) faults.push(['monthlyCredits', `${agreed}; write "0" for a plan without credits`]);
  if (plan.monthlyCharacters === null)
    faults.push(['monthlyCharacters', `${agreed}; write 0 for a plan without an allowance`]);
  if (!plan.hardCap && plan.overageUsdPerCredit === null) {
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
    const group = groups.get(key);
    if (group) group.push(entry);
    else groups.set(key, [entry]);
  }
  return groups;
}
