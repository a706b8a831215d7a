import { divideRoundingUp, type MicroCredits, micro, ZERO } from '../lib/credits';
import { AllowanceReplay } from './allowance-replay';
import { type Charge, chargeOf, costOf, splitCharge } from './cost';
import type { PriceBook } from './price-book';
import type { PriceBookVersion, SpeechSource } from './price-book-version';
import type { Rate, RateQuery } from './rate';
import type { Capability, UnitOfMeasure, VoiceQuality } from './terms';

/** What a usage event says of its price. Quantities are whole; audio is in milliseconds. */
export interface PastEvent {
  readonly capability: Capability;
  readonly provider: string | null;
  /** Bare name; null where there is none. */
  readonly model: string | null;
  readonly quality: VoiceQuality | null;
  readonly status: 'SUCCEEDED' | 'FAILED' | 'ABORTED' | 'UNKNOWN';
  /** Paid for by the caller's own key of the provider. */
  readonly ownKey: boolean;
  readonly quantities: Readonly<Record<UnitOfMeasure, bigint>>;
  /** Characters that the allowance paid for. */
  readonly allowance: bigint;
  readonly credits: MicroCredits;
  /** What was asked for beyond the hold, and never charged. */
  readonly anomaly: MicroCredits;
  readonly rateCardVersion: string;
  /** When it was held. */
  readonly heldAt: Date;
}

/** The period that an event was settled in. */
export interface PastPeriod {
  readonly planId: string;
  readonly start: Date;
}

/** REFUSED: only an allowance could have paid for it, and that did not reach. */
export type RepricedOutcome = 'PRICED' | 'NO_PRICE' | 'REFUSED';

export interface RepricedEvent {
  readonly outcome: RepricedOutcome;
  /** Under the other book; 0 where that has no price or refuses. */
  readonly credits: MicroCredits;
  readonly allowance: bigint;
  /** The real hold was too small, so the charge was cut short; under the other book it is cut by the same share. */
  readonly cut: boolean;
}

export interface RerateBooks {
  /** The book that prices anew. */
  readonly book: PriceBook;
  /** Of `book`, for every event; null: the one that was in force when the event was held. */
  readonly version: PriceBookVersion | null;
  /** The book that priced the events: what the allowance was and counted then. */
  readonly recordedUnder: PriceBook;
  /** Providers whose speech is first-party. */
  readonly firstParty: ReadonlySet<string>;
}

/**
 * A price is of the moment of the quote, which the clock of a server tells, and what is recorded is the moment of the hold,
 * which the database tells. An operation may wait for another one of the same key between the two.
 */
const QUOTE_TO_HOLD_MS = 900_000;

const NOTHING: RepricedEvent = { outcome: 'PRICED', credits: ZERO, allowance: 0n, cut: false };

/** Prices the past of one workspace under another book. Events are given in the order in which they were held. */
export class WorkspaceRerating {
  private readonly allowances = new Map<number, AllowanceReplay>();
  /** Those that are known, and those whose speech an allowance of first-party speech has paid for. */
  private readonly firstParty: Set<string>;

  constructor(private readonly books: RerateBooks) {
    this.firstParty = new Set(books.firstParty);
  }

  /** @param periodNumber of the period that the event was settled in */
  reprice(event: PastEvent, periodNumber: number, period: PastPeriod): RepricedEvent {
    if (isFree(event)) return NOTHING;
    const version = this.versionFor(event);
    const query: RateQuery = event;
    const rates = version.findRates(query);
    if (rates.length === 0) return { ...NOTHING, outcome: 'NO_PRICE' };
    if (event.capability !== 'TEXT_TO_SPEECH') return cutShort(event, costOf(chargesOf(rates, event)), 0n);
    const source = this.sourceOf(event);
    const charge = chargeOf(rates[0]!, event.quantities[rates[0]!.unit], version.allowanceCounts(source));
    if (charge.allowanceOnly && !charge.allowanceEligible) return { ...NOTHING, outcome: 'NO_PRICE' };
    const allowance = this.allowanceOf(periodNumber, period).take({
      units: charge.units,
      recorded: event.allowance,
      counted: event.allowance > 0n || this.countedThen(event, source),
      counts: charge.allowanceEligible,
      onlyWhole: charge.allowanceOnly,
    });
    const { credits, served } = splitCharge(charge, allowance);
    return served ? cutShort(event, credits, allowance) : { ...NOTHING, outcome: 'REFUSED' };
  }

  private versionFor({ heldAt, rateCardVersion }: PastEvent): PriceBookVersion {
    const { book, version } = this.books;
    if (version) return version;
    const inForce = book.at(heldAt);
    const named = inForce.version === rateCardVersion ? null : book.findVersion(rateCardVersion);
    if (!named) return inForce;
    // Near a change of version an event keeps the one that it names.
    const neighbours = [-QUOTE_TO_HOLD_MS, QUOTE_TO_HOLD_MS].map((ms) => book.at(new Date(heldAt.getTime() + ms)));
    return neighbours.includes(named) ? named : inForce;
  }

  private sourceOf(event: PastEvent): SpeechSource {
    const { capability, provider, allowance } = event;
    if (provider !== null && allowance > 0n && this.versionThen(event).allowanceScope === 'FIRST_PARTY_SPEECH') {
      this.firstParty.add(provider);
    }
    return { capability, provider, firstParty: provider !== null && this.firstParty.has(provider) };
  }

  private versionThen({ rateCardVersion, heldAt }: PastEvent): PriceBookVersion {
    const { recordedUnder } = this.books;
    return recordedUnder.findVersion(rateCardVersion) ?? recordedUnder.at(heldAt);
  }

  private countedThen(event: PastEvent, source: SpeechSource): boolean {
    const then = this.versionThen(event);
    return then.findRates(event)[0]?.unit === 'CHARACTER' && then.allowanceCounts(source);
  }

  private allowanceOf(periodNumber: number, { planId, start }: PastPeriod): AllowanceReplay {
    const known = this.allowances.get(periodNumber);
    if (known) return known;
    const { book, version, recordedUnder } = this.books;
    const before = recordedUnder.findPlan(planId, start);
    // A plan that the other book does not have keeps its characters.
    const now = (version ?? book.at(start)).findPlan(planId) ?? before;
    const replay = new AllowanceReplay(before?.monthlyCharacters ?? null, now?.monthlyCharacters ?? null);
    this.allowances.set(periodNumber, replay);
    return replay;
  }
}

/** What costs nothing under any book. Speech that was broken off says by its characters what it is charged for. */
function isFree({ status, ownKey, capability, credits, quantities }: PastEvent): boolean {
  if (ownKey || status === 'FAILED' || status === 'UNKNOWN') return true;
  if (status !== 'ABORTED') return false;
  if (capability === 'TEXT_TO_SPEECH') return quantities.CHARACTER === 0n;
  // Of a language model, tokens are recorded only where they are charged.
  return capability !== 'LANGUAGE_MODEL' && credits === 0n;
}

const chargesOf = (rates: readonly Rate[], { quantities }: PastEvent): Charge[] =>
  rates.map((rate) => chargeOf(rate, quantities[rate.unit]));

function cutShort({ credits, anomaly }: PastEvent, listed: MicroCredits, allowance: bigint): RepricedEvent {
  if (anomaly === 0n) return { outcome: 'PRICED', credits: listed, allowance, cut: false };
  return {
    outcome: 'PRICED',
    credits: micro(divideRoundingUp(listed * credits, credits + anomaly)),
    allowance,
    cut: true,
  };
}
