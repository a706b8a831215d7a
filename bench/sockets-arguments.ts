import { parseArgs } from 'node:util';
import { wholeNumber } from './whole-number';

export interface SocketsArguments {
  readonly sockets: number;
  readonly workspaces: number;
  /** Of all workspaces together. */
  readonly eventsPerSecond: number;
  readonly seconds: number;
  readonly embedded: boolean;
  readonly json: boolean;
  /** Files of V8's profiler; null: none are written. */
  readonly profileDirectory: string | null;
}

/** What a server lets one workspace open. */
const OF_A_WORKSPACE_MAX = 2_000;

const HELP = `npm run bench -- sockets [options]

Measures live usage for many: sockets that each follow usageUpdated, in a process of their own, while operations settle
on the whole path. One line for each figure: name, value, unit. Every socket must get every event of its workspace once
and in order, also after all of them have reconnected at once, or the run fails with exit code 1.

  --sockets <n>             sockets (10000)
  --workspaces <n>          over so many workspaces (200); a workspace may open ${OF_A_WORKSPACE_MAX}
  --events-per-second <n>   operations that settle, of all workspaces together (50)
  --seconds <n>             how long (60)
  --embedded                measure on the embedded database, whatever else there is
  --profile <dir>           write a CPU profile of the server there
  --json                    one JSON document in place of the lines

Whether memory stays flat is seen over ten minutes: --seconds 600.
`;

/** Prints the help, or what is wrong, and ends the process where there is nothing to run. */
export function readSocketsArguments(argv: readonly string[]): SocketsArguments {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        sockets: { type: 'string', default: '10000' },
        workspaces: { type: 'string', default: '200' },
        'events-per-second': { type: 'string', default: '50' },
        seconds: { type: 'string', default: '60' },
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
    const sockets = wholeNumber('sockets', values.sockets, 1, 50_000);
    const workspaces = wholeNumber('workspaces', values.workspaces, 1, 5_000);
    if (workspaces > sockets) throw new Error('--workspaces takes at most as many as there are sockets.');
    if (Math.ceil(sockets / workspaces) > OF_A_WORKSPACE_MAX) {
      throw new Error(`A workspace may open ${OF_A_WORKSPACE_MAX} sockets: take more workspaces or fewer sockets.`);
    }
    return {
      sockets,
      workspaces,
      eventsPerSecond: wholeNumber('events-per-second', values['events-per-second'], 1, 1_000),
      seconds: wholeNumber('seconds', values.seconds, 5, 3_600),
      embedded: values.embedded,
      json: values.json,
      profileDirectory: values.profile ?? null,
    };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${HELP}`);
    process.exit(2);
  }
}
