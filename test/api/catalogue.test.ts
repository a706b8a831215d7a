import type { TranscriptionDeclaration, TranscriptionProvider } from '../../providers/contract/stt';
import { createTranscriptionProviders } from '../../providers/registry';
import { PROVIDER_IDS } from '../../src/config';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { HELLO, refusalOf, speak } from './support/speech-api';

const PROVIDERS = `query Providers($capability: Capability) {
  providers(capability: $capability) {
    id name capabilities firstParty available byok keyHeader
    health { circuit errorRate latencyP50Ms latencyP95Ms }
    models { ...Model }
    ofCapability: models(capability: $capability) { id }
  }
}
fragment Model on Model {
  id name capability default retiredAt successor maxOutputTokens defaultMaxOutputTokens
  rates { capability provider model unit per credits }
}`;

interface ModelFields {
  readonly id: string;
  readonly name: string;
  readonly capability: string;
  readonly default: boolean;
  readonly retiredAt: string | null;
  readonly successor: string | null;
  readonly maxOutputTokens: number | null;
  readonly defaultMaxOutputTokens: number | null;
  readonly rates: readonly { readonly capability: string; readonly provider: string; readonly model: string }[];
}
interface ProviderFields {
  readonly id: string;
  readonly capabilities: readonly string[];
  readonly available: boolean;
  readonly byok: boolean;
  readonly keyHeader: string | null;
  readonly health: {
    readonly circuit: string;
    readonly errorRate: number | null;
    readonly latencyP50Ms: number | null;
  };
  readonly models: readonly ModelFields[];
  readonly ofCapability: readonly { readonly id: string }[];
}

const CAPABILITIES = ['TEXT_TO_SPEECH', 'SPEECH_TO_TEXT', 'LANGUAGE_MODEL'] as const;

/** A provider of transcriptions alone, which nobody here has a key for. */
const scribe: TranscriptionProvider = {
  declaration: {
    provider: 'scribe',
    name: 'Scribe',
    firstParty: false,
    keyHeader: 'X-Provider-Key-Scribe',
    models: [
      { name: 'scribe-2', upstreamId: 'scribe-2' },
      { name: 'scribe-1', upstreamId: 'scribe-1', retiredAt: '2025-01-31', successor: 'scribe-2' },
    ] as unknown as TranscriptionDeclaration['models'],
    defaultModel: 'scribe-2',
  },
  configured: false,
  platformCredential: null,
  transcribe: () => Promise.reject(new Error('nobody asks')),
  close: async () => {},
};

let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer({
    plan: 'scale',
    replacements: { transcriptionProviders: new Map([...createTranscriptionProviders(), ['scribe', scribe]]) },
  });
  workspace = server.client;
});
afterEach(() => server.stub.fault(null));
afterAll(() => server?.close());

const providers = async (
  capability: string | null = null,
  headers: Readonly<Record<string, string>> = {},
  client: Pick<TestWorkspace, 'data'> = workspace,
): Promise<readonly ProviderFields[]> =>
  (await client.data<{ providers: ProviderFields[] }>(PROVIDERS, { capability }, headers)).providers;
const byId = async (id: string, headers: Readonly<Record<string, string>> = {}) =>
  (await providers(null, headers)).find((provider) => provider.id === id)!;

it('every provider is there once, with all that it can do', async () => {
  const all = await providers();
  expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  for (const { id, capabilities, models } of all) {
    expect(capabilities.length).toBeGreaterThan(0);
    expect(new Set(models.map(({ capability }) => capability))).toEqual(new Set(capabilities));
    if (id !== 'scribe') expect(PROVIDER_IDS).toContain(id);
  }
  expect((await byId('elevenlabs')).capabilities).toContain('TEXT_TO_SPEECH');
  expect((await byId('openai')).capabilities).toEqual(['SPEECH_TO_TEXT', 'LANGUAGE_MODEL']);
  expect((await byId('scribe')).capabilities).toEqual(['SPEECH_TO_TEXT']);
});

it.each(CAPABILITIES)(
  'providers(capability: %s) are those that can do it, and models(capability:) narrows as much',
  async (capability) => {
    const expected = (await providers()).filter(({ capabilities }) => capabilities.includes(capability));
    const listed = await providers(capability);
    expect(listed.length).toBeGreaterThan(0);
    expect(listed.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
    for (const { models, ofCapability } of listed) {
      expect(ofCapability.map(({ id }) => id)).toEqual(
        models.filter((model) => model.capability === capability).map(({ id }) => id),
      );
    }
  },
);

it.each(['EMBEDDING', 'RETRIEVAL'])('nobody is asked for %s', async (capability) => {
  expect(await providers(capability)).toEqual([]);
});

it('each provider has one default model a capability, which it still serves', async () => {
  for (const { id, capabilities, models } of await providers()) {
    for (const capability of capabilities) {
      const defaults = models.filter((model) => model.capability === capability && model.default);
      expect([id, capability, defaults.length]).toEqual([id, capability, 1]);
      const { retiredAt } = defaults[0]!;
      if (retiredAt !== null) expect(Date.parse(retiredAt)).toBeGreaterThan(Date.now());
    }
  }
});

it('models are named after their provider, with the rates of the price book and nobody else’s', async () => {
  for (const { id, models } of await providers()) {
    for (const model of models) {
      expect(model.id).toBe(`${id}/${model.name}`);
      for (const rate of model.rates) {
        expect([rate.capability, rate.provider]).toEqual([model.capability, id]);
        expect([model.id, null]).toContain(rate.model);
      }
      if (model.successor !== null) expect(models.map((other) => other.id)).toContain(model.successor);
      const writes = model.capability === 'LANGUAGE_MODEL';
      expect([model.id, model.maxOutputTokens !== null]).toEqual([model.id, writes]);
      expect([model.id, model.defaultMaxOutputTokens !== null]).toEqual([model.id, writes]);
    }
  }
  const { models } = await byId('elevenlabs');
  expect(models.find(({ name }) => name === 'eleven_multilingual_v2')!.rates).toEqual([
    expect.objectContaining({ unit: 'CHARACTER', per: 1000, credits: '166' }),
  ]);
});

it('a retired model tells when it went and what follows', async () => {
  expect((await byId('scribe')).models.find(({ name }) => name === 'scribe-1')).toMatchObject({
    retiredAt: '2025-01-31T00:00:00.000Z',
    successor: 'scribe/scribe-2',
    default: false,
  });
});

it('a key of one’s own is taken for every provider that takes keys, whatever it can do', async () => {
  const keyed = (await providers()).filter(({ keyHeader }) => keyHeader !== null);
  expect(keyed.map(({ id }) => id)).toEqual(expect.arrayContaining(['elevenlabs', 'openai', 'anthropic', 'scribe']));
  expect(new Set(keyed.map(({ keyHeader }) => keyHeader!.toLowerCase())).size).toBe(keyed.length);
  const headers = Object.fromEntries(keyed.map(({ id, keyHeader }) => [keyHeader!, `own-key-for-${id}`]));
  for (const { id, keyHeader, available, byok } of await providers(null, headers)) {
    if (keyHeader !== null) expect([id, available, byok]).toEqual([id, true, true]);
    else expect([id, byok]).toEqual([id, false]);
  }
  const { id } = keyed.at(-1)!;
  const one = await providers(null, { [keyed.at(-1)!.keyHeader!]: 'one-key' });
  expect(one.filter(({ byok }) => byok).map((provider) => provider.id)).toEqual([id]);
  expect((await workspace.graphql('{ __typename }', {}, { 'x-provider-key-nobody': 'a' })).code).toBe('BAD_USER_INPUT');
});

it('a stored key makes a provider available to its workspace alone', async () => {
  const owner = await server.createWorkspace({ plan: 'scale' });
  await owner.data(
    'mutation { setProviderCredential(input: { provider: "scribe", secret: "stored-key" }) { credential { id } } }',
  );
  const seen = async (client: Pick<TestWorkspace, 'data'>) =>
    (await providers(null, {}, client))
      .filter(({ id }) => id === 'scribe')
      .map(({ available, byok }) => [available, byok]);
  expect(await seen(owner)).toEqual([[true, true]]);
  expect(await seen(workspace)).toEqual([[false, false]]);
  expect(await seen(server.anonymous)).toEqual([[false, false]]);
  expect(await owner.data('{ providerCredentials { provider { id name byok models { name } } } }')).toEqual({
    providerCredentials: [
      { provider: { id: 'scribe', name: 'Scribe', byok: true, models: [{ name: 'scribe-2' }, { name: 'scribe-1' }] } },
    ],
  });
});

it('a stored key whose adapter is no longer loaded is still shown, and can be deleted', async () => {
  const owner = await server.createWorkspace({ plan: 'scale' });
  await owner.data(
    'mutation { setProviderCredential(input: { provider: "scribe", secret: "stored-key" }) { credential { id } } }',
  );
  await server.database.query("UPDATE provider_credentials SET provider = 'gone' WHERE workspace_id = $1", [
    owner.workspaceId,
  ]);
  expect(
    await owner.data('{ providerCredentials { provider { id name available health { circuit } keyHeader } } }'),
  ).toEqual({
    providerCredentials: [
      { provider: { id: 'gone', name: 'gone', available: false, health: { circuit: 'CLOSED' }, keyHeader: null } },
    ],
  });
  await owner.data('mutation { deleteProviderCredential(input: { provider: "gone" }) { deletedId } }');
  expect(await owner.data('{ providerCredentials { id } }')).toEqual({ providerCredentials: [] });
});

it('provider(id) is the one of the list, or null', async () => {
  const ONE = 'query ($id: ID!) { provider(id: $id) { id name capabilities } }';
  for (const { id } of await providers()) expect((await workspace.data(ONE, { id })).provider).toMatchObject({ id });
  for (const id of ['nobody', '', '__proto__']) expect(await workspace.data(ONE, { id })).toEqual({ provider: null });
  expect(await server.anonymous.data(ONE, { id: 'local' })).toMatchObject({ provider: { id: 'local' } });
});

it('health is that of the credential that would be used: an own key’s failures are not the platform’s', async () => {
  for (let time = 0; time < 6; time += 1) await speak(workspace, HELLO);
  const headers = { 'X-Provider-Key-ElevenLabs': 'a-key-in-an-outage' };
  server.stub.fault(({ headers: sent }) =>
    sent['xi-api-key'] === 'a-key-in-an-outage' ? { kind: 'answer', status: 503 } : undefined,
  );
  for (let time = 0; time < 3; time += 1) {
    expect((await refusalOf(workspace, HELLO, headers)).extensions.code).toBe('PROVIDER_UNAVAILABLE');
  }
  const [platform, own] = [(await byId('elevenlabs')).health, (await byId('elevenlabs', headers)).health];
  expect(platform).toMatchObject({ circuit: 'CLOSED', errorRate: 0, latencyP50Ms: expect.any(Number) });
  expect(own.circuit).toBe('OPEN');
  expect(own.errorRate).toBe(1);
  expect((await byId('kokoro')).health).toEqual({
    circuit: 'CLOSED',
    errorRate: null,
    latencyP50Ms: null,
    latencyP95Ms: null,
  });
});
