import type { Database } from '../../src/db/database';
import { WaitingMessages } from '../../src/webhooks/waiting-messages';
import { WebhookHarness } from './support/webhook-harness';
import type { ReceivedMessage } from './support/webhook-receiver';
import { answering } from './support/webhook-receiver';

let harness: WebhookHarness;
let workspaceId: string;
beforeAll(async () => {
  harness = await WebhookHarness.open();
});
beforeEach(async () => {
  harness.receiver.answer = answering(204);
  harness.receiver.take();
  workspaceId = await harness.ledger.workspace('open');
});
afterEach(() => harness.database.query('DELETE FROM webhook_endpoints'));
afterAll(() => harness?.close());

const usageOf = (messages: readonly ReceivedMessage[]): unknown[] => messages.map(({ json }) => json.data.id).sort();

/** A door to the database through which some statements fail. */
const failing = (database: Database, fails: (sql: string) => boolean): Database => ({
  engine: database.engine,
  dataSource: database.dataSource,
  listen: database.listen,
  transaction: (work) => database.transaction(work),
  close: async () => {},
  query: (sql, parameters, name) =>
    fails(sql) ? Promise.reject(new Error('the process has died')) : database.query(sql, parameters, name),
});

it('several processes that look at the same moment send each message once', async () => {
  const nodes = [harness.node];
  for (let at = 0; at < 2; at += 1) nodes.push(harness.openNode(await harness.test.openAnother()));
  const endpoints: string[] = [];
  for (let at = 0; at < 4; at += 1) {
    const { endpoint } = await harness.endpoint(workspaceId, ['USAGE_SETTLED'], harness.url(`/${at}`));
    endpoints.push(endpoint.id);
  }
  const used: string[] = [];
  for (let turn = 0; turn < 5; turn += 1) {
    const using = Array.from({ length: 6 }, () => harness.use(workspaceId));
    const rounds = nodes.map(({ dispatcher }) => dispatcher.round());
    used.push(...(await Promise.all(using)));
    await Promise.all(rounds);
  }
  await Promise.all(nodes.map(({ dispatcher }) => dispatcher.round()));
  await harness.node.dispatcher.round();
  const messages = harness.receiver.take();
  for (let at = 0; at < 4; at += 1) {
    expect(usageOf(messages.filter(({ path }) => path === `/${at}`))).toEqual([...used].sort());
  }
  expect(new Set(messages.map(({ id }) => id)).size).toBe(messages.length);
  for (const id of endpoints) expect(await harness.waiting(id)).toBe(0);
  expect(nodes.flatMap(({ errors }) => errors)).toEqual([]);
});

it('what a process that died between commit and delivery left is sent by another once its lease is over', async () => {
  const dead = harness.openNode(harness.database);
  await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
  const used = await harness.use(workspaceId);
  expect(await dead.work.claim(10, null)).toHaveLength(1);
  expect(await harness.round()).toEqual([]);
  await harness.later(28_000);
  expect(await harness.round()).toEqual([]);
  await harness.later(3_000);
  expect(usageOf(await harness.round())).toEqual([used]);
});

it('a process that dies after sending and before writing it down sends the same message again, never none', async () => {
  let alive = true;
  const dying = harness.openNode(
    failing(harness.database, (sql) => !alive || sql.includes('INSERT INTO webhook_deliveries')),
  );
  const { endpoint } = await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
  const used = await harness.use(workspaceId);
  const [first] = await harness.round(dying);
  alive = false;
  expect(dying.errors).toHaveLength(1);
  await harness.later(31_000);
  const [again, ...others] = await harness.round();
  expect(others).toEqual([]);
  expect([again!.id, again!.body]).toEqual([first!.id, first!.body]);
  expect(again!.json.data.id).toBe(used);
  expect(await harness.deliveries(workspaceId, endpoint.id)).toMatchObject([{ attempt: 1, error: null }]);
  expect(await harness.round()).toEqual([]);
});

it('a process that dies while messages are made leaves either the place and the messages, or neither', async () => {
  for (const statement of ['INSERT INTO webhook_messages', 'SELECT id, event, body, attempts']) {
    const dying = harness.openNode(failing(harness.database, (sql) => sql.includes(statement)));
    await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
    const used = [await harness.use(workspaceId), await harness.use(workspaceId)];
    expect(await harness.round(dying)).toEqual([]);
    await harness.later(31_000);
    expect(usageOf(await harness.round())).toEqual(used.sort());
    await harness.database.query('DELETE FROM webhook_endpoints');
  }
});

it('a server that stops lets attempts end, gives up the others, and leaves its endpoints to be taken at once', async () => {
  const stopping = harness.openNode(harness.database);
  await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
  const used = await harness.use(workspaceId);
  harness.receiver.answer = () => {};
  const round = stopping.dispatcher.round();
  await harness.receiver.whenReceived(1);
  const closed = stopping.dispatcher.close();
  harness.clock.advance(2_000);
  await closed;
  await round;
  expect(stopping.errors).toEqual([]);
  harness.receiver.answer = answering(200);
  const [first, again] = await harness.round();
  expect(again!.id).toBe(first!.id);
  expect(again!.json.data.id).toBe(used);
});

it('a message is late at worst: what nobody was woken for is found within five seconds', async () => {
  const node = harness.openNode(harness.database);
  node.dispatcher.start();
  harness.clock.advance(0);
  await node.dispatcher.round();
  await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
  const used = await harness.use(workspaceId);
  harness.clock.advance(5_000);
  await harness.receiver.whenReceived(1);
  expect(usageOf(harness.receiver.take())).toEqual([used]);
  await node.dispatcher.close();
});

it('woken, it looks for that workspace alone, and only where somebody listens', async () => {
  const statements: unknown[] = [];
  const node = harness.openNode({
    ...failing(harness.database, () => false),
    query: (sql, parameters, name) => {
      if (sql.includes('WITH free AS')) statements.push(parameters?.[3]);
      return harness.database.query(sql, parameters, name);
    },
  });
  const { endpoint } = await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
  node.dispatcher.start();
  harness.clock.advance(0);
  await node.dispatcher.round();
  statements.length = 0;
  const silent = await harness.ledger.workspace('open');
  const used = await harness.use(workspaceId);
  node.dispatcher.wake(silent);
  node.dispatcher.wake(workspaceId);
  harness.clock.advance(50);
  await harness.receiver.whenReceived(1);
  expect(usageOf(harness.receiver.take())).toEqual([used]);
  expect(statements.length).toBeGreaterThan(0);
  for (const asked of statements) expect(asked).toEqual([workspaceId]);
  await node.dispatcher.close();
  expect(await harness.waiting(endpoint.id)).toBe(0);
});

describe('two processes that both believe an endpoint to be theirs', () => {
  const outcome = { status: 204, error: null, gone: false, retryAfterMs: null };

  it('make messages of the same events once', async () => {
    const messages = new WaitingMessages(harness.database, harness.clock);
    const { endpoint } = await harness.endpoint(workspaceId, ['USAGE_SETTLED', 'BALANCE_CHANGED']);
    const both = await Promise.all(
      [0, 1].map(() => messages.addLogged(endpoint.id, 'USAGE_SETTLED', 0n, 2n, ['1', '2'])),
    );
    expect(both.sort()).toEqual([false, true]);
    expect(await harness.waiting(endpoint.id)).toBe(2);
    const { rows } = await harness.database.query<{ version: string }>(
      `SELECT version FROM webhook_places WHERE endpoint_id = $1 AND event = 'BALANCE_CHANGED'`,
      [endpoint.id],
    );
    const told = { body: '{}', content: Buffer.alloc(32) };
    const states = await Promise.all(
      [0, 1].map(() => messages.addState(endpoint.id, 'BALANCE_CHANGED', rows[0]!.version, 'next', told)),
    );
    expect(states.filter((added) => added !== null)).toEqual([1]);
    expect(await harness.waiting(endpoint.id)).toBe(3);
  });

  it.each([null, 5_000])('write down an attempt once, with %s ms to the next one', async (retryMs) => {
    const messages = new WaitingMessages(harness.database, harness.clock);
    const { endpoint } = await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
    await messages.addLogged(endpoint.id, 'USAGE_SETTLED', 0n, 1n, ['1']);
    await harness.later(1);
    const [message] = await messages.due(endpoint.id, 10, []);
    const error = retryMs === null ? null : 'It failed.';
    const both = await Promise.all(
      [0, 1].map(() => messages.record(endpoint.id, message!, { ...outcome, error }, retryMs)),
    );
    expect(both.sort()).toEqual([false, true]);
    expect(await harness.deliveries(workspaceId, endpoint.id)).toHaveLength(1);
    expect(await harness.waiting(endpoint.id)).toBe(retryMs === null ? 0 : 1);
  });
});
