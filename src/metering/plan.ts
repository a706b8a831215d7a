import type { MicroCredits, UsdE10 } from '../lib/credits';
import type { VoiceQuality } from './terms';

/** What a workspace gets each period. null in a limit is "no limit"; on a custom plan it may also be "by agreement". */
export interface Plan {
  readonly id: string;
  readonly name: string;
  /** Its numbers are agreed with each workspace; without them nobody can be put on it. */
  readonly custom: boolean;
  /** A month; null only on a custom plan. */
  readonly priceUsd: UsdE10 | null;
  /** null only on a custom plan; 0: the plan gives none. */
  readonly monthlyCredits: MicroCredits | null;
  /** Nothing past the grants is served. */
  readonly hardCap: boolean;
  /** 10^-4 dollars a credit; null on a hard cap, and on a custom plan by agreement. */
  readonly overageUsdE4PerCredit: bigint | null;
  /** Periods for which unused credits stay usable after their own. */
  readonly carryoverMonths: number;
  /** Characters that the allowance pays for; null only on a custom plan; 0: none. */
  readonly monthlyCharacters: number | null;
  /** Of one request that the allowance's scope holds. */
  readonly maxCharactersPerRequest: number | null;
  /** Qualities of speech that the allowance's scope holds. */
  readonly qualities: readonly VoiceQuality[];
  readonly requestsPerMinute: number | null;
  readonly maxApiKeys: number | null;
}

/** How credits are bought beside the plans. */
export interface TopUpTerms {
  readonly minimumCredits: MicroCredits;
  readonly validMonths: number;
}
