import { formatCredits, formatScaled, formatUsd } from '../lib/credits';
import { OVERAGE_RATE_DECIMALS } from '../metering/cost';
import type { Plan } from '../metering/plan';
import type { PriceBookVersion } from '../metering/price-book-version';
import type { Rate } from '../metering/rate';
import type { AllowanceScope, UnitOfMeasure } from '../metering/terms';
import { type Column, tableLines } from './text-table';

/** A version for programs: amounts as decimals in strings, as in the file. */
export function bookFields(version: PriceBookVersion) {
  const { topUps } = version;
  return {
    version: version.version,
    effectiveFrom: version.effectiveFrom,
    allowance: { scope: version.allowanceScope },
    defaultPlan: version.defaultPlan.id,
    topUps: topUps && { ...topUps, minimumCredits: formatCredits(topUps.minimumCredits) },
    plans: version.plans.map(planFields),
    rates: version.rates.map(({ creditsMicro, ...rate }) => ({ ...rate, credits: formatCredits(creditsMicro) })),
  };
}

const planFields = ({ overageUsdE4PerCredit, ...plan }: Plan) => ({
  ...plan,
  priceUsd: plan.priceUsd === null ? null : formatUsd(plan.priceUsd),
  monthlyCredits: plan.monthlyCredits === null ? null : formatCredits(plan.monthlyCredits),
  overageUsdPerCredit:
    overageUsdE4PerCredit === null ? null : formatScaled(overageUsdE4PerCredit, OVERAGE_RATE_DECIMALS),
});

const ALLOWANCE: Readonly<Record<AllowanceScope, string>> = {
  NONE: 'nothing',
  FIRST_PARTY_SPEECH: 'first-party speech',
  ALL_SPEECH: 'all speech',
};

const PLAN_COLUMNS: readonly Column[] = [
  { title: 'PLAN' },
  { title: 'USD/MONTH', right: true },
  { title: 'CREDITS/MONTH', right: true },
  { title: 'OVERAGE USD/CREDIT', right: true },
  { title: 'CARRYOVER MONTHS', right: true },
  { title: 'CHARACTERS/MONTH', right: true },
  { title: 'CHARACTERS/REQUEST', right: true },
  { title: 'REQUESTS/MINUTE', right: true },
  { title: 'KEYS', right: true },
  { title: 'QUALITIES' },
];
const RATE_COLUMNS: readonly Column[] = [
  { title: 'CAPABILITY' },
  { title: 'PROVIDER' },
  { title: 'MODEL' },
  { title: 'QUALITY' },
  { title: 'CREDITS', right: true },
  { title: 'PER' },
];

/** The same for people. */
export function bookLines(version: PriceBookVersion): string[] {
  const { topUps } = version;
  return [
    `Version ${version.version}, from ${version.effectiveFrom.toISOString()}. A credit is USD ${formatUsd(version.creditUsd)}.`,
    `Plans' characters pay for ${ALLOWANCE[version.allowanceScope]}. A new workspace is on ${version.defaultPlan.id}.`,
    topUps
      ? `Credits are bought from ${formatCredits(topUps.minimumCredits)} and usable for ${topUps.validMonths} months.`
      : 'Credits cannot be bought.',
    '',
    ...tableLines(PLAN_COLUMNS, version.plans.map(planCells)),
    '',
    ...tableLines(RATE_COLUMNS, version.rates.map(rateCells)),
  ];
}

function planCells(plan: Plan): string[] {
  const { id, priceUsd, monthlyCredits, overageUsdPerCredit } = planFields(plan);
  const agreed = plan.custom ? 'agreed' : 'no limit';
  return [
    id,
    priceUsd ?? 'agreed',
    monthlyCredits ?? 'agreed',
    plan.hardCap ? 'hard cap' : (overageUsdPerCredit ?? 'agreed'),
    String(plan.carryoverMonths),
    String(plan.monthlyCharacters ?? 'agreed'),
    String(plan.maxCharactersPerRequest ?? agreed),
    String(plan.requestsPerMinute ?? agreed),
    String(plan.maxApiKeys ?? 'no limit'),
    plan.qualities.join(' '),
  ];
}

const UNIT: Readonly<Record<UnitOfMeasure, readonly [one: string, several: string]>> = {
  CHARACTER: ['character', 'characters'],
  AUDIO_SECOND: ['second of audio', 'seconds of audio'],
  INPUT_TOKEN: ['input token', 'input tokens'],
  OUTPUT_TOKEN: ['output token', 'output tokens'],
  REQUEST: ['request', 'requests'],
};

function rateCells({ capability, provider, model, quality, creditsMicro, per, unit, allowanceOnly }: Rate): string[] {
  const [one, several] = UNIT[unit];
  const units = per === 1 ? one : `${per} ${several}`;
  return [
    capability,
    provider ?? '-',
    model ?? 'any',
    quality ?? 'any',
    formatCredits(creditsMicro),
    allowanceOnly ? `${units}, inside the plan's characters alone` : units,
  ];
}
