import type { PlanTerms } from '../../../src/billing/plan-terms';
import { micro, usdE10 } from '../../../src/lib/credits';

/** USD in whole dollars, credits in whole credits, rates in USD x 10^4: the table of plans. */
const plan = (
  id: string,
  dollars: number,
  credits: number,
  overageRate: number | null,
  carryoverMonths: number,
): PlanTerms => ({
  id,
  name: id,
  custom: false,
  priceUsd: usdE10(BigInt(dollars) * 10_000_000_000n),
  monthlyCredits: micro(BigInt(credits) * 1_000_000n),
  overageRate,
  carryoverMonths,
  monthlyCharacters: 0,
});

export const MODEL_PLANS: Readonly<Record<string, PlanTerms>> = Object.fromEntries(
  [
    plan('free', 0, 2_500, null, 0),
    plan('starter', 29, 50_000, 10, 1),
    plan('pro', 99, 200_000, 8, 1),
    plan('scale', 499, 1_000_000, 6, 2),
  ].map((terms) => [terms.id, terms]),
);
