import type { CreateClientToken } from '../../src/identity/client-tokens';
import { originAllowed, requireCapability, requireScope } from '../../src/identity/rights';
import { newId } from '../../src/lib/ids';
import { IdentityHarness, type IdentityNode, refusalOf } from './support/identity-harness';

const VALID: CreateClientToken = { ttlSeconds: 600, capabilities: ['TEXT_TO_SPEECH'], maxCredits: '2.5' };

let harness: IdentityHarness;
let node: IdentityNode;
beforeAll(async () => {
  harness = await IdentityHarness.open();
  node = harness.node();
});
afterAll(() => harness?.close());

describe('creating', () => {
  test('everything asked for arrives in the principal, and the budget in the ledger’s row', async () => {
    const { principal, id: workspaceId } = await harness.workspace(node, 'five');
    const { id, token, expiresAt } = await node.tokens.create(principal, {
      ttlSeconds: 60,
      capabilities: ['RETRIEVAL', 'TEXT_TO_SPEECH', 'RETRIEVAL'],
      maxCredits: '0.000001',
      endUserId: 'user 42 – Zoë',
      requestsPerMinute: 3,
      allowStoredKeys: true,
      origins: ['https://App.Example:443', 'http://localhost:5173', 'https://app.example'],
    });
    expect(await node.authenticator.authenticate(token)).toEqual({
      kind: 'client-token',
      workspaceId,
      operator: false,
      planId: 'five',
      apiKeyId: principal.apiKeyId,
      clientTokenId: id,
      scopes: ['METERED', 'READ'],
      capabilities: ['TEXT_TO_SPEECH', 'RETRIEVAL'],
      endUserId: 'user 42 – Zoë',
      allowStoredKeys: true,
      requestsPerMinute: 3,
      origins: ['https://app.example', 'http://localhost:5173'],
      expiresAtMs: expiresAt.getTime(),
    });
    const { rows } = await harness.database.query('SELECT budget, spent, held FROM client_tokens WHERE id = $1', [id]);
    expect(rows).toEqual([{ budget: '1', spent: '0', held: '0' }]);
  });

  test('what is left out is the narrowest: 10 requests a minute, no stored keys; any origin, no end user', async () => {
    const { principal } = await harness.workspace(node);
    const { token } = await node.tokens.create(principal, { ...VALID, requestsPerMinute: null, origins: null });
    expect(await node.authenticator.authenticate(token)).toMatchObject({
      requestsPerMinute: 10,
      allowStoredKeys: false,
      origins: null,
      endUserId: null,
    });
  });

  const bad: readonly [string, Partial<CreateClientToken>][] = [
    ['ttlSeconds', { ttlSeconds: 59 }],
    ['ttlSeconds', { ttlSeconds: 3_601 }],
    ['ttlSeconds', { ttlSeconds: 60.5 }],
    ['ttlSeconds', { ttlSeconds: Number.NaN }],
    ['capabilities', { capabilities: [] }],
    ['capabilities', { capabilities: ['TEXT_TO_SPEECH', 'MIND_READING'] }],
    ['maxCredits', { maxCredits: '0' }],
    ['maxCredits', { maxCredits: '-1' }],
    ['maxCredits', { maxCredits: '0.0000001' }],
    ['maxCredits', { maxCredits: '1e3' }],
    ['maxCredits', { maxCredits: '' }],
    ['maxCredits', { maxCredits: '9223372036854.775808' }],
    ['endUserId', { endUserId: '' }],
    ['endUserId', { endUserId: 'x'.repeat(129) }],
    ['endUserId', { endUserId: 'a\tb' }],
    ['endUserId', { endUserId: '\udc00' }],
    ['requestsPerMinute', { requestsPerMinute: 0 }],
    ['requestsPerMinute', { requestsPerMinute: 1.5 }],
    ['requestsPerMinute', { requestsPerMinute: 2_147_483_648 }],
    ['origins', { origins: [] }],
    ['origins', { origins: Array.from({ length: 51 }, (_, at) => `https://a${at}.example`) }],
    ...[
      'https://app.example/',
      'https://app.example/path',
      'https://app.example?x',
      'https://app.example#x',
      'https://user@app.example',
      'https://*.example',
      'https://',
      'https://a b.example',
      'https://app.example:99999',
      'app.example',
      '*',
      'null',
      'ftp://app.example',
      'javascript:alert(1)',
      'https://app.example\\evil',
    ].map((origin): [string, Partial<CreateClientToken>] => ['origins', { origins: [origin] }]),
  ];
  test.each(bad)('a wrong %s is BAD_USER_INPUT and makes nothing: %j', async (field, change) => {
    const { principal, id } = await harness.workspace(node);
    expect(await refusalOf(node.tokens.create(principal, { ...VALID, ...change }))).toMatchObject({
      code: 'BAD_USER_INPUT',
      fields: { field },
    });
    const { rows } = await harness.database.query('SELECT 1 FROM client_tokens WHERE workspace_id = $1', [id]);
    expect(rows).toEqual([]);
  });

  test('the ends of every range are served', async () => {
    const { principal } = await harness.workspace(node);
    for (const change of [
      { ttlSeconds: 60 },
      { ttlSeconds: 3_600 },
      { maxCredits: '9223372036854.775807' },
      { endUserId: '🙂'.repeat(128) },
      { requestsPerMinute: 1 },
    ]) {
      await expect(node.tokens.create(principal, { ...VALID, ...change })).resolves.toBeDefined();
    }
  });
});

describe('rights', () => {
  test.each([
    [['METERED'], ['METERED']],
    [['METERED', 'BILLING', 'MANAGE'], ['METERED']],
    [
      ['METERED', 'READ', 'BILLING', 'MANAGE'],
      ['METERED', 'READ'],
    ],
  ] as const)('a key with %j makes tokens with %j', async (held, given) => {
    const { principal } = await harness.workspace(node);
    const { secret } = await node.keys.create(principal, { name: 'maker', scopes: held });
    const { token } = await node.tokens.create(await node.authenticator.authenticate(secret), VALID);
    expect((await node.authenticator.authenticate(token)).scopes).toEqual(given);
  });

  test('a key without METERED neither makes nor revokes tokens', async () => {
    const { principal } = await harness.workspace(node);
    const { id } = await node.tokens.create(principal, VALID);
    const { secret } = await node.keys.create(principal, { name: 'reader', scopes: ['READ', 'BILLING', 'MANAGE'] });
    const reader = await node.authenticator.authenticate(secret);
    expect((await refusalOf(node.tokens.create(reader, VALID))).code).toBe('FORBIDDEN');
    expect((await refusalOf(node.tokens.revoke(reader, id))).code).toBe('FORBIDDEN');
  });

  test('a token is held to its capabilities and scopes, a key to its scopes alone', async () => {
    const { principal } = await harness.workspace(node);
    const { token } = await node.tokens.create(principal, VALID);
    const bearer = await node.authenticator.authenticate(token);
    expect(() => requireCapability(bearer, 'TEXT_TO_SPEECH')).not.toThrow();
    expect((await refusalOf(() => requireCapability(bearer, 'LANGUAGE_MODEL'))).code).toBe('FORBIDDEN');
    expect(() => requireCapability(principal, 'LANGUAGE_MODEL')).not.toThrow();
    expect(() => requireScope(bearer, 'METERED')).not.toThrow();
    for (const scope of ['BILLING', 'MANAGE', 'ADMIN'] as const) {
      expect((await refusalOf(() => requireScope(bearer, scope))).code).toBe('FORBIDDEN');
    }
  });

  test.each([
    ['https://app.example', true],
    ['HTTPS://App.Example', true],
    ['https://app.example:444', false],
    ['http://app.example', false],
    ['https://evil.app.example', false],
    ['https://app.example.evil', false],
    ['null', false],
    ['', false],
    [undefined, false],
  ])('a token for https://app.example, sent from %p: allowed is %p', async (origin, allowed) => {
    const { principal } = await harness.workspace(node);
    const { token } = await node.tokens.create(principal, { ...VALID, origins: ['https://app.example'] });
    const anywhere = await node.tokens.create(principal, VALID);
    expect(originAllowed(await node.authenticator.authenticate(token), origin)).toBe(allowed);
    expect(originAllowed(await node.authenticator.authenticate(anywhere.token), origin)).toBe(true);
    expect(originAllowed(principal, origin)).toBe(true);
  });
});

describe('ending', () => {
  test('a token ends after its time, on a warm cache too', async () => {
    const { principal } = await harness.workspace(node);
    const { token, expiresAt } = await node.tokens.create(principal, { ...VALID, ttlSeconds: 60 });
    await node.authenticator.authenticate(token);
    await harness.advance(expiresAt.getTime() - harness.clock.now() - 1);
    await node.authenticator.authenticate(token);
    await harness.advance(1);
    expect((await refusalOf(node.authenticator.authenticate(token))).message).toContain('expired');
  });

  test('a token never outlives its key', async () => {
    const { principal } = await harness.workspace(node);
    const expiresAt = new Date(harness.clock.now() + 100_000);
    const { secret } = await node.keys.create(principal, { name: 'short', expiresAt });
    const made = await node.tokens.create(await node.authenticator.authenticate(secret), {
      ...VALID,
      ttlSeconds: 3_600,
    });
    expect(made.expiresAt).toEqual(expiresAt);
    expect((await node.authenticator.authenticate(made.token)).expiresAtMs).toBe(expiresAt.getTime());
    await harness.advance(100_000);
    expect((await refusalOf(node.authenticator.authenticate(made.token))).message).toContain('expired');
  });

  test('an expiry that its key was given later holds as well', async () => {
    const { principal } = await harness.workspace(node);
    const { token } = await node.tokens.create(principal, VALID);
    await harness.database.query('UPDATE api_keys SET expires_at = $2 WHERE id = $1', [
      principal.apiKeyId,
      new Date(harness.clock.now()),
    ]);
    expect((await refusalOf(node.authenticator.authenticate(token))).message).toContain('expired');
  });

  test('revoking twice is once; a foreign token is answered like a missing one and lives on', async () => {
    const [mine, theirs] = [await harness.workspace(node), await harness.workspace(node)];
    const { token, id } = await node.tokens.create(theirs.principal, VALID);
    const answers = await Promise.all(
      [id, newId(), 'no id'].map((item) => refusalOf(node.tokens.revoke(mine.principal, item))),
    );
    expect(answers[0]!.code).toBe('NOT_FOUND');
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    await node.authenticator.authenticate(token);
    await node.tokens.revoke(theirs.principal, id);
    await node.tokens.revoke(theirs.principal, id);
    expect((await refusalOf(node.authenticator.authenticate(token))).message).toContain('revoked');
  });
});
