import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { loadPriceBook, readPriceBookFile } from '../../src/metering/load-price-book';
import { PriceBook } from '../../src/metering/price-book';
import { PriceBookError } from '../../src/metering/price-book-faults';
import { readPriceBook } from '../../src/metering/read-price-book';
import { SHIPPED_PRICE_BOOKS, shippedPriceBook } from '../../src/metering/shipped-price-books';
import { TestClock } from '../support/test-clock';
import { planJson, rateJson, versionJson } from './support/written-books';

const faults = (json: unknown): string[] => {
  try {
    readPriceBook(json, 'book.json');
  } catch (error) {
    if (error instanceof PriceBookError) return error.faults.map(({ path, message }) => `${path} ${message}`);
    throw error;
  }
  return [];
};
const january = versionJson({ version: 'january', effectiveFrom: '2030-01-01T00:00:00Z' });
const february = versionJson({
  version: 'february',
  effectiveFrom: '2030-02-01T00:00:00Z',
  rates: [rateJson({ credits: '20' })],
  plans: [planJson({ monthlyCredits: '99' })],
});
const speech = { capability: 'TEXT_TO_SPEECH', provider: 'acme' } as const;

describe('the version in force', () => {
  const clock = new TestClock(Date.parse('2030-01-31T23:59:59.999Z'));
  const book = new PriceBook(readPriceBook({ versions: [january, february] }, 'book.json'), { clock });
  const seen = () => [
    book.version,
    book.rate(speech).creditsMicro / 1_000_000n,
    book.findPlan('basic')!.monthlyCredits! / 1_000_000n,
    book.effectiveFrom.toISOString(),
  ];

  test('changes at the very moment at which the next one begins, and what was taken before stays as it was', () => {
    const held = book.inForce();
    expect(seen()).toEqual(['january', 10n, 2500n, '2030-01-01T00:00:00.000Z']);
    clock.advance(1);
    expect(seen()).toEqual(['february', 20n, 99n, '2030-02-01T00:00:00.000Z']);
    expect([held.version, held.rate(speech).creditsMicro]).toEqual(['january', 10_000_000n]);
  });

  test('a period is given what its plan gave when it began', () => {
    const began = (at: string) => book.findPlan('basic', new Date(at))!.monthlyCredits;
    expect(began('2030-01-31T23:59:59.999Z')).toBe(2_500_000_000n);
    expect(began('2030-02-01T00:00:00Z')).toBe(99_000_000n);
    expect(book.findVersion('january')).toBe(book.at(new Date('2030-01-15T00:00:00Z')));
    expect(book.findVersion('march')).toBeNull();
  });

  test('is the last one that has begun, at whatever moments the clock is asked, backwards too', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 6 }),
        fc.array(fc.integer({ min: 0, max: 401 * 86_400 }), { minLength: 1, maxLength: 20 }),
        (days, seconds) => {
          const first = Date.parse('2030-01-01T00:00:00Z');
          const begins = [...days].sort((a, b) => a - b).map((day) => first + day * 86_400_000);
          const versions = begins.map((at, index) =>
            versionJson({ version: `v${index}`, effectiveFrom: new Date(at).toISOString().replace('.000', '') }),
          );
          let now = 0;
          const clock = { now: () => now, monotonic: () => 0, schedule: () => () => {} };
          const many = new PriceBook(readPriceBook({ versions }, 'book.json'), { clock });
          for (const second of seconds) {
            now = first + second * 1000;
            const begun = begins.filter((at) => at <= now).length;
            const expected = `v${Math.max(0, begun - 1)}`;
            expect(many.version).toBe(expected);
            expect(many.at(new Date(now)).version).toBe(expected);
          }
        },
      ),
    );
  });
});

describe('faults between versions', () => {
  test.each<[string, unknown, RegExp[]]>([
    [
      'two that begin at the same moment overlap',
      { versions: [january, { ...february, effectiveFrom: january.effectiveFrom }] },
      [/^versions\[1\]\.effectiveFrom is that of versions\[0\] too, so that the dates of both overlap/],
    ],
    [
      'one that begins before the one above it overlaps it',
      { versions: [february, january] },
      [/^versions\[1\]\.effectiveFrom is before that of versions\[0\], so that their dates overlap; list/],
    ],
    [
      'two of one name',
      { versions: [january, { ...february, version: 'january' }] },
      [/^versions\[1\]\.version is that of versions\[0\] too/],
    ],
    [
      'a plan that is gone',
      { versions: [versionJson({ plans: [planJson(), planJson({ id: 'gold' })] }), { ...february }] },
      [/^versions\[1\]\.plans lacks the plan gold of versions\[0\].*keep it/],
    ],
    ['no versions', { versions: [] }, [/^versions is no list of versions/]],
    ['versions that are no list', { versions: january }, [/^versions is no list of versions/]],
    ['a version that is no object', { versions: ['january'] }, [/^versions\[0\] is no version/]],
    [
      'a field beside the versions',
      { versions: [january], plans: [] },
      [/^plans stands beside versions; move it into the version/],
    ],
    [
      'all of them at once, with those inside a version',
      {
        versions: [
          { ...january, rates: [rateJson({ per: 0 })] },
          { ...february, version: 'january', effectiveFrom: january.effectiveFrom, plans: [planJson({ colour: 1 })] },
        ],
      },
      [
        /^versions\[0\]\.rates\[0\]\.per is too small/,
        /^versions\[1\]\.plans\[0\]\.colour is not known/,
        /^versions\[1\]\.version is that of/,
        /^versions\[1\]\.effectiveFrom is that of/,
      ],
    ],
  ])('%s', (_name, json, expected) => {
    expect(faults(json)).toEqual(expected.map((one) => expect.stringMatching(one)));
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
  const linesOf = (text: string) => {
    try {
      readPriceBookFile(file(text));
    } catch (error) {
      if (error instanceof PriceBookError) return error.faults.map(({ line, path }) => [line, path]);
      throw error;
    }
    return [];
  };

  test('a file of versions is read, and a server does not start with one that has not begun', () => {
    const path = file(JSON.stringify({ versions: [january, february] }));
    const at = (moment: string) => loadPriceBook(path, { clock: new TestClock(Date.parse(moment)) });
    expect(at('2030-01-01T00:00:00Z').version).toBe('january');
    expect(at('2031-01-01T00:00:00Z').version).toBe('february');
    expect(() => at('2029-12-31T23:59:59Z')).toThrow(
      /versions\[0\]\.effectiveFrom is 2030-01-01T00:00:00Z, and nothing/,
    );
  });

  test('each fault is told with its line, in the order of the file; what is missing at what it is missing from', () => {
    const { version, ...unnamed } = versionJson({ rates: [rateJson(), rateJson({ credits: '-1', per: 0 })] });
    expect(version).toBeDefined();
    const text = JSON.stringify({ colour: 'red', ...unnamed }, null, 1);
    const line = (part: string, from = 0) => text.slice(0, text.indexOf(part, from)).split('\n').length;
    const second = text.lastIndexOf('"capability"');
    expect(linesOf(text)).toEqual([
      [1, 'version'],
      [2, 'colour'],
      [line('{\n   "capability"', second - 10), 'rates[1]'],
      [line('"per"', second), 'rates[1].per'],
      [line('"credits"', second), 'rates[1].credits'],
    ]);
  });

  test('a key that is written twice is a fault, as a parser would silently take the last', () => {
    const text = JSON.stringify(versionJson()).replace('"credits":"10"', '"credits":"10",\n"credits":"1"');
    expect(linesOf(text)).toEqual([[2, 'rates[0].credits']]);
  });

  test('values nested beyond all reason are refused without a crash', () => {
    expect(linesOf(`{"version":${'['.repeat(5_000)}${']'.repeat(5_000)}}`).map(([, path]) => path)).toContain(
      'version',
    );
  });
});

test('every shipped book is without a fault, in force, and found by its name', () => {
  for (const name of Object.keys(SHIPPED_PRICE_BOOKS)) {
    expect(loadPriceBook(shippedPriceBook(name)).version).toMatch(new RegExp(`^${name}-\\d+$`));
  }
  expect(shippedPriceBook('toString')).toBeNull();
  expect(shippedPriceBook('./default')).toBeNull();
});
