import fc from 'fast-check';
import { formatCredits, formatUsd } from '../../src/lib/credits';
import { newId } from '../../src/lib/ids';
import type { GraphqlClient } from '../support/graphql-client';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { atMoment, type SettledUsage, settleUsage } from './support/settled-usage';
import { onlyError } from './support/speech-api';

const FIELDS = `start end provider capability model voiceId voiceName language style apiKeyId endUserId credential
  requests failures credits costUsd characters audioMilliseconds audioSeconds inputTokens outputTokens`;
const BUCKETS = `query ($filter: UsageBucketFilter!, $first: Int, $after: String) {
  usageBuckets(filter: $filter, first: $first, after: $after) {
    edges { cursor node { ${FIELDS} } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;
type Bucket = Readonly<Record<string, string | number | null>>;
interface Page {
  readonly edges: readonly { readonly cursor: string; readonly node: Bucket }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}
const DAYS = { start: '2025-05-01T00:00:00Z', end: '2025-05-04T00:00:00Z', width: 'DAY', groupBy: [] as string[] };
const pageOf = async (client: GraphqlClient, filter: object, more: object = {}): Promise<Page> =>
  (await client.data<{ usageBuckets: Page }>(BUCKETS, { filter: { ...DAYS, ...filter }, ...more })).usageBuckets;
const nodesOf = async (client: GraphqlClient, filter: object): Promise<readonly Bucket[]> => {
  const { edges, pageInfo } = await pageOf(client, filter, { first: 100 });
  expect(pageInfo.hasNextPage).toBe(false);
  return edges.map(({ node }) => node);
};

const KEYS = [newId(), newId()];
const day = (date: number, usage: SettledUsage): SettledUsage => ({ at: `2025-05-0${date}T12:00:00Z`, ...usage });
const speech = { capability: 'TEXT_TO_SPEECH', provider_id: 'xtts', model: 'xtts/v2', characters: 10 };
const chat = {
  capability: 'LANGUAGE_MODEL',
  provider_id: 'openai',
  model: 'openai/gpt',
  characters: 0,
  input_tokens: 7,
  output_tokens: 5,
};
const USAGES: readonly SettledUsage[] = [
  day(1, { credits: 1, event: { ...speech, voice_id: 'xtts/a', voice_name: 'Ada', api_key_id: KEYS[0]! } }),
  day(1, { credits: 20, event: { ...speech, voice_id: 'xtts/b', voice_name: 'Bea', end_user_id: 'zoë' } }),
  day(1, { credits: 300, event: { ...speech, voice_id: 'xtts/a', voice_name: 'Ada', audio_milliseconds: 1_500 } }),
  day(1, { credits: 0, event: { ...chat, status: 'FAILED', error_code: 'PROVIDER_TIMEOUT', api_key_id: KEYS[1]! } }),
  day(3, { credits: 4_000, event: { ...speech, language: 'de', style: 'calm', end_user_id: 'Anna' } }),
  day(3, { credits: 50_000, event: { ...chat, credential: 'STORED_KEY', end_user_id: '' } }),
];

let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer({ storm: true });
  const create = () => server.createWorkspace({ credits: '1000' });
  workspace = await atMoment(server, '2025-04-30T00:00:00Z', create);
  await settleUsage(server, workspace.workspaceId, USAGES);
  const other = await atMoment(server, '2025-04-30T00:00:00Z', create);
  // The same in all but the amounts, so that nothing else keeps the two apart.
  await settleUsage(
    server,
    other.workspaceId,
    [...USAGES, day(2, { event: speech })].map((usage) => ({ ...usage, credits: usage.credits === 0 ? 0 : 1_000_000 })),
  );
});
afterAll(() => server?.close());

describe('a bucket', () => {
  it('tells all sums of what settled in it, exactly, and nothing of what it is not grouped by', async () => {
    expect(await nodesOf(workspace, {})).toEqual([
      {
        start: '2025-05-01T00:00:00.000Z',
        end: '2025-05-02T00:00:00.000Z',
        provider: null,
        capability: null,
        model: null,
        voiceId: null,
        voiceName: null,
        language: null,
        style: null,
        apiKeyId: null,
        endUserId: null,
        credential: null,
        requests: 4,
        failures: 1,
        credits: '0.000321',
        costUsd: '0.000000321',
        characters: 30,
        audioMilliseconds: 1_500,
        audioSeconds: 1.5,
        inputTokens: 10,
        outputTokens: 5,
      },
      expect.objectContaining({ start: '2025-05-03T00:00:00.000Z', requests: 2, failures: 0, credits: '0.054' }),
    ]);
  });

  it('is there for each combination of what it is grouped by, in the order of time and then of names, null last', async () => {
    const told = async (groupBy: string[], ...fields: string[]) =>
      (await nodesOf(workspace, { groupBy })).map((node) => [
        String(node.start).slice(8, 10),
        ...fields.map((field) => node[field]),
        node.credits,
      ]);
    expect(await told(['PROVIDER'], 'provider')).toEqual([
      ['01', 'openai', '0'],
      ['01', 'xtts', '0.000321'],
      ['03', 'openai', '0.05'],
      ['03', 'xtts', '0.004'],
    ]);
    expect(await told(['VOICE_ID'], 'voiceId', 'voiceName')).toEqual([
      ['01', 'xtts/a', null, '0.000301'],
      ['01', 'xtts/b', null, '0.00002'],
      ['01', null, null, '0'],
      ['03', null, null, '0.054'],
    ]);
    expect(await told(['VOICE_NAME', 'CAPABILITY'], 'voiceId', 'voiceName', 'capability')).toEqual([
      ['01', null, null, 'LANGUAGE_MODEL', '0'],
      ['01', null, 'Ada', 'TEXT_TO_SPEECH', '0.000301'],
      ['01', null, 'Bea', 'TEXT_TO_SPEECH', '0.00002'],
      ['03', null, null, 'LANGUAGE_MODEL', '0.05'],
      ['03', null, null, 'TEXT_TO_SPEECH', '0.004'],
    ]);
    expect(await told(['END_USER', 'CREDENTIAL'], 'endUserId', 'credential')).toEqual([
      ['01', 'zoë', 'PLATFORM', '0.00002'],
      ['01', null, 'PLATFORM', '0.000301'],
      ['03', '', 'STORED_KEY', '0.05'],
      ['03', 'Anna', 'PLATFORM', '0.004'],
    ]);
    expect(await told(['LANGUAGE', 'STYLE', 'MODEL'], 'language', 'style', 'model')).toEqual([
      ['01', null, null, 'openai/gpt', '0'],
      ['01', null, null, 'xtts/v2', '0.000321'],
      ['03', null, null, 'openai/gpt', '0.05'],
      ['03', 'de', 'calm', 'xtts/v2', '0.004'],
    ]);
    const [first, second] = [...KEYS].sort() as [string, string];
    const creditsOf = (key: string) => (key === KEYS[0] ? '0.000001' : '0');
    expect(await told(['API_KEY'], 'apiKeyId')).toEqual([
      ['01', first, creditsOf(first)],
      ['01', second, creditsOf(second)],
      ['01', null, '0.00032'],
      ['03', null, '0.054'],
    ]);
  });

  it('does not depend on how its dimensions were written', async () => {
    const plain = await pageOf(workspace, { groupBy: ['PROVIDER', 'END_USER'] }, { first: 1 });
    for (const groupBy of [
      ['END_USER', 'PROVIDER'],
      ['PROVIDER', 'END_USER', 'PROVIDER'],
    ]) {
      expect(await pageOf(workspace, { groupBy }, { first: 1 })).toEqual(plain);
      const next = await pageOf(workspace, { groupBy }, { first: 1, after: plain.pageInfo.endCursor });
      expect(next.edges).toHaveLength(1);
    }
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['providers', { providers: ['xtts'] }, '0.004321'],
    ['several providers', { providers: ['xtts', 'openai', 'nobody'] }, '0.054321'],
    ['no provider', { providers: [] }, '0'],
    ['a provider whose name no database takes', { providers: ['xtts\0', '\ud800'] }, '0'],
    ['capabilities', { capabilities: ['LANGUAGE_MODEL'] }, '0.05'],
    ['keys', { apiKeyIds: [KEYS[0]] }, '0.000001'],
    ['what is no key', { apiKeyIds: ['nobody'] }, '0'],
    ['end users', { endUserIds: ['zoë', 'Anna'] }, '0.00402'],
    ['several lists', { endUserIds: ['zoë', 'Anna'], providers: ['xtts'], capabilities: ['LANGUAGE_MODEL'] }, '0'],
    ['null', { providers: null, capabilities: null, apiKeyIds: null, endUserIds: null, timeZone: null }, '0.054321'],
    [
      '100 values',
      { providers: Array.from({ length: 100 }, (_, index) => (index ? `p${index}` : 'xtts')) },
      '0.004321',
    ],
  ])('counts only what its filter lets through: %s', async (_what, filter, credits) => {
    const nodes = await nodesOf(workspace, filter);
    const sum = nodes.reduce((all, node) => all + BigInt(Math.round(Number(node.credits) * 1e6)), 0n);
    expect(formatCredits(sum)).toBe(credits);
    for (const node of nodes)
      expect(node.costUsd).toBe(formatUsd(BigInt(Math.round(Number(node.credits) * 1e6)) * 10n));
  });

  it('never counts what another workspace used', async () => {
    const empty = await server.createWorkspace();
    expect(await nodesOf(empty, { groupBy: ['PROVIDER'] })).toEqual([]);
    expect((await nodesOf(workspace, { start: '2025-05-02T00:00:00Z', end: '2025-05-03T00:00:00Z' })).length).toBe(0);
  });
});

describe('pages of buckets', () => {
  const EVERYTHING = { groupBy: ['PROVIDER', 'CAPABILITY', 'MODEL', 'VOICE_ID', 'LANGUAGE', 'END_USER', 'API_KEY'] };

  it('of any size join to the same list', async () => {
    const whole = await nodesOf(workspace, EVERYTHING);
    expect(whole).toHaveLength(6);
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 7 }),
        fc.subarray(['PROVIDER', 'VOICE_NAME', 'END_USER', 'CREDENTIAL', 'STYLE']),
        async (first, groupBy) => {
          const seen: Bucket[] = [];
          let after: string | null = null;
          do {
            const page: Page = await pageOf(workspace, { groupBy }, { first, after });
            seen.push(...page.edges.map(({ node }) => node));
            after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
          } while (after);
          expect(seen).toEqual(await nodesOf(workspace, { groupBy }));
        },
      ),
      { numRuns: 15 },
    );
  });

  it('are not disturbed by what is used in between', async () => {
    const busy = await server.createWorkspace({ credits: '10' });
    const now = Date.now();
    const filter = {
      start: new Date(now - 86_400_000).toISOString(),
      end: new Date(now + 86_400_000).toISOString(),
      groupBy: ['PROVIDER'],
    };
    const use = (...names: string[]) =>
      settleUsage(
        server,
        busy.workspaceId,
        names.map((name) => ({ credits: 1, event: { provider_id: name } })),
      );
    await use('c', 'e', 'g');
    const first = await pageOf(busy, filter, { first: 2 });
    expect(first.edges.map(({ node }) => node.provider)).toEqual(['c', 'e']);
    await use('a', 'd', 'f', 'h', 'c');
    const rest = await pageOf(busy, filter, { first: 100, after: first.pageInfo.endCursor });
    expect(rest.edges.map(({ node }) => node.provider)).toEqual(['f', 'g', 'h']);
  });
});

describe('a bucket query that cannot be served is refused by its field', () => {
  const long = 'a'.repeat(10_000);
  it.each<[string, Record<string, unknown>, string, RegExp]>([
    ['an end before the start', { end: '2025-04-30T00:00:00Z' }, 'filter.end', /after filter.start/],
    ['an end at the start', { end: DAYS.start }, 'filter.end', /after filter.start/],
    ['401 days', { end: '2026-06-06T00:00:00Z' }, 'filter.end', /400 days/],
    ['hours of 31 days and a second', { end: '2025-06-01T00:00:01Z', width: 'HOUR' }, 'filter.end', /31 days/],
    ['ten years', { end: '2035-05-01T00:00:00Z' }, 'filter.end', /400 days/],
    ['a time before all usage', { start: '0000-01-01T00:00:00Z', end: '0000-01-02T00:00:00Z' }, 'filter.start', /1970/],
    ['an unknown zone', { timeZone: 'Mars/Olympus' }, 'filter.timeZone', /IANA/],
    ['an empty zone', { timeZone: '' }, 'filter.timeZone', /IANA/],
    ['an offset for a zone', { timeZone: '+05:30' }, 'filter.timeZone', /IANA/],
    ['a zone of 10 kB', { timeZone: long }, 'filter.timeZone', /IANA/],
    ['VOICE_ID with VOICE_NAME', { groupBy: ['VOICE_NAME', 'MODEL', 'VOICE_ID'] }, 'filter.groupBy', /ambiguous/],
    ['101 providers', { providers: Array.from({ length: 101 }, () => 'xtts') }, 'filter.providers', /100/],
    ['101 end users', { endUserIds: Array.from({ length: 101 }, () => 'ada') }, 'filter.endUserIds', /100/],
    ['an end user of 10 kB', { endUserIds: ['ada', long] }, 'filter.endUserIds', /128/],
    ['an end user without a name', { endUserIds: [''] }, 'filter.endUserIds', /128/],
    ['an end user with NUL', { endUserIds: ['a\0'] }, 'filter.endUserIds', /control/],
  ])('%s', async (_what, filter, field, message) => {
    const error = onlyError(await workspace.graphql(BUCKETS, { filter: { ...DAYS, ...filter } }));
    expect(error.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field });
    expect(error.message).toMatch(message);
    expect(error.message.length).toBeLessThan(300);
  });

  it.each([0, -1, 101, 10_000])('a page of %i', async (first) => {
    const error = onlyError(await workspace.graphql(BUCKETS, { filter: DAYS, first }));
    expect(error.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'first' });
  });

  it('a cursor of another list', async () => {
    const groupBy = ['PROVIDER'];
    const own = (await pageOf(workspace, { groupBy }, { first: 1 })).pageInfo.endCursor!;
    const stranger = await server.createWorkspace({ credits: '10' });
    const voices = await workspace.data<{ voiceUsage: Page }>(
      '{ voiceUsage(startDate: "2025-05-01", endDate: "2025-05-03", first: 1) { pageInfo { endCursor } } }',
    );
    const events = await workspace.data<{ usageEvents: Page }>('{ usageEvents(first: 1) { pageInfo { endCursor } } }');
    const attempts: readonly (readonly [GraphqlClient, object, string | null])[] = [
      [stranger, { groupBy }, own],
      [workspace, { groupBy: ['PROVIDER', 'MODEL'] }, own],
      [workspace, { groupBy, providers: ['xtts'] }, own],
      [workspace, { groupBy, end: '2025-05-05T00:00:00Z' }, own],
      [workspace, { groupBy, timeZone: 'Asia/Kolkata' }, own],
      [workspace, { groupBy, width: 'HOUR' }, own],
      [workspace, { groupBy }, voices.voiceUsage.pageInfo.endCursor],
      [workspace, { groupBy }, events.usageEvents.pageInfo.endCursor],
      [workspace, { groupBy }, `${own}A`],
      [workspace, { groupBy }, 'garbage'],
      [workspace, { groupBy }, ''],
    ];
    for (const [client, filter, after] of attempts) {
      const error = onlyError(await client.graphql(BUCKETS, { filter: { ...DAYS, ...filter }, after }));
      expect({ filter, ...error.extensions }).toMatchObject({ filter, code: 'BAD_USER_INPUT', field: 'after' });
    }
    // The same buckets in other words are the same list.
    const again = await pageOf(workspace, { groupBy, start: '2025-05-01T09:00:00Z', timeZone: 'utc' }, { after: own });
    expect(again.edges).toHaveLength(3);
  });
});

it.each([
  ['DAY', '2025-05-01T00:00:00Z', '2026-06-05T00:00:00Z', 'UTC'],
  ['HOUR', '2025-05-01T00:00:00Z', '2025-06-01T00:00:00Z', 'UTC'],
  // October in Berlin has 31 days and an hour.
  ['HOUR', '2025-09-30T22:00:00Z', '2025-10-31T23:00:00Z', 'Europe/Berlin'],
])('%s buckets from %s to %s in %s are served', async (width, start, end, timeZone) => {
  expect(
    (await workspace.graphql(BUCKETS, { filter: { groupBy: [], width, start, end, timeZone } })).errors,
  ).toBeUndefined();
});
