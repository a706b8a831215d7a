import fc from 'fast-check';
import { formatCredits, micro, parseCredits } from '../../src/lib/credits';
import { loadPriceBook } from '../../src/metering/load-price-book';
import { PriceBook } from '../../src/metering/price-book';
import { readPriceBook } from '../../src/metering/read-price-book';
import { type PastEvent, type RerateBooks, WorkspaceRerating } from '../../src/metering/rerate';
import { SHIPPED_PRICE_BOOKS, shippedPriceBook } from '../../src/metering/shipped-price-books';
import { FIRST_PARTY, randomOperations, recordUsage } from './support/random-usage';
import type { Json } from './support/written-books';

const START = new Date('2030-01-01T00:00:00Z');
const MONTH_SECONDS = 28 * 86_400;

interface Recorded {
  readonly book: PriceBook;
  readonly planId: string;
  readonly events: readonly PastEvent[];
}

/** Usage of a month under a book of two versions, the second of which begins while the first operations run. */
const recorded = (name: string): fc.Arbitrary<Recorded> => {
  const first = SHIPPED_PRICE_BOOKS[name] as Json;
  const dearer = raised(first, 3n);
  const written = readPriceBook(
    {
      versions: [
        { ...first, effectiveFrom: '2029-01-01T00:00:00Z' },
        { ...dearer, version: 'b', effectiveFrom: '2030-01-01T00:00:40Z' },
      ],
    },
    'book.json',
  );
  let now = 0;
  const book = new PriceBook(written, { clock: { now: () => now, monotonic: () => 0, schedule: () => () => {} } });
  const planIds = book.plans.map(({ id }) => id);
  return fc.tuple(randomOperations(MONTH_SECONDS / 10), fc.constantFrom(...planIds)).map(([operations, planId]) => {
    const events = recordUsage(operations, book, { planId, start: START }, (milliseconds) => {
      now = milliseconds;
    });
    return { book, planId, events };
  });
};

/** The same book at so many times the price. */
function raised(book: Json, times: bigint): Json {
  const rates = (book.rates as { credits: string | null }[]).map((rate) => ({
    ...rate,
    credits: rate.credits === null ? null : formatCredits(parseCredits(rate.credits)! * times),
  }));
  return { ...book, rates };
}

const reprice = ({ book, planId, events }: Recorded, other: Partial<RerateBooks> = {}) => {
  const rerating = new WorkspaceRerating({
    book,
    version: null,
    recordedUnder: book,
    firstParty: FIRST_PARTY,
    ...other,
  });
  return events.map((event) => rerating.reprice(event, 7, { planId, start: START }));
};

describe.each(Object.keys(SHIPPED_PRICE_BOOKS))('random usage under the book %s', (name) => {
  test('comes out under the same book as it was, event by event', () => {
    fc.assert(
      fc.property(recorded(name), (usage) => {
        const repriced = reprice(usage);
        expect(repriced.map(({ outcome, credits, allowance }) => [outcome, credits, allowance])).toEqual(
          usage.events.map(({ credits, allowance }) => ['PRICED', credits, allowance]),
        );
      }),
      { numRuns: 300 },
    );
  });

  test('never gets cheaper under a dearer book, nor dearer under a cheaper one', () => {
    const dearest = new PriceBook(readPriceBook(raised(SHIPPED_PRICE_BOOKS[name] as Json, 5n), 'book.json'));
    const cheapest = new PriceBook(readPriceBook(SHIPPED_PRICE_BOOKS[name], 'book.json'));
    fc.assert(
      fc.property(recorded(name), (usage) => {
        reprice(usage, { book: dearest }).forEach(({ credits }, index) => {
          expect(credits >= usage.events[index]!.credits).toBe(true);
        });
        reprice(usage, { book: cheapest }).forEach(({ credits }, index) => {
          expect(credits <= usage.events[index]!.credits).toBe(true);
        });
      }),
      { numRuns: 150 },
    );
  });
});

const book = loadPriceBook(null);
const event = (more: Partial<PastEvent> & { quantities?: Partial<PastEvent['quantities']> } = {}): PastEvent => ({
  capability: 'TEXT_TO_SPEECH',
  provider: 'elevenlabs',
  model: 'eleven_v3',
  quality: null,
  status: 'SUCCEEDED',
  ownKey: false,
  allowance: 0n,
  credits: micro(0),
  anomaly: micro(0),
  rateCardVersion: 'default-1',
  heldAt: START,
  ...more,
  quantities: {
    CHARACTER: 1_234n,
    AUDIO_SECOND: 61_500n,
    INPUT_TOKEN: 0n,
    OUTPUT_TOKEN: 0n,
    REQUEST: 1n,
    ...more.quantities,
  },
});
const shipped = (name: string) => loadPriceBook(shippedPriceBook(name));
const once = (one: PastEvent, other: PriceBook, planId = 'free') =>
  reprice({ book, planId, events: [one] }, { book: other })[0]!;

describe('one event', () => {
  test.each<[string, Partial<PastEvent>, string]>([
    ['speech by its characters', {}, '204.844'],
    [
      'transcription by its milliseconds',
      { capability: 'SPEECH_TO_TEXT', provider: 'openai', model: 'whisper-1' },
      '12.3',
    ],
    [
      'a language model by both its tokens, rounded once',
      {
        capability: 'LANGUAGE_MODEL',
        provider: 'openai',
        model: 'gpt-4.1-mini',
        quantities: { ...event().quantities, INPUT_TOKEN: 1_500n, OUTPUT_TOKEN: 321n },
      },
      '2.463',
    ],
    ['speech that was broken off after delivery', { status: 'ABORTED' }, '204.844'],
    [
      'speech that was broken off before any audio',
      { status: 'ABORTED', quantities: { ...event().quantities, CHARACTER: 0n } },
      '0',
    ],
    ['a transcription that was broken off', { status: 'ABORTED', capability: 'SPEECH_TO_TEXT', provider: 'groq' }, '0'],
    ['what failed', { status: 'FAILED' }, '0'],
    ['what nobody knows', { status: 'UNKNOWN' }, '0'],
    ["the caller's own key", { ownKey: true }, '0'],
  ])('%s: %s', (_name, more, credits) => {
    const { outcome, ...repriced } = once(event(more), book);
    expect([outcome, formatCredits(repriced.credits)]).toEqual(['PRICED', credits]);
  });

  test('is priced by the unit of the other book', () => {
    expect(formatCredits(once(event(), shipped('audio-seconds')).credits)).toBe('61.5');
  });

  test('without a price in the other book is told, and is not taken for free', () => {
    const chat = event({ capability: 'LANGUAGE_MODEL', provider: 'openai', model: 'gpt-4.1' });
    expect(once(chat, shipped('characters')).outcome).toBe('NO_PRICE');
  });

  test('that only an allowance could pay for is refused past it', () => {
    const other = shipped('characters');
    const usage = {
      book,
      planId: 'free',
      events: [event(), event(), event({ quantities: { ...event().quantities, CHARACTER: 200n } })],
    };
    // Free has 1,000 characters there.
    expect(reprice(usage, { book: other }).map(({ outcome, allowance }) => [outcome, allowance])).toEqual([
      ['REFUSED', 0n],
      ['REFUSED', 0n],
      ['PRICED', 200n],
    ]);
  });

  test('whose charge was cut to its hold is cut by the same share', () => {
    const cut = event({ credits: parseCredits('153.633')!, anomaly: parseCredits('51.211')! });
    expect(once(cut, book)).toMatchObject({ credits: cut.credits, cut: true });
    const double = new PriceBook(readPriceBook(raised(SHIPPED_PRICE_BOOKS.default as Json, 2n), 'book.json'));
    expect(formatCredits(once(cut, double).credits)).toBe('307.266');
  });

  test('XTTS with 400 characters of the allowance left: 3.6 STANDARD, 7.2 PREMIUM', () => {
    const xtts = event({
      provider: 'xtts',
      model: 'xtts-v2',
      allowance: 400n,
      quantities: { ...event().quantities, CHARACTER: 1_000n },
    });
    const credits = (quality: 'STANDARD' | 'PREMIUM') => formatCredits(once({ ...xtts, quality }, book).credits);
    expect([credits('STANDARD'), credits('PREMIUM')]).toEqual(['3.6', '7.2']);
  });
});

test('a version that is named prices everything, also what was held long before it begins', () => {
  const written = {
    ...raised(SHIPPED_PRICE_BOOKS.default as Json, 2n),
    version: 'draft',
    effectiveFrom: '2040-01-01T00:00:00Z',
  };
  const other = new PriceBook(readPriceBook({ versions: [SHIPPED_PRICE_BOOKS.default, written] }, 'book.json'));
  const usage = { book, planId: 'free', events: [event()] };
  expect(formatCredits(reprice(usage, { book: other })[0]!.credits)).toBe('204.844');
  expect(formatCredits(reprice(usage, { book: other, version: other.findVersion('draft') })[0]!.credits)).toBe(
    '409.688',
  );
});
