import type { ApiKey } from '../../src/identity/api-key-records';
import type { Principal } from '../../src/identity/principal';
import { SCOPES, type Scope } from '../../src/identity/scopes';
import { encodeCursor } from '../../src/lib/cursors';
import { newId } from '../../src/lib/ids';
import { IdentityHarness, type IdentityNode, refusalOf } from './support/identity-harness';

const TOKEN = { ttlSeconds: 600, capabilities: ['TEXT_TO_SPEECH'], maxCredits: '1' };

let harness: IdentityHarness;
let node: IdentityNode;
beforeAll(async () => {
  harness = await IdentityHarness.open();
  node = harness.node();
});
afterAll(() => harness?.close());

/** A signed-in key with exactly these scopes. */
async function keyWith(scopes: readonly Scope[], planId = 'open'): Promise<Principal> {
  const { principal } = await harness.workspace(node, planId);
  const { secret } = await node.keys.create(principal, { name: 'some', scopes });
  return node.authenticator.authenticate(secret);
}

const stored = async (workspaceId: string): Promise<number> => {
  const { rows } = await harness.database.query<{ keys: number }>(
    'SELECT count(*)::integer AS keys FROM api_keys WHERE workspace_id = $1',
    [workspaceId],
  );
  return rows[0]!.keys;
};

describe('creating', () => {
  test('a key without named scopes gets METERED and READ, and its secret signs in', async () => {
    const { principal } = await harness.workspace(node);
    const { apiKey, secret } = await node.keys.create(principal, { name: 'Line 1 – prod 🎧' });
    expect(apiKey).toMatchObject({
      name: 'Line 1 – prod 🎧',
      scopes: ['METERED', 'READ'],
      workspaceId: principal.workspaceId,
      lastUsedAt: null,
      expiresAt: null,
      revokedAt: null,
    });
    expect(secret.startsWith(apiKey.prefix)).toBe(true);
    expect(Object.values(apiKey)).not.toContain(secret);
    expect((await node.authenticator.authenticate(secret)).scopes).toEqual(['METERED', 'READ']);
  });

  test('scopes are kept once each and in one order', async () => {
    const { principal } = await harness.workspace(node);
    const { apiKey } = await node.keys.create(principal, {
      name: 'x',
      scopes: ['MANAGE', 'READ', 'MANAGE', 'METERED'],
    });
    expect(apiKey.scopes).toEqual(['METERED', 'READ', 'MANAGE']);
  });

  const bad: readonly [string, object, string][] = [
    ['an empty name', { name: '' }, 'name'],
    ['a blank name', { name: ' \u00a0 ' }, 'name'],
    ['201 characters', { name: 'x'.repeat(201) }, 'name'],
    ['a line break in the name', { name: 'a\nb' }, 'name'],
    ['a NUL in the name', { name: 'a\0b' }, 'name'],
    ['a C1 control character in the name', { name: 'a\u0085b' }, 'name'],
    ['an unpaired surrogate in the name', { name: 'a\ud83d' }, 'name'],
    ['no scope at all', { name: 'x', scopes: [] }, 'scopes'],
    ['a scope that there is not', { name: 'x', scopes: ['ROOT'] }, 'scopes'],
    ['an expiry in the past', { name: 'x', expiresAt: new Date(0) }, 'expiresAt'],
    ['an expiry that is no date', { name: 'x', expiresAt: new Date(Number.NaN) }, 'expiresAt'],
  ];
  test.each(bad)('%s is BAD_USER_INPUT and makes nothing', async (_what, input, field) => {
    const { principal } = await harness.workspace(node);
    expect(await refusalOf(node.keys.create(principal, input as never))).toMatchObject({
      code: 'BAD_USER_INPUT',
      fields: { field },
    });
    expect(await stored(principal.workspaceId)).toBe(1);
  });

  test('200 characters beyond the first plane make a name', async () => {
    const { principal } = await harness.workspace(node);
    const name = '🎙'.repeat(200);
    expect((await node.keys.create(principal, { name })).apiKey.name).toBe(name);
  });

  test('this very moment is no expiry in the future', async () => {
    const { principal } = await harness.workspace(node);
    const expiresAt = new Date(harness.clock.now());
    expect((await refusalOf(node.keys.create(principal, { name: 'x', expiresAt }))).code).toBe('BAD_USER_INPUT');
  });

  test.each(SCOPES)('a key without %s cannot give it away, a key with it can', async (scope) => {
    const without = await keyWith(scope === 'MANAGE' ? ['READ'] : ['MANAGE']);
    expect((await refusalOf(node.keys.create(without, { name: 'x', scopes: [scope] }))).code).toBe('FORBIDDEN');
    if (scope === 'ADMIN') return;
    const with_ = await keyWith([...new Set<Scope>(['MANAGE', scope])]);
    expect((await node.keys.create(with_, { name: 'x', scopes: [scope] })).apiKey.scopes).toEqual([scope]);
  });

  test('ADMIN is never given outside the operator’s workspace, whatever the principal claims', async () => {
    const { principal } = await harness.workspace(node);
    const claims: Principal = { ...principal, scopes: SCOPES };
    expect((await refusalOf(node.keys.create(claims, { name: 'x', scopes: ['ADMIN'] }))).code).toBe('FORBIDDEN');
  });

  test('the default scopes are refused too where the key lacks them', async () => {
    const manager = await keyWith(['MANAGE']);
    expect((await refusalOf(node.keys.create(manager, { name: 'x' }))).code).toBe('FORBIDDEN');
  });
});

describe('the plan’s number of active keys', () => {
  test.each([
    ['two', 2],
    ['five', 5],
  ])('plan %s: 12 creates at once leave exactly %i active keys', async (planId, max) => {
    const [one, two] = [harness.node(), harness.node()];
    const { principal } = await harness.workspace(one, planId);
    const tries = Array.from({ length: 12 }, (_, at) =>
      (at % 2 ? one : two).keys.create(principal, { name: `k${at}` }),
    );
    const outcomes = await Promise.allSettled(tries);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(max - 1);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') {
        expect(outcome.reason).toMatchObject({
          code: 'PLAN_LIMIT',
          fields: { limit: 'API_KEYS', max, actual: max, plan: planId },
        });
      }
    }
    expect(await stored(principal.workspaceId)).toBe(max);
  });

  test('a plan without a limit has none', async () => {
    const { principal } = await harness.workspace(node, 'open');
    await Promise.all(Array.from({ length: 12 }, (_, at) => node.keys.create(principal, { name: `k${at}` })));
    expect(await stored(principal.workspaceId)).toBe(13);
  });

  test('revoked and expired keys do not count; a rotated one counts once', async () => {
    const { principal } = await harness.workspace(node, 'two');
    const { apiKey: second } = await node.keys.create(principal, { name: 'second' });
    await node.keys.rotate(principal, { id: second.id, graceSeconds: 600 });
    expect((await refusalOf(node.keys.create(principal, { name: 'third' }))).code).toBe('PLAN_LIMIT');
    await node.keys.revoke(principal, second.id);
    const expiresAt = new Date(harness.clock.now() + 3_600_000);
    await node.keys.create(principal, { name: 'short', expiresAt });
    expect((await refusalOf(node.keys.create(principal, { name: 'fourth' }))).code).toBe('PLAN_LIMIT');
    await harness.advance(3_600_000);
    await expect(node.keys.create(principal, { name: 'fourth' })).resolves.toBeDefined();
  });

  test('the plan that counts is the one of this moment, not the one that was remembered', async () => {
    const { principal } = await harness.workspace(node, 'two');
    await node.keys.create(principal, { name: 'second' });
    await harness.database.query(`UPDATE accounts SET plan_id = 'five' WHERE workspace_id = $1`, [
      principal.workspaceId,
    ]);
    await expect(node.keys.create(principal, { name: 'third' })).resolves.toBeDefined();
  });
});

describe('rotating', () => {
  test('id, name and scopes stay; secret and prefix change', async () => {
    const { principal } = await harness.workspace(node);
    const { apiKey: before, secret: old } = await node.keys.create(principal, { name: 'x', scopes: ['READ'] });
    const { apiKey: after, secret } = await node.keys.rotate(principal, { id: before.id });
    expect(after).toEqual({ ...before, prefix: after.prefix });
    expect(secret).not.toBe(old);
    expect(secret.startsWith(after.prefix)).toBe(true);
  });

  test.each([-1, 604_801, 1.5, Number.NaN])('graceSeconds %p is BAD_USER_INPUT', async (graceSeconds) => {
    const { principal } = await harness.workspace(node);
    expect(await refusalOf(node.keys.rotate(principal, { id: principal.apiKeyId, graceSeconds }))).toMatchObject({
      code: 'BAD_USER_INPUT',
      fields: { field: 'graceSeconds' },
    });
  });

  test('a key cannot take over the scopes of a stronger one by rotating it', async () => {
    const { principal } = await harness.workspace(node);
    const { secret } = await node.keys.create(principal, { name: 'manager', scopes: ['MANAGE'] });
    const manager = await node.authenticator.authenticate(secret);
    expect((await refusalOf(node.keys.rotate(manager, { id: principal.apiKeyId }))).code).toBe('FORBIDDEN');
    await expect(node.authenticator.authenticate(secret)).resolves.toBeDefined();
  });

  test('a key that has ended is not brought back', async () => {
    const { principal } = await harness.workspace(node);
    const { apiKey: gone } = await node.keys.create(principal, { name: 'gone' });
    await node.keys.revoke(principal, gone.id);
    const expiresAt = new Date(harness.clock.now() + 1_000);
    const { apiKey: short } = await node.keys.create(principal, { name: 'short', expiresAt });
    await harness.advance(1_000);
    for (const { id } of [gone, short]) {
      expect((await refusalOf(node.keys.rotate(principal, { id }))).code).toBe('CONFLICT');
    }
  });

  test('two keys that rotate each other at the same moment both get an answer', async () => {
    const { principal, id } = await harness.workspace(node);
    const { secret, apiKey } = await node.keys.create(principal, { name: 'twin', scopes: principal.scopes });
    const twin = await node.authenticator.authenticate(secret);
    const rounds = Array.from({ length: 6 }, () => [
      node.keys.rotate(principal, { id: apiKey.id }),
      node.keys.rotate(twin, { id: principal.apiKeyId }),
    ]).flat();
    await expect(Promise.all(rounds)).resolves.toHaveLength(12);
    expect(await stored(id)).toBe(2);
  });
});

describe('revoking', () => {
  test('twice is once: the same answer, the same moment', async () => {
    const { principal } = await harness.workspace(node);
    const { apiKey } = await node.keys.create(principal, { name: 'x' });
    const first = await node.keys.revoke(principal, apiKey.id);
    await harness.advance(5_000);
    expect(first.revokedAt).toBeInstanceOf(Date);
    expect(await node.keys.revoke(principal, apiKey.id)).toEqual(first);
  });

  test('the last key may go', async () => {
    const { principal } = await harness.workspace(node);
    await expect(node.keys.revoke(principal, principal.apiKeyId)).resolves.toMatchObject({ id: principal.apiKeyId });
  });

  test('a key that was revoked meanwhile makes no new secrets, also where nobody has heard of it', async () => {
    const deaf = harness.node();
    const { principal } = await harness.workspace(deaf);
    deaf.bus.connected = false;
    await node.keys.revoke(principal, principal.apiKeyId);
    const tries = [
      deaf.keys.create(principal, { name: 'x' }),
      deaf.keys.rotate(principal, { id: principal.apiKeyId }),
      deaf.tokens.create(principal, TOKEN),
    ];
    for (const refusal of await Promise.all(tries.map(refusalOf))) expect(refusal.code).toBe('UNAUTHENTICATED');
    expect(await stored(principal.workspaceId)).toBe(1);
  });
});

describe('another workspace’s key', () => {
  const ways: readonly [string, (who: Principal, id: string) => Promise<unknown>][] = [
    ['find', (who, id) => node.keys.find(who.workspaceId, id)],
    ['rotate', (who, id) => node.keys.rotate(who, { id })],
    ['revoke', (who, id) => node.keys.revoke(who, id)],
  ];
  test.each(ways)('%s answers for it exactly as for a missing one and for what is no id', async (_name, way) => {
    const [mine, theirs] = [await harness.workspace(node), await harness.workspace(node)];
    const ids = [theirs.principal.apiKeyId, newId(), 'no id', '', "'; DROP TABLE api_keys; --"];
    const answers = await Promise.all(ids.map((id) => refusalOf(way(mine.principal, id))));
    expect(answers[0]!.code).toBe('NOT_FOUND');
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    await expect(node.authenticator.authenticate(theirs.secret)).resolves.toBeDefined();
  });
});

describe('scopes of the one who asks', () => {
  test.each([['METERED'], ['READ'], ['BILLING']] as [Scope][])('%s alone manages no keys', async (scope) => {
    const principal = await keyWith([scope]);
    const tries = [
      node.keys.create(principal, { name: 'x', scopes: [scope] }),
      node.keys.rotate(principal, { id: principal.apiKeyId }),
      node.keys.revoke(principal, principal.apiKeyId),
    ];
    for (const refusal of await Promise.all(tries.map(refusalOf))) expect(refusal.code).toBe('FORBIDDEN');
  });

  test('a client token manages nothing and makes no tokens', async () => {
    const { principal } = await harness.workspace(node);
    const { token, id } = await node.tokens.create(principal, TOKEN);
    const bearer = await node.authenticator.authenticate(token);
    const tries = [
      node.keys.create(bearer, { name: 'x' }),
      node.keys.rotate(bearer, { id: principal.apiKeyId }),
      node.keys.revoke(bearer, principal.apiKeyId),
      node.tokens.create(bearer, TOKEN),
      node.tokens.revoke(bearer, id),
    ];
    for (const refusal of await Promise.all(tries.map(refusalOf))) expect(refusal.code).toBe('FORBIDDEN');
  });

  test('at the machine the operator makes keys for any workspace, within its plan and without ADMIN', async () => {
    const { id } = await harness.workspace(node, 'two');
    const { secret } = await node.keys.createAtTheMachine(id, { name: 'cli', scopes: ['BILLING'] });
    expect((await node.authenticator.authenticate(secret)).workspaceId).toBe(id);
    expect((await refusalOf(node.keys.createAtTheMachine(id, { name: 'cli' }))).code).toBe('PLAN_LIMIT');
    const { id: other } = await harness.workspace(node);
    expect((await refusalOf(node.keys.createAtTheMachine(other, { name: 'cli', scopes: ['ADMIN'] }))).code).toBe(
      'FORBIDDEN',
    );
    for (const missing of [newId(), 'no id']) {
      expect((await refusalOf(node.keys.createAtTheMachine(missing, { name: 'cli' }))).code).toBe('NOT_FOUND');
    }
  });
});

describe('listing', () => {
  async function all(workspaceId: string, size: number): Promise<ApiKey[]> {
    const keys: ApiKey[] = [];
    for (let after: string | null = null; ; ) {
      const page = await node.keys.list(workspaceId, size, after);
      keys.push(...page.edges.map((edge) => edge.node));
      expect(page.pageInfo.startCursor).toBe(page.edges[0]?.cursor ?? null);
      if (!page.pageInfo.hasNextPage) return keys;
      expect(page.edges).toHaveLength(size);
      after = page.pageInfo.endCursor;
    }
  }

  test.each([1, 2, 3, 7, 100])('pages of %i show every key once, newest first, revoked ones too', async (size) => {
    const { principal, id } = await harness.workspace(node);
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    // One statement's time for all: the order must hold where created_at does not tell them apart.
    for (const name of names) await node.keys.create(principal, { name });
    await harness.database.query('UPDATE api_keys SET created_at = $2 WHERE workspace_id = $1 AND name IN ($3, $4)', [
      id,
      new Date(harness.clock.now() + 60_000),
      'b',
      'd',
    ]);
    const page = await node.keys.list(id, 100);
    await node.keys.revoke(principal, page.edges.find((edge) => edge.node.name === 'c')!.node.id);
    const listed = await all(id, size);
    expect(listed.map((key) => key.name)).toEqual(['d', 'b', 'f', 'e', 'c', 'a', 'First key']);
    expect(listed.find((key) => key.name === 'c')!.revokedAt).not.toBeNull();
  });

  test.each([0, -1, 101, 1.5])('first: %p is BAD_USER_INPUT', async (first) => {
    const { id } = await harness.workspace(node);
    expect(await refusalOf(node.keys.list(id, first))).toMatchObject({
      code: 'BAD_USER_INPUT',
      fields: { field: 'first' },
    });
  });

  test('a cursor of another workspace or one made up is BAD_USER_INPUT', async () => {
    const [mine, theirs] = [await harness.workspace(node), await harness.workspace(node)];
    const foreign = (await node.keys.list(theirs.id, 1)).pageInfo.endCursor!;
    const made = encodeCursor({ workspaceId: mine.id, query: 'apiKeys' }, ['no id']);
    for (const after of [foreign, made, '', 'AAAA', theirs.principal.apiKeyId, `${foreign}A`]) {
      expect(await refusalOf(node.keys.list(mine.id, 1, after))).toMatchObject({
        code: 'BAD_USER_INPUT',
        fields: { field: 'after' },
      });
    }
  });
});
