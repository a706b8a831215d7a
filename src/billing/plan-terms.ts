import type { MicroCredits, UsdE10 } from '../lib/credits';

/** What a plan means for an account. Numbers of a price book in the ledger's units. */
export interface PlanTerms {
  readonly id: string;
  readonly name: string;
  /** Its numbers are not agreed: no workspace can be put on it. */
  readonly custom: boolean;
  /** USD x 10^10 a period; null: by agreement. */
  readonly priceUsd: UsdE10 | null;
  /** Micro-credits a period; null: the plan has no credits of its own. */
  readonly monthlyCredits: MicroCredits | null;
  /** USD x 10^4 a credit; null: hard cap. */
  readonly overageRate: number | null;
  /** Further periods in which a period's credits stay usable. */
  readonly carryoverMonths: number;
  /** Characters a period; null: no limit. */
  readonly monthlyCharacters: number | null;
}

/** Numbers that were agreed with one workspace, as they are kept with it; what reads them is the price book's. */
export type AgreedTerms = Readonly<Record<string, unknown>>;

/**
 * Looks a plan up by id, with the numbers agreed where it is by agreement; null when the price book has none. As it is
 * now, or as it was at `moment`: a period gives what its plan gave when it began, however late it is rolled.
 */
export type FindPlan = (planId: string, agreed: AgreedTerms | null, moment?: Date) => PlanTerms | null;

/** Micro-credits a period; a plan without credits of its own gives none. */
export const creditsOf = (plan: PlanTerms): bigint => plan.monthlyCredits ?? 0n;

/** USD x 10^10 a period. */
export const priceOf = (plan: PlanTerms): bigint => plan.priceUsd ?? 0n;

/** Whether moving there acts at once: it costs more, or as much and gives more. */
export function isDearer(plan: PlanTerms, than: PlanTerms): boolean {
  if (priceOf(plan) !== priceOf(than)) return priceOf(plan) > priceOf(than);
  return creditsOf(plan) > creditsOf(than);
}
