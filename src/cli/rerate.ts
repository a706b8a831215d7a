import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { Database } from '../db/database';
import { eventsKeptFrom } from '../ledger/event-months';
import { systemClock } from '../lib/clock';
import { isId } from '../lib/ids';
import { readPriceBookFile } from '../metering/load-price-book';
import { PriceBook } from '../metering/price-book';
import { type RerateBooks, WorkspaceRerating } from '../metering/rerate';
import { shippedPriceBook } from '../metering/shipped-price-books';
import { openPriceBook, zeroRates } from '../price-books';
import type { CommandLine } from './command-line';
import { EXIT } from './exit-codes';
import { UsageError } from './failures';
import { noSuchWorkspace } from './find-workspaces';
import { moment } from './option-values';
import { type UsageRange, workspacesWithUsage } from './past-usage';
import { JsonOutput, type RerateOutput, TableOutput } from './rerate-output';
import { addSums, NO_SUMS, type RerateSums, sumsOf, WorkspaceLines } from './rerate-report';

const COMMAND = 'polyphony ledger rerate';
/** Events between two lines of progress. */
const PROGRESS_EVENTS = 50_000;

const HELP = `
Prices what was used in a past period under another price book, event by event and exact to the micro-credit, and prints
what that changes for each workspace, capability, provider and model. Nothing is written: the ledger stays as it is.

An event belongs to the range by the moment at which it was held, and is priced by the version of FILE that was in force
then (before the first version began, by the first), or by the one that --book-version names. Near a change of version an
event keeps the version that it names. Under the book that it was charged with, every event comes out as it was.

What is exact: rates, units, the one rounding of each operation, what is free (failed, own key, nothing delivered). The
allowance takes the first characters again, in the order in which operations were held; its size is that of the plan that
the workspace ended the period on.

What is approximated: usage is taken as it was. Nobody is refused, or ends up in overage, because an operation would have
cost more, and agreed numbers of custom plans stay as they are. Where a hold was too small and a charge was cut short,
it is cut by the same share; such events are counted as "cut".

Events that FILE has no price for, or would not have served as only an allowance could pay for them, are counted apart
and are in neither sum.

Exit codes:
  0  every event has a price under the other book
  1  some have none, or would have been refused
  2  could not run: a fault in a price book, no database

Examples:
  polyphony ledger rerate --from 2026-01-01 --to 2026-02-01 --book new-prices.json
  polyphony ledger rerate --from 2026-01-01 --to 2026-02-01 --book prices.json --book-version 2026-07 --json | jq .total`;

interface RerateOptions {
  readonly from: Date;
  readonly to: Date;
  readonly book: string;
  readonly bookVersion?: string;
  readonly workspace?: string;
  readonly json?: boolean;
}

/** polyphony ledger rerate */
export function addRerate(ledger: Command, line: CommandLine): void {
  ledger
    .command('rerate')
    .description('price a past period under another book, without touching anything')
    .requiredOption('--from <moment>', 'the beginning, such as 2026-01-01 or 2026-01-01T12:00:00Z', moment)
    .requiredOption('--to <moment>', 'the end, which is not included', moment)
    .requiredOption('--book <file>', 'the other price book: a file, or the name of one that is shipped')
    .option('--book-version <name>', 'the version of the book to use throughout')
    .option('--workspace <id>', 'this workspace alone')
    .option('--json', 'answer in JSON: from, to, book, bookVersion, lines, total')
    .addHelpText('after', HELP)
    .action((options: RerateOptions) => rerate(line, options));
}

async function rerate(line: CommandLine, options: RerateOptions): Promise<void> {
  if (options.from >= options.to) throw new UsageError('--from must lie before --to.', COMMAND);
  if (options.workspace !== undefined && !isId(options.workspace)) throw noSuchWorkspace();
  const settings = line.settings();
  // Loaded when the command runs: it brings every adapter.
  const { firstPartyProviders } = require('../providers') as typeof import('../providers');
  const file = shippedPriceBook(options.book) ?? resolve(line.surroundings.directory, options.book);
  // Also a draft that begins later.
  const book = new PriceBook(readPriceBookFile(file), { overrides: zeroRates(settings) });
  const books: RerateBooks = {
    book,
    version: options.bookVersion === undefined ? null : versionOf(book, options.bookVersion),
    recordedUnder: openPriceBook(settings, systemClock),
    firstParty: await firstPartyProviders(),
  };
  const range: UsageRange = { from: options.from, to: options.to, workspaceId: options.workspace ?? null };
  const write = (text: string): void => line.surroundings.writeOut(text);
  const output = options.json ? new JsonOutput(write, options) : new TableOutput(write);
  const total = await line.withMigratedDatabase(async (database) => {
    const keptFrom = await eventsKeptFrom(database);
    if (keptFrom !== null && range.from < keptFrom) {
      throw new UsageError(
        `Events before ${keptFrom.toISOString()} were dropped, so they cannot be priced again; --from must not lie before it.`,
        COMMAND,
      );
    }
    if (range.workspaceId !== null && !(await exists(database, range.workspaceId))) throw noSuchWorkspace();
    return rerateAll(database, range, books, output, (text) => line.surroundings.writeError(`${text}\n`));
  });
  output.end(total);
  if (total.withoutPrice + total.refused > 0) line.exitCode = EXIT.negative;
}

/** Keeps the sums of one workspace at a time, whatever the range. */
async function rerateAll(
  database: Database,
  range: UsageRange,
  books: RerateBooks,
  output: RerateOutput,
  progress: (text: string) => void,
): Promise<RerateSums> {
  let total = NO_SUMS;
  let read = 0;
  let workspaces = 0;
  for await (const { workspaceId, usage } of workspacesWithUsage(database, range)) {
    const rerating = new WorkspaceRerating(books);
    const lines = new WorkspaceLines(workspaceId);
    for await (const { event, periodNumber, period, inRange } of usage) {
      const repriced = rerating.reprice(event, periodNumber, period);
      if (inRange) lines.add(event, sumsOf(event, repriced));
      read += 1;
      if (read % PROGRESS_EVENTS === 0) progress(`${read} events read, ${workspaces} workspaces done`);
    }
    for (const line of lines.sorted()) {
      total = addSums(total, line);
      output.line(line);
    }
    workspaces += 1;
  }
  progress(`${total.events} events of ${workspaces} ${workspaces === 1 ? 'workspace' : 'workspaces'} priced`);
  return total;
}

async function exists(database: Database, workspaceId: string): Promise<boolean> {
  const { rows } = await database.query('SELECT 1 FROM workspaces WHERE id = $1', [workspaceId]);
  return rows.length > 0;
}

function versionOf(book: PriceBook, name: string) {
  const version = book.findVersion(name);
  if (version) return version;
  const names = book.versions.map((known) => known.version).join(', ');
  throw new UsageError(`The price book has no version "${name}"; its versions are ${names}.`, COMMAND);
}
