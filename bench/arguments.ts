import { parseArgs } from 'node:util';
import { wholeNumber } from './whole-number';

export interface BenchArguments {
  readonly callers: number;
  readonly seconds: number;
  readonly rounds: number;
  readonly subscribers: number;
  readonly streams: number;
  /** The embedded database, whatever is installed. */
  readonly embedded: boolean;
  readonly json: boolean;
  /** Files of V8's profiler, one of each process of the server; null: none are written. */
  readonly profileDirectory: string | null;
}

const HELP = `npm run bench [-- options]

Measures the server on PostgreSQL (BENCH_DATABASE_URL, else TEST_DATABASE_URL, else one of its own from what is
installed, else the embedded one) with a stand-in for the provider, all on this machine. One line for each figure:
name, value, unit. What was measured how is in bench/README.md.

  --callers <n>      callers at once (50)
  --seconds <n>      length of each round (10)
  --rounds <n>       rounds, of which the median counts (3)
  --subscribers <n>  subscribers to usageUpdated, over 50 workspaces (1000)
  --streams <n>      speeches that are listened to at once, over addresses and sockets (200)
  --embedded         measure on the embedded database, whatever else there is
  --profile <dir>    write CPU profiles of the servers there
  --json             one JSON document in place of the lines
`;

/** Prints the help, or what is wrong, and ends the process where there is nothing to run. */
export function readArguments(argv: readonly string[]): BenchArguments {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        callers: { type: 'string', default: '50' },
        seconds: { type: 'string', default: '10' },
        rounds: { type: 'string', default: '3' },
        subscribers: { type: 'string', default: '1000' },
        streams: { type: 'string', default: '200' },
        embedded: { type: 'boolean', default: false },
        profile: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(HELP);
      process.exit(0);
    }
    return {
      callers: wholeNumber('callers', values.callers, 1, 1_000),
      seconds: wholeNumber('seconds', values.seconds, 1, 600),
      rounds: wholeNumber('rounds', values.rounds, 1, 100),
      subscribers: wholeNumber('subscribers', values.subscribers, 50, 10_000),
      streams: wholeNumber('streams', values.streams, 2, 1_000),
      embedded: values.embedded,
      json: values.json,
      profileDirectory: values.profile ?? null,
    };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${HELP}`);
    process.exit(2);
  }
}
