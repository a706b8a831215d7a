import type { Plan as PlanType } from '../../../schema/types/plan';
import type { Rate as RateType } from '../../../schema/types/rate-card';
import type { PlanTerms } from '../../billing/plan-terms';
import { formatCredits, formatScaled, formatUsd } from '../../lib/credits';
import { OVERAGE_RATE_DECIMALS } from '../../metering/cost';
import type { Plan } from '../../metering/plan';
import type { Rate } from '../../metering/rate';

/** A plan of the price book as the schema shows it. */
export const planView = (plan: Plan): PlanType => ({
  id: plan.id,
  name: plan.name,
  custom: plan.custom,
  priceUsd: plan.priceUsd === null ? null : formatUsd(plan.priceUsd),
  monthlyCredits: plan.monthlyCredits === null ? null : formatCredits(plan.monthlyCredits),
  hardCap: plan.hardCap,
  overageUsdPerCredit:
    plan.overageUsdE4PerCredit === null ? null : formatScaled(plan.overageUsdE4PerCredit, OVERAGE_RATE_DECIMALS),
  carryoverMonths: plan.carryoverMonths,
  monthlyCharacters: plan.monthlyCharacters,
  maxCharactersPerRequest: plan.maxCharactersPerRequest,
  qualities: plan.qualities,
  requestsPerMinute: plan.requestsPerMinute,
  maxApiKeys: plan.maxApiKeys,
});

/** The same plan in the ledger's units. `agreed`: it is by agreement, and these are a workspace's own numbers. */
export const planTerms = (plan: Plan, agreed: boolean): PlanTerms => ({
  id: plan.id,
  name: plan.name,
  custom: plan.custom && !agreed,
  priceUsd: plan.priceUsd,
  monthlyCredits: plan.monthlyCredits,
  overageRate: plan.overageUsdE4PerCredit === null ? null : Number(plan.overageUsdE4PerCredit),
  carryoverMonths: plan.carryoverMonths,
  monthlyCharacters: plan.monthlyCharacters,
});

export const rateView = (rate: Rate): RateType => ({
  capability: rate.capability,
  provider: rate.provider,
  model: rate.provider !== null && rate.model !== null ? `${rate.provider}/${rate.model}` : null,
  quality: rate.quality,
  unit: rate.unit,
  per: rate.per,
  credits: formatCredits(rate.creditsMicro),
});
