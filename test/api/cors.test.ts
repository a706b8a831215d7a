import { startTestServer, type TestServer } from '../support/test-server';
import { HELLO, speak } from './support/speech-api';

const ORIGIN = 'https://app.example.com';
const list = (header: unknown): string[] =>
  String(header)
    .split(',')
    .map((name) => name.trim().toLowerCase());

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.close());

const preflight = (at: TestServer, path: string, origin: string, method = 'POST') =>
  at.anonymous.send(path, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': 'authorization,content-type,x-provider-key-elevenlabs',
    },
  });

it.each([
  ['/graphql', 'POST'],
  ['/audio/01890000-0000-7000-8000-000000000000?expires=1&signature=1', 'GET'],
])(
  'a browser may ask %s from any origin, with a key and an own provider key, without cookies',
  async (path, method) => {
    const { status, headers } = await preflight(server, path, ORIGIN, method);
    expect(status).toBe(204);
    expect([ORIGIN, '*']).toContain(headers['access-control-allow-origin']);
    expect(headers).not.toHaveProperty('access-control-allow-credentials');
    expect(list(headers['access-control-allow-methods'])).toContain(method.toLowerCase());
    expect(list(headers['access-control-allow-headers'])).toEqual(
      expect.arrayContaining(['authorization', 'content-type', 'x-provider-key-elevenlabs']),
    );
  },
);

it('a page can read limits, usage and ranges from the answers', async () => {
  const answer = await server.client.graphql('{ balance { id } }', {}, { origin: ORIGIN });
  expect([ORIGIN, '*']).toContain(answer.headers['access-control-allow-origin']);
  expect(list(answer.headers['access-control-expose-headers'])).toEqual(
    expect.arrayContaining([
      'x-ratelimit-limit',
      'x-ratelimit-remaining',
      'x-ratelimit-reset',
      'x-usage-input-tokens',
      'x-usage-output-seconds',
      'x-usage-total-tokens',
      'retry-after',
      'content-range',
    ]),
  );
  const { speech } = await speak(server.client, HELLO);
  const audio = await server.anonymous.send(speech.audio!.url, { headers: { origin: ORIGIN, range: 'bytes=0-1' } });
  expect(audio.status).toBe(206);
  expect([ORIGIN, '*']).toContain(audio.headers['access-control-allow-origin']);
  expect(list(audio.headers['access-control-expose-headers'])).toContain('content-range');
  // What embeds audio without CORS, as a plain <audio> element does, needs this one.
  expect(audio.headers['cross-origin-resource-policy']).toBe('cross-origin');
});

it('audio that is still being made can be read by a page too', async () => {
  server.stub.fault(() => ({ kind: 'stall-mid-body' }));
  const { speech } = await speak(server.client, { ...HELLO, text: 'Hello there. '.repeat(40), delivery: 'STREAM' });
  const left = new AbortController();
  const answer = await fetch(speech.audio!.url, { headers: { origin: ORIGIN }, signal: left.signal });
  expect(answer.status).toBe(200);
  expect([ORIGIN, '*']).toContain(answer.headers.get('access-control-allow-origin'));
  left.abort();
  await server.client.graphql('mutation ($id: ID!) { cancelSpeech(input: { id: $id }) { usage { status } } }', {
    id: speech.id,
  });
  server.stub.fault(null);
});

describe('CORS_ORIGINS', () => {
  let narrow: TestServer;
  beforeAll(async () => {
    narrow = await startTestServer({ env: { CORS_ORIGINS: `${ORIGIN},http://localhost:5173` } });
  });
  afterAll(() => narrow?.close());

  it('lets the origins that it names in, and no other', async () => {
    for (const origin of [ORIGIN, 'http://localhost:5173']) {
      expect((await preflight(narrow, '/graphql', origin)).headers['access-control-allow-origin']).toBe(origin);
    }
    for (const origin of ['https://evil.example.com', `${ORIGIN}.evil.com`, 'http://app.example.com', 'null']) {
      const { headers } = await preflight(narrow, '/graphql', origin);
      expect(headers).not.toHaveProperty('access-control-allow-origin');
      const answer = await narrow.client.graphql('{ balance { id } }', {}, { origin });
      expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
      expect(list(answer.headers.vary)).toContain('origin');
    }
  });
});
