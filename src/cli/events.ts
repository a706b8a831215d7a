import type { Command } from 'commander';
import { dropEventMonth, droppableMonths, type EventMonth, eventMonths, KEPT_DAYS } from '../ledger/event-months';
import type { CommandLine } from './command-line';
import { UsageError } from './failures';
import { moment } from './option-values';
import { type Column, tableLines } from './text-table';

const DAY_MS = 86_400_000;

const HELP = `
Usage events are kept in a partition for each month. Dropping old ones frees their space at once; sums (usageBuckets,
voiceUsage, usage), the journal, balances and invoices stay, and "ledger verify" still proves them. What goes is the log
of single operations: usageEvents, usageEvent, speech and the like no longer find them, and "ledger rerate" cannot price
them again.

A month can be dropped ${KEPT_DAYS} days after its end. Without --yes nothing is changed.

Exit codes:
  0  done, or nothing to drop
  2  could not run

Examples:
  polyphony events months
  polyphony events drop --before 2026-01-01 --yes`;

/** polyphony events months, drop */
export function addEvents(program: Command, line: CommandLine): void {
  const events = program.command('events').description('the log of usage events, month by month');
  events
    .command('months')
    .description('list the partitions, with their events and bytes')
    .option('--json', 'answer in JSON: months of name, end, events, bytes')
    .addHelpText('after', HELP)
    .action((options: { json?: boolean }) => list(line, options));
  events
    .command('drop')
    .description('drop the events of old months')
    .requiredOption('--before <date>', 'months that end then or earlier', moment)
    .option('--yes', 'do it; without it, tell what would be dropped')
    .option('--json', 'answer in JSON: dropped, and months of name, end, events, bytes')
    .addHelpText('after', HELP)
    .action((options: DropOptions) => drop(line, options));
}

interface DropOptions {
  readonly before: Date;
  readonly yes?: boolean;
  readonly json?: boolean;
}

async function list(line: CommandLine, options: { readonly json?: boolean }): Promise<void> {
  const months = await line.withMigratedDatabase(eventMonths);
  line.answer(options, { months }, tableOf(months));
}

async function drop(line: CommandLine, options: DropOptions): Promise<void> {
  const { before } = options;
  const months = await line.withMigratedDatabase(async (database) => {
    const { rows } = await database.query<{ now: Date }>('SELECT ledger_now() AS now');
    const latest = new Date(rows[0]!.now.getTime() - KEPT_DAYS * DAY_MS);
    if (before > latest)
      throw new UsageError(
        `--before must be at least ${KEPT_DAYS} days ago: ${latest.toISOString()} or earlier.`,
        'polyphony events drop',
      );
    const found = await droppableMonths(database, before);
    if (options.yes) {
      for (const { name, events } of found) {
        line.surroundings.writeError(`Dropping ${name}, ${events} events ...\n`);
        await dropEventMonth(database, name);
      }
    }
    return found;
  });
  const dropped = options.yes === true;
  const said = dropped ? 'Dropped:' : 'Would be dropped; repeat with --yes:';
  line.answer(
    options,
    { dropped, months },
    months.length === 0 ? ['There is nothing to drop.'] : [said, ...tableOf(months)],
  );
}

const COLUMNS: readonly Column[] = [
  { title: 'PARTITION' },
  { title: 'UP TO' },
  { title: 'EVENTS', right: true },
  { title: 'BYTES', right: true },
];

const tableOf = (months: readonly EventMonth[]): string[] =>
  tableLines(
    COLUMNS,
    months.map(({ name, end, events, bytes }) => [
      name,
      end === null ? 'any other time' : end.toISOString().slice(0, 10),
      String(events),
      String(bytes),
    ]),
  );
