import { startBeside } from '../live/support/usage-feed';
import { describeOnPostgres, moveClock } from '../support/database';
import type { GraphqlClient } from '../support/graphql-client';
import type { GraphqlSocket, SocketSubscription } from '../support/graphql-socket';
import { TestClock } from '../support/test-clock';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { HELLO, speak } from './support/speech-api';

const HOUR_MS = 3_600_000;
const RULE_FIELDS = 'id kind threshold expectedVoiceIds enabled createdAt';
const ALERT_FIELDS = 'id cursor kind message details raisedAt';

interface Rule {
  readonly id: string;
  readonly kind: string;
  readonly threshold: string | null;
  readonly expectedVoiceIds: readonly string[] | null;
  readonly enabled: boolean;
}
interface Alert {
  readonly id: string;
  readonly cursor: string;
  readonly kind: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
}
interface Page {
  readonly edges: readonly { readonly cursor: string; readonly node: Alert }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}
type Input = Readonly<Record<string, unknown>>;

const CREATE = `mutation ($input: AlertRuleInput!) { createAlertRule(input: $input) { rule { ${RULE_FIELDS} } } }`;
const UPDATE = `mutation ($input: UpdateAlertRuleInput!) { updateAlertRule(input: $input) { rule { ${RULE_FIELDS} } } }`;
const DELETE = 'mutation ($input: DeleteAlertRuleInput!) { deleteAlertRule(input: $input) { deletedId } }';
const ALERTS = `query ($first: Int, $after: String) { alerts(first: $first, after: $after) {
  edges { cursor node { ${ALERT_FIELDS} } } pageInfo { hasNextPage endCursor } } }`;
const RAISED = `subscription ($after: String) { alertRaised(after: $after) { ${ALERT_FIELDS} } }`;

const create = async (client: GraphqlClient, input: Input): Promise<Rule> =>
  (await client.data<{ createAlertRule: { rule: Rule } }>(CREATE, { input })).createAlertRule.rule;
const update = async (client: GraphqlClient, input: Input): Promise<Rule> =>
  (await client.data<{ updateAlertRule: { rule: Rule } }>(UPDATE, { input })).updateAlertRule.rule;
const rulesOf = async (client: GraphqlClient): Promise<Rule[]> =>
  (await client.data<{ alertRules: Rule[] }>(`{ alertRules { ${RULE_FIELDS} } }`)).alertRules;
const pageOf = async (client: GraphqlClient, variables: Input = {}): Promise<Page> =>
  (await client.data<{ alerts: Page }>(ALERTS, variables)).alerts;
const refused = async (client: GraphqlClient, document: string, variables: Input) =>
  (await client.graphql(document, variables)).errors?.[0]?.extensions;

type Raised = SocketSubscription<{ alertRaised: Alert }>;
const follow = (socket: GraphqlSocket, after?: string): Raised => socket.subscribe(RAISED, { after });
async function nextAlert(subscription: Raised): Promise<Alert> {
  const { data, errors } = await subscription.next();
  if (!data) throw new Error(`expected an alert, got ${JSON.stringify(errors)}`);
  return data.alertRaised;
}
async function nextAlerts(subscription: Raised, count: number): Promise<Alert[]> {
  const alerts: Alert[] = [];
  while (alerts.length < count) alerts.push(await nextAlert(subscription));
  return alerts;
}

/** Makes a rule that is across its threshold, and its alert: who follows after it misses nothing. */
async function firstAlert(client: GraphqlClient): Promise<Alert> {
  await create(client, { kind: 'LOW_BALANCE', threshold: '1000000' });
  await server.container.upkeep();
  return (await pageOf(client)).edges[0]!.node;
}

let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer({ plan: 'starter' });
});
beforeEach(async () => {
  workspace = await server.createWorkspace({ plan: 'starter' });
});
afterAll(() => server?.close());

describe('alert rules', () => {
  it('are made with what their kind takes, listed oldest first, changed and deleted', async () => {
    const made = [
      await create(workspace, { kind: 'LOW_BALANCE', threshold: '0.500000' }),
      await create(workspace, { kind: 'SPEND_SPIKE' }),
      await create(workspace, { kind: 'PROVIDER_ERRORS' }),
      await create(workspace, { kind: 'NEW_VOICE' }),
      await create(workspace, { kind: 'NEW_VOICE', expectedVoiceIds: ['elevenlabs/a', 'local/b', 'elevenlabs/a'] }),
    ];
    expect(made.map(({ threshold, expectedVoiceIds }) => [threshold, expectedVoiceIds])).toEqual([
      ['0.5', null],
      ['3', null],
      ['0.1', null],
      [null, null],
      [null, ['elevenlabs/a', 'local/b']],
    ]);
    expect(await rulesOf(workspace)).toEqual(made);
    const [low, spike, , , voices] = made as [Rule, Rule, Rule, Rule, Rule];
    expect(await update(workspace, { id: spike.id, threshold: '1.5' })).toEqual({ ...spike, threshold: '1.5' });
    expect(await update(workspace, { id: spike.id, threshold: null, enabled: false })).toEqual({
      ...spike,
      threshold: '1.5',
      enabled: false,
    });
    expect(await update(workspace, { id: voices.id, expectedVoiceIds: [] })).toEqual({
      ...voices,
      expectedVoiceIds: [],
    });
    expect(await update(workspace, { id: low.id })).toEqual(low);
    expect(await workspace.data(DELETE, { input: { id: low.id } })).toEqual({ deleteAlertRule: { deletedId: low.id } });
    expect((await rulesOf(workspace)).map(({ id }) => id)).toEqual(made.slice(1).map(({ id }) => id));
    expect(await refused(workspace, DELETE, { input: { id: low.id } })).toMatchObject({ code: 'NOT_FOUND' });
  });

  it.each<[string, Input, string]>([
    ['LOW_BALANCE without a threshold', { kind: 'LOW_BALANCE' }, 'threshold'],
    ['a negative threshold', { kind: 'LOW_BALANCE', threshold: '-1' }, 'threshold'],
    ['seven decimals', { kind: 'LOW_BALANCE', threshold: '0.0000001' }, 'threshold'],
    ['more than any balance', { kind: 'LOW_BALANCE', threshold: '10000000000000' }, 'threshold'],
    ['a factor of 1', { kind: 'SPEND_SPIKE', threshold: '1' }, 'threshold'],
    ['a factor of more than a million', { kind: 'SPEND_SPIKE', threshold: '1000000.000001' }, 'threshold'],
    ['a share of 0', { kind: 'PROVIDER_ERRORS', threshold: '0' }, 'threshold'],
    ['a share over 1', { kind: 'PROVIDER_ERRORS', threshold: '1.000001' }, 'threshold'],
    ['NEW_VOICE with a threshold', { kind: 'NEW_VOICE', threshold: '1' }, 'threshold'],
    ['voices of another kind', { kind: 'SPEND_SPIKE', expectedVoiceIds: [] }, 'expectedVoiceIds'],
    ['a voice without its provider', { kind: 'NEW_VOICE', expectedVoiceIds: ['alloy'] }, 'expectedVoiceIds'],
    ['an empty voice', { kind: 'NEW_VOICE', expectedVoiceIds: ['openai/'] }, 'expectedVoiceIds'],
    ['a voice with NUL', { kind: 'NEW_VOICE', expectedVoiceIds: ['a/b\u0000'] }, 'expectedVoiceIds'],
    ['half of a surrogate pair', { kind: 'NEW_VOICE', expectedVoiceIds: ['a/\ud800'] }, 'expectedVoiceIds'],
    ['a voice of 10 kB', { kind: 'NEW_VOICE', expectedVoiceIds: [`a/${'b'.repeat(10_000)}`] }, 'expectedVoiceIds'],
    [
      '1,001 voices',
      { kind: 'NEW_VOICE', expectedVoiceIds: Array.from({ length: 1_001 }, (_, index) => `a/${index}`) },
      'expectedVoiceIds',
    ],
  ])('are refused with %s', async (_name, input, field) => {
    expect(await refused(workspace, CREATE, { input })).toMatchObject({ code: 'BAD_USER_INPUT', field });
    expect(await rulesOf(workspace)).toEqual([]);
  });

  it('are held to what their kind takes when they are changed, too', async () => {
    const { id } = await create(workspace, { kind: 'NEW_VOICE' });
    const share = await create(workspace, { kind: 'PROVIDER_ERRORS' });
    for (const [input, field] of [
      [{ id, threshold: '1' }, 'threshold'],
      [{ id, expectedVoiceIds: ['alloy'] }, 'expectedVoiceIds'],
      [{ id: share.id, threshold: '2' }, 'threshold'],
      [{ id: share.id, expectedVoiceIds: [] }, 'expectedVoiceIds'],
    ] as const) {
      expect(await refused(workspace, UPDATE, { input })).toMatchObject({ code: 'BAD_USER_INPUT', field });
    }
    expect((await rulesOf(workspace))[1]).toEqual(share);
  });

  it('take thresholds and voices at their limits', async () => {
    const voices = Array.from({ length: 1_000 }, (_, index) => `a/${index}`);
    expect((await create(workspace, { kind: 'NEW_VOICE', expectedVoiceIds: voices })).expectedVoiceIds).toEqual(voices);
    for (const [kind, threshold] of [
      ['LOW_BALANCE', '0'],
      ['LOW_BALANCE', '9000000000000'],
      ['SPEND_SPIKE', '1.000001'],
      ['PROVIDER_ERRORS', '1'],
      ['PROVIDER_ERRORS', '0.000001'],
    ]) {
      expect(await create(workspace, { kind, threshold })).toMatchObject({ kind, threshold });
    }
  });

  it('of another workspace answer as if they were missing, and stay', async () => {
    const rule = await create(workspace, { kind: 'SPEND_SPIKE' });
    const stranger = await server.createWorkspace();
    for (const [document, change] of [
      [UPDATE, { enabled: false }],
      [DELETE, {}],
    ] as const) {
      const answers = [];
      for (const id of [rule.id, '01890000-0000-7000-8000-000000000000', 'nothing', '']) {
        const { errors } = await stranger.graphql(document, { input: { id, ...change } });
        answers.push({ message: errors![0]!.message, code: errors![0]!.extensions.code });
      }
      expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
      expect(answers[0]!.code).toBe('NOT_FOUND');
    }
    expect(await rulesOf(stranger)).toEqual([]);
    expect(await rulesOf(workspace)).toEqual([rule]);
  });
});

it('a LOW_BALANCE rule makes the balance LOW at its threshold, live, and not when it is deleted', async () => {
  const subscription = (await workspace.socket()).subscribe<{ balanceChanged: { state: string } }>(
    'subscription { balanceChanged { state } }',
  );
  const state = async () => (await subscription.next()).data!.balanceChanged.state;
  expect(await state()).toBe('HEALTHY');
  const { id } = await create(workspace, { kind: 'LOW_BALANCE', threshold: '50000' });
  expect(await state()).toBe('LOW');
  await workspace.data(DELETE, { input: { id } });
  expect(await state()).toBe('HEALTHY');
});

describe('alerts', () => {
  it('are raised by what is used, with the numbers, and told and listed alike', async () => {
    const { cursor } = await firstAlert(workspace);
    const raised = follow(await workspace.socket(), cursor);
    await create(workspace, { kind: 'NEW_VOICE', expectedVoiceIds: [] });
    const spoken = await speak(workspace, HELLO);
    const voice = await nextAlert(raised);
    expect(voice).toMatchObject({
      kind: 'NEW_VOICE',
      details: { voiceId: spoken.speech.voiceId, reason: 'NOT_EXPECTED' },
    });
    await create(workspace, { kind: 'LOW_BALANCE', threshold: '49998.008' });
    const low = await nextAlert(raised);
    expect(low).toMatchObject({
      kind: 'LOW_BALANCE',
      message: expect.stringContaining('49998.008 credits are left'),
      details: { remaining: '49998.008', threshold: '49998.008' },
    });
    const listed = (await pageOf(workspace)).edges.map(({ node }) => node);
    expect(listed.slice(0, 2)).toEqual([low, voice]);
  });

  it('are listed newest first, page by page, and followed from any of them', async () => {
    await firstAlert(workspace);
    const raised = follow(await workspace.socket(), (await pageOf(workspace)).edges[0]!.node.cursor);
    for (const threshold of ['50001', '50002', '50003']) await create(workspace, { kind: 'LOW_BALANCE', threshold });
    await nextAlerts(raised, 3);
    const all = (await pageOf(workspace, { first: 100 })).edges.map(({ node }) => node);
    const seen: Alert[] = [];
    let page: Page | null = null;
    do {
      page = await pageOf(workspace, { first: 2, after: page?.pageInfo.endCursor });
      seen.push(...page.edges.map(({ node }) => node));
    } while (page.pageInfo.hasNextPage);
    expect(seen).toEqual(all);
    const socket = await workspace.socket();
    for (const [index, { cursor }] of all.entries()) {
      if (index === 0) continue;
      const missed = await nextAlerts(follow(socket, cursor), index);
      expect(missed).toEqual(all.slice(0, index).reverse());
    }
  });

  it('are followed for 24 hours; an older cursor, one of another workspace or of a list is refused', async () => {
    const { cursor } = await firstAlert(workspace);
    const stranger = await server.createWorkspace({ plan: 'starter' });
    const theirs = await firstAlert(stranger);
    const page = await pageOf(workspace);
    const socket = await workspace.socket();
    for (const after of [theirs.cursor, page.edges[0]!.cursor, '', 'MQ', `${cursor}A`]) {
      const event = await follow(socket, after).event();
      expect(event).toMatchObject({
        type: 'error',
        payload: [{ extensions: { code: 'BAD_USER_INPUT', field: 'after' } }],
      });
    }
    for (const after of [theirs.cursor, cursor, 'garbage']) {
      expect(await refused(workspace, ALERTS, { after })).toMatchObject({ code: 'BAD_USER_INPUT', field: 'after' });
    }
    for (const first of [0, 101, 10_000]) {
      expect(await refused(workspace, ALERTS, { first })).toMatchObject({ code: 'BAD_USER_INPUT', field: 'first' });
    }
    try {
      await moveClock(server.database, 24 * HOUR_MS + 60_000);
      expect(await follow(socket, cursor).event()).toMatchObject({
        type: 'error',
        payload: [{ extensions: { code: 'RESUME_EXPIRED' } }],
      });
    } finally {
      await moveClock(server.database, -24 * HOUR_MS - 60_000);
    }
  });

  it('of a workspace are told to nobody else', async () => {
    const stranger = await server.createWorkspace({ plan: 'starter' });
    const theirs = follow(await stranger.socket(), (await firstAlert(stranger)).cursor);
    const { id } = await firstAlert(workspace);
    await create(stranger, { kind: 'LOW_BALANCE', threshold: '70000' });
    expect((await nextAlert(theirs)).details.threshold).toBe('70000');
    expect((await pageOf(stranger)).edges.map(({ node }) => node.id)).not.toContain(id);
  });
});

it('what a server settled and did not look at before it died is raised by the upkeep of the next', async () => {
  // On a clock that nobody moves, the first never comes to it.
  const first = await startTestServer({ plan: 'starter', clock: new TestClock() });
  let second: TestServer | null = null;
  try {
    const client = await first.createWorkspace({ plan: 'starter' });
    await create(client, { kind: 'NEW_VOICE', expectedVoiceIds: [] });
    await speak(client, HELLO);
    expect((await pageOf(client)).edges).toEqual([]);
    await first.stop();
    second = await startBeside(first, { plan: 'starter', clock: new TestClock() });
    await second.container.upkeep();
    await second.container.upkeep();
    const { edges } = await pageOf(second.anonymous.as(client.key));
    expect(edges.map(({ node }) => node.kind)).toEqual(['NEW_VOICE']);
  } finally {
    await second?.close();
    await first.close();
  }
});

describeOnPostgres('alerts over two server processes', () => {
  let beside: TestServer;
  beforeAll(async () => {
    beside = await startBeside(server, { plan: 'starter' });
  });
  afterAll(() => beside?.close());

  it('are told at both, each once and in the same order, wherever they were found', async () => {
    const other = beside.anonymous.as(workspace.key);
    const { cursor } = await firstAlert(workspace);
    const feeds = [follow(await workspace.socket(), cursor), follow(await other.socket(), cursor)];
    await create(workspace, { kind: 'NEW_VOICE', expectedVoiceIds: [] });
    await create(other, { kind: 'NEW_VOICE', expectedVoiceIds: ['nobody/none'] });
    await Promise.all([workspace, other, workspace, other].map((client) => speak(client, HELLO)));
    await create(other, { kind: 'LOW_BALANCE', threshold: '60000' });
    const [here, there] = await Promise.all(feeds.map((feed) => nextAlerts(feed, 3)));
    expect(here).toEqual(there);
    expect(here!.map(({ kind }) => kind).sort()).toEqual(['LOW_BALANCE', 'NEW_VOICE', 'NEW_VOICE']);
    await Promise.all([server.container.upkeep(), beside.container.upkeep()]);
    const listed = (await pageOf(workspace)).edges.map(({ node }) => node);
    expect(listed.slice(0, -1).reverse()).toEqual(here);
  });
});
