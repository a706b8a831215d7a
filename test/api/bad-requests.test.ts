import type { GraphqlAnswer } from '../support/graphql-client';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { expectRefusalWithoutTrace, HELLO, SYNTHESIZE, synthesize } from './support/speech-api';

let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer({ storm: true });
  workspace = server.client;
  await server.grant(workspace.workspaceId, '100000');
});
afterAll(() => server?.close());

const expectNothingHappened = (refused: () => Promise<GraphqlAnswer<unknown>>): Promise<GraphqlAnswer<unknown>> =>
  expectRefusalWithoutTrace(server, workspace, refused);

describe('a credential that opens nothing', () => {
  it.each([
    ['an unknown key', { authorization: 'Bearer test-this-key-opens-nothing-at-all' }],
    ['a key in the form of ours that was never made', { authorization: `Bearer pk_${'a'.repeat(50)}` }],
    ['a key under another scheme', { authorization: 'Basic dXNlcjpwYXNz' }],
    ['a scheme without a key', { authorization: 'Bearer ' }],
    ['a key with something behind it', { authorization: 'Bearer one two' }],
  ])('%s is UNAUTHENTICATED with HTTP 401, whatever is asked', async (_name, headers) => {
    for (const query of [SYNTHESIZE, '{ plans { id } }']) {
      const answer = await expectNothingHappened(() => server.anonymous.graphql(query, { input: HELLO }, headers));
      expect(answer).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
      expect(answer.data).toBeUndefined();
      expect(JSON.stringify(answer.errors)).not.toContain('opens-nothing');
    }
  });

  it('no credential at all is UNAUTHENTICATED where one is needed, and served where none is', async () => {
    const answer = await expectNothingHappened(() => synthesize(server.anonymous, HELLO));
    expect(answer).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    expect(
      await server.anonymous.data('{ plans { id } rateCard { version } provider(id: "local") { id } }'),
    ).toMatchObject({ provider: { id: 'local' } });
  });
});

describe('a document that asks for too much is refused whole, with HTTP 400', () => {
  const FIELD = 'synthesizeSpeech(input: $input) { replayed }';
  const metered = (count: number) =>
    `mutation ($input: SynthesizeSpeechInput!) { ${Array.from({ length: count }, (_, index) => `f${index}: ${FIELD}`).join(' ')} }`;
  const aliases = (count: number) =>
    `{ ${Array.from({ length: count }, (_, index) => `a${index}: balance { remaining }`).join(' ')} }`;
  const nested = (depth: number) => `{ ${'balance { '.repeat(depth - 1)} id ${'}'.repeat(depth - 1)} }`;

  it.each<[string, string, Record<string, unknown>]>([
    ['21 metered fields', metered(21), { code: 'QUERY_TOO_LARGE', what: 'METERED_FIELDS', limit: 20, actual: 21 }],
    [
      '21 metered fields behind a fragment',
      `mutation ($input: SynthesizeSpeechInput!) { ...F } fragment F on Mutation { ${Array.from({ length: 21 }, (_, index) => `f${index}: ${FIELD}`).join(' ')} }`,
      { code: 'QUERY_TOO_LARGE', what: 'METERED_FIELDS', limit: 20, actual: 21 },
    ],
    ['51 aliases', aliases(51), { code: 'QUERY_TOO_LARGE', what: 'ALIASES', limit: 50, actual: 51 }],
    ['50 levels', nested(50), { code: 'QUERY_TOO_LARGE', what: 'DEPTH', limit: 20, actual: 50 }],
    ['5,000 levels', nested(5_000), { code: 'QUERY_TOO_LARGE' }],
    [
      'more fields of answers than anybody reads',
      `{ ${Array.from({ length: 20 }, (_, index) => `e${index}: usageEvents(first: 100) { edges { node { id status credits characters model voiceId language style quality endUserId metadata apiKeyId byok credential requests latencyMs summary rateCardVersion createdAt settledAt inputTokens outputTokens totalTokens billableTokens audioSeconds audioMilliseconds } } }`).join(' ')} }`,
      { code: 'QUERY_TOO_LARGE', what: 'COMPLEXITY' },
    ],
    [
      'more tokens than a document may have',
      `{ ${'id '.repeat(10_001)} }`,
      { code: 'QUERY_TOO_LARGE', what: 'TOKENS', limit: 10_000 },
    ],
    ['what is no GraphQL', '{ balance { ', { code: 'GRAPHQL_PARSE_FAILED' }],
    ['a field that there is not', '{ money }', { code: 'GRAPHQL_VALIDATION_FAILED' }],
    ['a variable that is not given', SYNTHESIZE, { code: 'BAD_USER_INPUT' }],
    ['no operation', 'fragment F on Query { balance { id } }', {}],
    [
      'two operations and no name',
      'query A { plans { id } } query B { plans { id } }',
      { code: 'OPERATION_RESOLUTION_FAILURE' },
    ],
  ])('%s', async (_name, document, expected) => {
    const variables = document.includes('$input') && document !== SYNTHESIZE ? { input: HELLO } : undefined;
    const answer = await expectNothingHappened(() => workspace.graphql(document, variables));
    expect(answer.errors![0]!.extensions).toMatchObject(expected);
    expect(answer.status).toBe(400);
    expect(answer.data).toBeUndefined();
  });

  it('20 metered fields and 50 aliases are not too much', async () => {
    const input = { provider: 'local', text: 'Hi.' };
    expect((await workspace.graphql(metered(20), { input })).errors).toBeUndefined();
    expect((await workspace.graphql(aliases(50))).errors).toBeUndefined();
  });
});

describe('a request that is not one document', () => {
  const JSON_TYPE = { 'content-type': 'application/json' };
  const operation = { query: SYNTHESIZE, variables: { input: HELLO } };

  it.each<[string, string | Buffer, Record<string, string>, number, string]>([
    ['a body of 10 MB', Buffer.alloc(10 * 1_048_576, 'a'), JSON_TYPE, 413, 'PAYLOAD_TOO_LARGE'],
    [
      'a document of 10 MB',
      JSON.stringify({ query: `{ ${'a '.repeat(5_242_880)} }` }),
      JSON_TYPE,
      413,
      'PAYLOAD_TOO_LARGE',
    ],
    ['a batch of two operations', JSON.stringify([operation, operation]), JSON_TYPE, 400, 'BAD_REQUEST'],
    ['a batch of one operation', JSON.stringify([operation]), JSON_TYPE, 400, 'BAD_REQUEST'],
    ['an empty batch', '[]', JSON_TYPE, 400, 'BAD_REQUEST'],
    ['what is no JSON', '{"query":', JSON_TYPE, 400, 'BAD_REQUEST'],
    ['nothing', '', JSON_TYPE, 400, 'BAD_REQUEST'],
    ['JSON that is no object', '"query"', JSON_TYPE, 400, 'BAD_REQUEST'],
    ['an object without a query', '{"variables":{}}', JSON_TYPE, 400, 'BAD_REQUEST'],
    ['a query that is a number', '{"query":5}', JSON_TYPE, 400, 'BAD_REQUEST'],
    ['variables that are a text', JSON.stringify({ ...operation, variables: 'x' }), JSON_TYPE, 400, 'BAD_REQUEST'],
    [
      'an operation that is not in the document',
      JSON.stringify({ ...operation, operationName: 'Other' }),
      JSON_TYPE,
      400,
      'OPERATION_RESOLUTION_FAILURE',
    ],
    ['a form', 'query=x', { 'content-type': 'application/x-www-form-urlencoded' }, 400, 'BAD_REQUEST'],
    ['plain text', SYNTHESIZE, { 'content-type': 'text/plain' }, 400, 'BAD_REQUEST'],
    ['XML', '<query/>', { 'content-type': 'application/xml' }, 400, 'BAD_REQUEST'],
    [
      'a key of an object that would change all objects',
      `{"__proto__":{"polluted":1},"query":"{ plans { id } }"}`,
      JSON_TYPE,
      400,
      'BAD_REQUEST',
    ],
  ])('%s', async (_name, body, headers, status, code) => {
    const answer = await expectNothingHappened(() => post(body, headers));
    expect(answer).toMatchObject({ status, code });
    expect(answer.data).toBeUndefined();
  });

  it('a mutation by GET is refused, and a GET that any page could make runs nothing', async () => {
    const query = encodeURIComponent('mutation { synthesizeSpeech(input: {text: "Hello."}) { replayed } }');
    const mutation = await expectNothingHappened(() =>
      get(`/graphql?query=${query}`, { 'apollo-require-preflight': '1' }),
    );
    expect(mutation.status).toBe(405);
    const simple = await expectNothingHappened(() => get(`/graphql?query=${encodeURIComponent('{ plans { id } }')}`));
    expect(simple.status).toBe(400);
  });

  async function post(body: string | Buffer, headers: Record<string, string>): Promise<GraphqlAnswer<unknown>> {
    return answerOf(await workspace.send('/graphql', { method: 'POST', headers, body }));
  }
  async function get(path: string, headers: Record<string, string> = {}): Promise<GraphqlAnswer<unknown>> {
    return answerOf(await workspace.send(path, { headers }));
  }
  function answerOf({ status, headers, body }: Awaited<ReturnType<TestWorkspace['send']>>): GraphqlAnswer<unknown> {
    const answer = JSON.parse(body.toString('utf8')) as Pick<GraphqlAnswer<unknown>, 'data' | 'errors' | 'extensions'>;
    return { status, headers, code: answer.errors?.[0]?.extensions.code, ...answer };
  }
});
