import { moveClock } from '../support/database';
import type { GraphqlClient } from '../support/graphql-client';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { settleUsage } from './support/settled-usage';
import { HELLO, HELLO_CREDITS, refusalOf, speak } from './support/speech-api';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ plan: 'starter' });
  for (const provider of ['elevenlabs', 'kokoro']) await speak(server.client, { ...HELLO, provider });
});
beforeEach(() => server.stub.fault(null));
afterAll(() => server?.close());

const USAGE = `query ($at: DateTime) { usage(at: $at) {
  id plan { id } periodStart periodEnd credits { used limit remaining } breakdown { tts stt llm rag } requestCount
  characters { used limit remaining } requests { currentMinute rateLimit } apiKeys { active max }
} }`;
interface Summary {
  readonly id: string;
  readonly periodStart: string;
  readonly periodEnd: string;
  readonly credits: { readonly used: string; readonly limit: string; readonly remaining: string };
  readonly requestCount: number;
}
const summaryOf = async (client: GraphqlClient, at: string | null = null): Promise<Summary> =>
  (await client.data<{ usage: Summary }>(USAGE, { at })).usage;

interface Page {
  readonly edges: readonly {
    readonly cursor: string;
    readonly node: { readonly id: string; readonly status: string };
  }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}
const EVENTS = `query ($filter: UsageEventFilter, $first: Int, $after: String) {
  usageEvents(filter: $filter, first: $first, after: $after) {
    edges { cursor node { id status } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;
const pageOf = async (client: GraphqlClient, variables: Record<string, unknown> = {}): Promise<Page> =>
  (await client.data<{ usageEvents: Page }>(EVENTS, variables)).usageEvents;
const idsOf = (page: Page): string[] => page.edges.map(({ node }) => node.id);

describe('the usage of a period', () => {
  it('sums what was charged, and counts every operation that reached a provider', async () => {
    const workspace = await server.createWorkspace({ plan: 'starter' });
    await speak(workspace, HELLO);
    await speak(workspace, { ...HELLO, provider: 'kokoro' });
    await speak(workspace, HELLO, { 'x-provider-key-elevenlabs': 'own-key' });
    await refusalOf(workspace, { ...HELLO, text: '' });
    server.stub.fault(() => ({ kind: 'answer', status: 422 }));
    await refusalOf(workspace, HELLO);
    expect(await summaryOf(workspace)).toMatchObject({
      id: expect.stringContaining(workspace.workspaceId),
      plan: { id: 'starter' },
      credits: { used: '2.04', limit: '50000', remaining: '49997.96' },
      breakdown: { tts: '2.04', stt: '0', llm: '0', rag: '0' },
      requestCount: 4,
      characters: { used: '0', limit: '500000', remaining: '500000' },
      requests: { currentMinute: expect.any(Number), rateLimit: 60 },
      apiKeys: { active: 1, max: 10 },
    });
  });

  it('on Starter after 1,250 credits of every kind is as the plan says', async () => {
    const workspace = await server.createWorkspace({ plan: 'starter' });
    // Only speech can be made here yet; the sums of the other kinds are written as their commits would.
    await server.database.query(
      `INSERT INTO usage_totals (workspace_id, period_number, capability, requests, credits)
       SELECT $1, 0, t.capability, t.requests, t.credits * 1000000 FROM (VALUES ('TEXT_TO_SPEECH', 200, 800),
         ('SPEECH_TO_TEXT', 80, 200), ('LANGUAGE_MODEL', 40, 200), ('RETRIEVAL', 20, 40), ('EMBEDDING', 2, 10))
         AS t (capability, requests, credits)`,
      [workspace.workspaceId],
    );
    expect(await summaryOf(workspace)).toMatchObject({
      credits: { used: '1250', limit: '50000', remaining: '48750' },
      breakdown: { tts: '800', stt: '200', llm: '200', rag: '50' },
      requestCount: 342,
    });
  });

  it('is that of the period that holds a moment, and of no time before the workspace or ahead', async () => {
    const workspace = await server.createWorkspace({ plan: 'starter' });
    await speak(workspace, HELLO);
    const first = await summaryOf(workspace);
    const month = 31 * 86_400_000 + 3_600_000;
    await moveClock(server.database, month);
    try {
      const second = await summaryOf(workspace);
      expect(second.periodStart).toBe(first.periodEnd);
      expect(second).toMatchObject({
        credits: { used: '0', limit: '99998.008', remaining: '99998.008' },
        requestCount: 0,
      });
      const { id, periodStart, periodEnd } = first;
      for (const at of [periodStart, new Date(Date.parse(periodEnd) - 1).toISOString()]) {
        expect(await summaryOf(workspace, at)).toMatchObject({
          id,
          periodStart,
          periodEnd,
          credits: { used: HELLO_CREDITS, limit: '50000' },
          requestCount: 1,
        });
      }
      const outside = [new Date(Date.parse(periodStart) - 1).toISOString(), second.periodEnd, '2000-01-01T00:00:00Z'];
      for (const at of outside) {
        const answer = await workspace.graphql(USAGE, { at });
        expect(answer.errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'at' });
      }
    } finally {
      await moveClock(server.database, -month);
    }
  });
});

describe('usageEvents', () => {
  let workspace: TestWorkspace;
  let ids: string[];
  let other: { secret: string; apiKey: { id: string } };
  const began: string[] = [];
  beforeAll(async () => {
    workspace = await server.createWorkspace({ plan: 'starter' });
    other = (
      await workspace.data<{ createApiKey: typeof other }>(
        'mutation { createApiKey(input: { name: "Other" }) { secret apiKey { id } } }',
      )
    ).createApiKey;
    ids = [];
    const make = async (client: GraphqlClient, input: Record<string, unknown>) => {
      began.push(new Date().toISOString());
      ids.unshift((await speak(client, { ...HELLO, ...input })).speech.id);
    };
    await make(workspace, { endUserId: 'ada' });
    await make(workspace, { provider: 'kokoro' });
    await make(server.anonymous.as(other.secret), { provider: 'kokoro', endUserId: 'ada' });
    server.stub.fault(() => ({ kind: 'answer', status: 422 }));
    await refusalOf(workspace, HELLO);
    server.stub.fault(null);
    ids.unshift((await pageOf(workspace, { first: 1 })).edges[0]!.node.id);
    await make(workspace, {});
  });

  it('are listed newest first, and page by page each comes once', async () => {
    expect(idsOf(await pageOf(workspace))).toEqual(ids);
    const seen: string[] = [];
    let after: string | null = null;
    for (let page = 1; ; page++) {
      const { edges, pageInfo } = await pageOf(workspace, { first: 2, after });
      seen.push(...edges.map(({ node }) => node.id));
      expect(pageInfo).toEqual({
        hasNextPage: seen.length < ids.length,
        hasPreviousPage: page > 1,
        startCursor: edges[0]!.cursor,
        endCursor: edges.at(-1)!.cursor,
      });
      if (!pageInfo.hasNextPage) break;
      after = pageInfo.endCursor;
    }
    expect(seen).toEqual(ids);
    const { pageInfo } = await pageOf(workspace, { first: 100, after: (await pageOf(workspace)).pageInfo.endCursor });
    expect(pageInfo).toEqual({ hasNextPage: false, hasPreviousPage: true, startCursor: null, endCursor: null });
  });

  it('that come in between do not disturb the pages behind them', async () => {
    const page = await pageOf(workspace, { first: 2 });
    const { speech } = await speak(workspace, HELLO);
    const rest = await pageOf(workspace, { first: 100, after: page.pageInfo.endCursor });
    expect([...idsOf(page), ...idsOf(rest)]).toEqual(ids);
    ids.unshift(speech.id);
  });

  it('are those that a filter lets through', async () => {
    const [, , failed, byOther, byKokoro, first] = [...ids] as [string, string, string, string, string, string];
    const cases: readonly (readonly [Record<string, unknown>, readonly string[]])[] = [
      [{ providers: ['kokoro'] }, [byOther, byKokoro]],
      [{ providers: ['kokoro', 'elevenlabs'] }, ids],
      [{ providers: ['nobody'] }, []],
      [{ providers: [] }, []],
      [{ status: 'FAILED' }, [failed]],
      [{ status: 'UNKNOWN' }, []],
      [{ endUserId: 'ada' }, [byOther, first]],
      [{ endUserId: 'ADA' }, []],
      [{ endUserId: 'ada', providers: ['kokoro'] }, [byOther]],
      [{ apiKeyId: other.apiKey.id }, [byOther]],
      [{ apiKeyId: workspace.workspaceId }, []],
      [{ capabilities: ['TEXT_TO_SPEECH'] }, ids],
      [{ capabilities: ['SPEECH_TO_TEXT'] }, []],
      [{ start: began[1], end: began[2] }, [byKokoro]],
      [{ end: began[1] }, [first]],
      [{ start: '2100-01-01T00:00:00Z' }, []],
      [{}, ids],
    ];
    for (const [filter, expected] of cases) {
      expect({ filter, ids: idsOf(await pageOf(workspace, { filter })) }).toEqual({ filter, ids: expected });
    }
  });

  it.each([0, -1, 101, 1_000_000])('first: %i is refused', async (first) => {
    const answer = await workspace.graphql(EVENTS, { first });
    expect(answer.errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'first' });
  });

  it('first: 1, 100 and null are taken', async () => {
    expect(idsOf(await pageOf(workspace, { first: 1 }))).toHaveLength(1);
    expect(idsOf(await pageOf(workspace, { first: 100 }))).toEqual(ids);
    expect(idsOf(await pageOf(workspace, { first: null }))).toEqual(ids);
  });

  it('a cursor belongs to its workspace, its query and its filter', async () => {
    const { endCursor } = (await pageOf(workspace, { first: 2 })).pageInfo;
    const filtered = (await pageOf(workspace, { first: 1, filter: { providers: ['kokoro'] } })).pageInfo.endCursor;
    const keys = await workspace.data<{ apiKeys: { pageInfo: { endCursor: string } } }>(
      '{ apiKeys(first: 1) { pageInfo { endCursor } } }',
    );
    const stranger = await server.createWorkspace();
    await speak(stranger, HELLO);
    const attempts: readonly (readonly [GraphqlClient, Record<string, unknown>])[] = [
      [stranger, { after: endCursor }],
      [workspace, { after: filtered }],
      [workspace, { after: endCursor, filter: { status: 'SUCCEEDED' } }],
      [workspace, { after: keys.apiKeys.pageInfo.endCursor }],
      [workspace, { after: `${endCursor}A` }],
      [workspace, { after: endCursor!.slice(0, -1) }],
      [workspace, { after: 'garbage' }],
      [workspace, { after: '' }],
      [workspace, { after: '1' }],
    ];
    for (const [client, variables] of attempts) {
      const answer = await client.graphql(EVENTS, variables);
      expect({ variables, ...answer.errors?.[0]?.extensions }).toMatchObject({
        variables,
        code: 'BAD_USER_INPUT',
        field: 'after',
      });
    }
    // The same filter in other words is the same filter.
    expect(idsOf(await pageOf(workspace, { after: endCursor, filter: { status: null } }))).toEqual(ids.slice(2));
  });

  it('of a span are those that settled in it, whenever they were asked for', async () => {
    const other = await server.createWorkspace({ plan: 'starter' });
    const at = (minute: number) => new Date(Date.UTC(2025, 4, 1, 12, minute)).toISOString();
    const settled = await settleUsage(
      server,
      other.workspaceId,
      [0, 1, 1, 2, 3].map((minute) => ({ at: at(minute), credits: 1, event: { end_user_id: `user ${minute % 2}` } })),
    );
    // Two of them were asked for long before.
    await server.database.query(
      `UPDATE usage_events SET created_at = settled_at - interval '1 hour' WHERE id = ANY ($1)`,
      [settled.slice(1, 3)],
    );
    const cases: readonly (readonly [Record<string, unknown>, readonly number[]])[] = [
      [{}, [4, 3, 2, 1, 0]],
      [{ start: at(1) }, [4, 3, 2, 1]],
      [{ end: at(1) }, [0]],
      [{ start: at(1), end: at(2) }, [2, 1]],
      [{ start: at(1), end: at(3), endUserId: 'user 1' }, [2, 1]],
      [{ start: at(2), end: at(9) }, [4, 3]],
      [{ start: at(4) }, []],
      [{ end: at(0) }, []],
      [{ start: '0001-01-01T00:00:00Z', end: '9999-12-31T23:59:59Z' }, [4, 3, 2, 1, 0]],
    ];
    for (const [filter, expected] of cases) {
      const first = await pageOf(other, { filter, first: 1 });
      const rest = await pageOf(other, { filter, first: 100, after: first.pageInfo.endCursor });
      const ids = [...idsOf(first), ...(first.pageInfo.hasNextPage ? idsOf(rest) : [])];
      expect({ filter, ids }).toEqual({ filter, ids: expected.map((index) => settled[index]) });
    }
  });

  it.each([
    ['a user of 10 kB', { endUserId: 'a'.repeat(10_000) }, 'filter.endUserId'],
    ['101 providers', { providers: Array.from({ length: 101 }, () => 'xtts') }, 'filter.providers'],
  ])('of %s are refused by their field', async (_what, filter, field) => {
    const answer = await workspace.graphql(EVENTS, { filter });
    expect(answer.errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field });
  });

  it('a span that ends before it begins is refused', async () => {
    const answer = await workspace.graphql(EVENTS, { filter: { start: began[2], end: began[1] } });
    expect(answer.errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'filter.end' });
  });
});

it('an event tells all that it was, in the words of the schema', async () => {
  const workspace = await server.createWorkspace({ plan: 'starter' });
  const { speech } = await speak(workspace, {
    ...HELLO,
    voice: 'elevenlabs/pNInz6obpgDQGcFmaJgB',
    language: 'en-GB',
    endUserId: 'ada',
    metadata: { order: '7' },
  });
  const { usageEvent } = await workspace.data<{ usageEvent: Record<string, unknown> }>(
    `query ($id: ID!) { usageEvent(id: $id) {
      id capability status errorCode providerId provider { id name } model byok credential voiceId voiceName language
      style quality apiKeyId endUserId metadata characters inputTokens outputTokens totalTokens billableTokens
      audioMilliseconds audioSeconds requests allowanceCharacters estimatedCredits estimatedAudioSeconds heldCredits
      credits overageCredits costUsd remainingBalance summary rateCardVersion createdAt settledAt latencyMs
      attempts { provider model credential outcome errorCode upstreamRequestId latencyMs }
    } }`,
    { id: speech.id },
  );
  const { workspace: own } = await workspace.data<{ workspace: { currentApiKey: { id: string } } }>(
    '{ workspace { currentApiKey { id } } }',
  );
  expect(usageEvent).toEqual({
    id: speech.id,
    capability: 'TEXT_TO_SPEECH',
    status: 'SUCCEEDED',
    errorCode: null,
    providerId: 'elevenlabs',
    provider: { id: 'elevenlabs', name: 'ElevenLabs' },
    model: 'elevenlabs/eleven_multilingual_v2',
    byok: false,
    credential: 'PLATFORM',
    voiceId: 'elevenlabs/pNInz6obpgDQGcFmaJgB',
    voiceName: 'Adam',
    language: 'en-GB',
    style: null,
    quality: null,
    apiKeyId: own.currentApiKey.id,
    endUserId: 'ada',
    metadata: { order: '7' },
    characters: 12,
    inputTokens: 3,
    outputTokens: 0,
    totalTokens: 3,
    billableTokens: 3,
    audioMilliseconds: speech.usage!.audioMilliseconds,
    audioSeconds: speech.usage!.audioMilliseconds / 1000,
    requests: 1,
    allowanceCharacters: 0,
    estimatedCredits: HELLO_CREDITS,
    estimatedAudioSeconds: expect.any(Number),
    heldCredits: HELLO_CREDITS,
    credits: HELLO_CREDITS,
    overageCredits: '0',
    costUsd: '0.001992',
    remainingBalance: '49998.008',
    summary: 'Speech completed. 3 billable tokens used. 49,998 credits remaining.',
    rateCardVersion: 'default-1',
    createdAt: expect.stringMatching(/Z$/),
    settledAt: expect.stringMatching(/Z$/),
    latencyMs: expect.any(Number),
    attempts: [
      {
        provider: 'elevenlabs',
        model: 'elevenlabs/eleven_multilingual_v2',
        credential: 'PLATFORM',
        outcome: 'SERVED',
        errorCode: null,
        upstreamRequestId: expect.stringMatching(/^stub-request-/),
        latencyMs: expect.any(Number),
      },
    ],
  });
});
