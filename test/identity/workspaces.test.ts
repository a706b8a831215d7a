import { makeSecret } from '../../src/identity/secrets';
import { newId } from '../../src/lib/ids';
import { IdentityHarness, type IdentityNode, refusalOf } from './support/identity-harness';

let harness: IdentityHarness;
let node: IdentityNode;
beforeAll(async () => {
  harness = await IdentityHarness.open();
  node = harness.node();
});
afterAll(() => harness?.close());

const counts = async (): Promise<unknown> =>
  (
    await harness.database.query(
      `SELECT (SELECT count(*)::integer FROM workspaces) AS workspaces, (SELECT count(*)::integer FROM accounts) AS accounts,
         (SELECT count(*)::integer FROM api_keys) AS keys`,
    )
  ).rows[0];

test('a workspace comes with its account and a first key that does all but administer', async () => {
  const { workspace, apiKey, secret } = await harness.workspaces.create({ name: 'Äcme & Co', planId: 'five' });
  expect(workspace).toMatchObject({ name: 'Äcme & Co', planId: 'five', operator: false });
  expect(await harness.workspaces.find(workspace.id)).toEqual(workspace);
  expect(apiKey).toMatchObject({ workspaceId: workspace.id, scopes: ['METERED', 'READ', 'BILLING', 'MANAGE'] });
  expect(await node.authenticator.authenticate(secret)).toMatchObject({ workspaceId: workspace.id, planId: 'five' });
});

test('a chosen first key signs in, shows four characters of itself, and is taken once', async () => {
  const secret = 'correct horse battery staple';
  const { apiKey } = await harness.workspaces.create({ name: 'Acme', planId: 'open', secret });
  expect(apiKey.prefix).toBe('corr');
  await node.authenticator.authenticate(secret);
  const before = await counts();
  expect((await refusalOf(harness.workspaces.create({ name: 'Acme', planId: 'open', secret }))).code).toBe('CONFLICT');
  expect(await counts()).toEqual(before);
});

test('a secret that a rotation replaced cannot be chosen again', async () => {
  const secret = `rotated out ${newId()}`;
  const { apiKey } = await harness.workspaces.create({ name: 'Acme', planId: 'open', secret });
  const principal = await node.authenticator.authenticate(secret);
  await node.keys.rotate(principal, { id: apiKey.id });
  expect((await refusalOf(harness.workspaces.create({ name: 'Acme', planId: 'open', secret }))).code).toBe('CONFLICT');
});

test.each<[string, object]>([
  ['an empty name', { name: '' }],
  ['a name of 201 characters', { name: 'x'.repeat(201) }],
  ['a control character in the name', { name: 'a\u0007b' }],
  ['a chosen key of 19 characters', { secret: 'x'.repeat(19) }],
  ['a chosen key of 513 characters', { secret: 'x'.repeat(513) }],
  ['a line break in a chosen key', { secret: `x\n${'x'.repeat(20)}` }],
  ['a space at the end of a chosen key', { secret: `${'x'.repeat(20)} ` }],
  ['a mistyped key of our own form', { secret: `${makeSecret('api-key').slice(0, -1)}!` }],
  ['a client token as a key', { secret: makeSecret('client-token') }],
])('%s is BAD_USER_INPUT, nothing is made, and no secret is repeated', async (_what, change) => {
  const before = await counts();
  const refusal = await refusalOf(async () => harness.workspaces.create({ name: 'Acme', planId: 'open', ...change }));
  expect(refusal.code).toBe('BAD_USER_INPUT');
  if ('secret' in change) expect(JSON.stringify(refusal)).not.toContain(String(change.secret).slice(0, 19));
  expect(await counts()).toEqual(before);
});

test('an account that cannot be opened leaves no workspace behind', async () => {
  const before = await counts();
  await expect(harness.workspaces.create({ name: 'Acme', planId: 'no such plan' })).rejects.toThrow('no plan');
  expect(await counts()).toEqual(before);
});

test.each([newId(), 'no id', ''])('the workspace %p is NOT_FOUND', async (id) => {
  expect((await refusalOf(harness.workspaces.find(id))).code).toBe('NOT_FOUND');
});
