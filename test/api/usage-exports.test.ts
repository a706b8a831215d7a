import { parse } from 'csv-parse/sync';
import { UsageLog } from '../../src/analytics/usage-log';
import { UsageSums } from '../../src/analytics/usage-sums';
import { newId } from '../../src/lib/ids';
import { ExportedRows } from '../../src/operations/usage/exported-rows';
import { TestClock } from '../support/test-clock';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { listen } from './support/listener';
import { atMoment, type SettledUsage, settleUsage } from './support/settled-usage';
import { onlyError } from './support/speech-api';

const CREATE = `mutation ($input: CreateUsageExportInput!) { createUsageExport(input: $input) { url expiresAt } }`;
interface Created {
  readonly url: string;
  readonly expiresAt: string;
}
const create = async (client: TestWorkspace, input: object): Promise<Created> =>
  (await client.data<{ createUsageExport: Created }>(CREATE, { input })).createUsageExport;

const FILTER = { start: '2025-05-01T00:00:00Z', end: '2025-06-11T00:00:00Z', width: 'DAY' };
const BUCKETS = { ...FILTER, groupBy: ['PROVIDER', 'VOICE_NAME', 'END_USER'] };
const VOICES = { startDate: '2025-05-01', endDate: '2025-05-31' };
/** Each list as GraphQL answers it, with every field of its rows. */
const LISTS = {
  buckets: {
    input: { buckets: BUCKETS },
    query: `query ($filter: UsageBucketFilter!, $after: String) { list: usageBuckets(filter: $filter, first: 100, after: $after) {
      edges { node { start end provider capability model voiceId voiceName language style apiKeyId endUserId credential requests
        failures credits costUsd characters audioMilliseconds audioSeconds inputTokens outputTokens } }
      pageInfo { hasNextPage endCursor } } }`,
    variables: { filter: BUCKETS },
    type: 'UsageBucket',
  },
  voiceUsage: {
    input: { voiceUsage: VOICES },
    query: `query ($startDate: Date!, $endDate: Date!, $after: String) {
      list: voiceUsage(startDate: $startDate, endDate: $endDate, after: $after) {
        edges { node { date voiceId voiceName style language provider model minutes requests credits } }
        pageInfo { hasNextPage endCursor } } }`,
    variables: VOICES,
    type: 'VoiceUsageRow',
  },
  events: {
    input: { events: {} },
    query: `query ($after: String) { list: usageEvents(first: 100, after: $after) {
      edges { node { id capability status errorCode providerId model byok credential voiceId voiceName language style
        quality apiKeyId endUserId metadata characters inputTokens outputTokens totalTokens billableTokens audioMilliseconds
        audioSeconds requests allowanceCharacters estimatedCredits estimatedAudioSeconds heldCredits credits overageCredits
        costUsd remainingBalance summary latencyMs rateCardVersion createdAt settledAt
        attempts { provider model credential outcome errorCode upstreamRequestId latencyMs } } }
      pageInfo { hasNextPage endCursor } } }`,
    variables: {},
    type: 'OperationUsage',
  },
} as const;
type ListName = keyof typeof LISTS;
type Row = Readonly<Record<string, unknown>>;
interface Page {
  readonly edges: readonly { readonly node: Row }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

async function answered(client: TestWorkspace, name: ListName): Promise<Row[]> {
  const { query, variables } = LISTS[name];
  const rows: Row[] = [];
  let after: string | null = null;
  do {
    const { list }: { list: Page } = await client.data<{ list: Page }>(query, { ...variables, after });
    rows.push(...list.edges.map(({ node }) => node));
    after = list.pageInfo.hasNextPage ? list.pageInfo.endCursor : null;
  } while (after);
  return rows;
}

const NASTY = ['=1+1', '+41 79', '-2', '@ada', '\tx', 'say "hi", twice', 'két\nsor', '👩‍🚀', "'quoted", ' spaces '];
const attempts = [
  {
    provider: 'xtts',
    model: 'xtts/v2',
    credential: 'PLATFORM',
    outcome: 'SERVED' as const,
    errorCode: null,
    upstreamRequestId: 'r-1',
    latencyMs: 1.5,
  },
];
const usageOf = (index: number): SettledUsage => ({
  at: new Date(Date.UTC(2025, 4, 1 + Math.floor(index / 3), 12, index % 3)).toISOString(),
  credits: 1 + index * 37,
  event: {
    provider_id: 'xtts',
    model: 'xtts/v2',
    voice_id: `xtts/${index % 4}`,
    voice_name: NASTY[index % 4]!,
    style: NASTY[(index * 3) % 10]!,
    end_user_id: index % 2 ? null : `user ${index % 5}`,
    metadata: index % 3 ? null : { note: NASTY[index % 10]! },
    audio_milliseconds: index * 1_234,
    characters: index,
    attempts,
    latency_ms: 1.25,
  },
});

let server: TestServer;
let workspace: TestWorkspace;
const clock = new TestClock();
beforeAll(async () => {
  server = await startTestServer({ storm: true, clock });
  workspace = await atMoment(server, '2025-04-30T00:00:00Z', () => server.createWorkspace({ credits: '1000' }));
  await settleUsage(
    server,
    workspace.workspaceId,
    Array.from({ length: 120 }, (_, index) => usageOf(index)),
  );
});
afterAll(() => server?.close());

const DAY_MS = 86_400_000;
const EDGES = Array.from({ length: 46 }, (_, index) => Date.UTC(2025, 4, 1) + index * DAY_MS);
const NO_FILTER = { capabilities: null, providers: null, apiKeyIds: null, endUserIds: null };
const NO_EVENT_FILTER = {
  start: null,
  end: null,
  capabilities: null,
  providers: null,
  status: null,
  endUserId: null,
  apiKeyIds: null,
  clientTokenId: null,
};

const fetchFile = async (url: string, method: 'GET' | 'HEAD' = 'GET') => {
  const { status, headers, body } = await server.anonymous.send(url, { method });
  return { status, headers, text: body.toString('utf8') };
};
const linesOf = (text: string): Row[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Row);

describe.each(Object.keys(LISTS) as ListName[])('an export of %s', (name) => {
  const { input, type } = LISTS[name];

  it('as JSON Lines is what GraphQL answers, over all pages', async () => {
    const { url } = await create(workspace, { format: 'JSONL', ...input });
    const { status, headers, text } = await fetchFile(url);
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/jsonl; charset=utf-8');
    const rows = await answered(workspace, name);
    expect(rows.length).toBeGreaterThan(40);
    expect(linesOf(text)).toEqual(rows);
  });

  it('as CSV reads back as the same rows, and no cell of it is a formula', async () => {
    const { url } = await create(workspace, { format: 'CSV', ...input });
    const { headers, text } = await fetchFile(url);
    expect(headers['content-type']).toBe('text/csv; charset=utf-8; header=present');
    const [head, ...cells] = parse(text, { record_delimiter: '\r\n' }) as string[][];
    const rows = await answered(workspace, name);
    const cellOf = (value: unknown): string => {
      const plain = value === null ? '' : typeof value === 'object' ? null : String(value);
      return plain === null ? '{}' : /^[=+\-@\p{Cc}]/u.test(plain) ? `'${plain}` : plain;
    };
    // Objects may be written in another order of names.
    const read = cells.map((row) => row.map((cell) => (/^[[{]/.test(cell) ? '{}' : cell)));
    expect(read).toEqual(rows.map((row) => head!.map((field) => cellOf(row[field]))));
    expect(cells.flat().filter((cell) => /^[=+\-@\p{Cc}]/u.test(cell))).toEqual([]);
  });

  it('has every field of its rows but what speaks of the present', async () => {
    const { __type } = await workspace.data<{ __type: { fields: { name: string }[] } }>(
      `{ __type(name: "${type}") { fields { name } } }`,
    );
    const { url } = await create(workspace, { format: 'CSV', ...input });
    const [head] = parse((await fetchFile(url)).text, { record_delimiter: '\r\n', to: 1 }) as string[][];
    const fields = __type.fields.map((field) => field.name);
    expect([...head!].sort()).toEqual(
      fields.filter((field) => type !== 'OperationUsage' || field !== 'provider').sort(),
    );
  });

  it('is a file to keep, for nobody else: named, never cached', async () => {
    const { url } = await create(workspace, { format: 'CSV', ...input });
    for (const method of ['GET', 'HEAD'] as const) {
      const { headers } = await fetchFile(url, method);
      expect(headers['content-disposition']).toMatch(
        /^attachment; filename="(usage-buckets|voice-usage|usage-events)-\d{8}T\d{6}Z\.csv"$/,
      );
      expect(headers['cache-control']).toBe('private, no-store');
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['referrer-policy']).toBe('no-referrer');
    }
  });
});

it('rows come once each, whatever the size of the pages they are read by', async () => {
  const [sums, log] = [new UsageSums(server.database), new UsageLog(server.database)];
  const lists = [
    { kind: 'usage-events', filter: NO_EVENT_FILTER },
    { kind: 'usage-buckets', edges: EDGES, dimensions: ['VOICE_ID', 'END_USER'], filter: NO_FILTER },
  ] as const;
  for (const list of lists) {
    const read = async (pageRows: number): Promise<unknown[]> => {
      const rows: unknown[] = [];
      for await (const page of new ExportedRows({ sums, log }, pageRows).pages(workspace.workspaceId, list)) {
        expect(page.length).toBeGreaterThan(0);
        expect(page.length).toBeLessThanOrEqual(pageRows);
        rows.push(...page);
      }
      return rows;
    };
    const whole = await read(1_000);
    expect(whole.length).toBeGreaterThan(80);
    for (const pageRows of [1, 7, 40, 120]) expect(await read(pageRows)).toEqual(whole);
  }
});

it('a list without rows is its head alone, or nothing', async () => {
  const empty = await server.createWorkspace();
  const csv = await create(empty, { format: 'CSV', voiceUsage: VOICES });
  expect((await fetchFile(csv.url)).text).toBe(
    'date,voiceId,voiceName,style,language,provider,model,minutes,requests,credits\r\n',
  );
  const jsonl = await create(empty, { format: 'JSONL', events: {} });
  expect((await fetchFile(jsonl.url)).text).toBe('');
});

it('a filter of events is kept as it was given', async () => {
  const filter = { start: '2025-05-02T00:00:00Z', end: '2025-05-04T00:00:00Z', endUserId: 'user 4' };
  const { url } = await create(workspace, { format: 'JSONL', events: filter });
  const { usageEvents } = await workspace.data<{ usageEvents: { edges: { node: { id: string } }[] } }>(
    'query ($filter: UsageEventFilter) { usageEvents(filter: $filter) { edges { node { id } } } }',
    { filter },
  );
  expect(usageEvents.edges.length).toBeGreaterThan(0);
  expect(linesOf((await fetchFile(url)).text).map(({ id }) => id)).toEqual(
    usageEvents.edges.map(({ node }) => node.id),
  );
});

describe('an address', () => {
  it('of audio or of an upload opens no export', async () => {
    const { createUpload } = await workspace.data<{ createUpload: { upload: { url: string } } }>(
      'mutation { createUpload(input: {purpose: AUDIO, contentType: "audio/wav", sizeBytes: 9}) { upload { url } } }',
    );
    const { url } = await create(workspace, { format: 'CSV', events: {} });
    const id = /exports\/([^?]+)/.exec(url)![1]!;
    const borrowed = createUpload.upload.url.replace(/uploads\/[^?]+/, `exports/${id}`);
    expect((await fetchFile(borrowed)).status).toBe(404);
  });

  it('lists its own workspace alone', async () => {
    const stranger = await server.createWorkspace({ credits: '10' });
    const [own] = await settleUsage(server, stranger.workspaceId, [{ credits: 1 }]);
    const { url } = await create(stranger, { format: 'JSONL', events: {} });
    expect(linesOf((await fetchFile(url)).text).map(({ id }) => id)).toEqual([own]);
  });
});

it('what is no longer good is forgotten by the upkeep, and what is good is not', async () => {
  await server.database.query(`UPDATE usage_exports SET created_at = created_at - interval '2 hours',
    expires_at = expires_at - interval '2 hours'`);
  const { url } = await create(workspace, { format: 'CSV', events: {} });
  await server.container.upkeep();
  const { rows } = await server.database.query<{ id: string }>('SELECT id FROM usage_exports');
  expect(rows).toEqual([{ id: /exports\/([^?]+)/.exec(url)![1] }]);
});

it('no more than 1,000 addresses of a workspace are good at a time, however many ask at once', async () => {
  const busy = await server.createWorkspace();
  await server.database.query(
    `INSERT INTO usage_exports (id, workspace_id, format, list, created_at, expires_at)
     SELECT gen_random_uuid(), $1, 'CSV', '{}', ledger_now(), ledger_now() + interval '30 minutes' FROM generate_series(1, 998)`,
    [busy.workspaceId],
  );
  const answers = await Promise.all(
    Array.from({ length: 6 }, () => busy.graphql(CREATE, { input: { format: 'CSV', events: {} } })),
  );
  expect(answers.map(({ code }) => code ?? 'made').sort()).toEqual([
    'RATE_LIMITED',
    'RATE_LIMITED',
    'RATE_LIMITED',
    'RATE_LIMITED',
    'made',
    'made',
  ]);
  const refused = answers.find(({ code }) => code)!.errors![0]!.extensions.retryAfterSeconds as number;
  expect(refused).toBeGreaterThan(1_000);
  expect(refused).toBeLessThanOrEqual(1_800);
});

describe('an export that cannot be made is refused by its field', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['nothing', {}, 'buckets'],
    ['null alone', { events: null, buckets: null }, 'buckets'],
    ['two lists', { events: {}, voiceUsage: VOICES }, 'events'],
    ['all three', { events: {}, voiceUsage: VOICES, buckets: BUCKETS }, 'voiceUsage'],
    ['a zone that is none', { buckets: { ...BUCKETS, timeZone: 'x' } }, 'buckets.timeZone'],
    ['an end before the start', { buckets: { ...BUCKETS, end: BUCKETS.start } }, 'buckets.end'],
    ['a span that is too long', { buckets: { ...BUCKETS, end: '2027-01-01T00:00:00Z' } }, 'buckets.end'],
    ['ids and names of voices', { buckets: { ...BUCKETS, groupBy: ['VOICE_ID', 'VOICE_NAME'] } }, 'buckets.groupBy'],
    ['an end user of 10 kB', { buckets: { ...BUCKETS, endUserIds: ['a'.repeat(10_000)] } }, 'buckets.endUserIds'],
    ['32 days of voices', { voiceUsage: { ...VOICES, endDate: '2025-06-01' } }, 'voiceUsage.endDate'],
    ['voices that end before they begin', { voiceUsage: { ...VOICES, endDate: '2025-04-01' } }, 'voiceUsage.endDate'],
    ['events that end before', { events: { start: FILTER.end, end: FILTER.start } }, 'events.end'],
    ['events of an end user of 10 kB', { events: { endUserId: 'a'.repeat(10_000) } }, 'events.endUserId'],
  ])('%s', async (_what, lists, field) => {
    const error = onlyError(await workspace.graphql(CREATE, { input: { format: 'CSV', ...lists } }));
    expect(error.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field });
  });
});

it('a long list breaks visibly when the database goes away in the middle, and holds little of it before', async () => {
  const busy = await server.createWorkspace();
  // Some 25 MB, more than any buffer between server and reader.
  await server.database.query(
    `INSERT INTO usage_events (id, workspace_id, sequence, capability, status, credential, metadata, allowance_characters,
       held_credits, credits, overage_credits, cost_usd_e10, balance_after, rate_card_version, period_number, created_at,
       settled_at)
     SELECT gen_random_uuid(), $1, n, 'TEXT_TO_SPEECH', 'SUCCEEDED', 'PLATFORM', jsonb_build_object('note', $2::text), 0, 0,
       0, 0, 0, 0, 'test', 0, ledger_now(), ledger_now() FROM generate_series(1, 9000) AS n`,
    [busy.workspaceId, 'x'.repeat(2_000)],
  );
  const { url } = await create(busy, { format: 'JSONL', events: {} });
  const reader = await listen(url);
  await reader.hear(100_000);
  await server.database.query('ALTER TABLE usage_events RENAME TO usage_events_away');
  try {
    await expect(reader.all()).rejects.toThrow();
    expect(reader.heard.length).toBeLessThan(9_000 * 2_000);
  } finally {
    await server.database.query('ALTER TABLE usage_events_away RENAME TO usage_events');
  }
  expect((await fetchFile(url)).text.split('\n')).toHaveLength(9_001);
});

// The last, as time does not go back.
it('an address is good for an hour, as it was signed, for its own export', async () => {
  const { url, expiresAt } = await create(workspace, { format: 'CSV', voiceUsage: VOICES });
  const other = await create(workspace, { format: 'CSV', events: {} });
  expect(Math.abs(Date.parse(expiresAt) - clock.now() - 3_600_000)).toBeLessThan(60_000);
  const idOf = (address: string) => /exports\/([^?]+)/.exec(address)![1]!;
  for (const wrong of [
    url.replace(idOf(url), idOf(other.url)),
    url.replace(idOf(url), newId()),
    url.replace(idOf(url), 'x'),
    url.replace(/expires=(\d+)/, (_all, at) => `expires=${Number(at) + 1}`),
    url.replace(/signature=./, 'signature='),
    url.replace(/&signature=.*/, ''),
    url.replace(/\?.*/, ''),
  ]) {
    expect({ wrong, status: (await fetchFile(wrong)).status }).toEqual({ wrong, status: 404 });
  }
  expect((await fetchFile(url)).status).toBe(200);
  clock.advance(Date.parse(expiresAt) - clock.now() - 1);
  expect((await fetchFile(url)).status).toBe(200);
  clock.advance(1);
  expect((await fetchFile(url)).status).toBe(404);
});
