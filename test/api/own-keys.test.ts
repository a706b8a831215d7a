import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { leaveCredits } from './support/credits';
import {
  balanceOf,
  HELLO,
  HELLO_CREDITS,
  refusalOf,
  settledSpeech,
  speak,
  standing,
  usageEvents,
} from './support/speech-api';

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

const own = (key: string) => ({ 'X-Provider-Key-ElevenLabs': key });
/** Keys that reached the stand-in since it had received so many requests. */
const keysSince = (count: number): unknown[] => [
  ...new Set(server.stub.requests.slice(count).map(({ headers }) => headers['xi-api-key'])),
];

it('an own key pays its provider: nothing is charged, everything is recorded', async () => {
  const requests = server.stub.requests.length;
  const { usage, speech } = await speak(workspace, HELLO, own('own-key-of-ada'));
  expect(usage).toMatchObject({
    status: 'SUCCEEDED',
    byok: true,
    credential: 'REQUEST_KEY',
    credits: '0',
    heldCredits: '0',
    costUsd: '0',
    billableTokens: 0,
    characters: 12,
    inputTokens: 3,
    audioMilliseconds: speech.usage!.audioMilliseconds,
    attempts: [{ provider: 'elevenlabs', credential: 'REQUEST_KEY', outcome: 'SERVED' }],
  });
  expect(usage!.audioMilliseconds).toBeGreaterThan(0);
  expect(keysSince(requests)).toEqual(['own-key-of-ada']);
  expect(await balanceOf(workspace)).toMatchObject({ remaining: '2500', used: '0' });
  expect(await workspace.data('{ usage { credits { used } requestCount } }')).toEqual({
    usage: { credits: { used: '0' }, requestCount: 1 },
  });
});

it('an own key needs no balance', async () => {
  await leaveCredits(server, workspace.workspaceId, '0');
  expect((await refusalOf(workspace, HELLO)).extensions.code).toBe('INSUFFICIENT_CREDITS');
  expect((await speak(workspace, HELLO, own('own-key'))).usage).toMatchObject({ status: 'SUCCEEDED', credits: '0' });
  const { speech } = await speak(workspace, { ...HELLO, delivery: 'STREAM' }, own('own-key'));
  expect(await settledSpeech(server, workspace, speech.id)).toMatchObject({
    status: 'COMPLETED',
    usage: { byok: true },
  });
});

it.each([401, 403, 402])(
  'an own key that the provider refuses (%i) is told so, and the platform’s key is never used in its place',
  async (status) => {
    const requests = server.stub.requests.length;
    server.stub.fault(({ headers }) =>
      headers['xi-api-key'] === 'wrong-own-key' ? { kind: 'answer', status, body: { detail: 'no' } } : undefined,
    );
    const before = await standing(server, workspace);
    const error = await refusalOf(workspace, HELLO, own('wrong-own-key'));
    expect(error.extensions).toMatchObject({
      code: 'PROVIDER_UNAUTHORIZED',
      provider: 'elevenlabs',
      retryable: false,
      attempts: [{ provider: 'elevenlabs', credential: 'REQUEST_KEY', outcome: 'UNAUTHORIZED' }],
    });
    expect(JSON.stringify(error)).not.toContain('wrong-own-key');
    expect(keysSince(requests)).toEqual(['wrong-own-key']);
    expect((await usageEvents(workspace, 1))[0]).toMatchObject({ status: 'FAILED', byok: true, credits: '0' });
    expect(await standing(server, workspace)).toMatchObject({ spendable: before.spendable, held: '0', holds: '0' });
  },
);

it('an own key that fails for another reason is not helped out by the platform’s key either', async () => {
  const requests = server.stub.requests.length;
  server.stub.fault(() => ({ kind: 'answer', status: 503 }));
  expect((await refusalOf(workspace, HELLO, own('own-key-in-an-outage'))).extensions).toMatchObject({
    code: 'PROVIDER_UNAVAILABLE',
    attempts: Array(3).fill(expect.objectContaining({ credential: 'REQUEST_KEY' })),
  });
  expect(keysSince(requests)).toEqual(['own-key-in-an-outage']);
});

it('an own key reaches its provider and nobody else, and only for the request that carries it', async () => {
  const requests = server.stub.requests.length;
  await speak(workspace, { ...HELLO, provider: 'kokoro' }, own('own-key-for-elevenlabs'));
  await speak(workspace, { ...HELLO, provider: 'local' }, own('own-key-for-elevenlabs'));
  expect(
    JSON.stringify(server.stub.requests.slice(requests).map(({ headers, path, json }) => [headers, path, json])),
  ).not.toContain('own-key-for-elevenlabs');
  const { usage } = await speak(workspace, HELLO);
  expect(usage).toMatchObject({ byok: false, credential: 'PLATFORM', credits: HELLO_CREDITS });
  expect(keysSince(requests)).not.toContain('own-key-for-elevenlabs');
});

it('the header is read without regard to case, and two own keys at once do not mix', async () => {
  const requests = server.stub.requests.length;
  const answers = await Promise.all(
    ['one', 'two'].flatMap((name) =>
      ['x-provider-key-elevenlabs', 'X-PROVIDER-KEY-ELEVENLABS'].map((header) =>
        speak(workspace, { ...HELLO, text: `Key ${name}.` }, { [header]: `own-key-${name}` }),
      ),
    ),
  );
  expect(answers.every(({ usage }) => usage!.byok)).toBe(true);
  const spoken = server.stub.requests.slice(requests).filter(({ operation }) => operation === 'speech');
  expect(spoken).toHaveLength(4);
  for (const { headers, json } of spoken) {
    expect(headers['xi-api-key']).toBe((json as { text: string }).text === 'Key one.' ? 'own-key-one' : 'own-key-two');
  }
});

it('a provider says which header it takes, and whether this request’s own key pays it', async () => {
  const PROVIDER = 'query ($id: ID!) { provider(id: $id) { keyHeader byok available } }';
  const of = async (id: string, headers?: Record<string, string>) =>
    (await workspace.data<{ provider: unknown }>(PROVIDER, { id }, headers)).provider;
  const keyHeader = 'X-Provider-Key-ElevenLabs';
  expect(await of('elevenlabs')).toEqual({ keyHeader, byok: false, available: true });
  expect(await of('elevenlabs', own('own-key'))).toEqual({ keyHeader, byok: true, available: true });
  expect(await of('kokoro', own('own-key'))).toEqual({ keyHeader: null, byok: false, available: true });
  expect(await of('local')).toEqual({ keyHeader: null, byok: false, available: true });
});

describe('a platform without a key of its own', () => {
  let bare: TestServer;
  beforeAll(async () => {
    bare = await startTestServer({ plan: 'free', env: { ELEVENLABS_API_KEY: undefined, KOKORO_BASE_URL: undefined } });
  });
  afterAll(() => bare?.close());

  it('refuses by name what it cannot do, and does it with an own key', async () => {
    const before = await standing(bare, bare.client);
    const refused = await refusalOf(bare.client, HELLO);
    expect(refused.extensions).toMatchObject({ code: 'PROVIDER_NOT_CONFIGURED', provider: 'elevenlabs' });
    expect(refused.message).toContain('X-Provider-Key-ElevenLabs');
    expect((await refusalOf(bare.client, { ...HELLO, provider: 'kokoro' })).extensions).toMatchObject({
      code: 'PROVIDER_NOT_CONFIGURED',
      provider: 'kokoro',
    });
    expect(await standing(bare, bare.client)).toEqual(before);
    expect((await speak(bare.client, HELLO, own('own-key'))).usage).toMatchObject({ byok: true, credits: '0' });
    const { providers, compareSpeechCost } = await bare.client.data<{
      providers: { id: string; available: boolean }[];
      compareSpeechCost: unknown;
    }>('{ providers { id available } compareSpeechCost(input: { text: "Hi." }) { provider { id } } }');
    expect(providers.filter(({ available }) => available).map(({ id }) => id)).toEqual(['local']);
    expect(providers.map(({ id }) => id)).toEqual(expect.arrayContaining(['elevenlabs', 'kokoro', 'openai']));
    expect(compareSpeechCost).toEqual([{ provider: { id: 'local' } }]);
  });
});
