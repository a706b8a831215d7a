import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { startTestServer, type TestServer } from '../support/test-server';
import { refusalOf, settledSpeech, speak, synthesize } from './support/speech-api';

/** Each of them appears nowhere but where it has to be, so that any trace of it is a leak. */
const OWN_KEY = 'canary-own-key-7f3a9c51';
const WRONG_OWN_KEY = 'canary-wrong-own-key-b2d8';
const PLATFORM_KEY = 'canary-platform-key-91e6';
const API_KEY = 'canary-api-key-of-the-first-workspace';
const UNKNOWN_KEY = 'canary-unknown-key-5c0d77aa';
const TEXT = 'A canary sings in a sentence that is nobody else’s.';

let server: TestServer;
/** All that the server has ever answered. */
const answered: string[] = [];
const secrets: Record<string, string> = {
  'an own key': OWN_KEY,
  'an own key that is refused': WRONG_OWN_KEY,
  'the key of the platform': PLATFORM_KEY,
  'the key of the first workspace': API_KEY,
  'a key that opens nothing': UNKNOWN_KEY,
};

beforeAll(async () => {
  server = await startTestServer({
    plan: 'pro',
    env: { LOG_LEVEL: 'trace', ELEVENLABS_API_KEY: PLATFORM_KEY, BOOTSTRAP_API_KEY: API_KEY },
  });
  const { client, stub } = server;
  const note = async (answer: Promise<unknown>): Promise<void> => {
    answered.push(JSON.stringify(await answer));
  };
  const input = { provider: 'elevenlabs', text: TEXT, endUserId: 'ada' };
  const own = (key: string) => ({ 'x-provider-key-elevenlabs': key });

  const made = await client.data<{
    createApiKey: { secret: string; apiKey: { id: string } };
    createClientToken: { token: string };
  }>(`mutation {
    createApiKey(input: { name: "Other", scopes: [METERED, READ, MANAGE] }) { secret apiKey { id } }
    createClientToken(input: { ttlSeconds: 600, capabilities: [TEXT_TO_SPEECH], maxCredits: 100 }) { token }
  }`);
  secrets['an API key'] = made.createApiKey.secret;
  secrets['a client token'] = made.createClientToken.token;

  await note(speak(client, input));
  await note(speak(client, { ...input, idempotencyKey: 'once' }, own(OWN_KEY)));
  await note(speak(client, { ...input, idempotencyKey: 'once' }, own(OWN_KEY)));
  await note(synthesize(client, { ...input, idempotencyKey: 'once' }, own(WRONG_OWN_KEY)));
  await note(speak(server.anonymous.as(made.createApiKey.secret), input));
  // The token's own end user is all that it may speak for.
  const { endUserId: _endUserId, ...plainInput } = input;
  await note(speak(server.anonymous.as(made.createClientToken.token), plainInput));
  // Failures of all kinds, by a provider that repeats what it was sent.
  stub.refusedKeys.add(WRONG_OWN_KEY);
  await note(refusalOf(client, input, own(WRONG_OWN_KEY)));
  for (const status of [400, 401, 422, 500]) {
    stub.fault(({ headers, json }) => ({
      kind: 'answer',
      status,
      body: { detail: { message: `You sent ${String(headers['xi-api-key'])} with ${JSON.stringify(json)}` } },
    }));
    await note(refusalOf(client, input));
    await note(refusalOf(client, input, own(OWN_KEY)));
  }
  stub.fault(() => ({ kind: 'malformed' }));
  await note(refusalOf(client, input, own(OWN_KEY)));
  stub.fault(() => ({ kind: 'hang-up' }));
  const { speech } = await speak(client, { ...input, delivery: 'STREAM' }, own(OWN_KEY));
  await note(settledSpeech(server, client, speech.id));
  stub.fault(null);

  await note(client.graphql('{ nothing }', {}, own(OWN_KEY)));
  await note(client.graphql('{ balance { id } }', {}, { 'x-provider-key-nobody': OWN_KEY }));
  await note(client.graphql('{ balance { id } }', {}, own(`${OWN_KEY} and more`)));
  await note(server.anonymous.as(UNKNOWN_KEY).graphql('{ balance { id } }'));
  await note(server.anonymous.graphql('{ balance { id } }', {}, { authorization: `Basic ${UNKNOWN_KEY}` }));
  await note(
    server.anonymous
      .send(`/audio/${UNKNOWN_KEY}?expires=1&signature=${UNKNOWN_KEY}`)
      .then(({ body }) => body.toString()),
  );
  await note(
    server.anonymous
      .as(UNKNOWN_KEY)
      .socket()
      .catch((error: Error) => error.message),
  );
  const { socket, subscription } = await client.subscribe(
    'subscription ($input: SynthesizeSpeechInput!) { speechStream(input: $input) { ... on SpeechCompleted { usage { id } } } }',
    { input: { ...input, idempotencyKey: 'stream' } },
    { 'X-Provider-Key-ElevenLabs': OWN_KEY },
  );
  await note(subscription.rest());
  await socket.close();
  await note(
    client.graphql(`mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { apiKey { id prefix } } }`, {
      id: made.createApiKey.apiKey.id,
    }),
  );
  await note(server.anonymous.as(made.createApiKey.secret).graphql('{ balance { id } }'));
  await note(
    client.graphql(
      '{ apiKeys { edges { node { id name prefix scopes } } } usageEvents { edges { node { id metadata endUserId attempts { errorCode } } } } }',
    ),
  );
  // A fault of ours, whose error holds the statement and its values.
  await server.database.query('ALTER TABLE usage_events RENAME TO usage_events_away');
  await note(client.graphql('{ usageEvents { edges { cursor } } }', {}, own(OWN_KEY)));
  await server.database.query('ALTER TABLE usage_events_away RENAME TO usage_events');
});
afterAll(() => server?.close());

it('the canaries did sing: keys and text reached the provider, and failures reached the log', () => {
  const keys = new Set(server.stub.requests.map(({ headers }) => headers['xi-api-key']));
  expect(keys).toEqual(new Set([OWN_KEY, WRONG_OWN_KEY, PLATFORM_KEY]));
  expect(server.stub.requests.some(({ json }) => (json as { text?: string } | undefined)?.text === TEXT)).toBe(true);
  expect(server.logged.some((line) => line.includes('an unexpected error'))).toBe(true);
});

/** A secret in any form in which it could be read back. */
const formsOf = (secret: string): string[] => [
  secret,
  encodeURIComponent(secret),
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  Buffer.from(secret).toString('hex'),
];

describe.each(Object.keys(secrets).concat('an API key', 'a client token'))('%s', (name) => {
  const leaks = (text: string): string[] => formsOf(secrets[name]!).filter((form) => text.includes(form));

  it('is in no line of the log', () => {
    expect(server.logged.filter((line) => leaks(line).length > 0)).toEqual([]);
  });

  it('is in no answer and no error', () => {
    expect(answered.filter((answer) => leaks(answer).length > 0)).toEqual([]);
  });

  it('is in no column of the database', async () => {
    for (const [table, content] of await everyTable()) expect([table, leaks(content)]).toEqual([table, []]);
  });

  it('is in no metric', async () => {
    expect(leaks((await server.anonymous.send('/metrics')).body.toString())).toEqual([]);
  });

  it('is in no file of the audio', () => {
    for (const file of filesIn(path.join(server.data.dataDirectory, 'audio'))) {
      expect([file, leaks(readFileSync(file).toString('latin1'))]).toEqual([file, []]);
    }
  });
});

it('the text that was spoken is in no line of the log, no column of the database and no metric', async () => {
  const part = TEXT.slice(0, 30);
  expect(server.logged.filter((line) => line.includes(part))).toEqual([]);
  for (const [table, content] of await everyTable()) expect([table, content.includes(part)]).toEqual([table, false]);
  expect((await server.anonymous.send('/metrics')).body.toString()).not.toContain(part);
});

it('what the database keeps of a key is its hash and the few characters that people tell it by', async () => {
  const { rows } = await server.database.query<{ prefix: string; secret_hash: Buffer }>(
    'SELECT prefix, secret_hash FROM api_keys',
  );
  const hashes = rows.map(({ secret_hash }) => secret_hash.toString('hex'));
  for (const secret of [API_KEY, secrets['an API key']!]) {
    expect(hashes).toContain(createHash('sha256').update(secret).digest('hex'));
  }
  for (const { prefix } of rows) expect(prefix.length).toBeLessThanOrEqual(16);
});

/** Every row of every table as text, and every byte column as the text that it could be. */
async function everyTable(): Promise<readonly (readonly [string, string])[]> {
  const { rows: tables } = await server.database.query<{ name: string }>(
    `SELECT quote_ident(table_name) AS name FROM information_schema.tables
     WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`,
  );
  expect(tables.length).toBeGreaterThan(10);
  return Promise.all(
    tables.map(async ({ name }) => {
      const { rows } = await server.database.query<{ content: string }>(`SELECT t::text AS content FROM ${name} t`);
      return [name, rows.map(({ content }) => content).join('\n')] as const;
    }),
  );
}

function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(directory, name))
    .filter((name) => statSync(name).isFile());
}
