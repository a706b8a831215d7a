import { IdentityHarness, type IdentityNode } from './support/identity-harness';

let harness: IdentityHarness;
beforeAll(async () => {
  harness = await IdentityHarness.open();
});
afterAll(() => harness?.close());

const writes = (node: IdentityNode): number => node.statements.filter((sql) => sql.includes('last_used_at =')).length;

async function lastUsed(apiKeyId: string): Promise<Date | null> {
  const { rows } = await harness.database.query<{ last_used_at: Date | null }>(
    'SELECT last_used_at FROM api_keys WHERE id = $1',
    [apiKeyId],
  );
  return rows[0]!.last_used_at;
}

test('signing in does not write; the use is written afterwards, of many keys in one statement', async () => {
  const node = harness.node();
  const used = [await harness.workspace(node), await harness.workspace(node), await harness.workspace(node)];
  expect([writes(node), await lastUsed(used[0]!.principal.apiKeyId)]).toEqual([0, null]);
  await harness.advance(1_000);
  await node.lastUse.flush();
  expect(writes(node)).toBe(1);
  for (const { principal } of used) expect(await lastUsed(principal.apiKeyId)).toBeInstanceOf(Date);
});

test('a key in use is written once a minute at most', async () => {
  const node = harness.node();
  const { secret, principal } = await harness.workspace(node);
  for (let second = 0; second < 59; second += 1) {
    await node.authenticator.authenticate(secret);
    harness.clock.advance(1_000);
  }
  await node.lastUse.flush();
  expect(writes(node)).toBe(1);
  const first = await lastUsed(principal.apiKeyId);
  await harness.advance(2_000);
  await node.authenticator.authenticate(secret);
  await node.lastUse.flush();
  expect(writes(node)).toBe(2);
  expect((await lastUsed(principal.apiKeyId))!.getTime()).toBeGreaterThan(first!.getTime());
});

test('a write that fails is logged, harms nobody, and is made up for by the next use', async () => {
  let broken = true;
  const node = harness.node({
    query: (send) => (sql, parameters, name) =>
      broken && sql.includes('last_used_at =') ? Promise.reject(new Error('disk full')) : send(sql, parameters, name),
  });
  const { secret, principal } = await harness.workspace(node);
  await expect(node.lastUse.flush()).resolves.toBeUndefined();
  expect(node.warnings).toHaveLength(1);
  broken = false;
  await node.authenticator.authenticate(secret);
  await node.lastUse.flush();
  expect(await lastUsed(principal.apiKeyId)).toBeInstanceOf(Date);
});

test('a stop writes what was noted, and nothing after it', async () => {
  const node = harness.node();
  const { secret, principal } = await harness.workspace(node);
  await node.lastUse.stop();
  expect(await lastUsed(principal.apiKeyId)).toBeInstanceOf(Date);
  await harness.advance(120_000);
  await node.authenticator.authenticate(secret);
  await harness.advance(120_000);
  await node.lastUse.flush();
  expect(writes(node)).toBe(1);
});

test('a client token in use leaves its key’s last use alone', async () => {
  const node = harness.node();
  const { principal } = await harness.workspace(node);
  await node.lastUse.flush();
  const before = await lastUsed(principal.apiKeyId);
  const { token } = await node.tokens.create(principal, {
    ttlSeconds: 3_600,
    capabilities: ['TEXT_TO_SPEECH'],
    maxCredits: '1',
  });
  await harness.advance(120_000);
  await node.authenticator.authenticate(token);
  await node.lastUse.flush();
  expect(await lastUsed(principal.apiKeyId)).toEqual(before);
});
