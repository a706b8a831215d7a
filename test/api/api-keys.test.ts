import { moveClock } from '../support/database';
import type { GraphqlClient } from '../support/graphql-client';
import { TestClock } from '../support/test-clock';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { HELLO, speak, standing } from './support/speech-api';

const clock = new TestClock();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ plan: 'starter', clock });
  await speak(server.client, HELLO);
});
afterAll(() => server?.close());

interface ApiKey {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly scopes: readonly string[];
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
}
const KEY = 'apiKey { id name prefix scopes createdAt lastUsedAt expiresAt revokedAt }';
const create = (client: GraphqlClient, input: Record<string, unknown>) =>
  client.graphql<{ createApiKey: { apiKey: ApiKey; secret: string } }>(
    `mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { ${KEY} secret } }`,
    { input },
  );
const created = async (client: GraphqlClient, input: Record<string, unknown> = { name: 'Key' }) =>
  (await create(client, input)).data!.createApiKey;
const rotate = (client: GraphqlClient, id: string, graceSeconds?: number) =>
  client.graphql<{ rotateApiKey: { apiKey: ApiKey; secret: string } }>(
    `mutation ($input: RotateApiKeyInput!) { rotateApiKey(input: $input) { ${KEY} secret } }`,
    { input: { id, graceSeconds } },
  );
const revoke = (client: GraphqlClient, id: string) =>
  client.graphql<{ revokeApiKey: { apiKey: ApiKey } }>(
    `mutation ($input: RevokeApiKeyInput!) { revokeApiKey(input: $input) { ${KEY} } }`,
    { input: { id } },
  );
const works = async (secret: string): Promise<boolean> => {
  const answer = await server.anonymous.as(secret).graphql('{ balance { id } }');
  if (answer.errors) expect(answer).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
  return !answer.errors;
};

describe('createApiKey', () => {
  it('gives METERED and READ when no scopes are named, and shows the secret once', async () => {
    const workspace = await server.createWorkspace({ plan: 'starter' });
    const { apiKey, secret } = await created(workspace, { name: ' Backend ✓ ' });
    expect(apiKey).toMatchObject({
      name: ' Backend ✓ ',
      scopes: ['METERED', 'READ'],
      expiresAt: null,
      revokedAt: null,
    });
    expect(secret.startsWith(apiKey.prefix)).toBe(true);
    expect(apiKey.prefix.length).toBeLessThan(secret.length / 2);
    expect(secret.length).toBeGreaterThanOrEqual(40);
    const listed = await workspace.graphql('{ apiKeys { edges { node { id name prefix scopes } } } }');
    expect(JSON.stringify(listed.data)).toContain(apiKey.id);
    expect(JSON.stringify(listed)).not.toContain(secret);
    expect(await works(secret)).toBe(true);
    expect((await speak(server.anonymous.as(secret), HELLO)).usage!.status).toBe('SUCCEEDED');
  });

  it('gives away only scopes that the asking key holds', async () => {
    const workspace = await server.createWorkspace({ plan: 'starter' });
    const manager = await created(workspace, { name: 'Manager', scopes: ['MANAGE', 'READ'] });
    const client = server.anonymous.as(manager.secret);
    expect((await create(client, { name: 'a', scopes: ['READ'] })).errors).toBeUndefined();
    for (const scopes of [undefined, ['METERED'], ['READ', 'BILLING'], ['ADMIN']]) {
      expect((await create(client, { name: 'a', scopes })).code).toBe('FORBIDDEN');
    }
    expect((await create(workspace, { name: 'a', scopes: ['ADMIN'] })).code).toBe('FORBIDDEN');
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['an empty name', { name: '' }, 'name'],
    ['a blank name', { name: '   ' }, 'name'],
    ['a name of 201 characters', { name: 'n'.repeat(201) }, 'name'],
    ['a name with a line end', { name: 'a\nb' }, 'name'],
    ['no scopes at all', { name: 'a', scopes: [] }, 'scopes'],
    ['an end that is past', { name: 'a', expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt'],
  ])('refuses %s', async (_name, input, field) => {
    expect((await create(server.client, input)).errors![0]!.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      field,
    });
  });

  it('stops at the number of active keys of the plan; revoked and expired ones do not count, a rotated one counts once', async () => {
    const workspace = await server.createWorkspace({ plan: 'free' });
    const second = await created(workspace);
    const refused = await create(workspace, { name: 'Third' });
    expect(refused.errors![0]!.extensions).toMatchObject({
      code: 'PLAN_LIMIT',
      limit: 'API_KEYS',
      max: 2,
      actual: 2,
      plan: 'free',
    });
    await rotate(workspace, second.apiKey.id, 600);
    expect((await create(workspace, { name: 'Third' })).code).toBe('PLAN_LIMIT');
    await revoke(workspace, second.apiKey.id);
    expect((await create(workspace, { name: 'Third' })).errors).toBeUndefined();
    // Two at once do not slip through together.
    const last = await server.createWorkspace({ plan: 'free' });
    const both = await Promise.all([create(last, { name: 'a' }), create(last, { name: 'b' })]);
    expect(both.map(({ code }) => code ?? 'MADE').sort()).toEqual(['MADE', 'PLAN_LIMIT']);
  });
});

describe('a key', () => {
  it('that expires stops then', async () => {
    const workspace = await server.createWorkspace({ plan: 'starter' });
    const expiresAt = new Date(clock.now() + 3_600_000).toISOString();
    const { secret, apiKey } = await created(workspace, { name: 'Short', expiresAt });
    expect(apiKey.expiresAt).toBe(expiresAt);
    expect(await works(secret)).toBe(true);
    clock.advance(3_600_000);
    await moveClock(server.database, 3_600_000);
    expect(await works(secret)).toBe(false);
    expect((await rotate(workspace, apiKey.id)).code).toBe('CONFLICT');
  });

  it('that is rotated without grace works with its new secret alone, at once', async () => {
    const workspace = await server.createWorkspace({ plan: 'starter' });
    const { apiKey, secret } = await created(workspace, { name: 'Rotated', scopes: ['READ'] });
    expect(await works(secret)).toBe(true);
    const next = (await rotate(workspace, apiKey.id)).data!.rotateApiKey;
    expect(next.apiKey).toMatchObject({ id: apiKey.id, name: 'Rotated', scopes: ['READ'] });
    expect(next.secret).not.toBe(secret);
    expect(next.apiKey.prefix).not.toBe(apiKey.prefix);
    expect([await works(secret), await works(next.secret)]).toEqual([false, true]);
  });

  it('that is rotated with grace works with both secrets for that long', async () => {
    const workspace = await server.createWorkspace({ plan: 'starter' });
    const { apiKey, secret } = await created(workspace);
    const next = (await rotate(workspace, apiKey.id, 600)).data!.rotateApiKey;
    expect([await works(secret), await works(next.secret)]).toEqual([true, true]);
    clock.advance(590_000);
    await moveClock(server.database, 590_000);
    expect(await works(secret)).toBe(true);
    // The database's clock has gone on while the test's stood still.
    clock.advance(130_000);
    await moveClock(server.database, 130_000);
    expect([await works(secret), await works(next.secret)]).toEqual([false, true]);
  });

  it('that is rotated again ends the secret whose grace was still running', async () => {
    const workspace = await server.createWorkspace({ plan: 'starter' });
    const first = await created(workspace);
    const second = (await rotate(workspace, first.apiKey.id, 600)).data!.rotateApiKey;
    const third = (await rotate(workspace, first.apiKey.id, 600)).data!.rotateApiKey;
    expect([await works(first.secret), await works(second.secret), await works(third.secret)]).toEqual([
      false,
      true,
      true,
    ]);
  });

  it.each([-1, 604_801])('cannot be rotated with a grace of %i s', async (graceSeconds) => {
    const { apiKey, secret } = await created(server.client);
    expect((await rotate(server.client, apiKey.id, graceSeconds)).errors![0]!.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'graceSeconds',
    });
    expect(await works(secret)).toBe(true);
  });

  it('that is revoked stops at once, with every token that it made, and its sockets close', async () => {
    const workspace = await server.createWorkspace({ plan: 'starter' });
    const { apiKey, secret } = await created(workspace);
    const client = server.anonymous.as(secret);
    const { createClientToken } = await client.data<{ createClientToken: { token: string } }>(
      'mutation { createClientToken(input: { ttlSeconds: 600, capabilities: [TEXT_TO_SPEECH], maxCredits: 1 }) { token } }',
    );
    const socket = await client.socket();
    const tokenSocket = await server.anonymous.as(createClientToken.token).socket();
    expect([await works(secret), await works(createClientToken.token)]).toEqual([true, true]);

    const revoked = (await revoke(workspace, apiKey.id)).data!.revokeApiKey;
    expect(revoked.apiKey.revokedAt).not.toBeNull();
    expect([await works(secret), await works(createClientToken.token)]).toEqual([false, false]);
    expect([(await socket.closed).code, (await tokenSocket.closed).code]).toEqual([4403, 4403]);
    // Again: the same answer.
    expect((await revoke(workspace, apiKey.id)).data!.revokeApiKey).toEqual(revoked);
    expect((await rotate(workspace, apiKey.id)).code).toBe('CONFLICT');
  });

  it('that revokes itself is answered, and then stops', async () => {
    const workspace = await server.createWorkspace({ plan: 'starter' });
    const { apiKey, secret } = await created(workspace, { name: 'Self', scopes: ['MANAGE'] });
    expect((await revoke(server.anonymous.as(secret), apiKey.id)).errors).toBeUndefined();
    expect(await works(secret)).toBe(false);
  });

  it('cannot be rotated by a key that lacks one of its scopes, as its secret would give that scope away', async () => {
    const workspace = await server.createWorkspace({ plan: 'starter' });
    const strong = await created(workspace, { name: 'Strong', scopes: ['BILLING'] });
    const weak = await created(workspace, { name: 'Weak', scopes: ['MANAGE'] });
    expect((await rotate(server.anonymous.as(weak.secret), strong.apiKey.id)).code).toBe('FORBIDDEN');
  });
});

interface KeyPage {
  readonly edges: readonly { readonly node: { readonly id: string } }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
}

async function keyPage(client: GraphqlClient, after: string | null): Promise<KeyPage> {
  const { apiKeys } = await client.data<{ apiKeys: KeyPage }>(
    `query ($after: String) {
      apiKeys(first: 2, after: $after) { edges { node { id } } pageInfo { hasNextPage endCursor } }
    }`,
    { after },
  );
  return apiKeys;
}

describe('apiKeys', () => {
  it('lists the keys of the workspace, newest first, page by page, revoked ones included', async () => {
    const workspace = await server.createWorkspace({ plan: 'starter' });
    const ids: string[] = [];
    for (let count = 0; count < 4; count++) ids.unshift((await created(workspace)).apiKey.id);
    await revoke(workspace, ids[1]!);
    const seen: string[] = [];
    let page: KeyPage | null = null;
    do {
      page = await keyPage(workspace, page?.pageInfo.endCursor ?? null);
      seen.push(...page.edges.map(({ node }) => node.id));
    } while (page.pageInfo.hasNextPage);
    expect(seen.slice(0, 4)).toEqual(ids);
    expect(seen).toHaveLength(5);
    for (const first of [0, 101]) {
      const answer = await workspace.graphql('query ($first: Int) { apiKeys(first: $first) { edges { cursor } } }', {
        first,
      });
      expect(answer.errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'first' });
    }
  });
});

describe('a scope', () => {
  const ALL = ['METERED', 'READ', 'BILLING', 'MANAGE'] as const;
  const ID = '01890000-0000-7000-8000-000000000000';
  /** Every field, and the one scope that it takes; null: none. */
  const FIELDS: readonly (readonly [field: string, scope: string | null])[] = [
    ['query { workspace { id } }', 'READ'],
    ['query { subscription { id } }', 'READ'],
    ['query { balance { id } }', 'READ'],
    ['query { usage { id } }', 'READ'],
    ['query { usageEvents { edges { cursor } } }', 'READ'],
    [`query { usageEvent(id: "${ID}") { id } }`, 'READ'],
    [
      'query { usageBuckets(filter: { start: "2025-05-01T00:00:00Z", end: "2025-05-02T00:00:00Z", width: DAY, groupBy: [] }) { edges { cursor } } }',
      'READ',
    ],
    ['query { voiceUsage(startDate: "2025-05-01", endDate: "2025-05-31") { edges { cursor } } }', 'READ'],
    ['mutation { createUsageExport(input: { format: CSV, events: {} }) { url } }', 'READ'],
    [`query { speech(id: "${ID}") { id } }`, 'READ'],
    ['query { estimateSpeech(input: { text: "Hi." }) { credits } }', 'READ'],
    ['query { compareSpeechCost(input: { text: "Hi." }) { credits } }', 'READ'],
    [`query { transcription(id: "${ID}") { id } }`, 'READ'],
    ['query { estimateTranscription(input: { audioSeconds: 1 }) { credits } }', 'READ'],
    ['query { estimateChat(input: { messages: [{ role: USER, content: "Hi." }] }) { credits } }', 'READ'],
    ['query { voices(filter: { provider: "local" }) { edges { cursor } } }', 'READ'],
    ['query { voice(id: "local/nobody") { id } }', 'READ'],
    [
      'query { reconciliation(provider: "local", start: "2025-05-01T00:00:00Z", end: "2025-05-02T00:00:00Z") { unresolved } }',
      'ADMIN',
    ],
    ['query { apiKeys { edges { cursor } } }', 'MANAGE'],
    ['query { providerCredentials { id } }', 'MANAGE'],
    ['query { webhookEndpoints { id } }', 'MANAGE'],
    [`query { webhookDeliveries(endpointId: "${ID}") { edges { cursor } } }`, 'MANAGE'],
    ['mutation { createWebhookEndpoint(input: { url: "https://127.0.0.1" }) { secret } }', 'MANAGE'],
    [`mutation { rotateWebhookSecret(input: { id: "${ID}" }) { secret } }`, 'MANAGE'],
    [`mutation { deleteWebhookEndpoint(input: { id: "${ID}" }) { deletedId } }`, 'MANAGE'],
    ['query { alertRules { id } }', 'READ'],
    ['query { alerts { edges { cursor } } }', 'READ'],
    ['mutation { createAlertRule(input: { kind: SPEND_SPIKE }) { rule { id } } }', 'MANAGE'],
    [`mutation { updateAlertRule(input: { id: "${ID}", enabled: false }) { rule { id } } }`, 'MANAGE'],
    [`mutation { deleteAlertRule(input: { id: "${ID}" }) { deletedId } }`, 'MANAGE'],
    ['query { plans { id } }', null],
    ['query { rateCard { version } }', null],
    ['query { providers { id } }', null],
    ['query { provider(id: "local") { id } }', null],
    ['mutation { synthesizeSpeech(input: { text: "Hi." }) { replayed } }', 'METERED'],
    [`mutation { cancelSpeech(input: { id: "${ID}" }) { speech { id } } }`, 'METERED'],
    [`mutation { deleteSpeech(input: { id: "${ID}" }) { deletedId } }`, 'METERED'],
    [`mutation { transcribe(input: { audio: { uploadId: "${ID}" } }) { replayed } }`, 'METERED'],
    [`mutation { deleteTranscription(input: { id: "${ID}" }) { deletedId } }`, 'METERED'],
    [
      'mutation { createUpload(input: { purpose: AUDIO, contentType: "audio/wav", sizeBytes: 1 }) { upload { id } } }',
      'METERED',
    ],
    ['mutation { chat(input: { messages: [{ role: USER, content: "Hi." }] }) { finishReason } }', 'METERED'],
    [
      'mutation { createClientToken(input: { ttlSeconds: 60, capabilities: [TEXT_TO_SPEECH], maxCredits: 1 }) { id } }',
      'METERED',
    ],
    [`mutation { revokeClientToken(input: { id: "${ID}" }) { deletedId } }`, 'METERED'],
    ['mutation { createApiKey(input: { name: "a", scopes: [MANAGE] }) { secret } }', 'MANAGE'],
    [`mutation { rotateApiKey(input: { id: "${ID}" }) { secret } }`, 'MANAGE'],
    [`mutation { revokeApiKey(input: { id: "${ID}" }) { apiKey { id } } }`, 'MANAGE'],
    [
      'mutation { setProviderCredential(input: { provider: "openai", secret: "sk-test-0123" }) { credential { id } } }',
      'MANAGE',
    ],
    ['mutation { deleteProviderCredential(input: { provider: "openai" }) { deletedId } }', 'MANAGE'],
    ['query { endUserLimits { edges { cursor } } }', 'MANAGE'],
    ['mutation { setEndUserLimit(input: { endUserId: "ada", creditsPerDay: 1 }) { limit { endUserId } } }', 'MANAGE'],
    ['mutation { deleteEndUserLimit(input: { endUserId: "ada" }) { deletedId } }', 'MANAGE'],
    ['mutation { createWorkspace(input: { name: "a", plan: "free" }) { secret } }', 'ADMIN'],
    ['{ invoices { pageInfo { hasNextPage } } }', 'BILLING'],
    ['mutation { changePlan(input: { plan: "pro" }) { subscription { id } } }', 'BILLING'],
    ['mutation { cancelSubscription(input: {}) { subscription { id } } }', 'BILLING'],
    ['mutation { setOverageLimit(input: { limit: 1 }) { balance { id } } }', 'BILLING'],
    [
      'mutation { createCheckoutSession(input: { plan: "pro", successUrl: "https://a.example", cancelUrl: "https://a.example" }) { url } }',
      'BILLING',
    ],
    [
      'mutation { createTopUpSession(input: { credits: 5000, successUrl: "https://a.example", cancelUrl: "https://a.example" }) { url } }',
      'BILLING',
    ],
    ['mutation { createBillingPortalSession(input: {}) { url } }', 'BILLING'],
    [`mutation { setWorkspacePlan(input: { workspaceId: "${ID}", plan: "free" }) { workspace { id } } }`, 'ADMIN'],
    [
      `mutation { grantCredits(input: { workspaceId: "${ID}", kind: PROMOTION, credits: 1, reason: "a", idempotencyKey: "a" }) { grant { id } } }`,
      'ADMIN',
    ],
  ];
  let workspace: TestWorkspace;
  const keys = new Map<string, GraphqlClient>();
  beforeAll(async () => {
    workspace = await server.createWorkspace({ plan: 'scale' });
    for (const scope of ALL) {
      keys.set(scope, server.anonymous.as((await created(workspace, { name: scope, scopes: [scope] })).secret));
    }
  });

  it('is asked for by every root field of the schema', async () => {
    const { __schema } = await workspace.data<{
      __schema: Record<'queryType' | 'mutationType', { fields: { name: string }[] }>;
    }>('{ __schema { queryType { fields { name } } mutationType { fields { name } } } }');
    const named = FIELDS.map(([field]) => /\{ (\w+)/.exec(field)![1]);
    expect(named.sort()).toEqual(
      [...__schema.queryType.fields, ...__schema.mutationType.fields].map(({ name }) => name).sort(),
    );
  });

  it.each(FIELDS)('%s takes %s', async (field, needed) => {
    for (const scope of ALL) {
      const before = await standing(server, workspace);
      const answer = await keys.get(scope)!.graphql(field);
      const admitted = needed === null || needed === scope;
      expect({ scope, forbidden: answer.code === 'FORBIDDEN' }).toEqual({ scope, forbidden: !admitted });
      if (admitted) continue;
      expect(answer.errors![0]!.message).toContain(needed);
      expect(await standing(server, workspace)).toEqual(before);
    }
    const anonymous = await server.anonymous.graphql(field);
    expect(anonymous.code).toBe(needed === null ? undefined : 'UNAUTHENTICATED');
  });
});
