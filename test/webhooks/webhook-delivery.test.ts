import { WebhookHarness } from './support/webhook-harness';
import { answering, expectedSignature, type ReceivedMessage } from './support/webhook-receiver';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const CREDITS = 1_000_000;

let harness: WebhookHarness;
let workspaceId: string;
beforeAll(async () => {
  harness = await WebhookHarness.open();
});
beforeEach(async () => {
  harness.receiver.answer = answering(204);
  harness.receiver.take();
  harness.names.set('hooks.test', ['127.0.0.1']);
  workspaceId = await harness.ledger.workspace('open');
});
afterEach(async () => {
  expect(harness.node.errors).toEqual([]);
  // What a test leaves to be tried again is no message of the next one's.
  await harness.database.query('DELETE FROM webhook_endpoints');
});
afterAll(() => harness?.close());

const usageOf = (messages: readonly ReceivedMessage[]): unknown[] => messages.map(({ json }) => json.data.id);
const idOf = ({ endpoint }: { endpoint: { id: string } }): string => endpoint.id;

it('what settles is told once, signed, from the moment at which the endpoint was made', async () => {
  await harness.use(workspaceId);
  const { endpoint, secret } = await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
  expect(await harness.round()).toEqual([]);
  const used = [await harness.use(workspaceId, 3), await harness.use(workspaceId), await harness.use(workspaceId)];
  const messages = await harness.round();
  expect(usageOf(messages).sort()).toEqual([...used].sort());
  for (const message of messages) {
    expect(message.path).toBe('/hook');
    expect(message.headers).toMatchObject({ 'content-type': 'application/json', host: new URL(harness.url()).host });
    expect(message.signatures).toEqual([expectedSignature(secret, message)]);
    expect(message.timestamp).toBe(Math.floor(harness.clock.now() / 1_000));
    expect(message.json.type).toBe('usage.settled');
    expect(Object.keys(message.json)).toEqual(['type', 'timestamp', 'data']);
  }
  expect(messages.find(({ json }) => json.data.id === used[0])!.json.data).toMatchObject({
    status: 'SUCCEEDED',
    credits: '0.000003',
    costUsd: '0.000000003',
    providerId: 'stub',
    attempts: [],
  });
  expect(await harness.round()).toEqual([]);
  const log = await harness.deliveries(workspaceId, endpoint.id);
  expect(log.map(({ messageId }) => messageId).sort()).toEqual(messages.map(({ id }) => id).sort());
  for (const delivery of log) {
    expect(delivery).toMatchObject({ event: 'USAGE_SETTLED', attempt: 1, responseStatus: 204, error: null });
    expect(delivery.nextAttemptAt).toBeNull();
  }
  expect(await harness.waiting(endpoint.id)).toBe(0);
});

it('an endpoint is told of its own workspace and of the events that it wants, and of nothing else', async () => {
  const other = await harness.ledger.workspace('open');
  await harness.endpoint(workspaceId, ['USAGE_SETTLED'], harness.url('/usage'));
  await harness.endpoint(workspaceId, ['ALERT_RAISED', 'DOCUMENT_FINISHED'], harness.url('/alerts'));
  await harness.endpoint(other, null, harness.url('/other'));
  const used = await harness.use(workspaceId);
  const messages = await harness.round();
  expect(messages.map(({ path, json }) => [path, json.type, json.data.id])).toEqual([
    ['/usage', 'usage.settled', used],
  ]);
});

it('a message that fails is tried ten times with growing pauses, always the same, and then given up', async () => {
  const { endpoint, secret } = await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
  harness.receiver.answer = answering(500);
  await harness.use(workspaceId);
  const delays = [5_000, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
  const [first] = await harness.round();
  for (const [at, delay] of delays.entries()) {
    // A test takes time too, and the database's clock goes on meanwhile.
    await harness.later(delay - 4_000);
    expect(await harness.round()).toEqual([]);
    await harness.later(6_000);
    const [again, ...others] = await harness.round();
    expect(others).toEqual([]);
    expect([again!.id, again!.body]).toEqual([first!.id, first!.body]);
    expect(again!.timestamp).toBe(Math.floor(harness.clock.now() / 1_000));
    expect(again!.signatures).toEqual([expectedSignature(secret, again!)]);
    expect(again!.signatures).not.toEqual(first!.signatures);
    expect(at).toBeLessThan(9);
  }
  await harness.later(100 * HOUR);
  expect(await harness.round()).toEqual([]);
  const log = await harness.deliveries(workspaceId, endpoint.id);
  expect(log.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const waits = log.map(({ createdAt, nextAttemptAt }) =>
    nextAttemptAt === null ? null : Math.round((nextAttemptAt.getTime() - createdAt.getTime()) / 1_000) * 1_000,
  );
  expect(waits).toEqual([...delays, null]);
  expect(log[0]).toMatchObject({ responseStatus: 500, error: 'The endpoint answered with HTTP 500.' });
  expect(await harness.waiting(endpoint.id)).toBe(0);
});

it.each([200, 201, 202, 204, 299])('HTTP %s is a delivery', async (status) => {
  const { endpoint } = await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
  harness.receiver.answer = answering(status);
  await harness.use(workspaceId);
  expect(await harness.round()).toHaveLength(1);
  await harness.later(6_000);
  expect(await harness.round()).toEqual([]);
  expect(await harness.deliveries(workspaceId, endpoint.id)).toMatchObject([{ responseStatus: status, error: null }]);
});

it.each([400, 401, 404, 429, 500, 503])('HTTP %s is a failure that is tried again', async (status) => {
  await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
  harness.receiver.answer = answering(status);
  await harness.use(workspaceId);
  const [first] = await harness.round();
  harness.receiver.answer = answering(200);
  await harness.later(6_000);
  expect((await harness.round()).map(({ id }) => id)).toEqual([first!.id]);
});

it('a redirect is a failure and is not followed, wherever it leads', async () => {
  const { endpoint } = await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
  for (const status of [301, 302, 303, 307, 308]) {
    harness.receiver.answer = answering(status, { location: harness.url('/inner') });
    await harness.use(workspaceId);
    const messages = await harness.round();
    expect(messages.map(({ path }) => path).filter((path) => path === '/inner')).toEqual([]);
    expect(messages.length).toBeGreaterThan(0);
  }
  const log = await harness.deliveries(workspaceId, endpoint.id);
  expect(log.map(({ responseStatus }) => responseStatus)).toEqual([301, 302, 303, 307, 308]);
  for (const { error, nextAttemptAt } of log) {
    expect(error).toContain('redirects are not followed');
    expect(nextAttemptAt).not.toBeNull();
  }
});

it('410 Gone ends this message alone', async () => {
  const { endpoint } = await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
  harness.receiver.answer = answering(410);
  await harness.use(workspaceId);
  await harness.round();
  expect(await harness.waiting(endpoint.id)).toBe(0);
  expect(await harness.deliveries(workspaceId, endpoint.id)).toMatchObject([
    { responseStatus: 410, nextAttemptAt: null, error: expect.stringContaining('410') },
  ]);
  harness.receiver.answer = answering(200);
  const next = await harness.use(workspaceId);
  expect(usageOf(await harness.round())).toEqual([next]);
});

it.each([429, 503])(
  'HTTP %s with Retry-After is left alone for as long as it asks, with all its messages',
  async (status) => {
    const { endpoint } = await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
    harness.receiver.answer = answering(status, { 'retry-after': '120' });
    const first = await harness.use(workspaceId);
    expect(await harness.round()).toHaveLength(1);
    const second = await harness.use(workspaceId);
    harness.receiver.answer = answering(200);
    await harness.later(100_000);
    expect(await harness.round()).toEqual([]);
    await harness.later(21_000);
    expect(usageOf(await harness.round()).sort()).toEqual([first, second].sort());
    const [refused] = await harness.deliveries(workspaceId, endpoint.id);
    expect(refused!.nextAttemptAt!.getTime() - refused!.createdAt.getTime()).toBeCloseTo(120_000, -2);
  },
);

it('an endpoint that does not answer within 10 seconds has failed', async () => {
  const { endpoint } = await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
  harness.receiver.answer = () => {};
  await harness.use(workspaceId);
  const round = harness.node.dispatcher.round();
  await harness.receiver.whenReceived(1);
  harness.clock.advance(10_000);
  await round;
  expect(await harness.deliveries(workspaceId, endpoint.id)).toMatchObject([
    { responseStatus: null, error: 'There was no answer within 10 seconds.' },
  ]);
});

it('of an answer 64 kB are read at most, and none of it is kept', async () => {
  const { endpoint } = await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
  let sent = 0;
  harness.receiver.answer = (_message, response) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    const more = (): void => {
      while (!response.destroyed && sent < 200_000_000) {
        sent += 65_536;
        if (!response.write('canary-in-the-answer'.repeat(3_277).slice(0, 65_536))) {
          response.once('drain', more);
          return;
        }
      }
      response.end();
    };
    more();
  };
  await harness.use(workspaceId);
  await harness.round();
  expect(sent).toBeLessThan(20_000_000);
  const log = await harness.deliveries(workspaceId, endpoint.id);
  expect(log).toMatchObject([{ responseStatus: 200, error: null }]);
  expect(JSON.stringify(log)).not.toContain('canary');
});

it('what is no HTTP, and a connection that breaks, are failures with a sentence that tells no address', async () => {
  const { endpoint } = await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
  harness.receiver.answer = (_message, response) => void response.socket?.end('SSH-2.0-OpenSSH_9.6\r\n\r\n');
  await harness.use(workspaceId);
  await harness.round();
  harness.receiver.answer = (_message, response) => void response.destroy();
  await harness.later(6_000);
  await harness.round();
  const log = await harness.deliveries(workspaceId, endpoint.id);
  expect(log.map(({ error }) => error)).toEqual([
    'The endpoint did not answer as HTTP.',
    'The connection broke before there was an answer.',
  ]);
});

it('an address is checked again at each delivery: one that has turned inward is not connected to', async () => {
  const url = `https://moving.test:${harness.receiver.port}/hook`;
  harness.names.set('moving.test', ['93.184.215.14']);
  const { endpoint } = await harness.endpoint(workspaceId, ['USAGE_SETTLED'], url);
  harness.names.set('moving.test', ['127.0.0.1']);
  await harness.use(workspaceId);
  expect(await harness.round()).toEqual([]);
  harness.names.delete('moving.test');
  await harness.later(6_000);
  expect(await harness.round()).toEqual([]);
  const log = await harness.deliveries(workspaceId, endpoint.id);
  expect(log.map(({ error }) => error)).toEqual([
    expect.stringContaining('not public'),
    expect.stringContaining('could not be found'),
  ]);
  expect(JSON.stringify(log)).not.toContain('127.0.0.1');
});

it('after a rotation the old secret signs beside the new one for 24 hours', async () => {
  const made = await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
  const rotated = await harness.node.endpoints.rotate(workspaceId, idOf(made), async () => {});
  expect(rotated.endpoint).toEqual(made.endpoint);
  expect(rotated.secret).not.toBe(made.secret);
  const signaturesOfNext = async (secrets: readonly string[]): Promise<void> => {
    await harness.use(workspaceId);
    const [message] = await harness.round();
    expect(message!.signatures).toEqual(secrets.map((secret) => expectedSignature(secret, message!)));
  };
  await signaturesOfNext([rotated.secret, made.secret]);
  await harness.later(24 * HOUR - MINUTE);
  await signaturesOfNext([rotated.secret, made.secret]);
  await harness.later(2 * MINUTE);
  await signaturesOfNext([rotated.secret]);
  await harness.node.endpoints.forgetPreviousSecrets();
  const { rows } = await harness.database.query('SELECT previous_sealed FROM webhook_endpoints WHERE id = $1', [
    idOf(made),
  ]);
  expect(rows).toEqual([{ previous_sealed: null }]);
  const again = await harness.node.endpoints.rotate(workspaceId, idOf(made), async () => {});
  await signaturesOfNext([again.secret, rotated.secret]);
});

it('a balance is told as it is now, once a second at most, and only where it differs from what was told', async () => {
  const { endpoint } = await harness.endpoint(workspaceId, ['BALANCE_CHANGED']);
  expect(await harness.round()).toEqual([]);
  await harness.use(workspaceId, 10);
  const [first] = await harness.round();
  expect(first!.json).toMatchObject({ type: 'balance.changed', data: { id: workspaceId, remaining: '0.00009' } });
  for (let at = 0; at < 5; at += 1) {
    await harness.use(workspaceId, 10);
    expect(await harness.round()).toEqual([]);
  }
  await harness.later(1_100);
  const [second, ...others] = await harness.round();
  expect(others).toEqual([]);
  expect(second!.json.data).toMatchObject({ remaining: '0.00004', used: '0.00006', averageRequestCredits: '0.00001' });
  // A hold that comes and goes changes nothing in the end, nor does an operation that costs nothing.
  await harness.use(workspaceId, 0);
  await harness.later(1_100);
  expect(await harness.round()).toEqual([]);
  expect(await harness.deliveries(workspaceId, endpoint.id)).toHaveLength(2);
});

it('while an endpoint fails only the newest balance waits, and it is told at last', async () => {
  const { endpoint } = await harness.endpoint(workspaceId, ['BALANCE_CHANGED']);
  harness.receiver.answer = answering(500);
  for (let at = 0; at < 6; at += 1) {
    await harness.use(workspaceId, 10);
    await harness.round();
    await harness.later(1_100);
    expect(await harness.waiting(endpoint.id)).toBe(1);
  }
  const attempts = (await harness.deliveries(workspaceId, endpoint.id)).length;
  // Not once a second, although there was a new one each second.
  expect(attempts).toBeLessThanOrEqual(3);
  harness.receiver.take();
  harness.receiver.answer = answering(200);
  await harness.later(6_000);
  const messages = await harness.round();
  expect(messages.map(({ json }) => json.data.remaining)).toEqual(['0.00004']);
});

it('a subscription is told when it changes, and that there is none any more', async () => {
  await harness.endpoint(workspaceId, ['SUBSCRIPTION_CHANGED']);
  await harness.use(workspaceId);
  expect(await harness.round()).toEqual([]);
  await harness.database.query(`UPDATE accounts SET pending_plan_id = 'empty' WHERE workspace_id = $1`, [workspaceId]);
  const [pending] = await harness.round();
  expect(pending!.json).toMatchObject({
    type: 'subscription.changed',
    data: { subscription: { status: 'ACTIVE', plan: { id: 'open', name: 'open' }, pendingPlan: { id: 'empty' } } },
  });
  await harness.ledger.accounts.setPlan(workspaceId, { planId: 'empty' });
  await harness.later(1_100);
  const [ended] = await harness.round();
  expect(ended!.json).toMatchObject({ type: 'subscription.changed', data: { subscription: null } });
});

it('each alert is told once, in full', async () => {
  await harness.endpoint(workspaceId, ['ALERT_RAISED']);
  await harness.database.query('INSERT INTO alert_watches (workspace_id, last_sequence) VALUES ($1, 2)', [workspaceId]);
  await harness.database.query(
    `INSERT INTO alerts (workspace_id, sequence, id, rule_id, kind, subject, message, details, raised_at)
     SELECT $1, n, gen_random_uuid(), gen_random_uuid(), 'LOW_BALANCE', '', 'Low ' || n, '{"remaining": "1.5"}',
       ledger_now() FROM generate_series(1, 2) n`,
    [workspaceId],
  );
  const messages = await harness.round();
  expect(messages.map(({ json }) => json.data.message).sort()).toEqual(['Low 1', 'Low 2']);
  expect(messages[0]!.json).toMatchObject({
    type: 'alert.raised',
    data: { kind: 'LOW_BALANCE', details: { remaining: '1.5' }, raisedAt: messages[0]!.json.timestamp },
  });
  expect(await harness.round()).toEqual([]);
});

it('an endpoint that fails and fails is left alone for a while, and gets all of it when it is back', async () => {
  const { endpoint } = await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
  harness.receiver.answer = answering(500);
  const used: string[] = [];
  for (let at = 0; at < 12; at += 1) used.push(await harness.use(workspaceId));
  expect(await harness.round()).toHaveLength(8);
  expect(await harness.round()).toEqual([]);
  harness.receiver.answer = answering(200);
  await harness.later(16_000);
  const told = usageOf(await harness.round());
  await harness.later(10 * MINUTE);
  told.push(...usageOf(await harness.round()));
  expect(told.sort()).toEqual([...used].sort());
  expect(await harness.waiting(endpoint.id)).toBe(0);
});

it('at most four messages of an endpoint are under way, and a slow endpoint holds up no other', async () => {
  const slow = await harness.endpoint(workspaceId, ['USAGE_SETTLED'], harness.url('/slow'));
  await harness.endpoint(workspaceId, ['USAGE_SETTLED'], harness.url('/quick'));
  const held: (() => void)[] = [];
  const slowOnes: string[] = [];
  const quickOnes: string[] = [];
  let tell = (): void => {};
  const allQuick = new Promise<void>((resolve) => {
    tell = resolve;
  });
  harness.receiver.answer = (message, response) => {
    if (message.path === '/slow') {
      slowOnes.push(message.id);
      held.push(() => response.end());
      return;
    }
    quickOnes.push(message.id);
    response.end();
    if (quickOnes.length === 40) tell();
  };
  for (let at = 0; at < 40; at += 1) await harness.use(workspaceId);
  const round = harness.node.dispatcher.round();
  await allQuick;
  expect(slowOnes).toHaveLength(4);
  harness.receiver.answer = (message, response) => {
    if (message.path === '/slow') slowOnes.push(message.id);
    response.end();
  };
  for (const end of held) end();
  await round;
  expect(new Set(slowOnes).size).toBe(40);
  expect(await harness.waiting(idOf(slow))).toBe(0);
});

it('an endpoint that was deleted is told nothing more, and what is left of it is removed', async () => {
  const { endpoint } = await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
  harness.receiver.answer = answering(500);
  await harness.use(workspaceId);
  await harness.round();
  expect(await harness.waiting(endpoint.id)).toBe(1);
  expect(await harness.node.endpoints.delete(workspaceId, endpoint.id)).toBe(endpoint.id);
  await harness.use(workspaceId);
  await harness.later(6_000);
  expect(await harness.round()).toEqual([]);
  await harness.node.log.removeOld();
  for (const table of ['webhook_messages', 'webhook_deliveries', 'webhook_removals', 'webhook_places']) {
    const { rowCount } = await harness.database.query(`SELECT 1 FROM ${table} WHERE endpoint_id = $1`, [endpoint.id]);
    expect({ table, rowCount }).toEqual({ table, rowCount: 0 });
  }
});

it('an endpoint that is deleted while a message is under way gets no further one', async () => {
  const { endpoint } = await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
  for (let at = 0; at < 10; at += 1) await harness.use(workspaceId);
  harness.receiver.answer = (_message, response) => {
    void harness.node.endpoints.delete(workspaceId, endpoint.id).then(
      () => response.end(),
      () => response.end(),
    );
  };
  const messages = await harness.round();
  expect(messages.length).toBeLessThanOrEqual(4);
  expect(messages.length).toBeGreaterThan(0);
});

it('deliveries are kept for 30 days', async () => {
  const { endpoint } = await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
  await harness.use(workspaceId);
  await harness.round();
  await harness.later(29 * 24 * HOUR);
  await harness.node.log.removeOld();
  expect(await harness.deliveries(workspaceId, endpoint.id)).toHaveLength(1);
  await harness.later(25 * HOUR);
  await harness.node.log.removeOld();
  expect(await harness.deliveries(workspaceId, endpoint.id)).toEqual([]);
});

it('where 100,000 messages wait no more are made, and nothing is lost: the events wait', async () => {
  const { endpoint } = await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
  await harness.database.query(
    `INSERT INTO webhook_messages (id, endpoint_id, event, body, created_at, next_attempt_at)
     SELECT gen_random_uuid(), $1, 'USAGE_SETTLED', '{}', ledger_now(), ledger_now() + interval '1 day'
     FROM generate_series(1, 99999)`,
    [endpoint.id],
  );
  const used = [await harness.use(workspaceId), await harness.use(workspaceId)];
  expect(usageOf(await harness.round())).toEqual([used[0]]);
  expect(usageOf(await harness.round())).toEqual([used[1]]);
  harness.receiver.answer = answering(500);
  const more = [await harness.use(workspaceId), await harness.use(workspaceId), await harness.use(workspaceId)];
  expect(usageOf(await harness.round())).toEqual([more[0]]);
  expect(await harness.waiting(endpoint.id)).toBe(100_000);
  expect(await harness.round()).toEqual([]);
  await harness.database.query(`DELETE FROM webhook_messages WHERE endpoint_id = $1 AND body = '{}'`, [endpoint.id]);
  harness.receiver.answer = answering(200);
  expect(usageOf(await harness.round()).sort()).toEqual(more.slice(1).sort());
});

it('credits in a message are decimal strings, to the micro-credit', async () => {
  await harness.endpoint(workspaceId, ['USAGE_SETTLED', 'BALANCE_CHANGED']);
  await harness.use(workspaceId, 12);
  const messages = await harness.round();
  const data = Object.fromEntries(messages.map(({ json }) => [json.type, json.data]));
  expect(data['usage.settled']).toMatchObject({ credits: '0.000012', heldCredits: '0.000012', overageCredits: '0' });
  expect(data['balance.changed']).toMatchObject({ remaining: ((100 - 12) / CREDITS).toFixed(6) });
});
