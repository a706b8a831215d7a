import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppError } from '../../src/lib/errors';
import { loadPriceBook } from '../../src/metering/load-price-book';
import { PriceBook } from '../../src/metering/price-book';
import { PriceBookError } from '../../src/metering/price-book-faults';
import defaultBook from '../../src/metering/price-books/default.json';
import { readPriceBook } from '../../src/metering/read-price-book';

type Json = Record<string, unknown>;
const rate = (more: Json = {}): Json => ({
  capability: 'TEXT_TO_SPEECH',
  provider: 'acme',
  model: null,
  quality: null,
  unit: 'CHARACTER',
  per: 1_000,
  credits: '10',
  ...more,
});
const plan = (more: Json = {}): Json => ({ ...defaultBook.plans[0], id: 'basic', ...more });
const book = (more: Json = {}): Json => ({
  ...defaultBook,
  defaultPlan: 'basic',
  plans: [plan()],
  rates: [rate()],
  ...more,
});
const tokens = (unit: string, more: Json = {}): Json =>
  rate({ capability: 'LANGUAGE_MODEL', model: 'm', unit: `${unit}_TOKEN`, ...more });
const faults = (json: unknown): string[] => {
  try {
    readPriceBook(json, 'book.json');
  } catch (error) {
    if (error instanceof PriceBookError) return error.faults.map(({ path, message }) => `${path} ${message}`);
    throw error;
  }
  return [];
};
const refusal = (act: () => unknown): AppError => {
  try {
    act();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};

describe('the most specific rate holds', () => {
  const priced = new PriceBook(
    readPriceBook(
      book({
        rates: [
          rate({ credits: '1' }),
          rate({ quality: 'ULTRA', credits: '2' }),
          rate({ model: 'm', credits: '3' }),
          rate({ model: 'm', quality: 'ULTRA', credits: '4' }),
          rate({ model: 'secret', credits: null }),
          rate({ model: 'free', credits: '0' }),
          tokens('INPUT'),
          tokens('OUTPUT', { credits: '20', default: true }),
          tokens('INPUT', { model: 'hidden', credits: null }),
          tokens('OUTPUT', { model: 'hidden', credits: null }),
        ],
      }),
      'book.json',
    ),
  );
  const speech = { capability: 'TEXT_TO_SPEECH', provider: 'acme' } as const;

  test.each([
    ['model and quality', { model: 'm', quality: 'ULTRA' }, 4n],
    ['model before quality', { model: 'm', quality: 'PREMIUM' }, 3n],
    ['model', { model: 'm' }, 3n],
    ['quality before provider', { model: 'other', quality: 'ULTRA' }, 2n],
    ['provider', { model: 'other', quality: 'PREMIUM' }, 1n],
    ['provider alone', {}, 1n],
    ['a written zero', { model: 'free' }, 0n],
  ] as const)('%s', (_name, query, credits) => {
    expect(priced.rate({ ...speech, ...query }).creditsMicro).toBe(credits * 1_000_000n);
  });

  test.each([
    ['a provider without rates', { capability: 'TEXT_TO_SPEECH', provider: 'nobody' }],
    [
      'a price written as null hides the provider-wide one',
      { capability: 'TEXT_TO_SPEECH', provider: 'acme', model: 'secret' },
    ],
    ['another capability', { capability: 'SPEECH_TO_TEXT', provider: 'acme' }],
    ['a model without rates', { capability: 'LANGUAGE_MODEL', provider: 'acme', model: 'other' }],
    ['both units written as null', { capability: 'LANGUAGE_MODEL', provider: 'acme', model: 'hidden' }],
    ['a unit that is not priced', { capability: 'TEXT_TO_SPEECH', provider: 'acme', unit: 'AUDIO_SECOND' }],
    ['a name made to look like a key', { capability: 'TEXT_TO_SPEECH', provider: 'nobody', model: '/ULTRA' }],
  ] as const)('a missing price is an error and never zero: %s', (_name, query) => {
    expect(refusal(() => priced.rate(query)).code).toBe('PRICE_NOT_CONFIGURED');
    if (!('unit' in query)) expect(priced.hasPrice(query)).toBe(false);
  });

  test('a language model has both units, and asking for one without naming it is a fault of the program', () => {
    const query = { capability: 'LANGUAGE_MODEL', provider: 'acme', model: 'm' } as const;
    expect(priced.ratesFor(query).map(({ unit }) => unit)).toEqual(['INPUT_TOKEN', 'OUTPUT_TOKEN']);
    expect(priced.rate({ ...query, unit: 'OUTPUT_TOKEN' }).creditsMicro).toBe(20_000_000n);
    expect(() => priced.rate(query)).toThrow(RangeError);
  });

  test('the rate card lists every price and no missing one; a model lists what it is charged at', () => {
    expect(priced.allRates()).toHaveLength(7);
    const listed = (model: string) =>
      priced.ratesOfModel('TEXT_TO_SPEECH', 'acme', model).map(({ creditsMicro }) => creditsMicro / 1_000_000n);
    expect(listed('m')).toEqual([3n, 4n]);
    expect(listed('other')).toEqual([1n, 2n]);
    expect(listed('secret')).toEqual([]);
  });

  test('the default model is the one that the book names', () => {
    expect(priced.defaultModel('LANGUAGE_MODEL', 'acme')).toBe('m');
    expect(priced.defaultModel('TEXT_TO_SPEECH', 'acme')).toBeNull();
  });

  test('an unknown plan is refused with those that there are', () => {
    expect(refusal(() => priced.plan('gold'))).toMatchObject({
      code: 'BAD_USER_INPUT',
      fields: { field: 'plan' },
      message: expect.stringContaining('basic'),
    });
    expect(priced.findPlan('gold')).toBeNull();
  });
});

describe('a zero-rate override', () => {
  const overridden = loadPriceBook(null, { overrides: [{ capability: 'TEXT_TO_SPEECH', provider: 'xtts' }] });
  const xtts = {
    capability: 'TEXT_TO_SPEECH',
    provider: 'xtts',
    model: 'xtts-v2',
    quality: 'ULTRA',
    firstParty: true,
  } as const;

  test('shows and charges 0, leaves the allowance alone, keeps the limits of the plan, and touches no other provider', () => {
    expect(
      overridden.ratesOfModel('TEXT_TO_SPEECH', 'xtts', 'xtts-v2').map(({ creditsMicro }) => creditsMicro),
    ).toEqual([0n, 0n, 0n]);
    expect(overridden.speechCharge(xtts, () => 1_000)).toMatchObject({
      rateMicro: 0n,
      allowanceEligible: false,
      allowanceOnly: false,
    });
    expect(overridden.allowanceCounts(xtts)).toBe(false);
    expect(overridden.planLimitsHold(xtts)).toBe(true);
    expect(overridden.rate({ capability: 'TEXT_TO_SPEECH', provider: 'elevenlabs' }).creditsMicro).toBe(166_000_000n);
  });

  test('a rate that exists only inside the allowance is free too while it is overridden', () => {
    const written = readPriceBook(
      book({ allowance: { scope: 'ALL_SPEECH' }, rates: [rate({ credits: '0', allowanceOnly: true })] }),
      'book.json',
    );
    const free = new PriceBook(written, { overrides: [{ capability: 'TEXT_TO_SPEECH', provider: 'acme' }] });
    const query = { capability: 'TEXT_TO_SPEECH', provider: 'acme', firstParty: false } as const;
    expect(free.speechCharge(query, () => 10).allowanceOnly).toBe(false);
    expect(new PriceBook(written).speechCharge(query, () => 10)).toMatchObject({
      allowanceOnly: true,
      allowanceEligible: true,
    });
  });
});

test('a rate inside an allowance that does not count there is no price', () => {
  const priced = new PriceBook(
    readPriceBook(book({ rates: [rate({ credits: '0', allowanceOnly: true })] }), 'book.json'),
  );
  const query = { capability: 'TEXT_TO_SPEECH', provider: 'acme' } as const;
  expect(refusal(() => priced.speechCharge({ ...query, firstParty: false }, () => 10)).code).toBe(
    'PRICE_NOT_CONFIGURED',
  );
  expect(priced.speechCharge({ ...query, firstParty: true }, () => 10).allowanceEligible).toBe(true);
});

describe('faults of a price book', () => {
  test('the base of this table has none', () => {
    expect(faults(book())).toEqual([]);
  });

  const without = (object: Json, key: string): Json =>
    Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
  test.each<[string, unknown, RegExp]>([
    [
      'a unit that is missing',
      book({ rates: [without(rate(), 'unit')] }),
      /^rates\[0\]\.unit is missing; write one of CHARACTER/,
    ],
    [
      'a unit of another capability',
      book({ rates: [rate({ unit: 'REQUEST' })] }),
      /^rates\[0\]\.unit is REQUEST, which does not price TEXT_TO_SPEECH; use/,
    ],
    [
      'a language model without its output',
      book({ rates: [tokens('INPUT')] }),
      /^rates\[0\] prices a language model without its OUTPUT_TOKEN; add/,
    ],
    [
      'half of a language model without price',
      book({ rates: [tokens('INPUT'), tokens('OUTPUT', { credits: null })] }),
      /^rates\[1\]\.credits .*both/,
    ],
    [
      'a negative price',
      book({ rates: [rate({ credits: '-1' })] }),
      /^rates\[0\]\.credits is negative; credits are 0 or more/,
    ],
    [
      'a price that is missing',
      book({ rates: [without(rate(), 'credits')] }),
      /^rates\[0\]\.credits is missing; write/,
    ],
    [
      'a price as a number',
      book({ rates: [rate({ credits: 0.1 })] }),
      /^rates\[0\]\.credits is a number without quotes.*write credits in quotes, "0\.1"/,
    ],
    [
      'a price without the zero before its point',
      book({ rates: [rate({ credits: '.5' })] }),
      /^rates\[0\]\.credits has no digit before its point; write "0\.5"/,
    ],
    [
      'a missing unit',
      book({ rates: [without(rate(), 'unit')] }),
      /^rates\[0\]\.unit is missing; write one of CHARACTER, AUDIO_SECOND/,
    ],
    [
      'an end of a version, which is where the next begins',
      book({ effectiveUntil: '2027-01-01T00:00:00Z' }),
      /^effectiveUntil is not known; remove it: a version holds until the next one begins/,
    ],
    ['a price with an exponent', book({ rates: [rate({ credits: '1e3' })] }), /^rates\[0\]\.credits is not valid/],
    [
      'a price of 7 decimals',
      book({ rates: [rate({ credits: '0.0000001' })] }),
      /^rates\[0\]\.credits .*at most 6 decimals/,
    ],
    ['a price beyond all reason', book({ rates: [rate({ credits: '1000001' })] }), /^rates\[0\]\.credits is too large/],
    ['per 0', book({ rates: [rate({ per: 0 })] }), /^rates\[0\]\.per is too small/],
    ['per a fraction', book({ rates: [rate({ per: 1.5 })] }), /^rates\[0\]\.per is not valid/],
    [
      'the same price twice',
      book({ rates: [rate(), rate({ credits: '11' })] }),
      /^rates\[1\] prices the same as rates\[0\]; keep one/,
    ],
    [
      'speech by two units',
      book({ rates: [rate(), rate({ unit: 'AUDIO_SECOND' })] }),
      /^rates\[0\] prices by CHARACTER what rates\[1\] prices by AUDIO_SECOND/,
    ],
    [
      'a language model whose output is written wrongly, not left out',
      book({ rates: [tokens('INPUT'), tokens('OUTPUT', { per: 0 })] }),
      /^rates\[1\]\.per is too small/,
    ],
    [
      'a default plan that is written wrongly, not left out',
      book({ plans: [plan({ name: '' })] }),
      /^plans\[0\]\.name is empty/,
    ],
    [
      'two default models',
      book({ rates: [rate({ model: 'a', default: true }), rate({ model: 'b', default: true })] }),
      /^rates\[1\]\.default makes a second default model of acme/,
    ],
    ['a default without a model', book({ rates: [rate({ default: true })] }), /^rates\[0\]\.default .*name the model/],
    [
      'a provider on retrieval',
      book({ rates: [rate({ capability: 'RETRIEVAL', unit: 'REQUEST' })] }),
      /^rates\[0\]\.provider .*write null/,
    ],
    [
      'speech without a provider',
      book({ rates: [rate({ provider: null })] }),
      /^rates\[0\]\.provider is null; write the id/,
    ],
    [
      'a quality on what has none',
      book({ rates: [rate({ capability: 'SPEECH_TO_TEXT', unit: 'AUDIO_SECOND', quality: 'ULTRA' })] }),
      /^rates\[0\]\.quality/,
    ],
    [
      'a model with its provider in its name',
      book({ rates: [rate({ model: 'acme/m' })] }),
      /^rates\[0\]\.model is not valid; a bare name/,
    ],
    [
      'an unknown capability',
      book({ rates: [rate({ capability: 'SINGING' })] }),
      /^rates\[0\]\.capability is not valid; write one of/,
    ],
    ['a misspelt key of a rate', book({ rates: [rate({ credit: '1' })] }), /^rates\[0\]\.credit is not known; correct/],
    ['a misspelt key of a plan', book({ plans: [plan({ hardcap: true })] }), /^plans\[0\]\.hardcap is not known/],
    ['a misspelt key of the book', book({ rate: [] }), /^rate is not known/],
    [
      'allowanceOnly that costs credits',
      book({ rates: [rate({ allowanceOnly: true })] }),
      /^rates\[0\]\.credits is not "0"/,
    ],
    [
      'allowanceOnly without an allowance',
      book({ allowance: { scope: 'NONE' }, rates: [rate({ credits: '0', allowanceOnly: true })] }),
      /^rates\[0\]\.allowanceOnly .*scope is NONE/,
    ],
    [
      'allowanceOnly beside speech',
      book({
        rates: [rate({ capability: 'SPEECH_TO_TEXT', unit: 'AUDIO_SECOND', credits: '0', allowanceOnly: true })],
      }),
      /^rates\[0\]\.allowanceOnly/,
    ],
    [
      'seconds where characters count all speech',
      book({ allowance: { scope: 'ALL_SPEECH' }, rates: [rate({ unit: 'AUDIO_SECOND' })] }),
      /^rates\[0\]\.unit .*ALL_SPEECH/,
    ],
    ['an unknown scope', book({ allowance: { scope: 'SOME' } }), /^allowance\.scope is not valid; write one of NONE/],
    ['two plans of one id', book({ plans: [plan(), plan()] }), /^plans\[1\]\.id is that of plans\[0\] too/],
    [
      'a default plan that is none',
      book({ defaultPlan: 'gold' }),
      /^defaultPlan names no plan of this book; use one of basic/,
    ],
    ['a custom default plan', book({ plans: [plan({ custom: true })] }), /^defaultPlan names a custom plan/],
    [
      'overage on a hard cap',
      book({ plans: [plan({ overageUsdPerCredit: '0.001' })] }),
      /^plans\[0\]\.overageUsdPerCredit is set, but hardCap/,
    ],
    [
      'neither overage nor hard cap',
      book({ plans: [plan({ hardCap: false })] }),
      /^plans\[0\]\.overageUsdPerCredit is null without a hard cap/,
    ],
    [
      'overage of 5 decimals',
      book({ plans: [plan({ hardCap: false, overageUsdPerCredit: '0.00085' })] }),
      /^plans\[0\]\.overageUsdPerCredit .*at most 4 decimals/,
    ],
    [
      'a plan without a price',
      book({ plans: [plan({ priceUsd: null })] }),
      /^plans\[0\]\.priceUsd is null, which only a custom plan/,
    ],
    [
      'a plan without credits written',
      book({ plans: [plan({ monthlyCredits: null })] }),
      /^plans\[0\]\.monthlyCredits is null/,
    ],
    [
      'a plan without an allowance written',
      book({ plans: [plan({ monthlyCharacters: null })] }),
      /^plans\[0\]\.monthlyCharacters is null/,
    ],
    [
      'a price of a tenth of a cent',
      book({ plans: [plan({ priceUsd: '9.999' })] }),
      /^plans\[0\]\.priceUsd .*at most 2 decimals/,
    ],
    [
      'a quality twice',
      book({ plans: [plan({ qualities: ['ULTRA', 'ULTRA'] })] }),
      /^plans\[0\]\.qualities names a quality twice/,
    ],
    ['no quality', book({ plans: [plan({ qualities: [] })] }), /^plans\[0\]\.qualities is empty/],
    [
      'no requests at all',
      book({ plans: [plan({ requestsPerMinute: 0 })] }),
      /^plans\[0\]\.requestsPerMinute is too small/,
    ],
    ['no rates', book({ rates: [] }), /^rates is empty/],
    ['a date that is none', book({ effectiveFrom: '2026-13-01T00:00:00Z' }), /^effectiveFrom is not valid/],
    ['a date without a zone', book({ effectiveFrom: '2026-01-01' }), /^effectiveFrom is not valid/],
    ['a list', [], / /],
    ['null', null, / /],
  ])('%s', (_name, json, expected) => {
    const found = faults(json);
    expect(found).toEqual([expect.stringMatching(expected)]);
  });

  test('a fault of form does not hide faults of meaning in the same entry', () => {
    const json = book({
      plans: [plan({ carryoverMonths: -1, overageUsdPerCredit: '1' })],
      rates: [
        rate({ model: 'a', default: true, credits: '-1' }),
        rate({ model: 'b', default: true, per: 0 }),
        rate({ model: 'b', credits: '1e3' }),
        rate({ model: 'c', unit: 'REQUEST', credits: '.5' }),
      ],
    });
    const paths = faults(json).map((fault) => fault.split(' ')[0]);
    expect(paths.sort()).toEqual([
      'plans[0].carryoverMonths',
      'plans[0].overageUsdPerCredit',
      'rates[0].credits',
      'rates[1].default',
      'rates[1].per',
      'rates[2]',
      'rates[2].credits',
      'rates[3].credits',
      'rates[3].unit',
    ]);
  });

  test('all faults of form and of meaning are told at once, each with its place', () => {
    const json = book({
      version: '',
      defaultPlan: 'gold',
      plans: [plan({ id: 'Gold' }), plan({ overageUsdPerCredit: '1' })],
      rates: [rate(), rate(), rate({ credits: '-1', unit: 'BYTE' }), rate({ unit: 'REQUEST' })],
    });
    const paths = faults(json).map((fault) => fault.split(' ')[0]);
    expect(paths.sort()).toEqual([
      'defaultPlan',
      'plans[0].id',
      'plans[1].overageUsdPerCredit',
      'rates[0]',
      'rates[1]',
      'rates[2].credits',
      'rates[2].unit',
      'rates[3].unit',
      'version',
    ]);
  });
});

describe('files', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'price-book-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (text: string): string => {
    const path = join(folder, 'book.json');
    writeFileSync(path, text);
    return path;
  };

  test('a file is read, with or without a byte order mark', () => {
    expect(loadPriceBook(file(`\ufeff${JSON.stringify(book({ version: 'mine' }))}`)).version).toBe('mine');
  });

  test.each([
    [
      'that is not there',
      () => join(folder, 'none.json'),
      /none\.json has 1 fault.*\n.*cannot be read \(ENOENT\); name a JSON file/,
    ],
    ['that is not JSON', () => file('{"version": }'), /book\.json has 1 fault.*\n.*is not JSON/],
    [
      'with two faults',
      () => file(JSON.stringify(book({ version: 1, rates: [rate({ per: -1 })] }))),
      /has 2 faults.*\n {2}- line 1: version is not valid.*\n {2}- line 1: rates\[0\]\.per is too small/,
    ],
  ])('a file %s is refused by name, saying what to do', (_name, path, message) => {
    expect(() => loadPriceBook(path())).toThrow(message);
  });
});
