import type { Command } from 'commander';
import type { Settings } from '../config';
import { systemClock } from '../lib/clock';
import type { RunningServer } from '../server';
import type { CommandLine } from './command-line';
import { firstCall } from './first-call';
import { packageVersion } from './package-version';

const HELP = `
Prints where it listens, and at the first start the API key, which is shown that once. Logs are JSON lines on standard
error. SIGINT (Ctrl-C) and SIGTERM let running operations finish and settle; a second one ends the process at once.

Examples:
  polyphony serve
  PORT=8080 DATA_DIR=/var/lib/polyphony ELEVENLABS_API_KEY=... polyphony serve`;

/** A shell, npm and the terminal may each pass on the same Ctrl-C; a person who means it twice takes longer. */
const SAME_SIGNAL_MS = 500;

/** polyphony serve */
export function addServe(program: Command, line: CommandLine): void {
  program
    .command('serve')
    .description('run the server')
    .option(
      '--json',
      'answer in JSON, one line when it is ready: url, graphql, apiKey and adminKey (null unless made now)',
    )
    .addHelpText('after', HELP)
    .action((options: { json?: boolean }) => serve(line, options));
}

async function serve(line: CommandLine, options: { json?: boolean }): Promise<void> {
  const { writeOut } = line.surroundings;
  const say = (text: string): void => {
    if (!options.json) writeOut(`${text}\n`);
  };
  const began = systemClock.monotonic();
  const ending = endingOf(line, say);
  try {
    say(`Polyphony ${packageVersion()} starts.`);
    const settings = line.settings();
    say(`  database: ${placeOf(settings)}`);
    const server = await start(settings, (step) => say(`  ${step} ...`));
    const seconds = ((systemClock.monotonic() - began) / 1000).toFixed(1);
    if (options.json) {
      const { url, bootstrap } = server;
      writeOut(`${JSON.stringify({ url, graphql: `${url}/graphql`, ...bootstrap })}\n`);
    }
    say(`  ready after ${seconds} s\n\n${welcome(server, settings)}\n`);
    await ending.asked;
    await server.stop();
    say('Stopped.');
  } finally {
    ending.stopListening();
  }
}

async function start(settings: Settings, onProgress: (step: string) => void): Promise<RunningServer> {
  const { startServer } = require('../server') as typeof import('../server');
  try {
    return await startServer(settings, { onProgress });
  } catch (error) {
    throw listenFailure(error as NodeJS.ErrnoException, settings) ?? error;
  }
}

function listenFailure(error: NodeJS.ErrnoException, { host, port }: Settings): Error | null {
  if (error.syscall !== 'listen' && error.syscall !== 'getaddrinfo') return null;
  switch (error.code) {
    case 'EADDRINUSE':
      return new Error(
        `Port ${port} of ${host} is taken. Stop what listens there, or set PORT to another (0: any free one).`,
      );
    case 'EACCES':
      return new Error(`Port ${port} may not be opened by this user. Set PORT to 1024 or higher.`);
    default:
      return new Error(
        `HOST ${host} is no address of this machine (${error.code}). Set HOST to 127.0.0.1, or 0.0.0.0 for all.`,
      );
  }
}

const placeOf = (settings: Settings): string =>
  settings.databaseUrl ? 'PostgreSQL of DATABASE_URL' : `embedded PostgreSQL in ${settings.dataDirectory}`;

function welcome({ url, bootstrap }: RunningServer, settings: Settings): string {
  const parts = [
    [
      `GraphQL   ${url}/graphql   (HTTP and WebSocket)`,
      `GraphiQL  ${url}/graphiql   (an editor in the browser)`,
      `Health    ${url}/readyz   (and /healthz, /metrics)`,
    ].join('\n'),
  ];
  if (bootstrap.apiKey) parts.push(`Your API key. Keep it: it is shown this once.\n\n  ${bootstrap.apiKey}`);
  if (bootstrap.adminKey)
    parts.push(
      `The operator's key, for making workspaces and granting credits; shown this once.\n\n  ${bootstrap.adminKey}`,
    );
  const key = bootstrap.apiKey ?? (settings.bootstrap.apiKey ? '$BOOTSTRAP_API_KEY' : '$POLYPHONY_API_KEY');
  parts.push(`Make speech${whereTheKeyIs(bootstrap.apiKey, settings)}:\n\n${firstCall(url, key)}`);
  parts.push('Open the url of the answer to hear it. Stop the server with Ctrl-C.');
  return parts.join('\n\n');
}

function whereTheKeyIs(made: string | null, settings: Settings): string {
  if (made) return '';
  if (settings.bootstrap.apiKey) return ' with the key of BOOTSTRAP_API_KEY';
  return ' with your key in POLYPHONY_API_KEY ("polyphony keys create" makes another)';
}

/** `asked` resolves at the first signal to end; the second one ends the process without further ado. */
function endingOf(line: CommandLine, say: (text: string) => void): { asked: Promise<void>; stopListening: () => void } {
  let stopListening = (): void => {};
  const asked = new Promise<void>((resolve) => {
    let first: number | null = null;
    stopListening = line.surroundings.onEndSignal((signal) => {
      const now = systemClock.monotonic();
      if (first === null) {
        first = now;
        say('\nStopping: what runs is finished first. Press Ctrl-C again to stop at once.');
        resolve();
      } else if (now - first > SAME_SIGNAL_MS) {
        line.surroundings.exit(signal === 'SIGINT' ? 130 : 143);
      }
    });
  });
  return { asked, stopListening: () => stopListening() };
}
