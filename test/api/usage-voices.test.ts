import type { GraphqlClient } from '../support/graphql-client';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { atMoment, type SettledUsage, settleUsage } from './support/settled-usage';
import { onlyError } from './support/speech-api';

const VOICES = `query ($startDate: Date!, $endDate: Date!, $first: Int, $after: String) {
  voiceUsage(startDate: $startDate, endDate: $endDate, first: $first, after: $after) {
    edges { cursor node { date voiceId voiceName style language provider model minutes requests credits } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;
interface Page {
  readonly edges: readonly { readonly cursor: string; readonly node: Readonly<Record<string, unknown>> }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}
const MAY = { startDate: '2025-05-01', endDate: '2025-05-31' };
const pageOf = async (client: GraphqlClient, variables: object = MAY): Promise<Page> =>
  (await client.data<{ voiceUsage: Page }>(VOICES, { ...variables })).voiceUsage;

const ada = {
  provider_id: 'xtts',
  model: 'xtts/v2',
  voice_id: 'xtts/a',
  voice_name: 'Ada',
  audio_milliseconds: 90_000,
};
const USAGES: readonly SettledUsage[] = [
  { at: '2025-04-30T23:59:59.999Z', credits: 7, event: ada },
  { at: '2025-05-01T00:00:00Z', credits: 1, event: ada },
  { at: '2025-05-01T09:00:00Z', credits: 2, event: { ...ada, api_key_id: null, end_user_id: 'anna' } },
  { at: '2025-05-01T10:00:00Z', credits: 3, event: { ...ada, style: 'calm' } },
  { at: '2025-05-01T11:00:00Z', credits: 4, event: { ...ada, language: 'de' } },
  { at: '2025-05-01T12:00:00Z', credits: 0, event: { ...ada, status: 'FAILED', audio_milliseconds: 0 } },
  { at: '2025-05-01T13:00:00Z', credits: 5, event: { ...ada, capability: 'SPEECH_TO_TEXT', voice_id: null } },
  { at: '2025-05-20T12:00:00Z', credits: 6, event: { ...ada, voice_name: 'Ada Lovelace' } },
  { at: '2025-05-31T23:59:59.999Z', credits: 8, event: { ...ada, voice_id: null, voice_name: null } },
  { at: '2025-06-01T00:00:00Z', credits: 9, event: ada },
];

let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer({ storm: true });
  const create = () => server.createWorkspace({ credits: '10' });
  workspace = await atMoment(server, '2025-04-30T00:00:00Z', create);
  await settleUsage(server, workspace.workspaceId, USAGES);
});
afterAll(() => server?.close());

it('is a row for each day, voice, style, language and model, both dates included, of speech alone', async () => {
  const { edges } = await pageOf(workspace);
  const row = { voiceId: 'xtts/a', voiceName: 'Ada Lovelace', provider: 'xtts', model: 'xtts/v2' };
  expect(edges.map(({ node }) => node)).toEqual([
    { ...row, date: '2025-05-01', style: null, language: 'de', minutes: 1.5, requests: 1, credits: '0.000004' },
    { ...row, date: '2025-05-01', style: 'calm', language: null, minutes: 1.5, requests: 1, credits: '0.000003' },
    // A failed speech is a request as well.
    { ...row, date: '2025-05-01', style: null, language: null, minutes: 3, requests: 3, credits: '0.000003' },
    { ...row, date: '2025-05-20', style: null, language: null, minutes: 1.5, requests: 1, credits: '0.000006' },
    {
      ...row,
      voiceId: null,
      voiceName: null,
      date: '2025-05-31',
      style: null,
      language: null,
      minutes: 1.5,
      requests: 1,
      credits: '0.000008',
    },
  ]);
});

it('joins page by page to the same list, and a voice keeps one name through it', async () => {
  const whole = (await pageOf(workspace)).edges;
  for (const first of [1, 2, 4]) {
    const seen: Page['edges'][number][] = [];
    let after: string | null = null;
    do {
      const page: Page = await pageOf(workspace, { ...MAY, first, after });
      seen.push(...page.edges);
      after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
    } while (after);
    expect(seen.map(({ node }) => node)).toEqual(whole.map(({ node }) => node));
  }
});

it('serves 31 days, one day alone, and a page of 100 when nothing is said', async () => {
  expect((await pageOf(workspace, { ...MAY, first: null })).edges).toHaveLength(5);
  expect((await pageOf(workspace, { startDate: '2025-05-31', endDate: '2025-05-31' })).edges).toHaveLength(1);
  expect((await pageOf(workspace, { startDate: '2025-05-02', endDate: '2025-06-01' })).edges).toHaveLength(3);
});

describe('is refused by its field', () => {
  it.each([
    ['for 32 days', { ...MAY, endDate: '2025-06-01' }, 'endDate'],
    ['for a year', { ...MAY, endDate: '2026-05-01' }, 'endDate'],
    ['when it ends before it begins', { ...MAY, endDate: '2025-04-30' }, 'endDate'],
    ['before all usage', { startDate: '0000-01-01', endDate: '0000-01-02' }, 'startDate'],
    ['for a page of nothing', { ...MAY, first: 0 }, 'first'],
    ['for a page of 10,000', { ...MAY, first: 10_000 }, 'first'],
    ['with a cursor of nothing', { ...MAY, after: 'garbage' }, 'after'],
  ])('%s', async (_what, variables, field) => {
    const error = onlyError(await workspace.graphql(VOICES, variables));
    expect(error.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field });
  });

  it.each(['2025-02-30', '2025-13-01', '2025-5-1', '2025-05-01T00:00:00Z', ''])('for the date %j', async (endDate) => {
    const error = onlyError(await workspace.graphql(VOICES, { ...MAY, endDate }));
    expect(error.extensions).toMatchObject({ code: 'BAD_USER_INPUT' });
  });

  it('with a cursor of other days or of another workspace', async () => {
    const after = (await pageOf(workspace, { ...MAY, first: 1 })).pageInfo.endCursor;
    const stranger = await server.createWorkspace();
    for (const [client, variables] of [
      [stranger, MAY],
      [workspace, { ...MAY, endDate: '2025-05-30' }],
    ] as const) {
      const error = onlyError(await client.graphql(VOICES, { ...variables, after }));
      expect(error.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'after' });
    }
  });
});
