import { parseArgs } from 'node:util';
import { wholeNumber } from './whole-number';

export interface UsageArguments {
  readonly events: number;
  readonly days: number;
  readonly workspaces: number;
  readonly queries: number;
  /** Operations of each measurement of the ledger. */
  readonly operations: number;
  /** Proves sums, events and journal against each other in the end. */
  readonly verify: boolean;
  readonly json: boolean;
}

const HELP = `npm run bench -- usage [options]

Fills PostgreSQL (BENCH_DATABASE_URL, else TEST_DATABASE_URL, else one of its own) with usage events, their sums and
their journal, and measures queries through GraphQL and how fast operations settle before and after. One line for each
figure: name, value, unit. Ten million events take some 10 GB for as long as it runs, and about 15 minutes.

  --events <n>      usage events (10000000)
  --days <n>        over so many days (90)
  --workspaces <n>  over so many workspaces (200)
  --queries <n>     queries of each kind (400)
  --operations <n>  operations that settle, in each measurement (20000)
  --no-verify       leave out the proof that sums, events and journal agree
  --json            one JSON document in place of the lines
`;

/** Prints the help, or what is wrong, and ends the process where there is nothing to run. */
export function readUsageArguments(argv: readonly string[]): UsageArguments {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        events: { type: 'string', default: '10000000' },
        days: { type: 'string', default: '90' },
        workspaces: { type: 'string', default: '200' },
        queries: { type: 'string', default: '400' },
        operations: { type: 'string', default: '20000' },
        'no-verify': { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(HELP);
      process.exit(0);
    }
    return {
      events: wholeNumber('events', values.events, 1_000, 100_000_000),
      days: wholeNumber('days', values.days, 31, 1_000),
      workspaces: wholeNumber('workspaces', values.workspaces, 1, 1_000),
      queries: wholeNumber('queries', values.queries, 20, 100_000),
      operations: wholeNumber('operations', values.operations, 100, 1_000_000),
      verify: !values['no-verify'],
      json: values.json,
    };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${HELP}`);
    process.exit(2);
  }
}
