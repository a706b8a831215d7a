import fc from 'fast-check';
import { formatCredits, formatUsd, micro, parseCredits } from '../../src/lib/credits';
import { type Charge, chargeOf, costOf, costUsdE10, speechTokens, splitCharge } from '../../src/metering/cost';
import { loadPriceBook } from '../../src/metering/load-price-book';
import type { RateQuery } from '../../src/metering/rate';
import type { UnitOfMeasure } from '../../src/metering/terms';

const book = loadPriceBook(null);
type Quantities = Partial<Record<UnitOfMeasure, number>>;
const cost = (query: RateQuery, quantities: Quantities) =>
  formatCredits(
    costOf(
      Object.entries(quantities).map(([unit, quantity]) =>
        chargeOf(book.rate({ ...query, unit: unit as UnitOfMeasure }), quantity),
      ),
    ),
  );
const speech = (provider: string): RateQuery => ({ capability: 'TEXT_TO_SPEECH', provider, model: 'any' });
const transcription = (provider: string, model = 'any'): RateQuery => ({
  capability: 'SPEECH_TO_TEXT',
  provider,
  model,
});
const languageModel = (provider: string, model: string): RateQuery => ({
  capability: 'LANGUAGE_MODEL',
  provider,
  model,
});
const credits = (text: string) => parseCredits(text)!;

describe('known answers of the price list', () => {
  test.each<[string, RateQuery, Quantities, string]>([
    ['ElevenLabs, 1,234 characters: 204.844', speech('elevenlabs'), { CHARACTER: 1_234 }, '204.844'],
    ['Deepgram speech, 1 character: 0.03', speech('deepgram'), { CHARACTER: 1 }, '0.03'],
    ['Whisper, 61.5 s: 12.3', transcription('openai', 'whisper-1'), { AUDIO_SECOND: 61_500 }, '12.3'],
    ['Groq speech to text, 1 ms: 34 micro-credits', transcription('groq'), { AUDIO_SECOND: 1 }, '0.000034'],
    [
      '8 credits a minute, 1 ms: 133.33 micro-credits, rounded up',
      transcription('mistral'),
      { AUDIO_SECOND: 1 },
      '0.000134',
    ],
    [
      'GPT-4.1 Mini, 1,500 input and 321 output tokens: 2.463',
      languageModel('openai', 'gpt-4.1-mini'),
      { INPUT_TOKEN: 1_500, OUTPUT_TOKEN: 321 },
      '2.463',
    ],
    [
      'Claude Sonnet 4, 10 in and 1,000 out: 30.06',
      languageModel('anthropic', 'claude-sonnet-4'),
      { INPUT_TOKEN: 10, OUTPUT_TOKEN: 1_000 },
      '30.06',
    ],
    ['a search: 2', { capability: 'RETRIEVAL', provider: null }, { REQUEST: 1 }, '2'],
    ['ingested text and its embeddings: 0', { capability: 'RETRIEVAL', provider: null }, { CHARACTER: 1_000_000 }, '0'],
    [
      'embeddings: 0',
      { capability: 'EMBEDDING', provider: 'openai', model: 'text-embedding-3-small' },
      { INPUT_TOKEN: 9_999 },
      '0',
    ],
  ])('%s', (_name, query, quantities, expected) => {
    expect(cost(query, quantities)).toBe(expected);
  });

  test.each([
    ['STANDARD', '3.6'],
    ['PREMIUM', '7.2'],
    ['ULTRA', '14.4'],
  ] as const)(
    '400 characters of allowance left, 1,000 characters of XTTS %s: 400 and %s credits',
    (quality, expected) => {
      const query = {
        capability: 'TEXT_TO_SPEECH',
        provider: 'xtts',
        model: 'xtts-v2',
        quality,
        firstParty: true,
      } as const;
      const {
        allowanceUnits,
        credits: charged,
        served,
      } = splitCharge(
        book.speechCharge(query, () => 1_000),
        400n,
      );
      expect([allowanceUnits, formatCredits(charged), served]).toEqual([400n, expected, true]);
    },
  );

  test.each([
    ['82 characters are 21 tokens', 82, 21],
    ['none', 0, 0],
    ['one', 1, 1],
    ['four', 4, 1],
    ['five', 5, 2],
  ])('tokens of speech: %s', (_name, characters, tokens) => {
    expect(speechTokens(characters)).toBe(tokens);
  });

  test.each([
    ['Pro, 1 credit left, an operation of 3: USD 0.0026', 'pro', '3', '2', '0.0026'],
    [
      'Starter, 50,000 granted and 61,250 spent: the 11,250 overage credits are USD 11.25',
      'starter',
      '11250',
      '11250',
      '11.25',
    ],
    ['Pro, 200,000 granted and 200,001.5 spent: the 1.5 overage credits are USD 0.0012', 'pro', '1.5', '1.5', '0.0012'],
    ['Free, no overage', 'free', '2500', '0', '2.5'],
    ['a micro-credit of overage on Scale is exact', 'scale', '0.000001', '0.000001', '0.0000000006'],
  ])('%s', (_name, plan, spent, overage, usd) => {
    const rate = book.plan(plan).overageUsdE4PerCredit;
    expect(formatUsd(costUsdE10(credits(spent), credits(overage), rate))).toBe(usd);
  });
});

describe('cost is exact and rounded up once', () => {
  const charge = fc.record({
    units: fc.bigInt(0n, 10_000_000n),
    rateMicro: fc.bigInt(0n, 1_000_000_000n).map((value) => micro(value)),
    per: fc.constantFrom(1n, 7n, 60n, 1_000n, 60_000n, 1_000_000n),
    allowanceEligible: fc.constant(true),
    allowanceOnly: fc.constant(false),
  });

  test('the least whole number of micro-credits that is not under the exact sum of all its units', () => {
    fc.assert(
      fc.property(fc.array(charge, { minLength: 1, maxLength: 4 }), (charges: Charge[]) => {
        const total = costOf(charges);
        const common = charges.reduce((product, { per }) => product * per, 1n);
        const exact = charges.reduce((sum, { units, rateMicro, per }) => sum + (units * rateMicro * common) / per, 0n);
        expect(total * common >= exact).toBe(true);
        expect((total - 1n) * common < exact).toBe(true);
      }),
    );
  });

  test('more units, a higher rate or fewer units that the rate buys never cost less', () => {
    const more = fc.bigInt(0n, 1_000_000n);
    fc.assert(
      fc.property(charge, charge, more, more, fc.bigInt(1n, 1_000n), (one, other, units, rate, per) => {
        const cost = costOf([one, other]);
        expect(costOf([{ ...one, units: one.units + units }, other]) >= cost).toBe(true);
        expect(costOf([{ ...one, rateMicro: micro(one.rateMicro + rate) }, other]) >= cost).toBe(true);
        expect(costOf([{ ...one, per: one.per > per ? one.per - per : 1n }, other]) >= cost).toBe(true);
      }),
    );
  });

  test('three thirds of a micro-credit are one, not three', () => {
    const third: Charge = { units: 1n, rateMicro: micro(1), per: 3n, allowanceEligible: false, allowanceOnly: false };
    expect(costOf([third, third, third])).toBe(1n);
    expect(costOf([])).toBe(0n);
  });

  test('allowance and credits share the units, none is in both, and more allowance never costs more', () => {
    fc.assert(
      fc.property(charge, fc.bigInt(0n, 10_000_000n), fc.bigInt(0n, 1_000n), (one, left, more) => {
        const split = splitCharge(one, left);
        expect(split.allowanceUnits <= left && split.allowanceUnits <= one.units).toBe(true);
        expect([left, one.units]).toContain(split.allowanceUnits);
        expect(split.credits).toBe(costOf([{ ...one, units: one.units - split.allowanceUnits }]));
        expect(splitCharge(one, left + more).credits <= split.credits).toBe(true);
        expect(splitCharge({ ...one, allowanceEligible: false }, left)).toMatchObject({
          allowanceUnits: 0n,
          credits: costOf([one]),
        });
      }),
    );
  });

  test('what only the allowance pays for is served to its last character and not beyond', () => {
    const one: Charge = { units: 500n, rateMicro: micro(0), per: 1n, allowanceEligible: true, allowanceOnly: true };
    expect(splitCharge(one, 500n)).toEqual({ allowanceUnits: 500n, credits: 0n, served: true });
    expect(splitCharge(one, 499n).served).toBe(false);
    expect(splitCharge(one, -1n).allowanceUnits).toBe(0n);
  });

  test.each([[-1], [Number.NaN], [1.5], [Number.POSITIVE_INFINITY], [2 ** 53], [-1n]])(
    'the impossible quantity %p is refused',
    (quantity) => {
      expect(() => chargeOf(book.rate(speech('elevenlabs')), quantity)).toThrow(RangeError);
    },
  );

  test('overage is a part of what was spent, and needs a rate', () => {
    expect(() => costUsdE10(micro(1), micro(2), 10n)).toThrow(RangeError);
    expect(() => costUsdE10(micro(1), micro(-1), 10n)).toThrow(RangeError);
    expect(() => costUsdE10(micro(1), micro(1), null)).toThrow(RangeError);
  });
});
