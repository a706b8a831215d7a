import { describeOnPostgres } from '../support/database';
import type { GraphqlClient } from '../support/graphql-client';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { leaveCredits } from './support/credits';
import { HELLO, HELLO_CREDITS, onlyError, refusalOf, speak, standing, usageEvents } from './support/speech-api';

const SET = `mutation Set($input: SetProviderCredentialInput!) {
  setProviderCredential(input: $input) {
    credential { id label lastFour createdAt lastUsedAt provider { id byok available keyHeader } }
  }
}`;
const DELETE = `mutation Delete($provider: ID!) {
  deleteProviderCredential(input: { provider: $provider }) { deletedId }
}`;
const LIST = '{ providerCredentials { id label lastFour lastUsedAt provider { id name byok } } }';

interface CredentialFields {
  readonly id: string;
  readonly label: string | null;
  readonly lastFour: string;
  readonly lastUsedAt: string | null;
  readonly provider: { readonly id: string; readonly byok: boolean; readonly available: boolean };
}

let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer({ plan: 'free' });
});
beforeEach(async () => {
  server.stub.fault(null);
  server.stub.refusedKeys.clear();
  workspace = await server.createWorkspace({ plan: 'free' });
});
afterAll(() => server?.close());

async function store(client: GraphqlClient, secret: string, provider = 'elevenlabs'): Promise<CredentialFields> {
  const data = await client.data<{ setProviderCredential: { credential: CredentialFields } }>(SET, {
    input: { provider, secret, label: 'Production' },
  });
  return data.setProviderCredential.credential;
}
const list = async (client: GraphqlClient): Promise<readonly CredentialFields[]> =>
  (await client.data<{ providerCredentials: CredentialFields[] }>(LIST)).providerCredentials;
const keysSince = (count: number): unknown[] => [
  ...new Set(server.stub.requests.slice(count).map(({ headers }) => headers['xi-api-key'])),
];
const header = (key: string) => ({ 'X-Provider-Key-ElevenLabs': key });

it('a stored key is shown by its last four characters, and never again', async () => {
  const answer = await workspace.graphql(SET, { input: { provider: 'elevenlabs', secret: 'stored-key-of-ada-9876' } });
  expect(answer.data).toMatchObject({
    setProviderCredential: {
      credential: {
        label: null,
        lastFour: '9876',
        lastUsedAt: null,
        provider: { id: 'elevenlabs', byok: true, available: true, keyHeader: 'X-Provider-Key-ElevenLabs' },
      },
    },
  });
  const listed = await workspace.graphql(LIST);
  expect(listed.data!.providerCredentials).toMatchObject([{ lastFour: '9876', provider: { name: 'ElevenLabs' } }]);
  expect(JSON.stringify([answer.data, listed.data])).not.toContain('of-ada');
});

it('a stored key pays its provider: nothing is charged, everything is recorded, and its use is noted', async () => {
  await store(workspace, 'stored-key-of-ada');
  await leaveCredits(server, workspace.workspaceId, '0');
  const requests = server.stub.requests.length;
  const { usage } = await speak(workspace, HELLO);
  expect(usage).toMatchObject({
    status: 'SUCCEEDED',
    byok: true,
    credential: 'STORED_KEY',
    credits: '0',
    heldCredits: '0',
    characters: 12,
    attempts: [{ provider: 'elevenlabs', credential: 'STORED_KEY', outcome: 'SERVED' }],
  });
  expect(keysSince(requests)).toEqual(['stored-key-of-ada']);
  expect((await list(workspace))[0]!.provider.byok).toBe(true);
});

it('the key of the request goes before the stored one, and the stored one before the platform’s', async () => {
  const requests = server.stub.requests.length;
  const sources: string[] = [(await speak(workspace, HELLO)).usage!.credential];
  await store(workspace, 'stored-key');
  sources.push((await speak(workspace, HELLO)).usage!.credential);
  sources.push((await speak(workspace, HELLO, header('request-key'))).usage!.credential);
  await workspace.data(DELETE, { provider: 'elevenlabs' });
  const { usage } = await speak(workspace, HELLO);
  sources.push(usage!.credential);
  expect(sources).toEqual(['PLATFORM', 'STORED_KEY', 'REQUEST_KEY', 'PLATFORM']);
  expect(usage!.credits).toBe(HELLO_CREDITS);
  const spoken = server.stub.requests.slice(requests).filter(({ operation }) => operation === 'speech');
  expect(spoken.map(({ headers }) => headers['xi-api-key'])).toEqual([
    'stub-key',
    'stored-key',
    'request-key',
    'stub-key',
  ]);
});

it('a stored key that is refused is told so, and the platform’s key is never used in its place', async () => {
  await store(workspace, 'stored-but-wrong');
  server.stub.refusedKeys.add('stored-but-wrong');
  const before = await standing(server, workspace);
  const requests = server.stub.requests.length;
  const error = await refusalOf(workspace, HELLO);
  expect(error.extensions).toMatchObject({
    code: 'PROVIDER_UNAUTHORIZED',
    attempts: [{ credential: 'STORED_KEY', outcome: 'UNAUTHORIZED' }],
  });
  expect(JSON.stringify(error)).not.toContain('stored-but-wrong');
  expect(keysSince(requests)).toEqual(['stored-but-wrong']);
  expect((await usageEvents(workspace, 1))[0]).toMatchObject({ status: 'FAILED', byok: true, credits: '0' });
  expect(await standing(server, workspace)).toMatchObject({ spendable: before.spendable, held: '0', holds: '0' });
});

it('a stored key that cannot be read serves nobody: no other key takes its place', async () => {
  await store(workspace, 'stored-key');
  await server.database.query(
    'UPDATE provider_credentials SET sealed = set_byte(sealed, 5, get_byte(sealed, 5) # 1) WHERE workspace_id = $1',
    [workspace.workspaceId],
  );
  const { notices } = server.container.core;
  notices.tell({ change: 'provider-key-changed', workspaceId: workspace.workspaceId });
  const requests = server.stub.requests.length;
  const error = await refusalOf(workspace, HELLO);
  expect(error.extensions).toMatchObject({ code: 'UNAVAILABLE', provider: 'elevenlabs' });
  expect(error.message).toContain('setProviderCredential');
  expect(keysSince(requests)).toEqual([]);
  // With a key of its own, the request does not need it.
  expect((await speak(workspace, HELLO, header('request-key'))).usage!.credential).toBe('REQUEST_KEY');
});

it('a stored key bypasses credits, but neither validation nor the requests a minute', async () => {
  await store(workspace, 'stored-key');
  expect((await refusalOf(workspace, { ...HELLO, speed: 9 })).extensions.code).toBe('BAD_USER_INPUT');
  expect((await refusalOf(workspace, { ...HELLO, voice: 'nobody' })).extensions).toMatchObject({
    code: 'BAD_USER_INPUT',
    field: 'voice',
  });
  const { headers } = await workspace.graphql(
    'mutation ($input: SynthesizeSpeechInput!) { synthesizeSpeech(input: $input) { replayed } }',
    { input: HELLO },
  );
  expect(Number(headers['x-ratelimit-remaining'])).toBeLessThan(Number(headers['x-ratelimit-limit']));
});

it('a client token uses stored keys only where it was made to', async () => {
  await store(workspace, 'stored-key');
  const token = async (allowStoredKeys: boolean): Promise<GraphqlClient> => {
    const { createClientToken } = await workspace.data<{ createClientToken: { token: string } }>(
      `mutation ($allow: Boolean) { createClientToken(input: {
        ttlSeconds: 600, capabilities: [TEXT_TO_SPEECH], maxCredits: 100, allowStoredKeys: $allow
      }) { token } }`,
      { allow: allowStoredKeys },
    );
    return server.anonymous.as(createClientToken.token);
  };
  const [plain, allowed] = [await token(false), await token(true)];
  expect((await speak(plain, HELLO)).usage).toMatchObject({ credential: 'PLATFORM', credits: HELLO_CREDITS });
  expect((await speak(allowed, HELLO)).usage).toMatchObject({ credential: 'STORED_KEY', credits: '0' });
  const BYOK = '{ provider(id: "elevenlabs") { byok } }';
  expect(await plain.data(BYOK)).toEqual({ provider: { byok: false } });
  expect(await allowed.data(BYOK)).toEqual({ provider: { byok: true } });
  for (const client of [plain, allowed]) {
    for (const [document, variables] of [
      [LIST, {}],
      [SET, { input: { provider: 'elevenlabs', secret: 'of-a-browser' } }],
      [DELETE, { provider: 'elevenlabs' }],
    ] as const) {
      expect((await client.graphql(document, variables)).code).toBe('FORBIDDEN');
    }
  }
});

it('stored keys are a workspace’s alone', async () => {
  await store(workspace, 'stored-key-of-one');
  const other = await server.createWorkspace({ plan: 'free' });
  expect(await list(other)).toEqual([]);
  expect((await speak(other, HELLO)).usage).toMatchObject({ credential: 'PLATFORM' });
  expect(await other.data('{ provider(id: "elevenlabs") { byok } }')).toEqual({ provider: { byok: false } });
  expect((await other.graphql(DELETE, { provider: 'elevenlabs' })).code).toBe('NOT_FOUND');
  expect(await list(workspace)).toHaveLength(1);
});

it('an idempotency key belongs to the key it was used with: another stored key is another input', async () => {
  await store(workspace, 'stored-key-one');
  const input = { ...HELLO, idempotencyKey: 'once' };
  expect(await speak(workspace, input)).toMatchObject({ replayed: false });
  expect(await speak(workspace, input)).toMatchObject({ replayed: true });
  await store(workspace, 'stored-key-two');
  expect((await refusalOf(workspace, input)).extensions.code).toBe('CONFLICT');
});

it.each([
  ['provider', { provider: 'nobody', secret: 'a-key-for-nobody' }],
  ['provider', { provider: 'kokoro', secret: 'a-key-for-kokoro' }],
  ['secret', { provider: 'elevenlabs', secret: '' }],
  ['secret', { provider: 'elevenlabs', secret: 'x'.repeat(513) }],
  ['secret', { provider: 'elevenlabs', secret: 'a-key-with\na-break' }],
  ['secret', { provider: 'elevenlabs', secret: 'ключ-от-всего' }],
  ['label', { provider: 'elevenlabs', secret: 'a-good-key', label: '' }],
])('a bad %s is BAD_USER_INPUT of that field (%j)', async (field, input) => {
  const error = onlyError(await workspace.graphql(SET, { input }));
  expect(error.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field });
  expect(await list(workspace)).toEqual([]);
});

it('an input that does not fit the schema is refused without the key being repeated', async () => {
  const secret = 'a-key-beside-a-typing-error';
  for (const input of [{ provider: 'elevenlabs', secret, lable: 'typing error' }, { secret }]) {
    const answer = await workspace.graphql(SET, { input });
    expect(answer.code).toBe('BAD_USER_INPUT');
    expect(answer.errors![0]!.message).toMatch(/^Variable "\$input" got an invalid value; Field "(lable|provider)"/);
    expect(JSON.stringify(answer)).not.toContain(secret);
  }
});

describeOnPostgres('two processes', () => {
  it('a key that was deleted on one stops at once on the other', async () => {
    const other = await startTestServer({ ...server.data, stub: server.stub, plan: 'free' });
    try {
      const there = other.anonymous.as(workspace.key);
      const heard = () =>
        new Promise<void>((resolve) => {
          const end = other.container.core.bus.subscribe('revocation', ({ change, workspaceId }) => {
            if (change !== 'provider-key-changed' || workspaceId !== workspace.workspaceId) return;
            end();
            resolve();
          });
        });
      expect((await speak(there, HELLO)).usage!.credential).toBe('PLATFORM');
      let told = heard();
      await store(workspace, 'stored-key');
      await told;
      expect((await speak(there, HELLO)).usage!.credential).toBe('STORED_KEY');
      told = heard();
      await workspace.data(DELETE, { provider: 'elevenlabs' });
      await told;
      const requests = server.stub.requests.length;
      expect((await speak(there, HELLO)).usage!.credential).toBe('PLATFORM');
      expect(keysSince(requests)).not.toContain('stored-key');
    } finally {
      await other.close();
    }
  });
});
