import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SHIPPED_PRICE_BOOKS } from '../../src/metering/shipped-price-books';
import { type Json, planJson, rateJson, versionJson } from '../metering/support/written-books';
import { runCommand } from './support/run-command';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'pricebook-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const write = (text: string): string => {
  writeFileSync(path.join(directory, 'book.json'), text);
  return 'book.json';
};
const run = (args: readonly string[], environment: NodeJS.ProcessEnv = {}) =>
  runCommand(['pricebook', ...args], environment, directory);

const FAULTY: Json = {
  versions: [
    versionJson({
      version: 'a',
      plans: [planJson({ colour: 'red' }), planJson({ id: 'gold', overageUsdPerCredit: '0.00085', hardCap: false })],
      rates: [
        rateJson({ unit: undefined, model: 'one', default: true }),
        rateJson({ model: 'two', default: true, credits: '-1' }),
        rateJson({ capability: 'SINGING', credits: '.5' }),
        rateJson({ per: 0 }),
        rateJson({ credits: '0.1234567' }),
      ],
    }),
    versionJson({ version: 'a', plans: [planJson()] }),
  ],
};

describe('pricebook check', () => {
  it.each(Object.keys(SHIPPED_PRICE_BOOKS))('finds no fault in the shipped book %s', async (name) => {
    const { code, out } = await run(['check', name, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      valid: true,
      faults: [],
      versions: [{ version: `${name}-1`, state: 'in force' }],
    });
  });

  it('explains every fault at once: where it is, what is wrong and what to write', async () => {
    const file = write(JSON.stringify(FAULTY, null, 2));
    const { code, out, error } = await run(['check', file, '--json']);
    expect([code, error]).toEqual([1, '']);
    const answer = JSON.parse(out) as { valid: boolean; faults: { line: number; path: string; message: string }[] };
    expect(answer.valid).toBe(false);
    const told = answer.faults.map((fault) => `${fault.path} ${fault.message}`);
    const expected = [
      /^versions\[0\]\.plans\[0\]\.colour is not known; correct its spelling or remove it$/,
      /^versions\[0\]\.plans\[1\]\.overageUsdPerCredit is not valid; .*at most 4 decimals/,
      /^versions\[0\]\.rates\[0\]\.unit is missing; write one of CHARACTER/,
      /^versions\[0\]\.rates\[1\]\.default makes a second default model of acme for TEXT_TO_SPEECH beside rates\[0\]; keep one$/,
      /^versions\[0\]\.rates\[1\]\.credits is negative; credits are 0 or more$/,
      /^versions\[0\]\.rates\[2\]\.capability is not valid; write one of TEXT_TO_SPEECH/,
      /^versions\[0\]\.rates\[2\]\.credits has no digit before its point; write "0\.5"$/,
      /^versions\[0\]\.rates\[3\]\.per is too small; write how many units the credits buy, 1 or more$/,
      /^versions\[0\]\.rates\[4\] prices the same as rates\[3\]; keep one of them$/,
      /^versions\[0\]\.rates\[4\]\.credits is not valid; .*at most 6 decimals/,
      /^versions\[1\]\.version is that of versions\[0\] too/,
      /^versions\[1\]\.effectiveFrom is that of versions\[0\] too, so that the dates of both overlap/,
      /^versions\[1\]\.plans lacks the plan gold of versions\[0\]/,
    ];
    for (const one of expected) expect(told).toContainEqual(expect.stringMatching(one));
    expect(told).toHaveLength(expected.length);
    const lines = answer.faults.map(({ line }) => line);
    expect(lines).toEqual([...lines].sort((a, b) => a - b));
    expect(new Set(lines).size).toBeGreaterThan(8);
  });

  it('tells people the same, a line for each fault', async () => {
    const { code, out } = await run(['check', write(JSON.stringify(FAULTY, null, 2))]);
    expect(code).toBe(1);
    const [head, ...lines] = out.trimEnd().split('\n');
    expect(head).toMatch(/book\.json has 13 faults:$/);
    for (const line of lines) expect(line).toMatch(/^ {2}- line \d+: versions\[\d\]\.\S+ [a-z].*[;,] /);
  });

  it.each([
    ['that is not there', () => 'none.json', 2],
    ['that is no JSON', () => write('{"version": }'), 1],
    ['that is no object', () => write('[]'), 1],
    ['that is empty', () => write(''), 1],
  ])('of a file %s says so and does not crash', async (_name, file, expected) => {
    const { code, out, error } = await run(['check', file()]);
    expect(code).toBe(expected);
    expect(out + error).toMatch(/book\.json has 1 fault|none\.json has 1 fault/);
    expect(out + error).not.toMatch(/\n\s+at /);
  });

  it('warns of a book that has not begun', async () => {
    const file = write(JSON.stringify(versionJson({ effectiveFrom: '2999-01-01T00:00:00Z' })));
    const { code, out } = await run(['check', file]);
    expect(code).toBe(0);
    expect(out).toContain('No version has begun');
  });
});

describe('pricebook show', () => {
  const two = {
    versions: [
      versionJson({ version: 'old' }),
      versionJson({ version: 'new', effectiveFrom: '2999-01-01T00:00:00Z', rates: [rateJson({ credits: '12.5' })] }),
    ],
  };

  it('prints plans and rates of the book of PRICE_BOOK as tables', async () => {
    const { code, out } = await run(['show'], { PRICE_BOOK: 'audio-seconds' });
    expect(code).toBe(0);
    expect(out).toMatch(/^Version audio-seconds-1, from 2026-01-01T00:00:00\.000Z/);
    expect(out).toMatch(/^prepaid +0 +0 +hard cap +0 +0 +no limit +no limit +no limit +STANDARD PREMIUM ULTRA$/m);
    expect(out).toMatch(/^TEXT_TO_SPEECH +kokoro +any +any +1 +second of audio$/m);
  });

  it('prints the default book without a setting', async () => {
    const { out } = await run(['show']);
    expect(out).toMatch(/^LANGUAGE_MODEL +anthropic +claude-sonnet-4 +any +30 +1000 output tokens$/m);
    expect(out).toMatch(/^RETRIEVAL +- +any +any +2 +request$/m);
    expect(out).toMatch(/^enterprise +agreed +agreed +agreed +0 +agreed +agreed +agreed +no limit/m);
  });

  it.each([
    ['the one in force', [], 'old', '10'],
    ['one that is named', ['--book-version', 'new'], 'new', '12.5'],
    ['the one in force at a moment', ['--at', '2999-01-01'], 'new', '12.5'],
    ['the one in force before that', ['--at', '2998-12-31T23:59:59Z'], 'old', '10'],
  ])('of several versions shows %s', async (_name, options, version, credits) => {
    const { code, out } = await run(['show', write(JSON.stringify(two)), ...options, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      version,
      rates: [{ provider: 'acme', per: 1000, credits }],
      versions: [{ state: 'in force' }, { state: 'to come' }],
    });
  });

  it.each([
    ['a version that is not there', ['--book-version', 'none'], /no version "none"; its versions are old, new/],
    ['two choices of a version', ['--book-version', 'new', '--at', '2030-01-01'], /give one of them/],
    ['a moment that is none', ['--at', 'soon'], /Write a moment/],
  ])('%s ends with 2', async (_name, options, message) => {
    const { code, error } = await run(['show', write(JSON.stringify(two)), ...options]);
    expect(code).toBe(2);
    expect(error).toMatch(message);
  });

  it('of a book with faults tells them as JSON too', async () => {
    const { code, out, error } = await run(['show', write('{}'), '--json']);
    expect([code, out]).toEqual([2, '']);
    const answer = JSON.parse(error) as { error: { code: string; faults: unknown[] } };
    expect(answer.error.code).toBe('PRICE_BOOK');
    expect(answer.error.faults.length).toBeGreaterThan(4);
  });
});
