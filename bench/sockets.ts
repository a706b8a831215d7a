import { setTimeout as pause } from 'node:timers/promises';
import type { GraphqlClient } from '../test/support/graphql-client';
import { EMBEDDED, openBenchDatabase } from './bench-database';
import { type Figure, shown } from './figures';
import type { CrowdOrder, CrowdReport } from './socket-crowd';
import { readSocketsArguments, type SocketsArguments } from './sockets-arguments';
import { openSocketsSurroundings, residentBytes, type SocketsSurroundings } from './sockets-surroundings';

const SPEAK = `mutation Speak($input: SynthesizeSpeechInput!) {
  synthesizeSpeech(input: $input) { usage { id } }
}`;
const TEXT = 'The quick brown fox jumps over the lazy dog.';

/** Before memory is measured: code is compiled and pools are filled. */
const WARM_UP_SOCKETS = 50;
const WARM_UP_ROUNDS = 300;
/** How long the sockets may take to begin, to get the last events, and to come back. */
const PATIENCE_MS = 60_000;
/** Events of each workspace that everybody misses while they are away. */
const MISSED_OF_EACH = 3;
const SAMPLES = 20;

type Say = (text: string) => void;

export interface SocketsResult {
  readonly figures: readonly Figure[];
  /** What a socket did not get, got twice or got in another order; in words. Empty: nothing. */
  readonly faults: readonly string[];
}

/** Runs the benchmark with the arguments of its command line; sets the exit code. */
export async function runSockets(argv: readonly string[]): Promise<void> {
  const options = readSocketsArguments(argv);
  const say: Say = (text) => void process.stderr.write(`${text}\n`);
  const url = process.env.BENCH_DATABASE_URL || process.env.TEST_DATABASE_URL;
  const surroundings = await openSocketsSurroundings(
    async () => (options.embedded ? EMBEDDED : openBenchDatabase(url)),
    options,
  );
  const interrupted = (): void => void surroundings.close().finally(() => process.exit(130));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    const { figures, faults } = await measureSockets(surroundings, options, say);
    for (const fault of faults) say(`FAULT ${fault}`);
    if (options.json) process.stdout.write(`${JSON.stringify({ database: surroundings.database, figures, faults })}\n`);
    else for (const { name, value, unit } of figures) process.stdout.write(`${name} ${shown(value)} ${unit}\n`);
    if (faults.length > 0) process.exitCode = 1;
  } finally {
    await surroundings.close();
  }
}

async function measureSockets(
  surroundings: SocketsSurroundings,
  options: SocketsArguments,
  say: Say,
): Promise<SocketsResult> {
  const { server, crowd, admin, keys } = surroundings;
  const clients = keys.map((key) => admin.as(key));
  const rss = (): number => residentBytes(server.pid);
  say(`on ${surroundings.database}; ${options.sockets} sockets over ${options.workspaces} workspaces`);

  await open(surroundings, Math.min(WARM_UP_SOCKETS, options.sockets));
  for (let round = 0; round < WARM_UP_ROUNDS; round++) await speak(clients[round % clients.length]!);
  await crowd.ask('close');
  await pause(2_000);
  const before = rss();

  const opened = performance.now();
  await open(surroundings, options.sockets);
  await awake(surroundings, clients, options.sockets);
  const listening = rss();
  say(
    `all listen after ${seconds(opened)} s: ${kilobytesEach(listening - before, options.sockets)} kB a socket ` +
      `(${megabytes(before)} MB before, ${megabytes(listening)} MB now)`,
  );

  await crowd.ask('begin');
  const settled = clients.map((): Set<string> => new Set());
  const samples: number[] = [];
  const started = performance.now();
  const sampling = setInterval(
    () => {
      samples.push(rss());
      say(`${seconds(started)} s: ${kilobytesEach(samples.at(-1)! - before, options.sockets)} kB a socket`);
    },
    (options.seconds * 1_000) / SAMPLES,
  );
  const events = await everySoOften(1_000 / options.eventsPerSecond, options.seconds * 1_000, async (n) => {
    const place = n % clients.length;
    settled[place]!.add(await speak(clients[place]!));
  });
  const lasted = (performance.now() - started) / 1_000;
  clearInterval(sampling);
  const report = await reportOf(surroundings, settled, options.sockets);
  const after = rss();

  const expected = messagesOf(settled, options.sockets);
  const storm = await reconnect(surroundings, clients, options.sockets, say);
  const faults = [...faultsOf(report, settled), ...storm.faults];
  const early = samples[Math.floor(samples.length / 5)] ?? after;
  return {
    faults,
    figures: [
      { name: 'sockets_push_ms_p50', value: report.p50, unit: 'ms' },
      { name: 'sockets_push_ms_p99', value: report.p99, unit: 'ms' },
      { name: 'sockets_push_ms_max', value: report.max, unit: 'ms' },
      { name: 'sockets_bytes_each', value: (Math.max(after, listening) - before) / options.sockets, unit: 'bytes' },
      { name: 'sockets_rss_growth', value: (after - early) / 1e6, unit: 'MB' },
      { name: 'sockets_events_per_second', value: events / lasted, unit: 'events/s' },
      { name: 'sockets_messages_per_second', value: report.received / lasted, unit: 'messages/s' },
      { name: 'sockets_missed', value: expected - report.received, unit: 'messages' },
      { name: 'sockets_misplaced', value: report.misplaced, unit: 'messages' },
      { name: 'sockets_storm_seconds', value: storm.seconds, unit: 's' },
      { name: 'sockets_storm_missed', value: storm.missed, unit: 'messages' },
      { name: 'sockets_storm_bytes_each', value: (rss() - before) / options.sockets, unit: 'bytes' },
    ],
  };
}

const open = ({ server, crowd, keys }: SocketsSurroundings, sockets: number): Promise<number> =>
  crowd.ask<number>('open', { origin: server.url, keys, sockets } satisfies CrowdOrder);

/** Nothing tells that a subscription has begun but its first event. */
async function awake(
  { crowd }: SocketsSurroundings,
  clients: readonly GraphqlClient[],
  sockets: number,
): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    for (const client of clients) await speak(client);
    const heard = await crowd.ask<number>('awake');
    if (heard === sockets) break;
    if (Date.now() > deadline) throw new Error(`only ${heard} of ${sockets} sockets heard anything`);
  }
  // What is still on its way belongs to the time before.
  for (let last = -1, now = 0; last !== now; last = now, now = await crowd.ask<number>('received')) await pause(500);
}

/** Every socket breaks, each workspace settles something, and all come back at once. */
async function reconnect(
  surroundings: SocketsSurroundings,
  clients: readonly GraphqlClient[],
  sockets: number,
  say: Say,
): Promise<{ readonly seconds: number; readonly missed: number; readonly faults: readonly string[] }> {
  const { crowd } = surroundings;
  await crowd.ask('drop');
  await crowd.ask('begin');
  const settled = clients.map((): Set<string> => new Set());
  for (let round = 0; round < MISSED_OF_EACH; round++) {
    for (const [place, client] of clients.entries()) settled[place]!.add(await speak(client));
  }
  const began = performance.now();
  await crowd.ask('reconnect');
  const report = await reportOf(surroundings, settled, sockets);
  const lasted = (performance.now() - began) / 1_000;
  say(`all were back after ${lasted.toFixed(1)} s, with what they had missed`);
  return {
    seconds: lasted,
    missed: messagesOf(settled, sockets) - report.received,
    faults: faultsOf(report, settled).map((fault) => `after the reconnection: ${fault}`),
  };
}

/** What came in the end: everything, or what there was when patience was over. */
async function reportOf(
  { crowd }: SocketsSurroundings,
  settled: readonly ReadonlySet<string>[],
  sockets: number,
): Promise<CrowdReport> {
  const expected = messagesOf(settled, sockets);
  const deadline = Date.now() + PATIENCE_MS;
  while ((await crowd.ask<number>('received')) < expected && Date.now() < deadline) await pause(100);
  return crowd.ask<CrowdReport>('report');
}

/** Socket n belongs to workspace n modulo their number. */
const messagesOf = (settled: readonly ReadonlySet<string>[], sockets: number): number =>
  settled.reduce((sum, { size }, place) => sum + size * Math.ceil((sockets - place) / settled.length), 0);

function faultsOf(report: CrowdReport, settled: readonly ReadonlySet<string>[]): string[] {
  const faults: string[] = [];
  if (report.misplaced > 0)
    faults.push(`${report.misplaced} events came twice, out of order or to the wrong workspace`);
  for (const [place, ids] of settled.entries()) {
    const events = report.events[place]!;
    const foreign = events.filter((id) => !ids.has(id)).length;
    if (foreign > 0) faults.push(`workspace ${place} got ${foreign} events that are not its own`);
    if (new Set(events).size !== ids.size) {
      faults.push(`workspace ${place} got ${new Set(events).size} of its ${ids.size} events`);
    }
    if (report.least[place] !== ids.size) {
      faults.push(`a socket of workspace ${place} got ${report.least[place]} of ${ids.size} events`);
    }
  }
  return faults;
}

async function speak(client: GraphqlClient): Promise<string> {
  const { synthesizeSpeech } = await client.data<{ synthesizeSpeech: { usage: { id: string } } }>(SPEAK, {
    input: { text: TEXT, provider: 'elevenlabs' },
  });
  return synthesizeSpeech.usage.id;
}

/** Starts something at even times, whatever became of the ones before; answers how often. */
async function everySoOften(everyMs: number, forMs: number, task: (n: number) => Promise<void>): Promise<number> {
  const running: Promise<void>[] = [];
  const began = performance.now();
  for (let n = 0; n * everyMs < forMs; n++) {
    const wait = began + n * everyMs - performance.now();
    if (wait > 0) await pause(wait);
    running.push(task(n));
  }
  await Promise.all(running);
  return running.length;
}

const seconds = (since: number): string => ((performance.now() - since) / 1_000).toFixed(1);
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0);
const kilobytesEach = (bytes: number, sockets: number): string => (bytes / sockets / 1_000).toFixed(1);
