import { type MicroCredits, ZERO } from '../../lib/credits';
import { AppError } from '../../lib/errors';
import { type AgreedTerms, planOf } from '../../metering/agreed-terms';
import { splitCharge } from '../../metering/cost';
import type { PriceBook } from '../../metering/price-book';
import type { SpeechPaces } from '../../metering/speech-paces';
import type { UnitOfMeasure } from '../../metering/terms';
import type { MeteredQuote } from '../run-metered';
import type { SpeechRequest } from './speech-request';
import type { SpeechRoute } from './speech-route';

export interface PricedSpeech {
  readonly quote: MeteredQuote;
  /** What the units of the quote are; audio in milliseconds. */
  readonly unit: UnitOfMeasure;
  /** Before the allowance takes its share. */
  readonly expectedCredits: MicroCredits;
  readonly expectedMilliseconds: number;
  /** Version of the price book that all of this is of. */
  readonly rateCardVersion: string;
}

/** Who asks, as far as the plan goes. */
interface PlanHolder {
  readonly planId: string;
  readonly agreedTerms?: AgreedTerms | null;
}

/** Prices speech out of the price book. */
export class SpeechPricing {
  constructor(
    private readonly book: PriceBook,
    private readonly paces: SpeechPaces,
  ) {}

  /**
   * What the plan allows of a speech that its allowance counts.
   * @throws AppError PLAN_LIMIT
   */
  checkPlan(principal: PlanHolder, request: SpeechRequest, route: SpeechRoute): void {
    const plan = planOf(this.book, principal.planId, principal.agreedTerms);
    if (!plan || route.ownKey) return;
    const { firstParty } = route.provider.declaration;
    if (!this.book.planLimitsHold({ capability: 'TEXT_TO_SPEECH', provider: route.providerId, firstParty })) return;
    const max = plan.maxCharactersPerRequest;
    if (max !== null && request.characters > max) {
      throw new AppError(
        'PLAN_LIMIT',
        `The plan ${plan.name} takes ${max} characters a request and the text has ${request.characters}. Split the text or change the plan.`,
        { limit: 'CHARACTERS_PER_REQUEST', max, actual: request.characters, plan: plan.id },
      );
    }
    if (route.quality !== null && !plan.qualities.includes(route.quality)) {
      throw new AppError(
        'PLAN_LIMIT',
        `The plan ${plan.name} has no quality ${route.quality}. Choose ${plan.qualities.join(' or ')}, or change the plan.`,
        { limit: 'QUALITY', max: plan.qualities, actual: route.quality, plan: plan.id },
      );
    }
  }

  /**
   * An upper bound of what a speech costs, and what it is expected to. An own key pays nothing here, but is priced all
   * the same where a client token's budget counts it.
   * @throws AppError PRICE_NOT_CONFIGURED
   */
  quote(request: SpeechRequest, route: SpeechRoute): PricedSpeech {
    const book = this.book.inForce();
    const { firstParty } = route.provider.declaration;
    const query = {
      capability: 'TEXT_TO_SPEECH' as const,
      provider: route.providerId,
      model: route.model.name,
      quality: route.quality,
      firstParty,
    };
    const milliseconds = this.paces.expect(
      { provider: route.providerId, model: route.model.name, voice: route.voice, speed: request.speed },
      request.characters,
    );
    if (route.ownKey && !book.hasPrice(query)) return freeOfCharge(request.characters, milliseconds, book.version);
    const longest = Math.ceil((request.characters * route.model.millisecondsPerCharacterMax) / request.speed);
    const rate = book.rate(query);
    const charge = book.speechCharge(query, (unit) => (unit === 'AUDIO_SECOND' ? longest : request.characters));
    const priceOf = (units: number): MicroCredits => splitCharge({ ...charge, units: BigInt(units) }, 0n).credits;
    const expectedUnits = rate.unit === 'AUDIO_SECOND' ? milliseconds : request.characters;
    return {
      unit: rate.unit,
      quote: {
        units: Number(charge.units),
        rate: route.ownKey ? null : charge.rateMicro,
        per: Number(charge.per),
        allowanceEligible: charge.allowanceEligible && !route.ownKey,
        allowanceOnly: charge.allowanceOnly && !route.ownKey,
        listCredits: priceOf,
      },
      expectedCredits: route.ownKey ? ZERO : priceOf(expectedUnits),
      expectedMilliseconds: milliseconds,
      rateCardVersion: book.version,
    };
  }

  /**
   * Milliseconds at which a speech has to end: the hold, where it is priced by the second and nothing past it would be paid
   * for by anybody. null: however long it is.
   */
  longestMs(principal: PlanHolder, { quote, unit }: PricedSpeech): number | null {
    if (unit !== 'AUDIO_SECOND' || quote.rate === null) return null;
    const plan = planOf(this.book, principal.planId, principal.agreedTerms);
    return plan === null || plan.hardCap ? quote.units : null;
  }

  learn(request: SpeechRequest, route: SpeechRoute, milliseconds: number): void {
    this.paces.learn(
      { provider: route.providerId, model: route.model.name, voice: route.voice, speed: request.speed },
      request.characters,
      milliseconds,
    );
  }
}

/** An own key of a provider that the book does not price. */
const freeOfCharge = (characters: number, milliseconds: number, rateCardVersion: string): PricedSpeech => ({
  unit: 'CHARACTER',
  quote: {
    units: characters,
    rate: null,
    per: 1,
    allowanceEligible: false,
    allowanceOnly: false,
    listCredits: () => ZERO,
  },
  expectedCredits: ZERO,
  expectedMilliseconds: milliseconds,
  rateCardVersion,
});
