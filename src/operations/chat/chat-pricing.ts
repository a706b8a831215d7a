import type { ChatUsage } from '../../../providers/contract/llm';
import { type MicroCredits, ZERO } from '../../lib/credits';
import { chargeOf, costOf } from '../../metering/cost';
import type { PriceBook } from '../../metering/price-book';
import type { PriceBookVersion } from '../../metering/price-book-version';
import type { Rate } from '../../metering/rate';
import type { MeteredQuote } from '../run-metered';
import type { ChatRequest } from './chat-request';
import type { ChatRoute } from './chat-route';

/** What a message costs beyond its text: role, separators, and the start of the answer. */
const TOKENS_OF_A_MESSAGE = 16;
/** Bytes of a token of ordinary prose, for what is expected; no bound. */
const BYTES_OF_A_TOKEN = 4;
/** Tokens of a message beyond its text, as they are expected. */
const EXPECTED_TOKENS_OF_A_MESSAGE = 4;
/** An answer of some 200 words: what is expected where nothing says how long it will be. */
const EXPECTED_OUTPUT_TOKENS = 300;

/** What a chat came to: what is charged, and the quote with its list price. */
export interface ChatCharge {
  readonly credits: MicroCredits;
  readonly quote: MeteredQuote;
}

/** What a chat costs at one route. */
export interface PricedChat {
  /** An upper bound: what is held. */
  readonly quote: MeteredQuote;
  /** Micro-credits that are held, 0 with an own key. */
  readonly atMost: MicroCredits;
  readonly expected: ChatUsage;
  readonly expectedCredits: MicroCredits;
  /** Version of the price book that all of this is of. */
  readonly rateCardVersion: string;
  /** What the provider's figures come to. */
  charge(usage: ChatUsage): ChatCharge;
}

/** Prices chats out of the price book: two rates, added exactly and rounded up once. */
export class ChatPricing {
  constructor(private readonly book: PriceBook) {}

  /** The model that the book makes a provider's default; null where it leaves that to the adapter. */
  defaultModel(providerId: string): string | null {
    return this.book.defaultModel('LANGUAGE_MODEL', providerId);
  }

  /**
   * An own key pays nothing here, but is priced all the same where a client token's budget counts it.
   * @throws AppError PRICE_NOT_CONFIGURED where either rate is missing
   */
  price(request: ChatRequest, route: ChatRoute): PricedChat {
    const book = this.book.inForce();
    const rates = ratesOf(book, route);
    const listPrice = ({ inputTokens, outputTokens }: ChatUsage): MicroCredits =>
      rates === null ? ZERO : costOf([chargeOf(rates.input, inputTokens), chargeOf(rates.output, outputTokens)]);
    const priceOf = (usage: ChatUsage): MicroCredits => (route.ownKey ? ZERO : listPrice(usage));
    const most = tokensAtMost(request, route);
    const expected = tokensExpected(request, most);
    return {
      quote: quoteOf(priceOf(most), listPrice(most)),
      atMost: priceOf(most),
      expected,
      expectedCredits: priceOf(expected),
      rateCardVersion: book.version,
      charge: (usage) => ({ credits: priceOf(usage), quote: quoteOf(priceOf(most), listPrice(usage)) }),
    };
  }
}

/** null: an own key of a model that the book does not price. */
function ratesOf(book: PriceBookVersion, route: ChatRoute): { readonly input: Rate; readonly output: Rate } | null {
  const query = { capability: 'LANGUAGE_MODEL' as const, provider: route.providerId, model: route.model.name };
  if (route.ownKey && !book.hasPrice(query)) return null;
  return { input: book.rate({ ...query, unit: 'INPUT_TOKEN' }), output: book.rate({ ...query, unit: 'OUTPUT_TOKEN' }) };
}

/**
 * No text has more tokens than UTF-8 bytes, as tokenizers of every provider fall back to single bytes; what a provider
 * adds by itself is its model's overhead. Most tokens of the answer are always sent along.
 */
function tokensAtMost(request: ChatRequest, { model, maxOutputTokens }: ChatRoute): ChatUsage {
  return {
    inputTokens: request.bytes + request.messages.length * TOKENS_OF_A_MESSAGE + model.overheadTokens,
    outputTokens: maxOutputTokens,
  };
}

function tokensExpected(request: ChatRequest, most: ChatUsage): ChatUsage {
  const prose = Math.ceil(request.bytes / BYTES_OF_A_TOKEN) + request.messages.length * EXPECTED_TOKENS_OF_A_MESSAGE;
  return {
    inputTokens: Math.min(prose, most.inputTokens),
    outputTokens: Math.min(EXPECTED_OUTPUT_TOKENS, most.outputTokens),
  };
}

const quoteOf = (credits: MicroCredits, listCredits: MicroCredits): MeteredQuote => ({
  credits,
  units: 0,
  rate: null,
  per: 1,
  allowanceEligible: false,
  allowanceOnly: false,
  listCredits: () => listCredits,
});

/** Of a chat that nobody pays for, by whatever it is counted. */
export const NO_CHARGE: ChatCharge = { credits: ZERO, quote: quoteOf(ZERO, ZERO) };
