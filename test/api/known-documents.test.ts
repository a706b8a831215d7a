import type { GraphqlClient } from '../support/graphql-client';
import { startTestServer, type TestServer } from '../support/test-server';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ plan: 'free' });
});
afterAll(() => server?.close());

interface Request {
  readonly query: string;
  readonly variables?: Record<string, unknown> | null;
  readonly operationName?: string;
  readonly accept?: string;
}

/** What an answer says, apart from what differs from one request to the next. */
async function ask(client: GraphqlClient, request: Request, besides: Record<string, unknown> = {}) {
  const { accept, ...body } = request;
  const response = await fetch(`${client.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(client.key && { authorization: `Bearer ${client.key}` }),
      ...(accept && { accept }),
    },
    body: JSON.stringify({ ...body, ...besides }),
  });
  const text = await response.text();
  const { extensions } = JSON.parse(text) as { extensions: { requestId: string } };
  expect(response.headers.get('x-request-id')).toBe(extensions.requestId);
  const {
    'x-ratelimit-remaining': _,
    'x-request-id': __,
    date: ___,
    ...headers
  } = Object.fromEntries(response.headers);
  delete headers['content-length'];
  return { status: response.status, headers, body: text.replaceAll(extensions.requestId, 'ID') };
}

const ESTIMATE = 'query E($input: SynthesizeSpeechInput!) { estimateSpeech(input: $input) { characters credits } }';

describe('a document that comes again is answered as it was the first time', () => {
  it.each<[string, Request, 'key' | 'nobody']>([
    ['data', { query: '{ plans { id name } }' }, 'nobody'],
    ['data of a workspace', { query: '{ balance { remaining } }' }, 'key'],
    [
      'several operations, one of which is named',
      { query: 'query A { __typename } query B { plans { id } }', operationName: 'B' },
      'key',
    ],
    ['several operations, none of which is named', { query: 'query A { __typename } query B { __typename }' }, 'key'],
    ['an operation that is not there', { query: 'query A { plans { id } }', operationName: 'B' }, 'key'],
    ['variables', { query: ESTIMATE, variables: { input: { text: 'Hello' } } }, 'key'],
    ['variables of the wrong type', { query: ESTIMATE, variables: { input: { text: 7 } } }, 'key'],
    ['no variables where some are needed', { query: ESTIMATE, variables: null }, 'key'],
    ['bad input', { query: ESTIMATE, variables: { input: { text: ' ' } } }, 'key'],
    ['a right that nobody has', { query: '{ balance { remaining } }' }, 'nobody'],
    [
      'a right that the key lacks',
      { query: 'mutation { createWorkspace(input: { name: "x", plan: "free" }) { workspace { id } } }' },
      'key',
    ],
    ['a part that fails beside one that does not', { query: '{ plans { id } speech(id: "nothing") { id } }' }, 'key'],
    [
      'data as graphql-response+json',
      { query: '{ plans { id } }', accept: 'application/graphql-response+json, application/json;q=0.9' },
      'key',
    ],
    [
      'bad input as graphql-response+json',
      { query: ESTIMATE, variables: {}, accept: 'application/graphql-response+json' },
      'key',
    ],
    ['a media type that there is not', { query: '{ plans { id } }', accept: 'text/csv' }, 'key'],
    ['a subscription, which HTTP does not carry', { query: 'subscription { balanceChanged { remaining } }' }, 'key'],
  ])('%s', async (_name, request, who) => {
    const client = who === 'key' ? server.client : server.anonymous;
    // A document is known from the first time that it was executed, and a media type from the first answer of its name.
    const first = await ask(client, request);
    for (let again = 0; again < 3; again++) expect(await ask(client, request)).toEqual(first);
    // A field that is not plain goes the long way each time.
    expect(await ask(client, request, { extensions: {} })).toEqual(first);
  });
});

it('a document that comes again is counted against the windows each time, and refused with 429 when they are full', async () => {
  const admin = await server.createWorkspace({ plan: 'free' });
  const query = '{ balance { remaining } }';
  const statuses: number[] = [];
  for (let call = 0; call < 125; call++) statuses.push((await ask(admin, { query })).status);
  const refused = await ask(admin, { query });
  expect(statuses.slice(0, 100)).toEqual(Array.from({ length: 100 }, () => 200));
  expect(refused.status).toBe(429);
  expect(refused.headers['retry-after']).toMatch(/^\d+$/);
  expect(refused.body).toContain('"code":"RATE_LIMITED"');
  expect(refused).toEqual(await ask(admin, { query }, { extensions: {} }));
});
