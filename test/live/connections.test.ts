import { WebSocket } from 'ws';
import { describeOnPostgres, moveClock } from '../support/database';
import { GraphqlSocket, type SocketClose } from '../support/graphql-socket';
import { TestClock } from '../support/test-clock';
import { type GraphqlClient, startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import {
  allEvents,
  allSettled,
  eventsUntilChunks,
  faultSpeech,
  gateSpeech,
  listen,
  refusalOf,
  speechInput,
  usageEventsOf,
} from './support/speech-stream';
import { startBeside } from './support/usage-feed';

interface NewKey {
  readonly apiKey: { readonly id: string };
  readonly secret: string;
}

const createKey = async (client: GraphqlClient, input = ''): Promise<NewKey> =>
  (
    await client.data<{ createApiKey: NewKey }>(
      `mutation { createApiKey(input: { name: "Key" ${input} }) { apiKey { id } secret } }`,
    )
  ).createApiKey;
const revokeKey = (client: GraphqlClient, id: string) =>
  client.data('mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { apiKey { id } } }', { id });
const createToken = async (client: GraphqlClient, input = ''): Promise<{ id: string; token: string }> =>
  (
    await client.data<{ createClientToken: { id: string; token: string } }>(
      `mutation { createClientToken(input: {
        ttlSeconds: 60, capabilities: [TEXT_TO_SPEECH], maxCredits: "100" ${input}
      }) { id token } }`,
    )
  ).createClientToken;

/** A socket that sends what it is told to and nothing else. */
function bareSocket(url: string, protocols: string[] = ['graphql-transport-ws']): WebSocket {
  const address = new URL('/graphql', url);
  address.protocol = 'ws:';
  return new WebSocket(address, protocols, { perMessageDeflate: false });
}
const opened = (socket: WebSocket): Promise<void> =>
  new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
const closeOf = (socket: WebSocket): Promise<SocketClose> =>
  new Promise((resolve) =>
    socket.on('error', () => {}).once('close', (code, reason) => resolve({ code, reason: reason.toString('utf8') })),
  );

const answers = async (socket: GraphqlSocket): Promise<boolean> =>
  (await socket.subscribe('{ __typename }').next()).data !== null;

describe('a socket', () => {
  const clock = new TestClock();
  let server: TestServer;
  let client: TestWorkspace;

  beforeAll(async () => {
    server = await startTestServer({ clock, replacements: { socketsOfAWorkspaceMax: 4 } });
  });
  beforeEach(async () => {
    server.stub.fault(null);
    client = await server.createWorkspace();
  });
  afterAll(() => server?.close());

  /** Time goes by for the process and its database alike. */
  const pass = async (ms: number): Promise<void> => {
    await moveClock(server.database, ms);
    clock.advance(ms);
  };
  const refusedWith = async (parameters: Record<string, unknown> | undefined): Promise<string> => {
    try {
      const socket = await GraphqlSocket.open(server.url, parameters);
      await socket.close();
      return 'opened';
    } catch (error) {
      return (error as Error).message;
    }
  };

  describe('signs in', () => {
    it.each([
      ['no parameters', undefined],
      ['parameters without a credential', { token: 'x' }],
      ['an empty credential', { authorization: '' }],
      ['a credential that is no text', { authorization: 42 }],
      ['a key without its scheme', { authorization: 'sk_something' }],
      ['a key that was never made', { authorization: 'Bearer test-ffffffffffffffffffffffffffffffff' }],
    ])('not with %s', async (_what, parameters) => {
      expect(await refusedWith(parameters)).toBe('the socket was closed: 4401 Unauthenticated');
    });

    it('not with a key that was revoked', async () => {
      const { apiKey, secret } = await createKey(client);
      await revokeKey(client, apiKey.id);
      expect(await refusedWith({ authorization: `Bearer ${secret}` })).toBe('the socket was closed: 4403 Revoked');
    });

    it('not with a token that is meant for another web origin', async () => {
      const { token } = await createToken(client, ', origins: ["https://app.example"]');
      const authorization = `Bearer ${token}`;
      await expect(
        GraphqlSocket.open(server.url, { authorization }, { origin: 'https://evil.example' }),
      ).rejects.toThrow('4403');
      const socket = await GraphqlSocket.open(server.url, { authorization }, { origin: 'https://app.example' });
      expect(await answers(socket)).toBe(true);
      await socket.close();
    });

    it.each(['authorization', 'Authorization', 'AUTHORIZATION', 'aUTHORIZATION'])(
      'by the parameter %s',
      async (name) => {
        const socket = await GraphqlSocket.open(server.url, { [name]: `bearer ${client.key}` });
        const { data } = await socket.subscribe<{ workspace: { id: string } }>('{ workspace { id } }').next();
        expect(data).toEqual({ workspace: { id: client.workspaceId } });
        await socket.close();
      },
    );

    it('within 10 seconds or is closed', async () => {
      const silent = bareSocket(server.url);
      await opened(silent);
      const quick = await client.socket();
      clock.advance(9_999);
      expect(silent.readyState).toBe(WebSocket.OPEN);
      const closed = closeOf(silent);
      clock.advance(1);
      expect(await closed).toEqual({ code: 4408, reason: 'Connection initialisation timeout' });
      expect(await answers(quick)).toBe(true);
    });

    it('before it asks for anything, and once', async () => {
      const hasty = bareSocket(server.url);
      await opened(hasty);
      hasty.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: '{ __typename }' } }));
      expect(await closeOf(hasty)).toMatchObject({ code: 4401 });
      const twice = bareSocket(server.url);
      await opened(twice);
      const init = JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${client.key}` } });
      twice.send(init);
      twice.send(init);
      expect(await closeOf(twice)).toMatchObject({ code: 4429 });
    });

    it('at /graphql alone', async () => {
      const address = new URL(server.url);
      address.protocol = 'ws:';
      for (const path of ['/', '/graphql/', '/subscriptions', '/healthz']) {
        address.pathname = path;
        const socket = new WebSocket(address, 'graphql-transport-ws');
        const error = new Promise<Error>((resolve) => socket.once('error', resolve));
        expect((await error).message).toBe('Unexpected server response: 404');
      }
    });

    it('without disturbing others when what it sends is no GraphQL over WebSocket', async () => {
      const bystander = await client.socket();
      const complaints = jest.spyOn(console, 'error').mockImplementation(() => {});
      try {
        for (const [message, code] of [
          ['not JSON', 4400],
          ['{"type":"nonsense"}', 4400],
          ['[]', 4400],
          [`{"type":"connection_init","payload":{"authorization":"${'x'.repeat(5 * 1_048_576)}"}}`, 1009],
        ] as const) {
          const socket = bareSocket(server.url);
          await opened(socket);
          const closed = closeOf(socket);
          socket.send(message);
          expect(await closed).toMatchObject({ code });
        }
      } finally {
        complaints.mockRestore();
      }
      expect(await answers(bystander)).toBe(true);
    });
  });

  describe('is closed', () => {
    it('when its token expires, to the millisecond, and what it listened to is ended', async () => {
      const { token } = await createToken(client);
      gateSpeech(server.stub).release(3);
      const socket = await client.as(token).socket();
      const subscription = listen(socket, speechInput());
      await eventsUntilChunks(subscription, 1);
      const { expiresAtMs } = await server.container.authenticator.authenticate(token);
      await pass(expiresAtMs! - clock.now() - 1);
      expect(await answers(socket)).toBe(true);
      clock.advance(1);
      expect(await socket.closed).toEqual({ code: 4401, reason: 'Unauthenticated' });
      expect((await subscription.rest()).end.type).toBe('closed');
      await allSettled(server);
      expect(await usageEventsOf(client)).toMatchObject([{ status: 'ABORTED' }]);
    });

    it('when its key expires', async () => {
      const expiresAt = new Date(clock.now() + 3_600_000);
      const { secret } = await createKey(client, `, expiresAt: "${expiresAt.toISOString()}"`);
      const socket = await client.as(secret).socket();
      await pass(expiresAt.getTime() - clock.now());
      expect((await socket.closed).code).toBe(4401);
    });

    it('when the grace of a rotated key is over, and not before', async () => {
      const { apiKey, secret } = await createKey(client);
      const socket = await client.as(secret).socket();
      await client.data('mutation ($id: ID!) { rotateApiKey(input: { id: $id, graceSeconds: 60 }) { secret } }', {
        id: apiKey.id,
      });
      expect(await answers(socket)).toBe(true);
      // Well beyond the minute: the database's clock runs on while ours stands still.
      await pass(600_000);
      expect((await socket.closed).code).toBe(4401);
    });

    it('at once when its key is revoked, and so are those of the tokens that the key made', async () => {
      const { apiKey, secret } = await createKey(client);
      const { token } = await createToken(client.as(secret));
      const doomed = await Promise.all([client.as(secret).socket(), client.as(token).socket()]);
      const bystander = await client.socket();
      const gate = gateSpeech(server.stub);
      gate.release(3);
      const { aborted } = server.stub;
      const subscription = listen(doomed[0]!, speechInput());
      await eventsUntilChunks(subscription, 1);
      await revokeKey(client, apiKey.id);
      for (const socket of doomed) expect(await socket.closed).toEqual({ code: 4403, reason: 'Revoked' });
      await server.stub.when((stub) => stub.aborted > aborted);
      await allSettled(server);
      expect(await answers(bystander)).toBe(true);
    });

    it('at once when its token is revoked, and the key lives on', async () => {
      const { id, token } = await createToken(client);
      const socket = await client.as(token).socket();
      const bystander = await client.socket();
      await client.data('mutation ($id: ID!) { revokeClientToken(input: { id: $id }) { deletedId } }', { id });
      expect(await socket.closed).toEqual({ code: 4403, reason: 'Revoked' });
      expect(await answers(bystander)).toBe(true);
    });

    it('when its workspace has too many, until one of them goes', async () => {
      const sockets = [];
      for (let index = 0; index < 4; index++) sockets.push(await client.socket());
      await expect(client.socket()).rejects.toThrow('4429 Too many sockets of this workspace');
      const other = await server.createWorkspace();
      expect(await answers(await other.socket())).toBe(true);
      await sockets[0]!.close();
      expect(await answers(await client.socket())).toBe(true);
      await expect(client.socket()).rejects.toThrow('4429');
    });
  });

  describe('with an own provider key', () => {
    it.each(['X-Provider-Key-ElevenLabs', 'x-provider-KEY-elevenlabs'])(
      'in %s uses it for its whole life and for nothing else',
      async (name) => {
        const sent = () => server.stub.requests.filter(({ operation }) => operation === 'speech').at(-1)!.headers;
        const socket = await client.socket({ [name]: 'own-key-1' });
        for (let times = 0; times < 2; times++) {
          const events = await allEvents(listen(socket, speechInput()));
          expect(events.at(-1)!.usage).toMatchObject({ status: 'SUCCEEDED', credits: '0' });
          expect(sent()['xi-api-key']).toBe('own-key-1');
        }
        const { data } = await socket
          .subscribe<{ usageEvents: { edges: { node: object }[] } }>(
            '{ usageEvents(first: 2) { edges { node { byok credential credits } } } }',
          )
          .next();
        for (const { node } of data!.usageEvents.edges) {
          expect(node).toEqual({ byok: true, credential: 'REQUEST_KEY', credits: '0' });
        }
        const plain = await allEvents(listen(await client.socket(), speechInput()));
        expect(plain.at(-1)!.usage!.credits).not.toBe('0');
        expect(sent()['xi-api-key']).toBe('stub-key');
        expect(server.logged.join('')).not.toContain('own-key-1');
      },
    );

    it("that the provider refuses fails, and never falls back to the platform's", async () => {
      server.stub.refusedKeys.add('own-key-2');
      const { calls } = server.stub;
      const socket = await client.socket({ 'X-Provider-Key-ElevenLabs': 'own-key-2' });
      const { results } = await listen(socket, speechInput()).rest();
      expect(results.at(-1)!.errors![0]!.extensions).toMatchObject({ code: 'PROVIDER_UNAUTHORIZED' });
      expect(server.stub.calls).toBe(calls + 1);
      expect(JSON.stringify(results)).not.toContain('own-key-2');
    });

    it.each([
      ['of a provider that takes none', { 'X-Provider-Key-Nobody': 'key' }, /x-provider-key-nobody/],
      ['that cannot be one', { 'X-Provider-Key-ElevenLabs': 'two words' }, /x-provider-key-elevenlabs/],
    ])('%s is not opened, and told why', async (_what, parameters, reason) => {
      const message = await refusedWith({ authorization: `Bearer ${client.key}`, ...parameters });
      expect(message).toMatch(/4403/);
      expect(message).toMatch(reason);
    });
  });

  describe('carries', () => {
    it('queries and mutations, each with one result and a request id of its own', async () => {
      const socket = await client.socket();
      const query = socket.subscribe<{ balance: { remaining: string } }>('{ balance { remaining } }');
      const mutation = socket.subscribe<{ synthesizeSpeech: { usage: { status: string } } }>(
        'mutation Speak($input: SynthesizeSpeechInput!) { synthesizeSpeech(input: $input) { usage { status } } }',
        { input: { provider: 'elevenlabs', text: 'Hello.' } },
      );
      const [asked, changed] = await Promise.all([query.rest(), mutation.rest()]);
      expect(asked).toMatchObject({ results: [{ data: { balance: {} } }], end: { type: 'complete' } });
      expect(changed).toMatchObject({
        results: [{ data: { synthesizeSpeech: { usage: { status: 'SUCCEEDED' } } } }],
        end: { type: 'complete' },
      });
      const ids = [asked, changed].map(({ results }) => results[0]!.extensions!.requestId);
      expect(new Set(ids).size).toBe(2);
    });

    it('the error of one field beside the result of another', async () => {
      const socket = await client.socket();
      const { data, errors } = await socket
        .subscribe<Record<string, unknown>>(
          `mutation {
            bad: synthesizeSpeech(input: { provider: "elevenlabs", text: "" }) { usage { id } }
            good: synthesizeSpeech(input: { provider: "elevenlabs", text: "Hi." }) { usage { status } }
          }`,
        )
        .next();
      expect(data).toMatchObject({ bad: null, good: { usage: { status: 'SUCCEEDED' } } });
      expect(errors).toMatchObject([{ path: ['bad'], extensions: { code: 'BAD_USER_INPUT' } }]);
    });

    const nested = (depth: number): string =>
      `{ __schema { types ${'{ fields { type '.repeat(depth)}{ name }${' } }'.repeat(depth)} } }`;
    it.each([
      ['no GraphQL', '{ balance {', 'GRAPHQL_PARSE_FAILED'],
      ['an unknown field', '{ nothing }', 'GRAPHQL_VALIDATION_FAILED'],
      ['a missing argument', 'subscription { speechStream { __typename } }', 'GRAPHQL_VALIDATION_FAILED'],
      ['a missing variable', 'query ($id: ID!) { speech(id: $id) { id } }', 'BAD_USER_INPUT'],
      ['an ambiguous document', 'query A { __typename } query B { __typename }', 'OPERATION_RESOLUTION_FAILURE'],
      ['a deep document', nested(20), 'QUERY_TOO_LARGE'],
      [
        'many aliases',
        `{ ${Array.from({ length: 51 }, (_, index) => `a${index}: __typename`).join(' ')} }`,
        'QUERY_TOO_LARGE',
      ],
      [
        'many metered fields',
        `mutation { ${Array.from({ length: 21 }, (_, index) => `a${index}: synthesizeSpeech(input: { text: "Hi." }) { replayed }`).join(' ')} }`,
        'QUERY_TOO_LARGE',
      ],
      ['many tokens', `{ ${'__typename '.repeat(10_001)} }`, 'QUERY_TOO_LARGE'],
    ])('the same refusal as HTTP for %s, and lives', async (_what, query, code) => {
      const socket = await client.socket();
      const event = await socket.subscribe(query).event();
      const [error] = event.type === 'error' ? event.payload : event.type === 'next' ? event.payload.errors! : [];
      const overHttp = (await client.graphql(query)).errors![0]!;
      expect(error!.extensions.code).toBe(code);
      const { requestId, ...fields } = error!.extensions;
      const { requestId: _other, ...fieldsOverHttp } = overHttp.extensions;
      expect(fields).toEqual(fieldsOverHttp);
      expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
      expect(await answers(socket)).toBe(true);
      expect(await usageEventsOf(client)).toEqual([]);
    });

    it('no more metered operations a minute than the plan has, streams and mutations together', async () => {
      faultSpeech(server.stub, { kind: 'malformed' });
      const free = await server.createWorkspace({ plan: 'free' });
      const socket = await free.socket();
      let admitted = 0;
      let refusal: Record<string, unknown> | null = null;
      // The minute may turn once on the way.
      while (!refusal && admitted <= 20) {
        const subscription =
          admitted % 2
            ? listen(socket, speechInput())
            : socket.subscribe(
                'mutation { synthesizeSpeech(input: { provider: "kokoro", text: "Hi." }) { replayed } }',
              );
        const event = await subscription.event();
        if (event.type === 'error') refusal = event.payload[0]!.extensions;
        else admitted += 1;
      }
      expect(admitted).toBeGreaterThanOrEqual(10);
      expect(refusal).toMatchObject({ code: 'RATE_LIMITED', retryAfterSeconds: expect.any(Number) });
      expect(await answers(socket)).toBe(true);
    });
  });

  it('is refused with 4429 by an address that guesses keys', async () => {
    const codes = new Set<string>();
    for (let tries = 0; tries <= 62 && !codes.has('4429'); tries++) {
      const message = await refusedWith({ authorization: `Bearer guess-${String(tries).padStart(20, '0')}` });
      codes.add(/closed: (\d+)/.exec(message)?.[1] ?? message);
    }
    expect([...codes]).toEqual(['4401', '4429']);
    // Whoever has a key is not held up by those who guess.
    expect(await answers(await client.socket())).toBe(true);
    await expect(refusalOf(listen(await client.socket(), speechInput({ text: '' })))).resolves.toBeDefined();
  });
});

describeOnPostgres('sockets of two server processes', () => {
  let server: TestServer;
  let beside: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
    beside = await startBeside(server);
  });
  afterAll(async () => {
    await beside?.close();
    await server?.close();
  });

  it('are closed at both when their key is revoked at one', async () => {
    const client = await server.createWorkspace();
    const { apiKey, secret } = await createKey(client);
    const sockets = await Promise.all([server, beside].map(({ anonymous }) => anonymous.as(secret).socket()));
    const bystander = await beside.anonymous.as(client.key).socket();
    await revokeKey(client, apiKey.id);
    for (const socket of sockets) expect(await socket.closed).toEqual({ code: 4403, reason: 'Revoked' });
    expect(await answers(bystander)).toBe(true);
    await expect(beside.anonymous.as(secret).socket()).rejects.toThrow('4403');
  });
});
