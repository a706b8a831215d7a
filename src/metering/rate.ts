import type { MicroCredits } from '../lib/credits';
import type { Capability, UnitOfMeasure, VoiceQuality } from './terms';

/** A price as the price list writes it: `creditsMicro` for every `per` units. */
export interface Rate {
  readonly capability: Capability;
  /** null where no provider is asked (RETRIEVAL). */
  readonly provider: string | null;
  /** Bare name of the model; null: every model of the provider that has no rate of its own. */
  readonly model: string | null;
  /** null: every quality that has no rate of its own. */
  readonly quality: VoiceQuality | null;
  readonly unit: UnitOfMeasure;
  readonly per: number;
  readonly creditsMicro: MicroCredits;
  /** The rate exists only inside the plan's characters; past them nothing is served. */
  readonly allowanceOnly: boolean;
}

/** What an operation asks a price for. */
export interface RateQuery {
  readonly capability: Capability;
  readonly provider: string | null;
  readonly model?: string | null;
  readonly quality?: VoiceQuality | null;
}
