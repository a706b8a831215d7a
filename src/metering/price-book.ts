import { type Clock, systemClock } from '../lib/clock';
import { MICRO_PER_CREDIT, USD_E10_PER_MICRO, type UsdE10, usdE10 } from '../lib/credits';
import type { Charge } from './cost';
import type { Plan, TopUpTerms } from './plan';
import type { WrittenPriceBook } from './price-book-file';
import { PriceBookVersion, type SpeechSource, type ZeroRateOverride } from './price-book-version';
import type { Rate, RateQuery } from './rate';
import type { AllowanceScope, Capability, UnitOfMeasure } from './terms';

export type { SpeechSource, ZeroRateOverride } from './price-book-version';

export interface PriceBookOptions {
  readonly overrides?: readonly ZeroRateOverride[];
  /** Decides which version is in force; the system's by default. */
  readonly clock?: Clock;
}

/**
 * A price book with all its versions. Each holds from its own time until the next one begins; before the first one
 * begins, the first one holds. What is asked here is answered by the version in force at that moment. Whoever asks for
 * several things that must agree, such as a price and the version that it is of, asks `inForce()` once for all of them.
 */
export class PriceBook {
  /** By the time at which they begin; never none. */
  readonly versions: readonly PriceBookVersion[];
  private readonly clock: Clock;
  private chosen: PriceBookVersion;
  /** The chosen version holds from here, in milliseconds since the epoch ... */
  private chosenFrom = Number.POSITIVE_INFINITY;
  /** ... and until just before here. */
  private chosenUntil = Number.NEGATIVE_INFINITY;

  constructor(written: WrittenPriceBook, { overrides = [], clock = systemClock }: PriceBookOptions = {}) {
    this.versions = written.versions.map((version) => new PriceBookVersion(version, overrides));
    this.clock = clock;
    this.chosen = this.versions[0]!;
  }

  /** The version that prices what is begun now. */
  inForce(): PriceBookVersion {
    const now = this.clock.now();
    if (now < this.chosenFrom || now >= this.chosenUntil) {
      const index = this.indexAt(now);
      this.chosen = this.versions[index]!;
      this.chosenFrom = index === 0 ? Number.NEGATIVE_INFINITY : this.chosen.effectiveFrom.getTime();
      this.chosenUntil = this.versions[index + 1]?.effectiveFrom.getTime() ?? Number.POSITIVE_INFINITY;
    }
    return this.chosen;
  }

  /** The version that was, or will be, in force at a moment. */
  at(moment: Date): PriceBookVersion {
    return this.versions[this.indexAt(moment.getTime())]!;
  }

  /** The version of that name; null when the book has none. */
  findVersion(name: string): PriceBookVersion | null {
    return this.versions.find(({ version }) => version === name) ?? null;
  }

  /** Dollars of one credit: fixed, USD 0.001. */
  readonly creditUsd: UsdE10 = usdE10(MICRO_PER_CREDIT * USD_E10_PER_MICRO);

  /** Name of the version in force. */
  get version(): string {
    return this.inForce().version;
  }

  get effectiveFrom(): Date {
    return this.inForce().effectiveFrom;
  }

  get plans(): readonly Plan[] {
    return this.inForce().plans;
  }

  get defaultPlan(): Plan {
    return this.inForce().defaultPlan;
  }

  get topUps(): TopUpTerms | null {
    return this.inForce().topUps;
  }

  get allowanceScope(): AllowanceScope {
    return this.inForce().allowanceScope;
  }

  /** See PriceBookVersion.plan. */
  plan(id: string): Plan {
    return this.inForce().plan(id);
  }

  /**
   * The plan as it is now, or as it was or will be at a moment: what a period gives is what its plan gave when it began.
   * null when there is none of that id.
   */
  findPlan(id: string, moment?: Date): Plan | null {
    return (moment ? this.at(moment) : this.inForce()).findPlan(id);
  }

  /** See PriceBookVersion.ratesFor. */
  ratesFor(query: RateQuery): readonly Rate[] {
    return this.inForce().ratesFor(query);
  }

  /** See PriceBookVersion.rate. */
  rate(query: RateQuery & { readonly unit?: UnitOfMeasure }): Rate {
    return this.inForce().rate(query);
  }

  hasPrice(query: RateQuery): boolean {
    return this.inForce().hasPrice(query);
  }

  /** Every rate that has a price, in the order of the file. */
  allRates(): readonly Rate[] {
    return this.inForce().rates;
  }

  /** See PriceBookVersion.ratesOfModel. */
  ratesOfModel(capability: Capability, provider: string, model: string): readonly Rate[] {
    return this.inForce().ratesOfModel(capability, provider, model);
  }

  /** See PriceBookVersion.defaultModel. */
  defaultModel(capability: Capability, provider: string): string | null {
    return this.inForce().defaultModel(capability, provider);
  }

  /** See PriceBookVersion.allowanceCounts. */
  allowanceCounts(source: SpeechSource): boolean {
    return this.inForce().allowanceCounts(source);
  }

  /** See PriceBookVersion.planLimitsHold. */
  planLimitsHold(source: SpeechSource): boolean {
    return this.inForce().planLimitsHold(source);
  }

  /** See PriceBookVersion.speechCharge. */
  speechCharge(query: RateQuery & { readonly firstParty: boolean }, quantity: (unit: UnitOfMeasure) => number): Charge {
    return this.inForce().speechCharge(query, quantity);
  }

  private indexAt(milliseconds: number): number {
    let index = 0;
    while (index + 1 < this.versions.length && this.versions[index + 1]!.effectiveFrom.getTime() <= milliseconds)
      index += 1;
    return index;
  }
}
