import { resolve } from 'node:path';
import type { Command } from 'commander';
import { systemClock } from '../lib/clock';
import { readPriceBookFile } from '../metering/load-price-book';
import { PriceBook } from '../metering/price-book';
import { countOf, linesOf, PriceBookError } from '../metering/price-book-faults';
import type { PriceBookVersion } from '../metering/price-book-version';
import { SHIPPED_PRICE_BOOKS, shippedPriceBook } from '../metering/shipped-price-books';
import type { CommandLine } from './command-line';
import { EXIT } from './exit-codes';
import { UsageError } from './failures';
import { moment } from './option-values';
import { bookFields, bookLines } from './pricebook-tables';

const SHIPPED = Object.keys(SHIPPED_PRICE_BOOKS).join(', ');

const CHECK_HELP = `
FILE is a path, or the name of a book that is shipped: ${SHIPPED}.
Every fault is told at once, with its line, its path in the file, what is wrong and what to write. Nothing is changed, and
no database is opened.

Exit codes:
  0  no fault
  1  faults
  2  the file could not be read

Example:
  polyphony pricebook check prices.json --json | jq -r '.faults[] | "\\(.line) \\(.path) \\(.message)"'`;

const SHOW_HELP = `
FILE is a path, or the name of a book that is shipped: ${SHIPPED}. Without it, the one that PRICE_BOOK names is shown.

Examples:
  polyphony pricebook show
  polyphony pricebook show prices.json --at 2030-01-01`;

interface ShowOptions {
  readonly bookVersion?: string;
  readonly at?: Date;
  readonly json?: boolean;
}

/** polyphony pricebook check, show */
export function addPriceBook(program: Command, line: CommandLine): void {
  const pricebook = program.command('pricebook').description('prices and plans');
  pricebook
    .command('check')
    .description('explain every fault in a price book')
    .argument('<file>', 'the price book')
    .option('--json', 'answer in JSON: file, valid, versions, faults')
    .addHelpText('after', CHECK_HELP)
    .action((file: string, options: { json?: boolean }) => check(line, file, options));
  pricebook
    .command('show')
    .description('show the plans and the rates of a price book')
    .argument('[file]', 'the price book')
    .option('--book-version <name>', 'this version; the one in force when left out')
    .option('--at <moment>', 'the version in force then', moment)
    .option('--json', 'answer in JSON: file, versions, version, plans, rates and the rest of the version')
    .addHelpText('after', SHOW_HELP)
    .action((file: string | undefined, options: ShowOptions) => show(line, file, options));
}

function check(line: CommandLine, file: string, options: { json?: boolean }): void {
  const path = pathOf(line, file);
  try {
    const book = new PriceBook(readPriceBookFile(path));
    line.answer(options, { file: path, valid: true, versions: versionsOf(book), faults: [] }, soundLines(path, book));
  } catch (error) {
    if (!(error instanceof PriceBookError) || error.unreadable) throw error;
    line.exitCode = EXIT.negative;
    const faults = error.faults.map(({ line: at = null, path: place, message }) => ({
      line: at,
      path: place,
      message,
    }));
    line.answer(options, { file: path, valid: false, versions: null, faults }, [
      `${path} has ${countOf(error.faults)}:`,
      ...linesOf(error.faults),
    ]);
  }
}

function show(line: CommandLine, file: string | undefined, options: ShowOptions): void {
  if (options.bookVersion !== undefined && options.at !== undefined)
    throw new UsageError(
      '--book-version and --at both choose a version; give one of them.',
      'polyphony pricebook show',
    );
  const path = file === undefined ? (line.settings().priceBookFile ?? pathOf(line, 'default')) : pathOf(line, file);
  const book = new PriceBook(readPriceBookFile(path));
  const version = chosen(book, options);
  const versions = versionsOf(book);
  line.answer(options, { file: path, versions, ...bookFields(version) }, [
    ...(versions.length === 1 ? [] : [`Versions: ${versions.map(describe).join('; ')}`, '']),
    ...bookLines(version),
  ]);
}

function chosen(book: PriceBook, { bookVersion: name, at }: ShowOptions): PriceBookVersion {
  if (name === undefined) return at ? book.at(at) : book.inForce();
  const found = book.findVersion(name);
  if (found) return found;
  const names = book.versions.map(({ version }) => version).join(', ');
  throw new UsageError(
    `The price book has no version "${name}"; its versions are ${names}.`,
    'polyphony pricebook show',
  );
}

const pathOf = (line: CommandLine, file: string): string =>
  shippedPriceBook(file) ?? resolve(line.surroundings.directory, file);

interface VersionFields {
  readonly version: string;
  readonly effectiveFrom: Date;
  /** null: no later version ends it. */
  readonly effectiveUntil: Date | null;
  readonly state: 'past' | 'in force' | 'to come';
  readonly plans: number;
  readonly rates: number;
}

function versionsOf(book: PriceBook): VersionFields[] {
  const now = new Date(systemClock.now());
  return book.versions.map(({ version, effectiveFrom, plans, rates }, index): VersionFields => {
    const effectiveUntil = book.versions[index + 1]?.effectiveFrom ?? null;
    const past = effectiveUntil !== null && effectiveUntil <= now;
    const state = past ? 'past' : effectiveFrom > now ? 'to come' : 'in force';
    return { version, effectiveFrom, effectiveUntil, state, plans: plans.length, rates: rates.length };
  });
}

const describe = ({ version, effectiveFrom, state }: VersionFields): string =>
  `${version} from ${effectiveFrom.toISOString()} (${state})`;

function soundLines(path: string, book: PriceBook): string[] {
  const versions = versionsOf(book);
  const none = versions.every(({ state }) => state === 'to come');
  return [
    `${path} has no fault.`,
    ...versions.map((version) => `  ${describe(version)}: ${version.plans} plans, ${version.rates} rates`),
    ...(none ? ['No version has begun: a server starts with this book only once one has.'] : []),
  ];
}
