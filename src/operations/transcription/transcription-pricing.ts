import { type MicroCredits, ZERO } from '../../lib/credits';
import { chargeOf, costOf } from '../../metering/cost';
import type { PriceBook } from '../../metering/price-book';
import type { MeteredQuote } from '../run-metered';
import type { TranscriptionRoute } from './transcription-route';

export interface PricedTranscription {
  /** In whole milliseconds. Exact: the length was measured before. */
  readonly quote: MeteredQuote;
  /** Micro-credits; 0 with an own key. */
  readonly credits: MicroCredits;
  /** Version of the price book that all of this is of. */
  readonly rateCardVersion: string;
}

/** Prices transcriptions out of the price book: milliseconds of audio, exactly, rounded up once. */
export class TranscriptionPricing {
  constructor(private readonly book: PriceBook) {}

  /** The model that the book makes a provider's default; null where it leaves that to the adapter. */
  defaultModel(providerId: string): string | null {
    return this.book.defaultModel('SPEECH_TO_TEXT', providerId);
  }

  /**
   * An own key pays nothing here, but is priced all the same where a client token's budget counts it.
   * @throws AppError PRICE_NOT_CONFIGURED
   */
  price(durationMs: number, route: TranscriptionRoute): PricedTranscription {
    const query = { capability: 'SPEECH_TO_TEXT' as const, provider: route.providerId, model: route.model.name };
    const book = this.book.inForce();
    if (route.ownKey && !book.hasPrice(query)) return freeOfCharge(durationMs, book.version);
    const rate = book.rate({ ...query, unit: 'AUDIO_SECOND' });
    const { rateMicro, per } = chargeOf(rate, durationMs);
    const listPrice = (milliseconds: number): MicroCredits => costOf([chargeOf(rate, milliseconds)]);
    return {
      quote: {
        units: durationMs,
        rate: route.ownKey ? null : rateMicro,
        per: Number(per),
        allowanceEligible: false,
        allowanceOnly: false,
        listCredits: listPrice,
      },
      credits: route.ownKey ? ZERO : listPrice(durationMs),
      rateCardVersion: book.version,
    };
  }
}

/** An own key of a model that the book does not price. */
const freeOfCharge = (durationMs: number, rateCardVersion: string): PricedTranscription => ({
  quote: {
    units: durationMs,
    rate: null,
    per: 1,
    allowanceEligible: false,
    allowanceOnly: false,
    listCredits: () => ZERO,
  },
  credits: ZERO,
  rateCardVersion,
});
