import { Webhook } from 'standardwebhooks';
import { newId } from '../../src/lib/ids';
import { moveClock, openTestDatabase, type TestDatabase } from '../support/database';
import type { GraphqlClient } from '../support/graphql-client';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { until } from '../support/until';
import { answering, type ReceivedMessage, WebhookReceiver } from '../webhooks/support/webhook-receiver';
import { HELLO, speak } from './support/speech-api';

const CREATE = `mutation Create($input: CreateWebhookEndpointInput!) {
  createWebhookEndpoint(input: $input) { secret endpoint { id url events createdAt } }
}`;
const ROTATE = `mutation Rotate($id: ID!) { rotateWebhookSecret(input: { id: $id }) { secret endpoint { id } } }`;
const DELETE = `mutation Delete($id: ID!) { deleteWebhookEndpoint(input: { id: $id }) { deletedId } }`;
const LIST = '{ webhookEndpoints { id url events createdAt } }';
const DELIVERIES = `query Deliveries($id: ID!, $first: Int, $after: String) {
  webhookDeliveries(endpointId: $id, first: $first, after: $after) {
    edges { cursor node { id messageId event attempt responseStatus error createdAt nextAttemptAt } }
    pageInfo { hasNextPage endCursor }
  }
}`;

interface Made {
  readonly secret: string;
  readonly endpoint: {
    readonly id: string;
    readonly url: string;
    readonly events: string[];
    readonly createdAt: string;
  };
}
interface Delivery {
  readonly id: string;
  readonly messageId: string;
  readonly event: string;
  readonly attempt: number;
  readonly responseStatus: number | null;
  readonly error: string | null;
  readonly nextAttemptAt: string | null;
}

const receiver = new WebhookReceiver();
let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  await receiver.listen();
  server = await startTestServer({
    plan: 'pro',
    env: { OUTBOUND_ALLOW: `127.0.0.1:${receiver.port}`, LOG_LEVEL: 'trace' },
  });
});
beforeEach(async () => {
  receiver.answer = answering(204);
  workspace = await server.createWorkspace({ plan: 'pro' });
});
afterEach(async () => {
  const { webhookEndpoints } = await workspace.data<{ webhookEndpoints: { id: string }[] }>(LIST);
  for (const { id } of webhookEndpoints) await workspace.data(DELETE, { id });
});
afterAll(async () => {
  await server?.close();
  await receiver.close();
});

let paths = 0;
/** An address of the test's own. */
const address = (): string => {
  paths += 1;
  return `http://127.0.0.1:${receiver.port}/hook-${paths}?token=canary-in-the-url`;
};
async function create(client: GraphqlClient, events?: readonly string[], url = address()): Promise<Made> {
  const { createWebhookEndpoint } = await client.data<{ createWebhookEndpoint: Made }>(CREATE, {
    input: { url, ...(events && { events }) },
  });
  return createWebhookEndpoint;
}
const receivedBy = ({ endpoint }: Made): ReceivedMessage[] =>
  receiver.received.filter(({ path }) => endpoint.url.endsWith(path));
async function messages(made: Made, type: string, count = 1): Promise<ReceivedMessage[]> {
  const ofType = (): ReceivedMessage[] => receivedBy(made).filter(({ json }) => json.type === type);
  await until(`${count} of ${type}`, 20_000, async () => ofType().length >= count);
  return ofType();
}
async function deliveriesOf(made: Made, client: GraphqlClient = workspace): Promise<Delivery[]> {
  const { webhookDeliveries } = await client.data<{ webhookDeliveries: { edges: { node: Delivery }[] } }>(DELIVERIES, {
    id: made.endpoint.id,
  });
  return webhookDeliveries.edges.map(({ node }) => node);
}
const verified = (secret: string, message: ReceivedMessage): unknown =>
  new Webhook(secret).verify(message.body, message.headers as Record<string, string>);

it('what an operation used is told by a signed message, with the fields of OperationUsage', async () => {
  const made = await create(workspace, ['USAGE_SETTLED']);
  expect(made.endpoint).toMatchObject({ events: ['USAGE_SETTLED'], createdAt: expect.any(String) });
  const { usage } = await speak(workspace, { ...HELLO, endUserId: 'ada', metadata: { project: 'x' } });
  const [message, ...others] = await messages(made, 'usage.settled');
  expect(others).toEqual([]);
  expect(verified(made.secret, message!)).toEqual(message!.json);
  const { attempts, ...fields } = usage!;
  expect(message!.json.data).toMatchObject({ ...fields, attempts });
  const { __type } = await workspace.data<{ __type: { fields: { name: string }[] } }>(
    '{ __type(name: "OperationUsage") { fields { name } } }',
  );
  const names = __type.fields.map(({ name }) => name).filter((name) => name !== 'provider');
  expect(Object.keys(message!.json.data).sort()).toEqual(names.sort());
  const { __type: attempt } = await workspace.data<{ __type: { fields: { name: string }[] } }>(
    '{ __type(name: "ProviderAttempt") { fields { name } } }',
  );
  const [told] = message!.json.data.attempts as Record<string, unknown>[];
  expect(Object.keys(told!).sort()).toEqual(attempt.fields.map(({ name }) => name).sort());
  await until('the attempt in the log', 10_000, async () => (await deliveriesOf(made)).length === 1);
  expect(await deliveriesOf(made)).toMatchObject([
    {
      messageId: message!.id,
      event: 'USAGE_SETTLED',
      attempt: 1,
      responseStatus: 204,
      error: null,
      nextAttemptAt: null,
    },
  ]);
});

it('a grant is told as the balance that it makes, with the fields of CreditBalance', async () => {
  const made = await create(workspace, ['BALANCE_CHANGED', 'SUBSCRIPTION_CHANGED']);
  await server.grant(workspace.workspaceId, '77');
  const [message] = await messages(made, 'balance.changed');
  const { balance } = await workspace.data<{ balance: Record<string, unknown> }>(
    '{ balance { id state remaining toppedUp promotional held message averageRequestCredits periodEnd } }',
  );
  expect(verified(made.secret, message!)).toMatchObject({ type: 'balance.changed', data: balance });
  const { __type } = await workspace.data<{ __type: { fields: { name: string }[] } }>(
    '{ __type(name: "CreditBalance") { fields { name } } }',
  );
  expect(Object.keys(message!.json.data).sort()).toEqual(__type.fields.map(({ name }) => name).sort());
  await server.admin.data(
    'mutation ($id: ID!) { setWorkspacePlan(input: { workspaceId: $id, plan: "scale" }) { workspace { id } } }',
    { id: workspace.workspaceId },
  );
  const [changed] = await messages(made, 'subscription.changed');
  expect(changed!.json.data).toMatchObject({
    subscription: { status: 'ACTIVE', plan: { id: 'scale', name: 'Scale' } },
  });
});

it('an alert is told when it is raised', async () => {
  const made = await create(workspace, ['ALERT_RAISED']);
  const { balance } = await workspace.data<{ balance: { remaining: string } }>('{ balance { remaining } }');
  await workspace.data(
    'mutation ($threshold: Decimal!) { createAlertRule(input: { kind: LOW_BALANCE, threshold: $threshold }) { rule { id } } }',
    { threshold: balance.remaining },
  );
  await speak(workspace, HELLO);
  const [message] = await messages(made, 'alert.raised');
  const { alerts } = await workspace.data<{ alerts: { edges: { node: Record<string, unknown> }[] } }>(
    '{ alerts { edges { node { id kind message details raisedAt } } } }',
  );
  expect(verified(made.secret, message!)).toMatchObject({ data: alerts.edges[0]!.node });
});

it('after a rotation both secrets verify, each in a library of its own', async () => {
  const made = await create(workspace, ['USAGE_SETTLED']);
  const { rotateWebhookSecret } = await workspace.data<{ rotateWebhookSecret: Made }>(ROTATE, { id: made.endpoint.id });
  expect(rotateWebhookSecret.endpoint.id).toBe(made.endpoint.id);
  await speak(workspace, HELLO);
  const [message] = await messages(made, 'usage.settled');
  for (const secret of [made.secret, rotateWebhookSecret.secret]) expect(verified(secret, message!)).toBeTruthy();
  expect(() => verified(`whsec_${Buffer.alloc(32).toString('base64')}`, message!)).toThrow();
});

it('a failed delivery is tried again, and the log tells both attempts', async () => {
  const made = await create(workspace, ['USAGE_SETTLED']);
  receiver.answer = answering(500);
  await speak(workspace, HELLO);
  await messages(made, 'usage.settled');
  receiver.answer = answering(200);
  await until('the first attempt in the log', 10_000, async () => (await deliveriesOf(made)).length >= 1);
  const [refused] = await deliveriesOf(made);
  expect(refused).toMatchObject({ attempt: 1, responseStatus: 500, nextAttemptAt: expect.any(String) });
  await moveClock(server.database, 6_000);
  // Whatever happens next in the workspace has the server look at once.
  await speak(workspace, HELLO);
  await until('the second attempt in the log', 20_000, async () => (await deliveriesOf(made)).length === 3);
  const attempts = (await deliveriesOf(made)).filter(({ messageId }) => messageId === refused!.messageId);
  expect(attempts).toMatchObject([{ attempt: 2, responseStatus: 200, nextAttemptAt: null }, { id: refused!.id }]);
  expect(new Set(receivedBy(made).map(({ id }) => id)).size).toBe(2);
});

it('endpoints are listed and deleted, and a deleted one is told nothing', async () => {
  const made = await create(workspace);
  expect(made.endpoint.events).toHaveLength(6);
  expect(await workspace.data(LIST)).toEqual({ webhookEndpoints: [made.endpoint] });
  expect(await workspace.data(DELETE, { id: made.endpoint.id })).toEqual({
    deleteWebhookEndpoint: { deletedId: made.endpoint.id },
  });
  expect(await workspace.data(LIST)).toEqual({ webhookEndpoints: [] });
  const kept = await create(workspace, ['USAGE_SETTLED']);
  await speak(workspace, HELLO);
  await messages(kept, 'usage.settled');
  expect(receivedBy(made)).toEqual([]);
  expect((await workspace.graphql(DELIVERIES, { id: made.endpoint.id })).code).toBe('NOT_FOUND');
});

it.each([
  ['https://127.0.0.1/hook'],
  ['https://localhost/hook'],
  ['https://169.254.169.254/latest/meta-data/'],
  ['https://[fd00::1]/hook'],
  ['http://example.com/hook'],
  ['https://user:canary@example.com/hook'],
  ['https://example.com/ and 3,000 characters'],
])('the address %s is BAD_USER_INPUT', async (name) => {
  const url = name.replace(' and 3,000 characters', 'a'.repeat(3_000));
  const answer = await workspace.graphql(CREATE, { input: { url } });
  expect(answer.errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'url' });
  expect(JSON.stringify(answer)).not.toContain('canary');
  expect(await workspace.data(LIST)).toEqual({ webhookEndpoints: [] });
});

it('a foreign endpoint is answered exactly as a missing one, and nothing happens to it', async () => {
  const made = await create(workspace);
  const stranger = await server.createWorkspace({ plan: 'pro' });
  for (const document of [ROTATE, DELETE, DELIVERIES]) {
    const answers = [];
    for (const id of [made.endpoint.id, newId(), 'no id']) {
      const { errors } = await stranger.graphql(document, { id });
      answers.push([errors![0]!.message, errors![0]!.extensions.code]);
    }
    expect(answers).toEqual([answers[0], answers[0], answers[0]]);
    expect(answers[0]![1]).toBe('NOT_FOUND');
  }
  expect(await workspace.data(LIST)).toEqual({ webhookEndpoints: [made.endpoint] });
});

it('no secret, no URL and no answer of an endpoint is in a log, a row or an error', async () => {
  const made = await create(workspace, ['USAGE_SETTLED']);
  const { rotateWebhookSecret } = await workspace.data<{ rotateWebhookSecret: Made }>(ROTATE, { id: made.endpoint.id });
  receiver.answer = (_message, response) => void response.writeHead(500).end('canary-in-the-answer');
  await speak(workspace, HELLO);
  await until('the attempt in the log', 10_000, async () => (await deliveriesOf(made)).length >= 1);
  const rows: string[] = [];
  for (const table of ['endpoints', 'places', 'messages', 'deliveries']) {
    const found = await server.database.query<{ text: string }>(`SELECT t::text AS text FROM webhook_${table} t`);
    rows.push(...found.rows.map(({ text }) => text));
  }
  const kept = [...rows, ...server.logged, JSON.stringify(await deliveriesOf(made))].join('\n');
  for (const secret of [made.secret, rotateWebhookSecret.secret]) {
    const bytes = Buffer.from(secret.slice(6), 'base64');
    for (const form of [secret, secret.slice(6, -1), bytes.toString('hex'), Buffer.from(secret).toString('hex')]) {
      expect(kept).not.toContain(form);
    }
  }
  expect(kept).not.toContain('canary-in-the-answer');
  expect(server.logged.join('\n')).not.toContain('canary-in-the-url');
});

describe('with two servers on the same data', () => {
  let database: TestDatabase;
  let first: TestServer;
  let second: TestServer;
  beforeAll(async () => {
    database = await openTestDatabase();
    const env = { OUTBOUND_ALLOW: `127.0.0.1:${receiver.port}` };
    first = await startTestServer({ database, env });
    second = await startTestServer({ database, env, dataDirectory: first.data.dataDirectory, stub: first.stub });
  });
  afterAll(async () => {
    await second?.close();
    await first?.close();
    await database?.close();
  });

  it('each message is sent once, whichever server settled the operation', async () => {
    const customer = await first.createWorkspace({ plan: 'pro' });
    const elsewhere = second.anonymous.as(customer.key ?? '');
    const made = await create(customer, ['USAGE_SETTLED']);
    const used: string[] = [];
    for (let at = 0; at < 6; at += 1) used.push((await speak(at % 2 ? elsewhere : customer, HELLO)).usage!.id);
    const told = await messages(made, 'usage.settled', 6);
    await until('six attempts in the log', 10_000, async () => (await deliveriesOf(made, customer)).length === 6);
    expect(told.map(({ json }) => json.data.id).sort()).toEqual(used.sort());
    expect(receivedBy(made)).toHaveLength(6);
  });
});
