import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { PROVIDER_IDS } from '../../src/config';
import { EVENT_CHANNELS } from '../../src/events/event-bus';
import { audioFixture } from '../support/audio-fixtures';
import type { GraphqlClient } from '../support/graphql-client';
import { Gate, ProviderStub, type StubFault } from '../support/provider-stub';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { settledSpeech, synthesize } from './support/speech-api';

/**
 * What the keys begin with that come here in each way, all of them for ElevenLabs. Every test has keys of its own, so that
 * what one of them did to a circuit says nothing of the next.
 */
const CANARIES = {
  header: 'canary-in-a-header-4c1f09ab',
  socket: 'canary-on-a-socket-77d2e3b0',
  stored: 'canary-kept-here-b5a6c81e',
} as const;
type Way = keyof typeof CANARIES;
const WAYS = Object.keys(CANARIES) as Way[];
/** Another provider's, which goes along with every request and must not be mixed up with them. */
const OTHER_KEY = 'canary-of-openai-0d9e8f7a';
const PLATFORM_KEY = 'platform-key-of-elevenlabs';

const TEXT = 'A sentence of a canary.';
const STREAM = `subscription Listen($input: SynthesizeSpeechInput!) {
  speechStream(input: $input) { __typename ... on SpeechCompleted { usage { id status credential } } }
}`;
const SET = `mutation ($secret: String!) {
  setProviderCredential(input: { provider: "elevenlabs", secret: $secret }) { credential { id lastFour } }
}`;
/** What a client may ask about what has been. */
const LOOK_BACK = `{
  providerCredentials { id label lastFour lastUsedAt provider { id health { circuit errorRate } } }
  usageEvents { edges { node { id credential metadata summary attempts { provider credential outcome errorCode } } } }
  provider(id: "elevenlabs") { byok health { circuit } }
  voices(first: 100) { edges { cursor node { id } } }
}`;

const FAULTS: Readonly<Record<string, (key: unknown) => StubFault>> = {
  'answers 401 and repeats the key': (key) => ({
    kind: 'answer',
    status: 401,
    body: { detail: { code: 'invalid_api_key', message: `The key ${String(key)} is not valid.` } },
  }),
  'answers 403 with the key as text': (key) => ({ kind: 'answer', status: 403, body: `forbidden: ${String(key)}` }),
  'answers 422 and repeats the key': (key) => ({
    kind: 'answer',
    status: 422,
    body: { detail: [{ loc: ['header', 'xi-api-key'], msg: `bad ${String(key)}`, type: String(key), input: key }] },
  }),
  'answers 500 and repeats the key': (key) => ({
    kind: 'answer',
    status: 500,
    body: { detail: `crashed with ${String(key)}` },
    headers: { 'request-id': `request-of-${String(key)}` },
  }),
  'answers an error under 200': (key) => ({ kind: 'error-in-200', body: { detail: `no credits on ${String(key)}` } }),
  'answers bytes that are no audio': () => ({ kind: 'malformed' }),
  'hangs up': () => ({ kind: 'hang-up' }),
  'is cut in the middle': () => ({ kind: 'cut-mid-body' }),
  'never answers': () => ({ kind: 'stall-before-headers' }),
};

let server: TestServer;
let workspace: TestWorkspace;
let others: ProviderStub;
/** All that came back to clients, and all that processes told each other. */
const answered: string[] = [];
const told: string[] = [];

const note = async (work: Promise<unknown>): Promise<void> => {
  answered.push(JSON.stringify(await work));
};
const keyOf = (headers: Readonly<Record<string, unknown>>): unknown => headers['xi-api-key'];

/** Speaks with a key that comes in one of the ways, and resolves once it is final, whatever became of it. */
async function speakWith(
  way: Way,
  key: string,
  client: GraphqlClient,
  more: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const input = { provider: 'elevenlabs', text: TEXT, metadata: { way }, ...more };
  const keys = { 'X-Provider-Key-OpenAI': OTHER_KEY };
  if (way === 'socket') {
    const { socket, subscription } = await client.subscribe(
      STREAM,
      { input: { ...input, idempotencyKey: `${Math.random()}` } },
      { ...keys, 'x-provider-key-ELEVENLABS': key },
    );
    await note(subscription.rest());
    await socket.close();
    return;
  }
  const headers = way === 'header' ? { ...keys, 'X-Provider-Key-ElevenLabs': key } : keys;
  for (const delivery of ['COMPLETE', 'STREAM']) {
    const answer = await synthesize(client, { ...input, delivery }, headers);
    await note(Promise.resolve(answer));
    const id = answer.data?.synthesizeSpeech?.speech.id;
    if (id) await note(settledSpeech(server, client, id));
  }
  await note(client.graphql(LOOK_BACK, {}, headers));
}

beforeAll(async () => {
  others = new ProviderStub();
  await others.listen();
  const elsewhere = PROVIDER_IDS.filter((id) => id !== 'elevenlabs' && id !== 'local').flatMap((id) => {
    const name = id.toUpperCase().replaceAll('-', '_');
    return [
      [`${name}_BASE_URL`, others.url],
      [`${name}_API_KEY`, `platform-key-of-${id}`],
    ];
  });
  server = await startTestServer({
    plan: 'scale',
    env: { LOG_LEVEL: 'trace', ...Object.fromEntries(elsewhere), ELEVENLABS_API_KEY: PLATFORM_KEY },
  });
  for (const channel of EVENT_CHANNELS) {
    server.container.core.bus.subscribe(channel, (message) => told.push(JSON.stringify([channel, message])));
  }
  workspace = await server.createWorkspace({ plan: 'scale' });
});
afterEach(() => server.stub.fault(null));
afterAll(async () => {
  await server?.close();
  await others?.close();
});

describe.each(WAYS)('an own key (%s)', (way) => {
  /** The workspace that has a key stored uses it wherever no other is sent. */
  let client: TestWorkspace;
  let key: string;
  let keys = 0;
  beforeAll(async () => {
    client = way === 'stored' ? workspace : await server.createWorkspace({ plan: 'scale' });
  });
  beforeEach(async () => {
    keys += 1;
    key = `${CANARIES[way]}-${keys}`;
    if (way === 'stored') await note(client.graphql(SET, { secret: key }));
  });
  const keysSince = (count: number): unknown[] => [
    ...new Set(server.stub.requests.slice(count).map(({ headers }) => keyOf(headers))),
  ];

  it('reaches its provider, and nobody but its provider', async () => {
    const [mine, theirs] = [server.stub.requests.length, others.requests.length];
    await speakWith(way, key, client);
    expect(keysSince(mine)).toEqual([key]);
    await speakWith(way, key, client, { provider: 'kokoro' });
    await speakWith(way, key, client, { provider: 'local' });
    expect(keysSince(mine)).toEqual([key]);
    expect(others.requests.length).toBeGreaterThan(theirs);
    expect(traces(others, Object.values(CANARIES))).toEqual([]);
  });

  it.each(Object.entries(FAULTS))('is not replaced by the platform’s when its provider %s', async (name, fault) => {
    const requests = server.stub.requests.length;
    server.stub.fault(({ headers, operation }) =>
      operation === 'speech' || name.startsWith('answers') ? fault(keyOf(headers)) : undefined,
    );
    const impatient = name === 'never answers' ? { routing: { timeoutMs: 1_000 } } : {};
    await speakWith(way, key, client, impatient);
    expect(keysSince(requests)).toEqual([key]);
  });

  it('goes to no fallback: each is asked with its own', async () => {
    const [mine, theirs] = [server.stub.requests.length, others.requests.length];
    server.stub.fault(() => ({ kind: 'answer', status: 401 }));
    await speakWith(way, key, client, {
      routing: { fallbacks: [{ provider: 'kokoro', voice: 'af_heart' }] },
    });
    expect(keysSince(mine)).toEqual([key]);
    const asked = others.requests.slice(theirs).filter(({ operation }) => operation === 'speech');
    expect(asked.length).toBeGreaterThan(0);
    expect(traces(others, Object.values(CANARIES))).toEqual([]);
  });

  it('is not left anywhere by an operation that outlives its lease, as one of a process that died does', async () => {
    const gate = new Gate();
    server.stub.fault(({ operation }) => (operation === 'speech' ? { kind: 'gated', gate } : undefined));
    const { calls } = server.stub;
    const speaking = speakWith(way, key, client);
    await server.stub.when((stub) => stub.calls > calls);
    const { rows } = await server.database.query<{ row: string }>('SELECT h::text AS row FROM holds h');
    expect(rows.length).toBeGreaterThan(0);
    expect(traces(rows, Object.values(CANARIES))).toEqual([]);
    await server.database.query("UPDATE holds SET lease_until = lease_until - interval '10 minutes'");
    await server.container.ledger.leases.sweep();
    gate.open();
    await speaking;
    const { rows: events } = await server.database.query<{ credential: string; status: string }>(
      "SELECT credential, status FROM usage_events WHERE workspace_id = $1 AND status = 'UNKNOWN'",
      [client.workspaceId],
    );
    expect(events[0]).toMatchObject({ credential: way === 'stored' ? 'STORED_KEY' : 'REQUEST_KEY' });
  });
});

describe('an own key for another capability', () => {
  afterEach(() => others.fault(null));

  /** By the provider's documented header. */
  const shown = (from: number): unknown[] => [
    ...new Set(others.requests.slice(from).map(({ headers }) => headers.authorization)),
  ];
  const WORK: Readonly<Record<string, { readonly document: string; readonly variables: Record<string, unknown> }>> = {
    chat: {
      document: 'mutation ($input: ChatInput!) { chat(input: $input) { usage { credential credits } } }',
      variables: { input: { provider: 'openai', messages: [{ role: 'USER', content: TEXT }] } },
    },
    transcribe: {
      document: 'mutation ($input: TranscribeInput!) { transcribe(input: $input) { usage { credential credits } } }',
      variables: {
        input: { provider: 'openai', audio: { base64: audioFixture('WAV', 16_000, 1_000).toString('base64') } },
      },
    },
  };

  it.each(Object.entries(WORK))('(%s) reaches its provider alone, and nothing takes its place', async (field, work) => {
    const key = `${OTHER_KEY}-${field}`;
    const headers = { 'X-Provider-Key-OpenAI': key, 'X-Provider-Key-ElevenLabs': CANARIES.header };
    const [mine, theirs] = [server.stub.requests.length, others.requests.length];
    const answer = await workspace.graphql(work.document, work.variables, headers);
    expect(answer.errors).toBeUndefined();
    expect(answer.data![field]).toMatchObject({ usage: { credential: 'REQUEST_KEY', credits: '0' } });
    await note(Promise.resolve(answer));
    for (const status of [401, 500]) {
      others.fault(({ headers: sent }) => ({
        kind: 'answer',
        status,
        body: { error: { message: `You sent ${String(sent.authorization)}.`, type: 'error', code: key } },
        headers: { 'x-request-id': `request-of-${key}` },
      }));
      const failed = await workspace.graphql(work.document, work.variables, headers);
      expect(failed.code).toBe(status === 401 ? 'PROVIDER_UNAUTHORIZED' : 'PROVIDER_UNAVAILABLE');
      await note(Promise.resolve(failed));
    }
    expect(shown(theirs)).toEqual([`Bearer ${key}`]);
    expect(server.stub.requests.length).toBe(mine);
  });
});

describe('after all of it', () => {
  beforeAll(async () => {
    // Faults of ours, whose errors hold statements and their values.
    await server.database.query('ALTER TABLE provider_credentials RENAME TO provider_credentials_away');
    await note(workspace.graphql(SET, { secret: CANARIES.stored }));
    await note(workspace.graphql('{ providerCredentials { id } }'));
    await server.database.query('ALTER TABLE provider_credentials_away RENAME TO provider_credentials');
    await server.database.query('ALTER TABLE holds RENAME TO holds_away');
    await note(
      synthesize(
        workspace,
        { provider: 'elevenlabs', text: TEXT },
        { 'X-Provider-Key-ElevenLabs': CANARIES.header, 'X-Provider-Key-OpenAI': OTHER_KEY },
      ),
    );
    await server.database.query('ALTER TABLE holds_away RENAME TO holds');
    // Inputs of the wrong form, which errors like to repeat.
    await note(workspace.graphql(SET, { secret: `${CANARIES.stored}\n` }));
    await note(workspace.graphql(SET, { secret: CANARIES.stored.repeat(30) }));
    await note(
      workspace.graphql(
        'mutation ($input: SetProviderCredentialInput!) { setProviderCredential(input: $input) { credential { id } } }',
        {
          input: { provider: 'elevenlabs', secret: CANARIES.stored, lable: 'a typing error' },
        },
      ),
    );
    await note(workspace.graphql('{ __typename }', {}, { 'X-Provider-Key-ElevenLabs': `${CANARIES.header} x` }));
    await note(workspace.graphql('{ __typename }', {}, { 'X-Provider-Key-Nobody': CANARIES.header }));
    await note(
      workspace
        .socket({ 'X-Provider-Key-Nobody': CANARIES.socket })
        .then((socket) => socket.close())
        .catch((error: Error) => error.message),
    );
  });

  it('the canaries did sing: each reached its provider, and failures reached the log', () => {
    for (const canary of Object.values(CANARIES)) expect(traces(server.stub, [canary])).toEqual([canary]);
    expect(server.logged.some((line) => line.includes('an unexpected error'))).toBe(true);
    expect(answered.length).toBeGreaterThan(50);
    expect(told.length).toBeGreaterThan(10);
    for (const code of ['PROVIDER_UNAUTHORIZED', 'PROVIDER_UNAVAILABLE', 'PROVIDER_REJECTED', 'PROVIDER_TIMEOUT']) {
      expect([code, answered.some((answer) => answer.includes(code))]).toEqual([code, true]);
    }
  });

  it('ElevenLabs was never shown the platform’s key by a caller with an own one, nor anybody else’s', () => {
    const shown = new Set(server.stub.requests.map(({ headers }) => String(keyOf(headers)).replace(/-\d+$/, '')));
    expect([...shown].sort()).toEqual(Object.values(CANARIES).sort());
    expect(traces(server.stub, [OTHER_KEY, PLATFORM_KEY])).toEqual([]);
  });

  const secrets = [...Object.values(CANARIES), OTHER_KEY];

  it('no own key is in any line of the log', () => {
    expect(server.logged.filter((line) => traces(line, secrets).length > 0)).toEqual([]);
  });

  it('no own key is in any answer or error', () => {
    expect(answered.filter((answer) => traces(answer, secrets).length > 0)).toEqual([]);
  });

  it('no own key is in what processes tell each other', () => {
    expect(told.filter((message) => traces(message, secrets).length > 0)).toEqual([]);
  });

  it('no own key is in any row of any table', async () => {
    const { rows: tables } = await server.database.query<{ name: string }>(
      `SELECT quote_ident(table_name) AS name FROM information_schema.tables
       WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`,
    );
    expect(tables.map(({ name }) => name)).toContain('provider_credentials');
    for (const { name } of tables) {
      const { rows } = await server.database.query<{ content: string }>(`SELECT t::text AS content FROM ${name} t`);
      expect([name, rows.filter(({ content }) => traces(content, secrets).length > 0)]).toEqual([name, []]);
    }
  });

  it('no own key is in any metric', async () => {
    const metrics = (await server.anonymous.send('/metrics')).body.toString();
    expect(metrics).toContain('credential="STORED_KEY"');
    expect(traces(metrics, secrets)).toEqual([]);
  });

  it('no own key is in any file', () => {
    for (const file of filesIn(path.join(server.data.dataDirectory, 'audio'))) {
      expect([file, traces(readFileSync(file).toString('latin1'), secrets)]).toEqual([file, []]);
    }
  });

  it('no own key is the key of anything that is remembered', () => {
    const remembered = mapKeysOf(server.container.services);
    expect(remembered.some((key) => key.includes(workspace.workspaceId))).toBe(true);
    expect(remembered.filter((key) => traces(key, secrets).length > 0)).toEqual([]);
  });
});

/** A secret in any form in which it could be read back. */
const formsOf = (secret: string): string[] => [
  secret,
  encodeURIComponent(secret),
  Buffer.from(secret).toString('base64').replace(/=+$/, '').slice(0, -2),
  Buffer.from(secret).toString('hex'),
];

/** Which secrets can be found in a text, in all that a provider was sent, or in anything else that is JSON. */
function traces(where: string | ProviderStub | object, secrets: readonly string[]): string[] {
  const text =
    typeof where === 'string'
      ? where
      : where instanceof ProviderStub
        ? JSON.stringify(where.requests.map(({ headers, path: at, query, json }) => [headers, at, String(query), json]))
        : JSON.stringify(where);
  return secrets.filter((secret) => formsOf(secret).some((form) => text.includes(form)));
}

/** Keys of every Map, and members of every Set, that can be reached from an object. */
function mapKeysOf(root: object): string[] {
  const seen = new Set<unknown>();
  const keys: string[] = [];
  const queue: unknown[] = [root];
  while (queue.length > 0) {
    const value = queue.pop();
    if (typeof value === 'string') keys.push(value);
    if (typeof value !== 'object' || value === null || seen.has(value) || ArrayBuffer.isView(value)) continue;
    seen.add(value);
    if (value instanceof Map) for (const [key, item] of value) queue.push(key, typeof item === 'object' ? item : null);
    else if (value instanceof Set) queue.push(...value);
    else for (const item of Object.values(value)) if (typeof item === 'object') queue.push(item);
  }
  return keys;
}

function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(directory, name))
    .filter((name) => statSync(name).isFile());
}
