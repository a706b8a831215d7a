import { DatabaseUnavailableError } from '../../src/db/connection-errors';
import { concerns } from '../../src/identity/authenticator';
import { makeSecret } from '../../src/identity/secrets';
import { TestClock } from '../support/test-clock';
import { IdentityHarness, refusalOf } from './support/identity-harness';

const TOKEN = { ttlSeconds: 600, capabilities: ['TEXT_TO_SPEECH'], maxCredits: '1' };

let harness: IdentityHarness;
beforeAll(async () => {
  harness = await IdentityHarness.open();
});
afterAll(() => harness?.close());

const lookups = (statements: readonly string[]): number => statements.filter((sql) => /_hash = \$1/.test(sql)).length;

describe('what is refused, and how', () => {
  const never = [
    ['nothing', null],
    ['an empty string', ''],
    ['19 characters', 'x'.repeat(19)],
    ['a string longer than any header', 'x'.repeat(513)],
    ['a mistyped key', mistyped(makeSecret('api-key'))],
    ['a mistyped token', mistyped(makeSecret('client-token'))],
    ['a key cut short', makeSecret('api-key').slice(0, -1)],
    ['a key with something behind it', `${makeSecret('api-key')}x`],
  ] as const;
  test.each(never)('%s is UNAUTHENTICATED without asking the database', async (_what, secret) => {
    const node = harness.node();
    expect(await refusalOf(node.authenticator.authenticate(secret))).toMatchObject({
      code: 'UNAUTHENTICATED',
      fields: {},
    });
    expect(node.statements).toEqual([]);
  });

  test('an unknown secret of any form is answered with the same words as a mistyped one', async () => {
    const node = harness.node();
    const answers = await Promise.all(
      [
        makeSecret('api-key'),
        makeSecret('client-token'),
        'a secret of somebody’s own making',
        mistyped(makeSecret('api-key')),
      ].map((secret) => refusalOf(node.authenticator.authenticate(secret))),
    );
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(answers[0]).toMatchObject({ code: 'UNAUTHENTICATED', fields: {} });
  });

  test('no refusal repeats the secret', async () => {
    const node = harness.node();
    const { secret, principal } = await harness.workspace(node);
    await node.keys.revoke(principal, principal.apiKeyId);
    for (const candidate of [secret, makeSecret('api-key'), mistyped(secret)]) {
      const { message } = await refusalOf(node.authenticator.authenticate(candidate));
      expect(message).not.toContain(candidate.slice(10, 20));
    }
  });

  test('a database that does not answer is UNAVAILABLE, and is asked again next time', async () => {
    let broken = true;
    const node = harness.node({
      query: (send) => (sql, parameters, name) =>
        broken
          ? Promise.reject(new DatabaseUnavailableError(false, new Error('connection refused')))
          : send(sql, parameters, name),
    });
    const { secret } = await harness.workspaces.create({ name: 'Acme', planId: 'open' });
    expect((await refusalOf(node.authenticator.authenticate(secret))).code).toBe('UNAVAILABLE');
    broken = false;
    await expect(node.authenticator.authenticate(secret)).resolves.toMatchObject({ kind: 'api-key' });
  });
});

describe('what a principal says', () => {
  test('a first key holds all scopes but ADMIN and no restriction', async () => {
    const node = harness.node();
    const { principal, id } = await harness.workspace(node, 'five');
    expect(principal).toEqual({
      kind: 'api-key',
      workspaceId: id,
      operator: false,
      planId: 'five',
      apiKeyId: principal.apiKeyId,
      clientTokenId: null,
      scopes: ['METERED', 'READ', 'BILLING', 'MANAGE'],
      capabilities: null,
      endUserId: null,
      allowStoredKeys: true,
      requestsPerMinute: null,
      origins: null,
      expiresAtMs: null,
    });
  });

  test('an expiring key carries the moment at which it ends, and ends at it on a warm cache too', async () => {
    const node = harness.node();
    const { principal } = await harness.workspace(node);
    const expiresAt = new Date(harness.clock.now() + 20_000);
    const { secret } = await node.keys.create(principal, { name: 'short', expiresAt });
    expect((await node.authenticator.authenticate(secret)).expiresAtMs).toBe(expiresAt.getTime());
    await harness.advance(19_999);
    await node.authenticator.authenticate(secret);
    const asked = lookups(node.statements);
    await harness.advance(1);
    expect(await refusalOf(node.authenticator.authenticate(secret))).toMatchObject({
      code: 'UNAUTHENTICATED',
      message: expect.stringContaining('expired'),
    });
    expect(lookups(node.statements)).toBe(asked);
  });
});

describe('what is remembered', () => {
  test('50 requests at once with one secret ask the database once', async () => {
    const node = harness.node();
    const { secret } = await harness.workspaces.create({ name: 'Acme', planId: 'open' });
    const principals = await Promise.all(Array.from({ length: 50 }, () => node.authenticator.authenticate(secret)));
    expect(new Set(principals).size).toBe(1);
    expect(lookups(node.statements)).toBe(1);
  });

  test('50 requests at once with one unknown secret ask once, and again only after 2 s', async () => {
    const node = harness.node();
    const secret = makeSecret('api-key');
    const tries = () =>
      Promise.all(Array.from({ length: 50 }, () => refusalOf(node.authenticator.authenticate(secret))));
    await tries();
    await harness.advance(1_999);
    await tries();
    expect(lookups(node.statements)).toBe(1);
    await harness.advance(1);
    await tries();
    expect(lookups(node.statements)).toBe(2);
  });

  test.each([
    [true, 30_000],
    [false, 2_000],
  ])('bus connected: %s, a principal is trusted for %i ms', async (connected, trustedMs) => {
    const node = harness.node();
    node.bus.connected = connected;
    const { secret } = await harness.workspace(node);
    await harness.advance(trustedMs - 1);
    await node.authenticator.authenticate(secret);
    expect(lookups(node.statements)).toBe(1);
    await harness.advance(1);
    await node.authenticator.authenticate(secret);
    expect(lookups(node.statements)).toBe(2);
  });

  test('when the bus is lost, what was remembered before is trusted for 2 s only', async () => {
    const node = harness.node();
    const { secret } = await harness.workspace(node);
    await harness.advance(2_000);
    node.bus.connect(false);
    await node.authenticator.authenticate(secret);
    expect(lookups(node.statements)).toBe(2);
  });

  test('when the bus comes back, everything is read anew and every socket is to be checked again', async () => {
    const [away, here] = [harness.node(), harness.node()];
    const { secret, principal } = await harness.workspace(here);
    await away.authenticator.authenticate(secret);
    const changed: unknown[] = [];
    away.authenticator.onChanged((who) => changed.push(who));
    away.bus.connect(false);
    await here.keys.revoke(principal, principal.apiKeyId);
    // Within the 2 s, as nothing was heard.
    await expect(away.authenticator.authenticate(secret)).resolves.toBeDefined();
    away.bus.connect(true);
    expect(changed).toEqual([{}]);
    expect((await refusalOf(away.authenticator.authenticate(secret))).message).toContain('revoked');
  });

  test('a notice that this version does not know makes it read everything anew', async () => {
    const node = harness.node();
    const { secret } = await harness.workspace(node);
    node.bus.deliver({ change: 'something-new' });
    await node.authenticator.authenticate(secret);
    expect(lookups(node.statements)).toBe(2);
  });
});

describe('changes are heard on every process', () => {
  test('a revoked key stops at once, its tokens too, and whoever holds sockets is told', async () => {
    const [one, two] = [harness.node(), harness.node()];
    const { secret, principal, id } = await harness.workspace(one);
    const { token } = await one.tokens.create(principal, TOKEN);
    const other = await harness.workspace(two);
    const tokenPrincipal = await two.authenticator.authenticate(token);
    await two.authenticator.authenticate(secret);
    const told: Parameters<typeof concerns>[0][] = [];
    two.authenticator.onRevoked((who) => told.push(who));

    await one.keys.revoke(principal, principal.apiKeyId);

    for (const node of [one, two]) {
      expect((await refusalOf(node.authenticator.authenticate(secret))).message).toContain('revoked');
      expect((await refusalOf(node.authenticator.authenticate(token))).message).toContain('revoked');
    }
    expect(told).toEqual([{ workspaceId: id, apiKeyId: principal.apiKeyId }]);
    expect([principal, tokenPrincipal, other.principal].map((held) => concerns(told[0]!, held))).toEqual([
      true,
      true,
      false,
    ]);
    const asked = lookups(two.statements);
    await two.authenticator.authenticate(other.secret);
    expect(lookups(two.statements)).toBe(asked);
  });

  test('a revoked token stops at once and leaves its key and its siblings alone', async () => {
    const [one, two] = [harness.node(), harness.node()];
    const { secret, principal, id } = await harness.workspace(one);
    const [gone, stays] = [await one.tokens.create(principal, TOKEN), await one.tokens.create(principal, TOKEN)];
    const held = await Promise.all(
      [gone.token, stays.token, secret].map((item) => two.authenticator.authenticate(item)),
    );
    const told: Parameters<typeof concerns>[0][] = [];
    two.authenticator.onRevoked((who) => told.push(who));

    await one.tokens.revoke(principal, gone.id);

    expect((await refusalOf(two.authenticator.authenticate(gone.token))).message).toContain('revoked');
    await two.authenticator.authenticate(stays.token);
    await two.authenticator.authenticate(secret);
    expect(told).toEqual([{ workspaceId: id, apiKeyId: principal.apiKeyId, clientTokenId: gone.id }]);
    expect(held.map((one) => concerns(told[0]!, one))).toEqual([true, false, false]);
  });

  test('another plan is seen at once, and nobody is told to close a socket', async () => {
    const [one, two] = [harness.node(), harness.node()];
    const { secret, id } = await harness.workspace(two, 'two');
    const [revoked, changed]: [unknown[], unknown[]] = [[], []];
    two.authenticator.onRevoked((who) => revoked.push(who));
    two.authenticator.onChanged((who) => changed.push(who));
    await harness.database.query('UPDATE accounts SET plan_id = $2 WHERE workspace_id = $1', [id, 'five']);
    one.notices.planChanged(id);
    expect((await two.authenticator.authenticate(secret)).planId).toBe('five');
    expect([revoked, changed]).toEqual([[], [{ workspaceId: id }]]);
  });

  test('a read that a revocation overtook is neither used nor remembered', async () => {
    let release = (): void => {};
    let reading = (): void => {};
    const started = new Promise<void>((resolve) => {
      reading = resolve;
    });
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let first = true;
    // The first read sees the key alive and is held back until the revocation is through.
    const slow = harness.node({
      query: (send) => async (sql, parameters, name) => {
        const answer = await send(sql, parameters, name);
        if (!first) return answer as never;
        first = false;
        reading();
        await held;
        return answer as never;
      },
    });
    const here = harness.node();
    const { secret, principal } = await harness.workspace(here);
    const early = refusalOf(slow.authenticator.authenticate(secret));
    await started;
    await here.keys.revoke(principal, principal.apiKeyId);
    // A request that comes after the revocation does not join the read that began before it.
    expect((await refusalOf(slow.authenticator.authenticate(secret))).message).toContain('revoked');
    release();
    expect((await early).message).toContain('revoked');
    expect((await refusalOf(slow.authenticator.authenticate(secret))).message).toContain('revoked');
  });

  test('a subscriber that left is told nothing more', async () => {
    const node = harness.node();
    const { principal } = await harness.workspace(node);
    const told: unknown[] = [];
    const leave = node.authenticator.onRevoked((who) => told.push(who));
    leave();
    await node.keys.revoke(principal, principal.apiKeyId);
    expect(told).toEqual([]);
  });
});

describe('rotation', () => {
  test.each([1, 60, 604_800])(
    'with %i s of grace the old secret works exactly so long, the new one at once',
    async (graceSeconds) => {
      const [one, two] = [harness.node(), harness.node()];
      const { secret: old, principal } = await harness.workspace(one);
      await two.authenticator.authenticate(old);
      const changed: unknown[] = [];
      two.authenticator.onChanged((who) => changed.push(who));
      const { secret: fresh, apiKey } = await one.keys.rotate(principal, { id: principal.apiKeyId, graceSeconds });
      expect(changed).toEqual([{ workspaceId: principal.workspaceId, apiKeyId: apiKey.id }]);
      const renewed = await two.authenticator.authenticate(fresh);
      expect(renewed).toEqual(principal);
      // The database's clock runs on while the test's stands still, so the moment is read from the principal.
      const { expiresAtMs } = await two.authenticator.authenticate(old);
      const left = expiresAtMs! - harness.clock.now();
      expect(Math.abs(left - graceSeconds * 1_000)).toBeLessThan(60_000);
      await harness.advance(left - 1);
      await two.authenticator.authenticate(old);
      await harness.advance(1);
      expect((await refusalOf(two.authenticator.authenticate(old))).message).toContain('replaced');
      await two.authenticator.authenticate(fresh);
    },
  );

  test('without grace the old secret stops at once, even where the clock of a process is far behind', async () => {
    const behind = new TestClock(harness.clock.now() - 86_400_000);
    const node = harness.node({ clock: behind });
    const { secret: old, principal } = await harness.workspace(node);
    await node.keys.rotate(principal, { id: principal.apiKeyId });
    expect((await refusalOf(node.authenticator.authenticate(old))).message).toContain('replaced');
  });

  test('a second rotation ends the grace of the first', async () => {
    const node = harness.node();
    const { secret: first, principal } = await harness.workspace(node);
    const { secret: second } = await node.keys.rotate(principal, { id: principal.apiKeyId, graceSeconds: 3_600 });
    const { secret: third } = await node.keys.rotate(principal, { id: principal.apiKeyId, graceSeconds: 3_600 });
    expect((await refusalOf(node.authenticator.authenticate(first))).code).toBe('UNAUTHENTICATED');
    await node.authenticator.authenticate(second);
    await node.authenticator.authenticate(third);
  });

  test('a client token outlives the rotation of its key', async () => {
    const node = harness.node();
    const { principal } = await harness.workspace(node);
    const { token } = await node.tokens.create(principal, TOKEN);
    await node.keys.rotate(principal, { id: principal.apiKeyId });
    await expect(node.authenticator.authenticate(token)).resolves.toMatchObject({ kind: 'client-token' });
  });
});

function mistyped(secret: string): string {
  const at = 20;
  return secret.slice(0, at) + (secret[at] === 'A' ? 'B' : 'A') + secret.slice(at + 1);
}
