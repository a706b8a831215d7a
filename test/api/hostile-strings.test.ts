import { startTestServer, type TestServer } from '../support/test-server';
import { expectWellFormedErrors } from './support/speech-api';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ storm: true });
  await server.grant(server.client.workspaceId, '100');
});
afterAll(() => server?.close());

/** What a database, a path, a log line or an object's prototype could stumble over. */
const STRINGS: Readonly<Record<string, string>> = {
  empty: '',
  NUL: 'a\u0000b',
  'half a character': 'a\ud800b',
  'a line end': 'a\r\nx-injected: 1',
  SQL: `'; DROP TABLE accounts; --`,
  'a path': '../../../etc/passwd',
  'an escaped path': '..%2f..%2f%00',
  'a prototype': '__proto__',
  'an id that is almost one': '01890000-0000-7000-8000-00000000000g',
  markup: '<script>alert(1)</script>',
  'a long one': 'x'.repeat(5_000),
};

const DAY = 'start: "2025-05-01T00:00:00Z", end: "2025-05-02T00:00:00Z", width: DAY, groupBy: []';
/** Every place of the schema that takes a string, as `$s` (String) or `$id` (ID). */
const QUERIES: readonly string[] = [
  'speech(id: $id) { id }',
  'usageEvent(id: $id) { id }',
  'provider(id: $id) { id }',
  'usageEvents(after: $s) { edges { cursor } }',
  'apiKeys(after: $s) { edges { cursor } }',
  'endUserLimits(after: $s) { edges { cursor } }',
  'usageEvents(filter: { endUserId: $s }) { edges { cursor } }',
  'usageEvents(filter: { apiKeyId: $id }) { edges { cursor } }',
  'usageEvents(filter: { providers: [$id] }) { edges { cursor } }',
  ...['timeZone: $s', 'providers: [$id]', 'apiKeyIds: [$id]', 'endUserIds: [$s]'].map(
    (filter) => `usageBuckets(filter: { ${DAY}, ${filter} }) { edges { cursor } }`,
  ),
  `usageBuckets(filter: { ${DAY} }, after: $s) { edges { cursor } }`,
  'voiceUsage(startDate: "2025-05-01", endDate: "2025-05-31", after: $s) { edges { cursor } }',
  'estimateSpeech(input: { text: $s }) { credits }',
  'compareSpeechCost(input: { text: $s }) { credits }',
];
const TOKEN = 'ttlSeconds: 60, capabilities: [TEXT_TO_SPEECH], maxCredits: 1';
const MUTATIONS: readonly string[] = [
  'cancelSpeech(input: { id: $id }) { usage { id } }',
  'deleteSpeech(input: { id: $id }) { deletedId }',
  'createApiKey(input: { name: $s }) { apiKey { id } }',
  'rotateApiKey(input: { id: $id }) { apiKey { id } }',
  'revokeApiKey(input: { id: $id }) { apiKey { id } }',
  'revokeClientToken(input: { id: $id }) { deletedId }',
  `createClientToken(input: { ${TOKEN}, endUserId: $s }) { id }`,
  `createClientToken(input: { ${TOKEN}, origins: [$s] }) { id }`,
  'setEndUserLimit(input: { endUserId: $s, creditsPerDay: 1 }) { limit { endUserId } }',
  'deleteEndUserLimit(input: { endUserId: $s }) { deletedId }',
  ...['timeZone: $s', 'providers: [$id]', 'apiKeyIds: [$id]', 'endUserIds: [$s]'].map(
    (filter) => `createUsageExport(input: { format: CSV, buckets: { ${DAY}, ${filter} } }) { expiresAt }`,
  ),
  ...['endUserId: $s', 'apiKeyId: $id', 'providers: [$id]'].map(
    (filter) => `createUsageExport(input: { format: CSV, events: { ${filter} } }) { expiresAt }`,
  ),
  'createWorkspace(input: { name: $s, plan: "storm" }) { workspace { id } }',
  'createWorkspace(input: { name: "Test", plan: $id }) { workspace { id } }',
  'setWorkspacePlan(input: { workspaceId: $id, plan: "storm" }) { workspace { id } }',
  'setWorkspacePlan(input: { workspaceId: "WORKSPACE", plan: $id }) { workspace { id } }',
  'grantCredits(input: { workspaceId: $id, kind: PROMOTION, credits: 1, reason: "test", idempotencyKey: "k" }) { grant { id } }',
  'grantCredits(input: { workspaceId: "WORKSPACE", kind: PROMOTION, credits: 1, reason: $s, idempotencyKey: "k" }) { grant { id } }',
  'grantCredits(input: { workspaceId: "WORKSPACE", kind: PROMOTION, credits: 1, reason: "test", idempotencyKey: $s }) { grant { id } }',
  ...[
    'text: $s, provider: "elevenlabs"',
    'text: $s, provider: "elevenlabs", textType: SSML',
    'text: "a", provider: $id',
    'text: "a", model: $s',
    'text: "a", voice: $id',
    'text: "a", provider: "kokoro", voice: $id',
    'text: "a", provider: "elevenlabs", voice: $id',
    'text: "a", language: $s',
    'text: "a", style: $s',
    'text: "a", endUserId: $s',
    'text: "a", idempotencyKey: $s',
  ].map((fields) => `synthesizeSpeech(input: { ${fields} }) { speech { id } }`),
];

const documentOf = (operation: string, field: string): string =>
  `${operation} (${field.includes('$id') ? '$id: ID!' : '$s: String!'}) { ${field} }`;

it.each(Object.entries(STRINGS))(
  '%s is taken or refused at every place that takes a string, and never breaks anything',
  async (_name, s) => {
    const documents = [
      ...QUERIES.map((field) => documentOf('query', field)),
      ...MUTATIONS.map((field) => documentOf('mutation', field.replace('WORKSPACE', server.client.workspaceId))),
    ];
    for (const document of documents) {
      for (const client of [server.client, server.admin]) {
        const answer = await client.graphql(document, document.includes('$id') ? { id: s } : { s });
        if (!answer.errors) continue;
        expectWellFormedErrors(answer);
        expect({ document, code: answer.code }).not.toEqual({
          document,
          code: expect.stringMatching(/INTERNAL_SERVER_ERROR|UNAVAILABLE|GRAPHQL_/),
        });
      }
    }
    expect((await server.verifyLedger()).findings).toEqual([]);
  },
);

it.each(Object.entries(STRINGS))('%s as metadata is taken or refused', async (_name, s) => {
  for (const metadata of [{ key: s }, { [s]: 'value' }]) {
    const answer = await server.client.graphql(
      'mutation ($metadata: JSONObject) { synthesizeSpeech(input: { text: "a", metadata: $metadata }) { speech { metadata } } }',
      { metadata },
    );
    if (answer.errors) expect(['BAD_USER_INPUT', 'BAD_REQUEST']).toContain(answer.code);
    else expect(answer.data).toEqual({ synthesizeSpeech: { speech: { metadata } } });
  }
});

it('what was written as JSON of a NUL is kept as it was written', async () => {
  const metadata = { path: 'C:\\u0000' };
  expect(
    await server.client.data(
      'mutation ($metadata: JSONObject) { synthesizeSpeech(input: { text: "a", metadata: $metadata }) { speech { metadata } usage { metadata } } }',
      { metadata },
    ),
  ).toEqual({ synthesizeSpeech: { speech: { metadata }, usage: { metadata } } });
});

it.each(Object.entries(STRINGS))('%s in an address opens no audio and breaks nothing', async (_name, s) => {
  const written = encodeURIComponent(s.slice(0, 500).replace('\ud800', '')) || '%ed%a0%80';
  for (const address of [
    `/audio/${written}?expires=1&signature=1`,
    `/audio/01890000-0000-7000-8000-000000000000?expires=${written}&signature=a`,
    `/audio/01890000-0000-7000-8000-000000000000?expires=9999999999&signature=${written}`,
    `/audio/01890000-0000-7000-8000-000000000000?expires=9999999999&signature=a&signature=${written}`,
  ]) {
    const { status, body } = await server.anonymous.send(address);
    expect({ address, status: [400, 404, 414].includes(status) ? 'refused' : status }).toEqual({
      address,
      status: 'refused',
    });
    expect(body.toString()).not.toMatch(/\n\s+at |node_modules/);
  }
});
