import type { MicroCredits } from '../lib/credits';

/** What a plan means for an account. Numbers of a price book in the ledger's units. */
export interface PlanTerms {
  readonly id: string;
  readonly name: string;
  /** Numbers are agreed for each workspace; without them no workspace can be put on it. */
  readonly custom: boolean;
  /** Micro-credits a period; null: the plan has no credits of its own. */
  readonly monthlyCredits: MicroCredits | null;
  /** USD x 10^4 a credit; null: hard cap. */
  readonly overageRate: number | null;
  /** Further periods in which a period's credits stay usable. */
  readonly carryoverMonths: number;
  /** Characters a period; null: no limit. */
  readonly monthlyCharacters: number | null;
}

/** Looks a plan up by id; null when the price book has none. */
export type FindPlan = (planId: string) => PlanTerms | null;
