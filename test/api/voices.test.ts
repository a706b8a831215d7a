import { ELEVENLABS_VOICES, KOKORO_VOICES } from '../support/provider-stub';
import { TestClock } from '../support/test-clock';
import { type GraphqlClient, startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { HELLO, onlyError, refusalOf, speak } from './support/speech-api';

const VOICES = `query Voices($filter: VoiceFilter, $first: Int, $after: String) {
  voices(filter: $filter, first: $first, after: $after) {
    edges { cursor node {
      id providerVoiceId name languages gender description previewUrl quality status referenceCount createdAt
      engineVersion { id } consent { subjectName } provider { id byok }
    } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;
const VOICE = 'query Voice($id: ID!) { voice(id: $id) { id name provider { id } } }';
const RACHEL = '21m00Tcm4TlvDq8ikWAM';

interface VoiceFields {
  readonly id: string;
  readonly name: string;
  readonly languages: readonly string[];
  readonly gender: string | null;
  readonly provider: { readonly id: string; readonly byok: boolean };
}
interface VoicesData extends Record<string, unknown> {
  readonly voices: {
    readonly edges: readonly { readonly cursor: string; readonly node: VoiceFields }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  };
}

let clock: TestClock;
let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  clock = new TestClock();
  server = await startTestServer({ plan: 'scale', clock });
  workspace = server.client;
});
afterEach(() => server.stub.fault(null));
afterAll(() => server?.close());

const header = (key: string) => ({ 'X-Provider-Key-ElevenLabs': key });
const page = async (
  client: GraphqlClient,
  variables: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
) => (await client.data<VoicesData>(VOICES, variables, headers)).voices;

/** Every voice, page by page. */
async function allVoices(
  client: GraphqlClient,
  variables: Readonly<Record<string, unknown>> = {},
  headers: Readonly<Record<string, string>> = {},
): Promise<VoiceFields[]> {
  const voices: VoiceFields[] = [];
  for (let after: string | null = null; ; ) {
    const { edges, pageInfo } = await page(client, { first: 100, ...variables, after }, headers);
    voices.push(...edges.map(({ node }) => node));
    if (!pageInfo.hasNextPage) return voices;
    after = pageInfo.endCursor;
  }
}
const voicesOf = async (provider: string, headers: Readonly<Record<string, string>> = {}, client = workspace) =>
  (await allVoices(client, {}, headers)).filter((voice) => voice.provider.id === provider).map(({ name }) => name);

/** Has ElevenLabs show another list to a key. */
const listFor = (lists: Readonly<Record<string, readonly string[]>>): void =>
  server.stub.fault(({ operation, provider, headers }) => {
    const names =
      provider === 'elevenlabs' && operation === 'voices' ? lists[String(headers['xi-api-key'])] : undefined;
    return names && { kind: 'answer', status: 200, body: listBody(names) };
  });
const listBody = (names: readonly string[]) => ({
  voices: names.map((name) => ({ voice_id: `id-of-${name}`, name, labels: {} })),
  has_more: false,
});

it('lists the voices of every provider that is set up, by provider and name, each once', async () => {
  const voices = await allVoices(workspace);
  const providers = [...new Set(voices.map(({ provider }) => provider.id))];
  expect(providers).toEqual(['elevenlabs', 'kokoro', 'local']);
  expect(voices.filter(({ provider }) => provider.id === 'elevenlabs')).toHaveLength(ELEVENLABS_VOICES.length);
  expect(voices.filter(({ provider }) => provider.id === 'kokoro')).toHaveLength(KOKORO_VOICES.length);
  expect(new Set(voices.map(({ id }) => id)).size).toBe(voices.length);
  for (const provider of providers) {
    const names = voices.filter((voice) => voice.provider.id === provider).map(({ name }) => name.toLowerCase());
    expect(names).toEqual([...names].sort());
  }
  expect(voices.find(({ id }) => id === `elevenlabs/${RACHEL}`)).toEqual({
    id: `elevenlabs/${RACHEL}`,
    providerVoiceId: RACHEL,
    name: 'Rachel',
    languages: ['fr', 'en'],
    gender: 'female',
    description: 'A calm voice for narration.',
    previewUrl: `https://storage.example/${RACHEL}.mp3`,
    quality: null,
    status: 'ENABLED',
    referenceCount: 0,
    createdAt: null,
    engineVersion: null,
    consent: null,
    provider: { id: 'elevenlabs', byok: false },
  });
});

it.each([1, 7, 50, 100])('is read in pages of %i without a gap and without a repetition', async (first) => {
  const whole = (await allVoices(workspace)).map(({ id }) => id);
  const wanted = first === 1 ? whole.slice(0, 5) : whole;
  const read: string[] = [];
  for (let after: string | null = null; read.length < wanted.length; ) {
    const { edges, pageInfo } = await page(workspace, { first, after });
    expect(edges.length).toBe(Math.min(first, whole.length - read.length));
    read.push(...edges.map(({ node }) => node.id));
    expect(pageInfo).toMatchObject({ hasNextPage: read.length < whole.length, hasPreviousPage: after !== null });
    after = pageInfo.endCursor;
  }
  expect(read).toEqual(wanted);
});

it.each<[string, Record<string, unknown>, (voice: VoiceFields) => boolean]>([
  ['a provider', { provider: 'kokoro' }, ({ provider }) => provider.id === 'kokoro'],
  ['a language', { language: 'pt' }, ({ languages }) => languages.some((tag) => /^pt(-|$)/.test(tag))],
  ['a region', { language: 'EN-gb' }, ({ languages }) => languages.some((tag) => /^en-gb/i.test(tag))],
  ['a gender', { gender: 'Female' }, ({ gender }) => gender === 'female'],
  ['a word of the name', { query: 'rach' }, ({ name }) => name === 'Rachel'],
  ['words in any order', { query: ' NARRATION  adam ' }, ({ name }) => name === 'Adam'],
  ['a part of the id', { query: 'bf_em' }, ({ id }) => id === 'kokoro/bf_emma'],
  ['their being others’', { firstParty: false }, () => true],
  ['their being in use', { status: 'ENABLED' }, () => true],
  [
    'several at once',
    { provider: 'kokoro', language: 'en', gender: 'male' },
    ({ provider, languages, gender }) =>
      provider.id === 'kokoro' && languages.some((tag) => tag.startsWith('en')) && gender === 'male',
  ],
])('are narrowed by %s', async (_name, filter, fits) => {
  const expected = (await allVoices(workspace)).filter(fits).map(({ id }) => id);
  expect(expected.length).toBeGreaterThan(0);
  expect((await allVoices(workspace, { filter })).map(({ id }) => id)).toEqual(expected);
});

it.each([
  { firstParty: true },
  { status: 'RETIRED' },
  { status: 'DRAFT' },
  { quality: 'ULTRA' },
  { query: 'nobody has this name' },
  { language: 'tlh' },
])('are none for %j', async (filter) => {
  expect(await page(workspace, { filter })).toMatchObject({
    edges: [],
    pageInfo: { hasNextPage: false, endCursor: null },
  });
});

it.each([
  ['filter.provider', { filter: { provider: 'nobody' } }],
  ['filter.language', { filter: { language: 'English' } }],
  ['filter.query', { filter: { query: 'x'.repeat(201) } }],
  ['first', { first: 0 }],
  ['first', { first: 101 }],
  ['after', { after: 'no-cursor' }],
])('a bad %s is BAD_USER_INPUT (%j)', async (field, variables) => {
  expect(onlyError(await workspace.graphql(VOICES, variables)).extensions).toMatchObject({
    code: 'BAD_USER_INPUT',
    field,
  });
});

it('a cursor opens its own list alone: not that of another filter, query or workspace', async () => {
  const { pageInfo } = await page(workspace, { first: 3 });
  const after = pageInfo.endCursor;
  const other = await server.createWorkspace({ plan: 'scale' });
  for (const answer of [
    await workspace.graphql(VOICES, { first: 3, after, filter: { provider: 'elevenlabs' } }),
    await other.graphql(VOICES, { first: 3, after }),
    await workspace.graphql('query ($after: String) { usageEvents(after: $after) { edges { cursor } } }', { after }),
  ]) {
    expect(onlyError(answer).extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'after' });
  }
});

it('an own key’s list is the one of its requests alone, in the place of the platform’s', async () => {
  listFor({ 'key-of-ada': ['Ada’s clone'] });
  expect(await voicesOf('elevenlabs', header('key-of-ada'))).toEqual(['Ada’s clone']);
  expect(await voicesOf('elevenlabs')).toHaveLength(ELEVENLABS_VOICES.length);
  expect(await voicesOf('kokoro', header('key-of-ada'))).toHaveLength(KOKORO_VOICES.length);
  const voice = 'id-of-Ada’s clone';
  for (const headers of [{}, header('another-key')]) {
    expect((await refusalOf(workspace, { ...HELLO, voice }, headers)).extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'voice',
    });
    expect((await workspace.graphql(VOICE, { id: `elevenlabs/${voice}` }, headers)).code).toBe('NOT_FOUND');
  }
  expect(await workspace.data(VOICE, { id: `elevenlabs/${voice}` }, header('key-of-ada'))).toMatchObject({
    voice: { name: 'Ada’s clone' },
  });
});

it('a stored key’s list is its workspace’s alone', async () => {
  listFor({ 'stored-key-of-bob': ['Bob’s clone'] });
  const bob = await server.createWorkspace({ plan: 'scale' });
  await bob.data(
    'mutation { setProviderCredential(input: { provider: "elevenlabs", secret: "stored-key-of-bob" }) { credential { id } } }',
  );
  expect(await voicesOf('elevenlabs', {}, bob)).toEqual(['Bob’s clone']);
  expect((await allVoices(bob)).find(({ name }) => name === 'Bob’s clone')!.provider).toEqual({
    id: 'elevenlabs',
    byok: true,
  });
  expect(await voicesOf('elevenlabs')).toHaveLength(ELEVENLABS_VOICES.length);
  expect((await workspace.graphql(VOICE, { id: 'elevenlabs/id-of-Bob’s clone' })).code).toBe('NOT_FOUND');
  await bob.data('mutation { deleteProviderCredential(input: { provider: "elevenlabs" }) { deletedId } }');
  expect(await voicesOf('elevenlabs', {}, bob)).toHaveLength(ELEVENLABS_VOICES.length);
});

it('is asked of a provider once, however often it is read', async () => {
  await allVoices(workspace);
  const requests = server.stub.requests.length;
  await allVoices(workspace);
  await allVoices(await server.createWorkspace({ plan: 'scale' }));
  expect(server.stub.requests.length).toBe(requests);
});

it.each([
  ['fails', { kind: 'answer', status: 500 }],
  ['refuses the key', { kind: 'answer', status: 401 }],
  ['answers nonsense', { kind: 'answer', status: 200, body: { voices: 'none' } }],
  ['hangs up', { kind: 'hang-up' }],
] as const)('a provider that %s is left out, and the rest is served', async (name, fault) => {
  server.stub.fault(({ operation, provider }) =>
    operation === 'voices' && provider === 'elevenlabs' ? fault : undefined,
  );
  const headers = header(`a-key-for-one-that-${name.replaceAll(' ', '-')}`);
  expect(await voicesOf('elevenlabs', headers)).toEqual([]);
  expect(await voicesOf('kokoro', headers)).toHaveLength(KOKORO_VOICES.length);
  const unknown = await workspace.graphql(VOICE, { id: `elevenlabs/${RACHEL}` }, headers);
  expect(onlyError(unknown).extensions).toMatchObject({ code: 'PROVIDER_UNAVAILABLE', retryable: true });
});

it('a provider that is slow is left out of the answer', async () => {
  server.stub.fault(({ operation, provider }) =>
    operation === 'voices' && provider === 'elevenlabs' ? { kind: 'stall-before-headers' } : undefined,
  );
  const requests = server.stub.requests.length;
  const headers = header('a-key-for-one-that-is-slow');
  const answer = page(workspace, { first: 100 }, headers);
  await server.stub.when(({ requests: seen }) => seen.length > requests);
  clock.advance(4_000);
  const { edges } = await answer;
  expect(edges.some(({ node }) => node.provider.id === 'elevenlabs')).toBe(false);
  expect(edges.some(({ node }) => node.provider.id === 'kokoro')).toBe(true);
});

it('one voice is found by its id, and an id of none is NOT_FOUND', async () => {
  expect(await workspace.data(VOICE, { id: 'kokoro/af_heart' })).toEqual({
    voice: { id: 'kokoro/af_heart', name: 'af_heart', provider: { id: 'kokoro' } },
  });
  for (const id of ['kokoro/nobody', 'nobody/af_heart', 'af_heart', '', '/', 'kokoro/', '__proto__/x', 'kokoro/\0']) {
    expect((await workspace.graphql(VOICE, { id })).code).toBe('NOT_FOUND');
  }
});

it('a speech tells the voice that spoke, where it is known', async () => {
  const { speech } = await speak(workspace, HELLO);
  const SPEECH = 'query ($id: ID!) { speech(id: $id) { voiceId voice { id name provider { id } } } }';
  expect(await workspace.data(SPEECH, { id: speech.id })).toEqual({
    speech: {
      voiceId: `elevenlabs/${RACHEL}`,
      voice: { id: `elevenlabs/${RACHEL}`, name: 'Rachel', provider: { id: 'elevenlabs' } },
    },
  });
  // With a key whose list nobody has asked for yet, it is not known, and nobody is asked.
  const requests = server.stub.requests.length;
  expect(await workspace.data(SPEECH, { id: speech.id }, header('a-key-without-a-list'))).toMatchObject({
    speech: { voiceId: `elevenlabs/${RACHEL}`, voice: null },
  });
  expect(server.stub.requests.length).toBe(requests);
});
