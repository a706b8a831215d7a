import { join } from 'node:path';
import { formatCredits, formatScaled, formatUsd } from '../../src/lib/credits';
import { chargeOf, costOf, splitCharge } from '../../src/metering/cost';
import { loadPriceBook } from '../../src/metering/load-price-book';
import type { Plan } from '../../src/metering/plan';
import type { PriceBook } from '../../src/metering/price-book';

const books = join(__dirname, '../../src/metering/price-books');
const load = (name: string) => loadPriceBook(join(books, `${name}.json`));
const decimal = (value: bigint | null) => (value === null ? null : formatCredits(value));
const row = (plan: Plan) => [
  plan.id,
  plan.priceUsd === null ? null : formatUsd(plan.priceUsd),
  decimal(plan.monthlyCredits),
  plan.overageUsdE4PerCredit === null ? null : formatScaled(plan.overageUsdE4PerCredit, 4),
  plan.carryoverMonths,
  plan.monthlyCharacters,
  plan.maxCharactersPerRequest,
  plan.qualities.join(' '),
  plan.requestsPerMinute,
  plan.maxApiKeys,
];
const ALL = 'STANDARD PREMIUM ULTRA';
const priceOf = (book: PriceBook, capability: 'TEXT_TO_SPEECH' | 'SPEECH_TO_TEXT', provider: string, model = 'any') =>
  formatCredits(book.rate({ capability, provider, model }).creditsMicro);

describe('the default book reproduces the published tables', () => {
  const book = load('default');

  test('is the one that is loaded when no file is named', () => {
    expect(loadPriceBook(null).version).toBe(book.version);
    expect(loadPriceBook(null).allRates()).toEqual(book.allRates());
    expect(book.allowanceScope).toBe('FIRST_PARTY_SPEECH');
    expect(formatUsd(book.creditUsd)).toBe('0.001');
    expect(book.defaultPlan.id).toBe('free');
    expect(book.topUps).toEqual({ minimumCredits: 5_000_000_000n, validMonths: 12 });
  });

  test('plans', () => {
    expect(book.plans.map(row)).toEqual([
      ['free', '0', '2500', null, 0, 10_000, 500, 'STANDARD', 10, 2],
      ['starter', '29', '50000', '0.001', 1, 500_000, 5_000, ALL, 60, 10],
      ['pro', '99', '200000', '0.0008', 1, 2_000_000, 5_000, ALL, 120, 25],
      ['scale', '499', '1000000', '0.0006', 2, 10_000_000, 5_000, ALL, 300, 100],
      ['enterprise', null, null, null, 0, null, null, ALL, null, null],
    ]);
    expect(book.plans.filter(({ hardCap }) => hardCap).map(({ id }) => id)).toEqual(['free']);
    expect(book.plans.filter(({ custom }) => custom).map(({ id }) => id)).toEqual(['enterprise']);
  });

  test.each([
    ['cartesia', '78'],
    ['elevenlabs', '166'],
    ['deepgram', '30'],
    ['fish-audio', '10'],
    ['resemble-ai', '120'],
    ['inworld', '80'],
    ['chatterbox', '6'],
    ['pocket-tts', '2'],
    ['kokoro', '4'],
    ['qwen-tts', '4'],
    ['local', '1'],
  ])('text to speech, 1,000 characters of %s: %s credits', (provider, credits) => {
    expect(book.rate({ capability: 'TEXT_TO_SPEECH', provider, model: 'any' })).toMatchObject({
      unit: 'CHARACTER',
      per: 1_000,
    });
    expect(priceOf(book, 'TEXT_TO_SPEECH', provider)).toBe(credits);
  });

  test.each([
    ['STANDARD', '6'],
    ['PREMIUM', '12'],
    ['ULTRA', '24'],
  ] as const)('XTTS %s: %s credits', (quality, credits) => {
    const rate = book.rate({ capability: 'TEXT_TO_SPEECH', provider: 'xtts', model: 'xtts-v2', quality });
    expect([formatCredits(rate.creditsMicro), rate.unit, rate.per, rate.quality]).toEqual([
      credits,
      'CHARACTER',
      1_000,
      quality,
    ]);
  });

  test.each([
    ['openai', 'whisper-1', '12'],
    ['openai', 'gpt-transcribe', '12'],
    ['deepgram', 'nova-3', '9'],
    ['elevenlabs', 'scribe_v2', '6'],
    ['fish-audio', 'transcribe-1', '8'],
    ['cartesia', 'ink-2', '10'],
    ['mistral', 'voxtral-mini', '8'],
    ['groq', 'whisper-large-v3', '2'],
  ])('speech to text, a minute of %s %s: %s credits', (provider, model, credits) => {
    expect(book.rate({ capability: 'SPEECH_TO_TEXT', provider, model })).toMatchObject({
      unit: 'AUDIO_SECOND',
      per: 60,
    });
    expect(priceOf(book, 'SPEECH_TO_TEXT', provider, model)).toBe(credits);
  });

  test.each([
    ['openai', 'gpt-5.2', '5', '20'],
    ['openai', 'gpt-4.1', '4', '16'],
    ['openai', 'gpt-4.1-mini', '1', '3'],
    ['openai', 'gpt-4.1-nano', '1', '1'],
    ['anthropic', 'claude-sonnet-4', '6', '30'],
    ['anthropic', 'claude-haiku-3.5', '2', '8'],
    ['groq', 'llama-4-maverick', '1', '2'],
    ['groq', 'llama-4-scout', '1', '1'],
  ])('language model, 1,000 tokens of %s %s: %s in, %s out', (provider, model, input, output) => {
    const rates = book.ratesFor({ capability: 'LANGUAGE_MODEL', provider, model });
    expect(rates.map(({ unit, per, creditsMicro }) => [unit, per, formatCredits(creditsMicro)])).toEqual([
      ['INPUT_TOKEN', 1_000, input],
      ['OUTPUT_TOKEN', 1_000, output],
    ]);
  });

  test.each([
    ['openai', 'gpt-4.1-nano', 'gpt-5.6-luna'],
    ['anthropic', 'claude-sonnet-4', 'claude-sonnet-5-5'],
    ['anthropic', 'claude-haiku-3.5', 'claude-haiku-5-5'],
    ['groq', 'llama-4-maverick', 'gpt-oss-120b'],
    ['groq', 'llama-4-scout', 'qwen3.6-27b'],
  ])('the successor of the retired %s %s stands beside it at the same rate: %s', (provider, retired, successor) => {
    const prices = (model: string) =>
      book.ratesFor({ capability: 'LANGUAGE_MODEL', provider, model }).map(({ creditsMicro }) => creditsMicro);
    expect(prices(successor)).toEqual(prices(retired));
  });

  test('retrieval: a search 2, ingestion and embeddings a written 0', () => {
    const price = (unit: 'REQUEST' | 'CHARACTER') =>
      book.rate({ capability: 'RETRIEVAL', provider: null, unit }).creditsMicro;
    expect([price('REQUEST'), price('CHARACTER')]).toEqual([2_000_000n, 0n]);
    for (const provider of ['openai', 'mistral'])
      expect(book.rate({ capability: 'EMBEDDING', provider, model: 'any' }).creditsMicro).toBe(0n);
  });

  test('the allowance and the limits of a plan hold for first-party speech alone', () => {
    const speech = (provider: string, firstParty: boolean) => ({
      capability: 'TEXT_TO_SPEECH' as const,
      provider,
      firstParty,
    });
    expect([book.allowanceCounts(speech('xtts', true)), book.planLimitsHold(speech('xtts', true))]).toEqual([
      true,
      true,
    ]);
    expect([
      book.allowanceCounts(speech('elevenlabs', false)),
      book.planLimitsHold(speech('elevenlabs', false)),
    ]).toEqual([false, false]);
    expect(book.allowanceCounts({ capability: 'SPEECH_TO_TEXT', provider: 'xtts', firstParty: true })).toBe(false);
  });
});

describe('characters only', () => {
  const book = load('characters');
  const charge = (provider: string, characters: number) =>
    book.speechCharge(
      { capability: 'TEXT_TO_SPEECH', provider, model: 'any', quality: 'STANDARD', firstParty: false },
      () => characters,
    );

  test('plans', () => {
    expect(book.plans.map(row)).toEqual([
      ['free', '0', '0', null, 0, 1_000, 500, 'STANDARD', null, null],
      ['pro', '29', '0', null, 0, 500_000, 5_000, ALL, null, null],
    ]);
    expect(book.plans.every(({ hardCap }) => hardCap)).toBe(true);
    expect(book.topUps).toBeNull();
  });

  test('all speech is paid from the characters, and past them nothing is served at any price', () => {
    expect(splitCharge(charge('elevenlabs', 400), 1_000n)).toEqual({ allowanceUnits: 400n, credits: 0n, served: true });
    expect(splitCharge(charge('xtts', 400), 399n).served).toBe(false);
    expect(book.planLimitsHold({ capability: 'TEXT_TO_SPEECH', provider: 'elevenlabs', firstParty: false })).toBe(true);
  });

  test('what the book does not sell has no price', () => {
    expect(() => book.rate({ capability: 'LANGUAGE_MODEL', provider: 'openai', model: 'gpt-4.1' })).toThrow(/no price/);
  });
});

test('characters and requests: plans', () => {
  const book = load('characters-and-requests');
  expect(book.plans.map(row)).toEqual([
    ['starter', '0', '0', null, 0, 10_000, null, ALL, 10, 2],
    ['pro', '29', '0', null, 0, 500_000, null, ALL, 60, 10],
    ['scale', '99', '0', null, 0, 2_000_000, null, ALL, 120, 25],
    ['enterprise', null, null, null, 0, null, null, ALL, null, null],
  ]);
  expect([book.allowanceScope, book.defaultPlan.id]).toEqual(['ALL_SPEECH', 'starter']);
});

describe('seconds of audio', () => {
  const book = load('audio-seconds');
  const charge = (provider: string, firstParty: boolean, milliseconds: number) =>
    book.speechCharge({ capability: 'TEXT_TO_SPEECH', provider, model: 'any', quality: 'ULTRA', firstParty }, (unit) =>
      unit === 'AUDIO_SECOND' ? milliseconds : Number.NaN,
    );

  test('2.18 s are 2.18 credits, of preset and custom voices alike, and no allowance touches them', () => {
    for (const one of [charge('elevenlabs', false, 2_180), charge('xtts', true, 2_180)]) {
      expect(one.allowanceEligible).toBe(false);
      expect(formatCredits(splitCharge(one, 1_000_000n).credits)).toBe('2.18');
    }
  });

  test('prepaid credits, topped up, with a hard stop at zero', () => {
    expect(book.plans.map(({ id, hardCap, monthlyCredits }) => [id, hardCap, monthlyCredits])).toEqual([
      ['prepaid', true, 0n],
    ]);
    expect(book.topUps).not.toBeNull();
  });
});

test('the book of storms has the default prices, a hard cap and no limit of requests on every plan', () => {
  const storm = loadPriceBook(join(__dirname, '../fixtures/price-books/storm.json'));
  expect(storm.allRates()).toEqual(loadPriceBook(null).allRates());
  expect(storm.plans.map(({ id }) => id)).toEqual(['free', 'starter', 'pro', 'scale', 'storm']);
  expect(storm.plans.every(({ hardCap, requestsPerMinute }) => hardCap && requestsPerMinute === null)).toBe(true);
  expect(storm.plan('storm').monthlyCredits).toBe(0n);
  expect(
    formatCredits(costOf([chargeOf(storm.rate({ capability: 'TEXT_TO_SPEECH', provider: 'elevenlabs' }), 1_000)])),
  ).toBe('166');
});
