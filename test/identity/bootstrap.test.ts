import { type BootstrapSettings, bootstrap } from '../../src/identity/bootstrap';
import { kindOfSecret, makeSecret } from '../../src/identity/secrets';
import { IdentityHarness, refusalOf } from './support/identity-harness';

const KEY = 'the operator’s first key';
const ADMIN = 'the operator’s admin key';

let harness: IdentityHarness;
beforeAll(async () => {
  harness = await IdentityHarness.open();
});
beforeEach(() => harness.database.query('TRUNCATE workspaces CASCADE'));
afterAll(() => harness?.close());

const start = (settings: Partial<BootstrapSettings> = {}) =>
  bootstrap(harness.database, harness.workspaces, { planId: 'two', ...settings });

async function stored(): Promise<unknown[]> {
  const { rows } = await harness.database.query<{ name: string; operator: boolean; plan_id: string; keys: string[] }>(
    `SELECT w.name, w.operator, a.plan_id, array_agg(k.name ORDER BY k.created_at, k.id) AS keys
     FROM workspaces w JOIN accounts a ON a.workspace_id = w.id LEFT JOIN api_keys k ON k.workspace_id = w.id
     GROUP BY w.id, a.plan_id ORDER BY w.created_at, w.id`,
  );
  return rows.map((row) => [row.name, row.operator, row.plan_id, row.keys.length]);
}

test('a first start makes both workspaces and prints one key for each; a second start makes and prints nothing', async () => {
  const node = harness.node();
  const first = await start();
  expect([first.apiKey.state, first.adminKey.state]).toEqual(['created', 'created']);
  expect(await node.authenticator.authenticate(first.apiKey.newSecret)).toMatchObject({
    workspaceId: first.apiKey.workspaceId,
    operator: false,
    planId: 'two',
    scopes: ['METERED', 'READ', 'BILLING', 'MANAGE'],
  });
  expect(await node.authenticator.authenticate(first.adminKey.newSecret)).toMatchObject({
    workspaceId: first.adminKey.workspaceId,
    operator: true,
    scopes: ['READ', 'MANAGE', 'ADMIN'],
  });
  const second = await start();
  expect(second).toEqual({
    apiKey: { workspaceId: first.apiKey.workspaceId, newSecret: null, state: 'none' },
    adminKey: { workspaceId: first.adminKey.workspaceId, newSecret: null, state: 'none' },
  });
  expect(await stored()).toEqual([
    ['Default', false, 'two', 1],
    ['Operator', true, 'two', 1],
  ]);
});

test('chosen keys sign in, are never printed, and are made once over any number of starts', async () => {
  const node = harness.node();
  const states: string[][] = [];
  for (let round = 0; round < 3; round += 1) {
    const { apiKey, adminKey } = await start({ apiKey: KEY, adminKey: ADMIN });
    expect([apiKey.newSecret, adminKey.newSecret]).toEqual([null, null]);
    states.push([apiKey.state, adminKey.state]);
  }
  expect(states).toEqual([
    ['created', 'created'],
    ['known', 'known'],
    ['known', 'known'],
  ]);
  await node.authenticator.authenticate(KEY);
  expect((await node.authenticator.authenticate(ADMIN)).scopes).toContain('ADMIN');
});

test.each<[string, Partial<BootstrapSettings>]>([
  ['without chosen keys', {}],
  ['with chosen keys', { apiKey: KEY, adminKey: ADMIN }],
])('8 processes that start at once %s make one of each', async (_how, settings) => {
  await harness.warmUp(8);
  const outcomes = await Promise.all(Array.from({ length: 8 }, () => start(settings)));
  expect(outcomes.filter(({ apiKey }) => apiKey.state === 'created')).toHaveLength(1);
  expect(outcomes.filter(({ adminKey }) => adminKey.state === 'created')).toHaveLength(1);
  expect(new Set(outcomes.map(({ apiKey }) => apiKey.workspaceId)).size).toBe(1);
  expect(await stored()).toEqual([
    ['Default', false, 'two', 1],
    ['Operator', true, 'two', 1],
  ]);
});

test('another chosen key on a later start joins the first workspace, beyond the plan’s number too', async () => {
  const node = harness.node();
  const { apiKey } = await start({ apiKey: KEY });
  await harness.workspaces.create({ name: 'Later', planId: 'two' });
  for (const further of ['a second key of mine!!', 'a third key of mine!!!', makeSecret('api-key')]) {
    expect((await start({ apiKey: further })).apiKey).toMatchObject({
      state: 'created',
      workspaceId: apiKey.workspaceId,
    });
    expect((await node.authenticator.authenticate(further)).workspaceId).toBe(apiKey.workspaceId);
  }
  await node.authenticator.authenticate(KEY);
});

test('a chosen key that was revoked or replaced is not brought back by the next start', async () => {
  const node = harness.node();
  await start({ apiKey: KEY, adminKey: ADMIN });
  const principal = await node.authenticator.authenticate(KEY);
  const { secret } = await node.keys.rotate(principal, { id: principal.apiKeyId });
  expect((await start({ apiKey: KEY })).apiKey.state).toBe('ended');
  expect((await refusalOf(node.authenticator.authenticate(KEY))).code).toBe('UNAUTHENTICATED');
  expect((await start({ apiKey: secret })).apiKey.state).toBe('known');
  await node.keys.revoke(principal, principal.apiKeyId);
  expect((await start({ apiKey: secret })).apiKey.state).toBe('ended');
  expect((await refusalOf(node.authenticator.authenticate(secret))).code).toBe('UNAUTHENTICATED');
});

test('a workspace that was made before the first start is the first one', async () => {
  const { workspace } = await harness.workspaces.create({ name: 'Mine', planId: 'five' });
  const { apiKey } = await start();
  expect(apiKey).toEqual({ workspaceId: workspace.id, newSecret: null, state: 'none' });
  expect(await stored()).toEqual([
    ['Mine', false, 'five', 1],
    ['Operator', true, 'two', 1],
  ]);
});

test.each<[string, Partial<BootstrapSettings>, string]>([
  ['too short', { apiKey: 'short' }, 'BOOTSTRAP_API_KEY'],
  ['an empty string', { adminKey: '' }, 'BOOTSTRAP_ADMIN_KEY'],
  ['a mistyped key of our own form', { apiKey: `poly_key_${'A'.repeat(49)}` }, 'BOOTSTRAP_API_KEY'],
  ['the same twice', { apiKey: KEY, adminKey: KEY }, 'BOOTSTRAP_ADMIN_KEY'],
])('a value that is %s stops the start, names its setting and makes nothing', async (_what, settings, setting) => {
  const { message } = await refusalOf(async () => start(settings));
  expect(message).toContain(setting);
  expect(message).not.toContain(KEY);
  expect(await stored()).toEqual([]);
});

test('a customer’s key does not become the admin key, nor the other way round', async () => {
  await start({ apiKey: KEY, adminKey: ADMIN });
  const before = await stored();
  expect((await refusalOf(async () => start({ adminKey: KEY }))).message).toContain('BOOTSTRAP_ADMIN_KEY');
  expect((await refusalOf(async () => start({ apiKey: ADMIN }))).message).toContain('BOOTSTRAP_API_KEY');
  expect(await stored()).toEqual(before);
});

test('the admin key gives ADMIN to further keys of the operator’s workspace, without a plan’s limit', async () => {
  const node = harness.node();
  await start({ adminKey: ADMIN });
  const admin = await node.authenticator.authenticate(ADMIN);
  for (const name of ['one', 'two', 'three']) {
    const { secret } = await node.keys.create(admin, { name, scopes: ['ADMIN'] });
    expect(await node.authenticator.authenticate(secret)).toMatchObject({ operator: true, scopes: ['ADMIN'] });
  }
  const { apiKey } = await start();
  expect(kindOfSecret(KEY)).toBe('api-key');
  expect((await refusalOf(node.keys.find(admin.workspaceId, apiKey.workspaceId))).code).toBe('NOT_FOUND');
});
