import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openDatabase } from '../src/db/open-database';
import { PostgresLedger } from '../src/ledger/ledger';
import { verifyLedger } from '../src/ledger/verify';
import { systemClock } from '../src/lib/clock';
import { micro } from '../src/lib/credits';
import { newId } from '../src/lib/ids';
import { Secret } from '../src/lib/secret';
import { GraphqlClient } from '../test/support/graphql-client';
import { startServerProcess } from '../test/support/server-process';
import { openBenchDatabase } from './bench-database';
import { type Figure, median, percentile, shown } from './figures';
import { createWorkspace, PRICE_BOOK } from './surroundings';
import { readUsageArguments, type UsageArguments } from './usage-arguments';
import { writeHistory } from './usage-history';

const CALLERS = 50;
const ROUNDS = 3;
const ZONES = ['UTC', 'America/New_York', 'Asia/Kolkata', 'Pacific/Apia'];
const DIMENSIONS = ['PROVIDER', 'CAPABILITY', 'MODEL', 'VOICE_ID', 'LANGUAGE', 'API_KEY', 'END_USER', 'CREDENTIAL'];
const DAY_MS = 86_400_000;

const BUCKETS = `query Buckets($filter: UsageBucketFilter!) {
  usageBuckets(filter: $filter, first: 100) {
    edges { node { start end provider capability model voiceId language apiKeyId endUserId credential requests failures
      credits costUsd characters audioSeconds inputTokens outputTokens } }
    pageInfo { hasNextPage endCursor }
  }
}`;
const USAGE = `{ usage { credits { used limit remaining } breakdown { tts stt llm rag } requestCount characters { used limit }
  requests { rateLimit currentMinute } apiKeys { active max } periodStart periodEnd } }`;
const EVENTS = `query Events($filter: UsageEventFilter) {
  usageEvents(filter: $filter, first: 50) { edges { node { id status credits settledAt } } }
}`;
const VOICES = `query Voices($start: Date!, $end: Date!) {
  voiceUsage(startDate: $start, endDate: $end, first: 100) { edges { node { date voiceId minutes requests credits } } }
}`;

type Say = (text: string) => void;

/** Runs the benchmark with the arguments of its command line. */
export async function runUsage(argv: readonly string[]): Promise<void> {
  const options = readUsageArguments(argv);
  const say: Say = (text) => void process.stderr.write(`${text}\n`);
  const closers: (() => Promise<unknown> | unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  process.once('SIGINT', () => void close().finally(() => process.exit(130)));
  try {
    const database = await openBenchDatabase(process.env.BENCH_DATABASE_URL || process.env.TEST_DATABASE_URL);
    closers.push(() => database.close());
    if (database.url === null) throw new Error('This measures PostgreSQL: install it, or set BENCH_DATABASE_URL.');
    say(`on ${database.description}`);
    const figures = await measure(database.url, options, closers, say);
    if (options.json) process.stdout.write(`${JSON.stringify({ database: database.description, figures })}\n`);
    else for (const { name, value, unit } of figures) process.stdout.write(`${name} ${shown(value)} ${unit}\n`);
  } finally {
    await close();
  }
}

async function measure(
  url: string,
  options: UsageArguments,
  closers: (() => Promise<unknown> | unknown)[],
  say: Say,
): Promise<Figure[]> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'polyphony-bench-'));
  closers.push(() => rmSync(directory, { recursive: true, force: true }));
  const adminKey = `bench-${randomBytes(16).toString('hex')}`;
  const server = await startServerProcess({
    env: {
      PORT: '0',
      DATA_DIR: directory,
      DATABASE_URL: url,
      ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      PRICE_BOOK,
      BOOTSTRAP_ADMIN_KEY: adminKey,
      BOOTSTRAP_PLAN: 'storm',
    },
  });
  closers.push(() => server.stop());
  const admin = new GraphqlClient(server.url, adminKey);
  closers.push(() => admin.close());
  const clients: GraphqlClient[] = [];
  const workspaceIds: string[] = [];
  for (let made = 0; made < options.workspaces; made++) {
    const client = admin.as(await createWorkspace(admin));
    clients.push(client);
    const { workspace } = await client.data<{ workspace: { id: string } }>('{ workspace { id } }');
    workspaceIds.push(workspace.id);
  }
  // One that has no history, so that both measurements are of the same account.
  const settling = admin.as(await createWorkspace(admin));
  const { workspace } = await settling.data<{ workspace: { id: string } }>('{ workspace { id } }');
  const ledger = await openLedger(url, directory, closers);
  const settle = () => settledPerSecond(ledger, workspace.id, options.operations);
  await settle();
  const atStart = await rounds(settle);
  say(`${shown(atStart)} operations settle a second where there are no events`);
  await writeHistory(url, { ...options, workspaceIds }, say);
  await settle();
  const atEnd = await rounds(settle);
  say(`${shown(atEnd)} operations settle a second beside ${options.events} events`);

  const now = Date.now();
  const figures: Figure[] = [
    { name: 'usage_settled_per_second_at_start', value: atStart, unit: 'operations/s' },
    { name: 'usage_settled_per_second_at_end', value: atEnd, unit: 'operations/s' },
    { name: 'usage_settled_end_share_of_start', value: (100 * atEnd) / atStart, unit: '%' },
  ];
  const kinds: readonly (readonly [string, (n: number) => readonly [string, Record<string, unknown>]])[] = [
    ['usage_buckets', (n) => [BUCKETS, { filter: bucketFilter(now, n, pairOf(n)) }]],
    ['usage_buckets_key_and_end_user', (n) => [BUCKETS, { filter: bucketFilter(now, n, ['API_KEY', 'END_USER']) }]],
    ['usage_summary', () => [USAGE, {}]],
    ['usage_events_page', (n) => [EVENTS, { filter: n % 2 ? null : { end: new Date(now - 20 * DAY_MS) } }]],
    ['usage_voices', () => [VOICES, { start: dateOf(now - 30 * DAY_MS), end: dateOf(now) }]],
  ];
  for (const [name, ask] of kinds) {
    const times: number[] = [];
    for (let n = 0; n < options.queries + WARM_UP; n++) {
      const [query, variables] = ask(n);
      const client = clients[(n * 37) % clients.length]!;
      const began = performance.now();
      await client.data(query, variables);
      if (n >= WARM_UP) times.push(performance.now() - began);
    }
    say(`${name}: p50 ${shown(median(times))} ms, p95 ${shown(percentile(times, 95))} ms`);
    figures.push({ name: `${name}_ms_p50`, value: median(times), unit: 'ms' });
    figures.push({ name: `${name}_ms_p95`, value: percentile(times, 95), unit: 'ms' });
  }
  if (options.verify) {
    say('proving that sums, events and journal agree ...');
    const { findings, events } = await ledger.database.transaction((tx) => verifyLedger(tx));
    for (const { invariant, detail } of findings.slice(0, 10)) say(`FAULT not true that ${invariant}: ${detail}`);
    if (findings.length > 0) process.exitCode = 1;
    figures.push({ name: 'usage_verified_events', value: events, unit: 'events' });
    figures.push({ name: 'usage_findings', value: findings.length, unit: 'findings' });
  }
  return figures;
}

/** Plans and pools of the server. */
const WARM_UP = 20;

async function openLedger(url: string, dataDirectory: string, closers: (() => Promise<unknown> | unknown)[]) {
  const log = { info: () => {}, warn: () => {}, error: (fields: unknown) => void console.error(fields) };
  const database = await openDatabase({ databaseUrl: new Secret(url), dataDirectory }, { log, clock: systemClock });
  closers.push(() => database.close());
  const ledger = new PostgresLedger({ database, clock: systemClock, owner: newId(), roll: async () => {} });
  return { database, ledger };
}

async function rounds(measureOnce: () => Promise<number>): Promise<number> {
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round++) rates.push(await measureOnce());
  return median(rates);
}

/** Reserves and settles of 50 callers, on one account, without server and provider. */
async function settledPerSecond(
  { ledger }: Awaited<ReturnType<typeof openLedger>>,
  workspaceId: string,
  operations: number,
): Promise<number> {
  const event = {
    capability: 'TEXT_TO_SPEECH',
    provider_id: 'elevenlabs',
    model: 'elevenlabs/model',
    credential: 'PLATFORM',
    voice_id: 'voice',
    voice_name: 'Voice',
    language: 'en',
    style: null,
    quality: null,
    api_key_id: null,
    end_user_id: null,
    metadata: null,
    characters: 44,
    input_tokens: 11,
    output_tokens: 0,
    requests: 1,
    estimated_credits: '7304000',
    estimated_audio_milliseconds: 3_000,
    rate_card_version: 'bench',
    attempts: [],
    artifact: null,
  } as const;
  let left = operations;
  const began = performance.now();
  const caller = async (): Promise<void> => {
    while (left-- > 0) {
      const operationId = newId();
      const held = await ledger.reserve({
        operationId,
        workspaceId,
        credits: micro(1_000),
        units: 0,
        rate: null,
        per: 1,
        allowanceEligible: false,
        allowanceOnly: false,
        maxCredits: null,
        clientTokenId: null,
        listCredits: micro(1_000),
        idempotency: null,
        details: event,
      });
      if (held.outcome !== 'HELD') throw new Error(`the ledger answered ${held.outcome}`);
      await ledger.settle({
        operationId,
        workspaceId,
        credits: micro(1_000),
        allowance: 0,
        listCredits: micro(1_000),
        event: {
          ...event,
          status: 'SUCCEEDED',
          error_code: null,
          client_token_id: null,
          audio_milliseconds: 2_640,
          provider_count: null,
          latency_ms: 1,
          end_user_id: `user-${left % 50}`,
        },
      });
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return (1_000 * operations) / (performance.now() - began);
}

const bucketFilter = (now: number, n: number, groupBy: readonly string[]) => ({
  start: new Date(now - 30 * DAY_MS).toISOString(),
  end: new Date(now).toISOString(),
  width: 'DAY',
  timeZone: ZONES[n % ZONES.length],
  groupBy,
});

/** Two dimensions, each pair in its turn. */
function pairOf(n: number): readonly string[] {
  const first = n % DIMENSIONS.length;
  const second = (first + 1 + (Math.floor(n / DIMENSIONS.length) % (DIMENSIONS.length - 1))) % DIMENSIONS.length;
  return [DIMENSIONS[first]!, DIMENSIONS[second]!];
}

const dateOf = (moment: number): string => new Date(moment).toISOString().slice(0, 10);
