import { type RanCommand, runCommand } from '../cli/support/run-command';
import { moveClock } from '../support/database';
import { startTestServer, type TestServer } from '../support/test-server';
import { onlyError, speak, synthesize } from './support/speech-api';

const DAY_MS = 86_400_000;
const ADMIN_KEYS = {
  OPENAI_ADMIN_KEY: 'sk-admin-canary-openai-1',
  ANTHROPIC_ADMIN_KEY: 'sk-ant-admin-canary-2',
  ELEVENLABS_ADMIN_KEY: 'canary-elevenlabs-3',
};
const REPORT = `query Report($provider: ID!, $start: DateTime!, $end: DateTime!) {
  reconciliation(provider: $provider, start: $start, end: $end) {
    provider start end unresolved countedAt rows { date unit ours theirs drift }
  }
}`;
interface Report extends Record<string, unknown> {
  readonly reconciliation: {
    readonly provider: string;
    readonly start: string;
    readonly end: string;
    readonly unresolved: number;
    readonly countedAt: string;
    readonly rows: readonly { date: string; unit: string; ours: string; theirs: string; drift: string }[];
  };
}

let server: TestServer;
const printed: string[] = [];
const day = (offset: number): string => new Date(Date.now() + offset * DAY_MS).toISOString();
const span = { start: day(-2), end: day(2) };

const report = async (provider = 'elevenlabs') =>
  (await server.admin.data<Report>(REPORT, { provider, ...span })).reconciliation;
const refusal = async (variables: object) => {
  const { extensions, message } = onlyError(await server.admin.graphql(REPORT, { ...span, ...variables }));
  return { ...extensions, message };
};

async function reconcile(...options: string[]): Promise<RanCommand> {
  const { databaseUrl, dataDirectory } = server.data.database.settings;
  const environment = {
    DATA_DIR: dataDirectory,
    ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
    ELEVENLABS_BASE_URL: server.stub.url,
    OPENAI_BASE_URL: server.stub.url,
    ...ADMIN_KEYS,
    ...(databaseUrl && { DATABASE_URL: databaseUrl.reveal() }),
  };
  const range = options.includes('--from') ? [] : ['--from', day(-2).slice(0, 10), '--to', day(2).slice(0, 10)];
  const ran = await runCommand(['reconcile', ...options, ...range], environment, '/');
  printed.push(ran.out, ran.error);
  return ran;
}
const sums = (run: RanCommand) => JSON.parse(run.out) as Record<string, never>;

/** The provider lists what was spoken, and whatever else is given. */
async function listEverything(): Promise<void> {
  const { rows } = await server.database.query<{ id: string; model: string; at: Date; counted: number }>(
    `SELECT a ->> 'upstreamRequestId' AS id, e.model, e.created_at AS at, (e.provider_count ->> 'quantity')::float AS counted
     FROM usage_events e, jsonb_array_elements(e.attempts) a WHERE e.provider_id = 'elevenlabs' AND e.status = 'SUCCEEDED'
       AND a ->> 'credential' = 'PLATFORM'`,
  );
  server.stub.usage.elevenLabs.length = 0;
  for (const { id, model, at, counted } of rows) {
    server.stub.usage.elevenLabs.push({
      requestId: id,
      at: at.getTime(),
      model: model.split('/')[1]!,
      text: 'said',
      billed: counted,
    });
  }
}

beforeAll(async () => {
  server = await startTestServer({ env: { ...ADMIN_KEYS, MISTRAL_API_KEY: 'mistral-key' } });
  const other = await server.createWorkspace({ credits: '100' });
  await speak(server.client, { provider: 'elevenlabs', text: 'Hello there.' });
  await speak(server.client, { provider: 'elevenlabs', model: 'eleven_flash_v2_5', text: 'Hello there, all.' });
  await speak(other, { provider: 'elevenlabs', text: 'Good day.' });
  await speak(other, { provider: 'elevenlabs', text: 'Mine.' }, { 'x-provider-key-elevenlabs': 'own-key' });
  await listEverything();
});
afterAll(() => server?.close());

test('what was spoken with the key of the platform agrees with what the provider lists, over all workspaces', async () => {
  const { rows, unresolved, provider, start } = await report();
  expect(rows).toMatchObject([{ unit: 'CHARACTER', ours: '30', theirs: '30', drift: '0' }]);
  expect([provider, unresolved, start]).toEqual(['elevenlabs', 0, `${day(-2).slice(0, 10)}T00:00:00.000Z`]);
  const ran = await reconcile('elevenlabs');
  expect([ran.code, ran.error]).toEqual([0, expect.stringContaining('ElevenLabs: 1 page of requests read')]);
  expect(ran.out).toMatch(/DATE\s+UNIT\s+OURS\s+THEIRS\s+DRIFT\n.*CHARACTER\s+30\s+30\s+0\nNo drift/);
});

test('drift is told with the request that makes it, and the command ends with a code of its own', async () => {
  server.stub.usage.elevenLabs.push({ requestId: 'foreign', at: Date.now(), model: 'eleven_v3', text: 'x', billed: 7 });
  expect((await report()).rows).toMatchObject([{ ours: '30', theirs: '37', drift: '7' }]);
  const json = await reconcile('elevenlabs', '--json');
  expect(json.code).toBe(3);
  expect(sums(json)).toMatchObject({
    drift: true,
    rows: [{ drift: '7', drifted: true }],
    requests: { matched: 3, notListed: { count: 0 }, unclaimed: { count: 1, examples: [{ requestId: 'foreign' }] } },
  });
  const people = await reconcile('elevenlabs');
  expect([people.code, people.out]).toEqual([3, expect.stringMatching(/\+7\nDrift: 1 of 1 row differs[\s\S]*foreign/)]);
  server.stub.usage.elevenLabs.pop();
});

test('an operation whose server died is found, stays UNKNOWN and costs nothing, run by run', async () => {
  server.stub.fault(({ operation }) => (operation === 'speech' ? { kind: 'stall-before-headers' } : undefined));
  const called = server.stub.calls;
  const lost = synthesize(server.client, { provider: 'elevenlabs', text: 'Lost on the way.' });
  await server.stub.when(({ calls }) => calls > called);
  server.stub.usage.elevenLabs.push({
    requestId: 'lost',
    at: Date.now(),
    model: 'eleven_multilingual_v2',
    text: 'Lost on the way.',
    billed: 16,
  });
  await moveClock(server.database, 120_000);
  const [expired] = await server.container.ledger.leases.sweep();
  server.stub.fault(null);
  server.stub.dropConnections();
  await lost;
  expect(await report()).toMatchObject({ unresolved: 1, rows: [{ ours: '30', theirs: '46', drift: '16' }] });

  const first = await reconcile('elevenlabs', '--resolve', '--json');
  expect(first.code).toBe(0);
  expect(sums(first)).toMatchObject({
    unresolved: 0,
    open: [],
    resolved: [{ eventId: expired!.operationId, counted: '16 CHARACTER' }],
    rows: [{ ours: '46', theirs: '46', drift: '0' }],
  });
  const second = await reconcile('elevenlabs', '--resolve');
  expect([second.code, second.out]).toEqual([0, expect.stringContaining('0 lost operations were found.')]);
  expect(await report()).toMatchObject({ unresolved: 0, rows: [{ drift: '0' }] });
  const { usageEvent } = await server.client.data<{ usageEvent: object }>(
    'query Event($id: ID!) { usageEvent(id: $id) { status credits } }',
    { id: expired!.operationId },
  );
  expect(usageEvent).toEqual({ status: 'UNKNOWN', credits: '0' });
  expect((await server.verifyLedger()).findings).toEqual([]);
});

test.each([
  ['an unknown provider', { provider: 'nobody' }, { code: 'NOT_FOUND' }],
  ['no id at all', { provider: '\u0000' }, { code: 'NOT_FOUND' }],
  [
    'a provider that tells nothing',
    { provider: 'kokoro' },
    { code: 'UNSUPPORTED', supported: expect.arrayContaining(['openai', 'elevenlabs']) },
  ],
  [
    'a provider whose records the key that serves requests does not open',
    { provider: 'mistral' },
    { code: 'PROVIDER_NOT_CONFIGURED', message: expect.stringContaining('MISTRAL_ADMIN_KEY') },
  ],
  ['an end before the start', { start: span.end, end: span.start }, { code: 'BAD_USER_INPUT', field: 'end' }],
  ['no time at all', { start: span.start, end: span.start }, { code: 'BAD_USER_INPUT', field: 'end' }],
  ['a span of 32 days', { start: day(-32), end: day(0) }, { code: 'BAD_USER_INPUT', field: 'end' }],
  ['a span in the future', { start: day(2), end: day(3) }, { code: 'BAD_USER_INPUT', field: 'start' }],
])('%s is refused in words that tell what to do, and nobody is asked', async (_what, variables, expected) => {
  const requests = server.stub.requests.length;
  expect(await refusal({ provider: 'elevenlabs', ...variables })).toMatchObject(expected);
  expect(server.stub.requests.length).toBe(requests);
});

test('thirty-one days are served', async () => {
  const answer = await server.admin.graphql(REPORT, { provider: 'elevenlabs', start: day(-31), end: day(0) });
  expect(answer.errors).toBeUndefined();
});

test.each([
  [401, 'PROVIDER_UNAUTHORIZED'],
  [422, 'PROVIDER_REJECTED'],
])('a provider that answers %i is told as %s', async (status, code) => {
  server.stub.fault(() => ({ kind: 'answer', status, body: { detail: ADMIN_KEYS.ELEVENLABS_ADMIN_KEY } }));
  expect(await refusal({ provider: 'elevenlabs' })).toMatchObject({ code, provider: 'elevenlabs' });
  const ran = await reconcile('elevenlabs', '--json');
  expect([ran.code, ran.out, JSON.parse(ran.error.trim().split('\n').at(-1)!)]).toMatchObject([
    2,
    '',
    { error: { code } },
  ]);
  server.stub.fault(null);
});

test.each([
  [['nobody'], 1, /no such provider/],
  [['kokoro'], 2, /does not tell/],
  [['deepgram'], 2, /DEEPGRAM_API_KEY or DEEPGRAM_ADMIN_KEY/],
  [['elevenlabs', '--from', '2025-05-02', '--to', '2025-05-02'], 2, /--from must lie before --to/],
  [['elevenlabs', '--from', '2023-05-02', '--to', '2025-05-02'], 2, /longer than 366 days/],
  [['elevenlabs', '--from', '2025-02-30', '--to', '2025-05-02'], 2, /2030-01-31/],
  [['elevenlabs', '--from', '2999-01-01', '--to', '2999-02-01'], 2, /future/],
])('reconcile %j ends with %i', async (options, code, message) => {
  const ran = await reconcile(...options);
  expect([ran.code, ran.out, ran.error]).toEqual([code, '', expect.stringMatching(message)]);
});

test('a long span is asked for month by month and told as one', async () => {
  const ran = await reconcile('openai', '--from', '2025-01-15', '--to', '2025-04-10', '--json');
  expect(ran.code).toBe(0);
  expect(sums(ran)).toMatchObject({ start: '2025-01-15T00:00:00.000Z', end: '2025-04-10T00:00:00.000Z', rows: [] });
  const asked = server.stub.requests.filter(({ path }) => path === '/v1/organization/usage/completions');
  expect(asked.map(({ query }) => Number(query.get('start_time')) * 1_000)).toEqual(
    ['2025-01-15', '2025-02-01', '2025-03-01', '2025-04-01'].map((date) => Date.parse(date)),
  );
});

test("an administrator's key serves no request, and is in no log, answer, output or table", async () => {
  const sent = server.stub.requests.filter(({ headers }) => JSON.stringify(headers).includes('canary'));
  expect(sent.length).toBeGreaterThan(10);
  expect(sent.filter(({ operation }) => operation !== 'usage')).toEqual([]);
  const { rows } = await server.database.query<{ dump: string }>(
    `SELECT string_agg(t::text, ' ') AS dump FROM (SELECT u::text FROM usage_events u UNION ALL SELECT d::text
       FROM provider_usage_days d UNION ALL SELECT r::text FROM reconciled_events r) t`,
  );
  const seen = [...server.logged, ...printed, rows[0]!.dump].join('\n');
  expect(seen).toContain('elevenlabs');
  expect(seen).not.toContain('canary');
});
