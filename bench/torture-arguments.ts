import { parseArgs } from 'node:util';
import { wholeNumber } from './whole-number';

export interface TortureArguments {
  readonly kills: number;
  readonly seed: number;
  readonly embedded: boolean;
  /** A PostgreSQL whose user may create databases. */
  readonly databaseUrl: string | undefined;
  readonly json: boolean;
}

const HELP = `npm run torture [-- options]

Kills a server (kill -9) at random moments under load, again and again on the same data, and proves after each restart
that the ledger is right and that every answer that was given stands in it once. At the end every hold that the kills
left must resolve itself, and the whole remainder must be spendable. One line for each kill on standard error, one line
for each figure on standard output: name, value, unit.

  --kills <n>            how often (100)
  --embedded             on the embedded PostgreSQL
  --database-url <url>   on a database of its own of this PostgreSQL, whose user may create databases; when left out
                         BENCH_DATABASE_URL, else TEST_DATABASE_URL, else one of its own from what is installed, else
                         the embedded one
  --seed <n>             the moments and texts of an earlier run; a new one when left out
  --json                 one JSON document in place of the lines
  -h, --help             this text

Exit codes:
  0  every promise was kept
  1  findings, each told on standard error
  2  could not run
`;

/** Prints the help, or what is wrong, and ends the process where there is nothing to run. */
export function readTortureArguments(argv: readonly string[]): TortureArguments {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        kills: { type: 'string', default: '100' },
        embedded: { type: 'boolean', default: false },
        'database-url': { type: 'string' },
        seed: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(HELP);
      process.exit(0);
    }
    if (values.embedded && values['database-url'] !== undefined) {
      throw new Error('--embedded and --database-url exclude each other.');
    }
    return {
      kills: wholeNumber('kills', values.kills, 1, 100_000),
      seed: values.seed === undefined ? Date.now() % 2 ** 32 : wholeNumber('seed', values.seed, 0, 2 ** 32 - 1),
      embedded: values.embedded,
      databaseUrl: values['database-url'],
      json: values.json,
    };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${HELP}`);
    process.exit(2);
  }
}
