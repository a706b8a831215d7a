import { randomBytes } from 'node:crypto';
import { newId } from '../../src/lib/ids';
import { KeyRing } from '../../src/lib/keys';
import { reencryptWebhookSecrets } from '../../src/webhooks/reencrypt-secrets';
import { WEBHOOK_EVENTS } from '../../src/webhooks/webhook-event';
import { WebhookSecretSealer } from '../../src/webhooks/webhook-secret';
import { ROOT_KEY, WebhookHarness } from './support/webhook-harness';
import { expectedSignature } from './support/webhook-receiver';

let harness: WebhookHarness;
let workspaceId: string;
beforeAll(async () => {
  harness = await WebhookHarness.open();
  harness.names.set('hooks.example', ['93.184.215.14']);
  harness.names.set('inner.example', ['93.184.215.14', '10.0.0.8']);
});
beforeEach(async () => {
  workspaceId = await harness.ledger.workspace('open');
});
afterAll(() => harness?.close());

const make = (url = 'https://hooks.example/hook') => harness.endpoint(workspaceId, null, url);
const count = async (): Promise<number> => (await harness.node.endpoints.list(workspaceId)).length;

it('an endpoint is shown as it was made, and its secret once', async () => {
  const all = await make('https://hooks.example:8443/hook?token=1#part');
  const some = await harness.endpoint(workspaceId, ['BALANCE_CHANGED', 'ALERT_RAISED', 'BALANCE_CHANGED']);
  expect(all.secret).toMatch(/^whsec_/);
  expect(all.secret).not.toBe(some.secret);
  const listed = await harness.node.endpoints.list(workspaceId);
  expect(listed).toEqual([all.endpoint, some.endpoint]);
  expect(listed[0]).toMatchObject({ url: 'https://hooks.example:8443/hook?token=1', events: WEBHOOK_EVENTS });
  expect(listed[1]!.events).toEqual(['ALERT_RAISED', 'BALANCE_CHANGED']);
  expect(JSON.stringify(listed)).not.toContain('whsec_');
});

it.each([
  ['http://hooks.example/hook', 'https://'],
  ['https://user:canary@hooks.example/hook', 'no user and password'],
  ['https://canary@hooks.example/hook', 'no user and password'],
  ['ftp://hooks.example/hook', 'https://'],
  ['hooks.example/hook', 'no URL'],
  ['', 'no URL'],
  ['https://hooks.example:0/', 'leads nowhere'],
  [`https://hooks.example/${'a'.repeat(2_048)}`, '2048'],
  [`https://hooks.example/${'ü'.repeat(1_000)}`, '2048'],
  ['https://nobody.example/hook', 'could not be found'],
  ['https://inner.example/hook', 'not public'],
  ['https://127.0.0.1/hook', 'not public'],
  ['https://10.0.0.1/hook', 'not public'],
  ['https://192.168.1.1:8443/hook', 'not public'],
  ['https://169.254.169.254/latest/meta-data', 'not public'],
  ['https://168.63.129.16/', 'not public'],
  ['https://[::1]/hook', 'not public'],
  ['https://[fe80::1]/hook', 'not public'],
  ['https://[::ffff:10.0.0.1]/hook', 'not public'],
  ['https://0x7f000001/hook', 'not public'],
  ['https://2130706433/hook', 'not public'],
  ['http://127.0.0.1:1/hook', 'https://'],
])('an endpoint of %s is refused', async (url, reason) => {
  const refusal = await make(url).then(
    () => null,
    (error) => error,
  );
  expect(refusal).toMatchObject({ code: 'BAD_USER_INPUT', fields: { field: 'url' } });
  expect(refusal.message).toContain(reason);
  expect(refusal.message).not.toMatch(/canary|10\.0\.0\.8|93\.184/);
  expect(await count()).toBe(0);
});

it('http is taken where the operator allows the host and port, and nowhere else', async () => {
  await make(harness.url());
  await expect(make(`http://hooks.test:${harness.receiver.port + 1}/`)).rejects.toMatchObject({
    code: 'BAD_USER_INPUT',
  });
  expect(await count()).toBe(1);
});

it('no events are BAD_USER_INPUT', async () => {
  await expect(harness.endpoint(workspaceId, [])).rejects.toMatchObject({
    code: 'BAD_USER_INPUT',
    fields: { field: 'events' },
  });
});

it('a workspace has at most 20 endpoints, also when many are made at once', async () => {
  const made = await Promise.allSettled(Array.from({ length: 25 }, () => make()));
  expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(20);
  for (const refused of made) {
    if (refused.status === 'rejected') {
      expect(refused.reason).toMatchObject({ code: 'CONFLICT', message: expect.stringContaining('20') });
    }
  }
  const [first] = await harness.node.endpoints.list(workspaceId);
  await harness.node.endpoints.delete(workspaceId, first!.id);
  await make();
  expect(await count()).toBe(20);
});

it('whoever may not make a secret makes no endpoint and rotates none', async () => {
  const refused = new Error('revoked');
  const { endpoints } = harness.node;
  const input = { url: harness.url(), events: null };
  await expect(endpoints.create(workspaceId, input, () => Promise.reject(refused))).rejects.toBe(refused);
  expect(await count()).toBe(0);
  const { endpoint } = await make();
  await expect(endpoints.rotate(workspaceId, endpoint.id, () => Promise.reject(refused))).rejects.toBe(refused);
  const { rows } = await harness.database.query('SELECT previous_sealed FROM webhook_endpoints WHERE id = $1', [
    endpoint.id,
  ]);
  expect(rows).toEqual([{ previous_sealed: null }]);
});

it('another workspace’s endpoint, an unknown one and what is no id are all NOT_FOUND', async () => {
  const { endpoint } = await make();
  const other = await harness.ledger.workspace('open');
  const { endpoints } = harness.node;
  const answers: unknown[] = [];
  for (const [workspace, id] of [
    [other, endpoint.id],
    [workspaceId, newId()],
    [workspaceId, 'nothing'],
    [workspaceId, ''],
  ] as const) {
    for (const attempt of [
      endpoints.require(workspace, id),
      endpoints.rotate(workspace, id, async () => {}),
      endpoints.delete(workspace, id),
    ]) {
      answers.push(await attempt.then(String, ({ code, message }) => `${code} ${message}`));
    }
  }
  expect(new Set(answers)).toEqual(new Set(['NOT_FOUND There is no such webhook endpoint in this workspace.']));
  expect(await count()).toBe(1);
});

it('pages of the log are read to the end without a gap, newest first, and a cursor is good for its endpoint alone', async () => {
  const { endpoint } = await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
  const other = await harness.endpoint(workspaceId, ['ALERT_RAISED']);
  for (let at = 0; at < 7; at += 1) await harness.use(workspaceId);
  await harness.round();
  const { log } = harness.node;
  const seen: string[] = [];
  const times: number[] = [];
  let after: string | null = null;
  do {
    const page: Awaited<ReturnType<typeof log.list>> = await log.list(workspaceId, endpoint.id, { first: 3, after });
    seen.push(...page.edges.map(({ node }) => node.id));
    times.push(...page.edges.map(({ node }) => node.createdAt.getTime()));
    after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
    if (seen.length === 3) {
      const cursor = page.pageInfo.endCursor;
      const foreign = log.list(workspaceId, other.endpoint.id, { first: 3, after: cursor });
      await expect(foreign).rejects.toMatchObject({ code: 'BAD_USER_INPUT', fields: { field: 'after' } });
    }
  } while (after !== null);
  expect(new Set(seen).size).toBe(7);
  expect(times).toEqual([...times].sort((a, b) => b - a));
});

describe('when ENCRYPTION_KEY changes', () => {
  const fresh = randomBytes(32);

  it('both secrets of an endpoint are sealed anew, and sign as before', async () => {
    const made = await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
    const rotated = await harness.node.endpoints.rotate(workspaceId, made.endpoint.id, async () => {});
    const both = new WebhookSecretSealer(new KeyRing(fresh, ROOT_KEY));
    const report = await reencryptWebhookSecrets(harness.database, both);
    expect(report.reencrypted).toBeGreaterThanOrEqual(2);
    expect(report.unreadable).toEqual([]);
    expect((await reencryptWebhookSecrets(harness.database, both)).reencrypted).toBe(0);
    const node = harness.openNode(harness.database, new KeyRing(fresh));
    harness.receiver.take();
    await harness.use(workspaceId);
    const [message] = await harness.round(node);
    expect(message!.signatures).toEqual(
      [rotated.secret, made.secret].map((secret) => expectedSignature(secret, message!)),
    );
    expect(node.errors).toEqual([]);
  });

  it('a secret that no root opens is named, nothing is sent without it, and a rotation makes it well', async () => {
    const { endpoint } = await harness.endpoint(workspaceId, ['USAGE_SETTLED']);
    const keyRing = new KeyRing(randomBytes(32));
    const { unreadable } = await reencryptWebhookSecrets(harness.database, new WebhookSecretSealer(keyRing));
    expect(unreadable).toContainEqual({ workspaceId, endpointId: endpoint.id, why: 'unknown-key' });
    const node = harness.openNode(harness.database, keyRing);
    await harness.use(workspaceId);
    expect(await harness.round(node)).toEqual([]);
    expect(await harness.deliveries(workspaceId, endpoint.id)).toMatchObject([
      { attempt: 1, error: expect.stringContaining('rotateWebhookSecret') },
    ]);
    const { secret } = await node.endpoints.rotate(workspaceId, endpoint.id, async () => {});
    await harness.later(6_000);
    const [message] = await harness.round(node);
    expect(message!.signatures).toEqual([expectedSignature(secret, message!)]);
  });
});
