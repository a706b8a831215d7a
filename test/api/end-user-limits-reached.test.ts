import { moveClock, stopClock } from '../support/database';
import type { GraphqlAnswer, GraphqlClient } from '../support/graphql-client';
import { Gate } from '../support/provider-stub';
import type { TestServer, TestWorkspace } from '../support/test-server';
import { DAY_MS, hellos, limitOf, limitTo, OWN, of, startLimitServer, TO_NOON } from './support/end-user-limits-api';
import {
  cancelSpeech,
  expectRefusalWithoutTrace,
  HELLO,
  HELLO_CREDITS,
  refusalOf,
  settledSpeech,
  speak,
  standing,
  synthesize,
} from './support/speech-api';
import { SECOND, TRANSCRIBE } from './support/transcription-api';

let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startLimitServer();
});
beforeEach(async () => {
  server.stub.fault(null);
  workspace = await server.createWorkspace();
});
afterAll(async () => {
  expect((await server?.verifyLedger())?.findings).toEqual([]);
  await server?.close();
});

const CHAT = { provider: 'openai', model: 'gpt-4.1-mini', messages: [{ role: 'USER', content: 'Hello?' }] };
const CALLS: Readonly<Record<string, (client: GraphqlClient, more: object) => Promise<GraphqlAnswer<unknown>>>> = {
  synthesizeSpeech: (client, more) => synthesize(client, { ...HELLO, ...more }),
  'synthesizeSpeech with STREAM': (client, more) => synthesize(client, { ...HELLO, delivery: 'STREAM', ...more }),
  chat: (client, more) =>
    client.graphql('mutation ($input: ChatInput!) { chat(input: $input) { finishReason } }', {
      input: { ...CHAT, ...more },
    }),
  transcribe: (client, more) => client.graphql(TRANSCRIBE, { input: { ...SECOND, ...more } }),
};
const STREAMS: Readonly<Record<string, readonly [document: string, input: object]>> = {
  speechStream: [
    'subscription ($input: SynthesizeSpeechInput!) { speechStream(input: $input) { __typename } }',
    { ...HELLO, idempotencyKey: 'key' },
  ],
  chatStream: [
    'subscription ($input: ChatInput!) { chatStream(input: $input) { __typename } }',
    { ...CHAT, idempotencyKey: 'key' },
  ],
};
const REACHED = {
  code: 'END_USER_LIMIT_REACHED',
  limit: 'CREDITS_PER_DAY',
  max: '0',
  used: '0',
  resetAt: expect.stringMatching(/T00:00:00.000Z$/),
};
const tokenFor = async (client: GraphqlClient, endUserId: string | null): Promise<GraphqlClient> => {
  const { createClientToken } = await client.data<{ createClientToken: { token: string } }>(
    'mutation ($input: CreateClientTokenInput!) { createClientToken(input: $input) { token } }',
    {
      input: {
        ttlSeconds: 600,
        capabilities: ['TEXT_TO_SPEECH', 'SPEECH_TO_TEXT', 'LANGUAGE_MODEL'],
        maxCredits: '1000',
        requestsPerMinute: 1_000,
        endUserId,
      },
    },
  );
  return server.anonymous.as(createClientToken.token);
};

describe('an end user at the limit', () => {
  it.each(Object.keys(CALLS))('is refused %s, which calls nobody and leaves nothing behind', async (name) => {
    const call = CALLS[name]!;
    await limitTo(workspace, { creditsPerDay: '0' });
    const before = await limitOf(workspace);
    const refused = () => call(workspace, { endUserId: 'ada' });
    const answer = await expectRefusalWithoutTrace(server, workspace, refused);
    expect(answer.errors![0]!.extensions).toMatchObject(REACHED);
    expect(await limitOf(workspace)).toEqual(before);
  });

  it.each(Object.keys(CALLS))('is refused %s with a client token of its own', async (name) => {
    await limitTo(workspace, { creditsPerDay: '0' });
    const token = await tokenFor(workspace, 'ada');
    const answer = await expectRefusalWithoutTrace(server, workspace, () => CALLS[name]!(token, {}));
    expect(answer.errors![0]!.extensions).toMatchObject(REACHED);
    // The token's budget is as it was.
    expect(await token.data('{ balance { remaining held } }')).toEqual({
      balance: { remaining: '1000', held: '0' },
    });
  });

  it.each(Object.entries(STREAMS))('is refused %s at its start', async (_name, [document, input]) => {
    await limitTo(workspace, { creditsPerDay: '0' });
    const before = await standing(server, workspace);
    const socket = await workspace.socket();
    const event = await socket.subscribe(document, { input: { ...input, endUserId: 'ada' } }).event();
    expect(event).toMatchObject({ type: 'error', payload: [{ extensions: REACHED }] });
    expect(await standing(server, workspace)).toEqual(before);
    await socket.close();
  });

  it('is told how much, since when and until when, and nobody else is touched', async () => {
    await limitTo(workspace, { creditsPerPeriod: hellos(2) });
    for (let count = 0; count < 2; count++) await speak(workspace, of('ada'));
    const { message, extensions } = await refusalOf(workspace, of('ada'));
    const { workspace: own } = await workspace.data<{ workspace: { id: string } }>('{ workspace { id } }');
    const { rows } = await server.database.query<{ period_end: Date }>(
      'SELECT period_end FROM accounts WHERE workspace_id = $1',
      [own.id],
    );
    expect(extensions).toMatchObject({
      code: 'END_USER_LIMIT_REACHED',
      limit: 'CREDITS_PER_PERIOD',
      max: hellos(2),
      used: hellos(2),
      resetAt: rows[0]!.period_end.toISOString(),
    });
    expect(message).toContain(hellos(2));
    for (const other of [of('bob'), of('ADA'), HELLO]) await speak(workspace, other);
    await speak(await tokenFor(workspace, 'bob'), HELLO);
    await speak(await tokenFor(workspace, null), HELLO);
  });

  it('is served as much as the limit says to the last micro-credit', async () => {
    await limitTo(workspace, { creditsPerDay: '3.983999' });
    await speak(workspace, of('ada'));
    expect((await refusalOf(workspace, of('ada'))).extensions).toMatchObject({ used: HELLO_CREDITS });
    await limitTo(workspace, { creditsPerDay: '3.984' });
    await speak(workspace, of('ada'));
    expect(await limitOf(workspace)).toMatchObject({ usedToday: '3.984' });
  });

  it('is served on an own key, which costs no credits', async () => {
    await limitTo(workspace, { creditsPerDay: '0', creditsPerPeriod: '0' });
    expect((await speak(workspace, of('ada'), OWN)).usage).toMatchObject({ credits: '0', byok: true });
    expect(await limitOf(workspace)).toMatchObject({ usedToday: '0' });
  });

  it('has the whole remainder after failures and calls that were cancelled', async () => {
    await limitTo(workspace, { creditsPerDay: hellos(2), creditsPerPeriod: hellos(2) });
    const failure = { kind: 'answer', status: 400, body: { detail: { status: 'x', message: 'It fails.' } } } as const;
    server.stub.fault(({ operation }) => (operation === 'speech' ? failure : undefined));
    for (let count = 0; count < 3; count++) {
      expect((await refusalOf(workspace, of('ada'))).extensions.code).toBe('PROVIDER_REJECTED');
    }
    const gate = new Gate();
    server.stub.fault(({ operation }) => (operation === 'speech' ? { kind: 'gated', gate } : undefined));
    const { speech } = await speak(workspace, of('ada', { delivery: 'STREAM', text: 'Never heard by anybody.' }));
    await cancelSpeech(workspace, speech.id);
    await settledSpeech(server, workspace, speech.id);
    gate.open();
    server.stub.fault(null);
    expect(await limitOf(workspace)).toMatchObject({ usedToday: '0', usedThisPeriod: '0' });
    for (let count = 0; count < 2; count++) await speak(workspace, of('ada'));
    expect((await refusalOf(workspace, of('ada'))).extensions.code).toBe('END_USER_LIMIT_REACHED');
  });

  it('is served exactly the cap of 200 calls at once, and others of the workspace all of theirs', async () => {
    await limitTo(workspace, { creditsPerDay: hellos(7) });
    const calls = server.stub.calls;
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, n) => synthesize(workspace, of(n % 10 === 0 ? 'bob' : 'ada'))),
    );
    const codes = { ada: [] as unknown[], bob: [] as unknown[] };
    for (const [n, { code }] of answers.entries()) codes[n % 10 === 0 ? 'bob' : 'ada'].push(code);
    expect(codes.ada.filter((code) => code === undefined)).toHaveLength(7);
    expect(codes.ada.filter((code) => code === 'END_USER_LIMIT_REACHED')).toHaveLength(173);
    expect(codes.bob).toEqual(Array.from({ length: 20 }, () => undefined));
    expect(server.stub.calls).toBe(calls + 27);
    expect(await limitOf(workspace)).toMatchObject({ usedToday: hellos(7), usedThisPeriod: hellos(7) });
  });
});

describe('requestsPerMinute', () => {
  /** A minute that stands still, somewhat later than now. */
  const MINUTE = Math.ceil((Date.now() + TO_NOON) / 60_000) * 60_000 + 3_600_000;
  beforeEach(() => stopClock(server.database, MINUTE + 30_000));
  afterEach(() => moveClock(server.database, TO_NOON));

  it('counts what began, on an own key or not, and neither replays nor refusals', async () => {
    await limitTo(workspace, { requestsPerMinute: 3 });
    const once = of('ada', { idempotencyKey: 'once' });
    await speak(workspace, once);
    expect(await speak(workspace, once)).toMatchObject({ replayed: true });
    expect((await refusalOf(workspace, of('ada', { maxCredits: '0.1' }))).extensions.code).toBe('MAX_CREDITS_EXCEEDED');
    await speak(workspace, of('ada'), OWN);
    await speak(workspace, of('ada'));
    const reached = {
      code: 'END_USER_LIMIT_REACHED',
      limit: 'REQUESTS_PER_MINUTE',
      max: '3',
      used: '3',
      resetAt: new Date(MINUTE + 60_000).toISOString(),
    };
    expect((await refusalOf(workspace, of('ada'))).extensions).toMatchObject(reached);
    expect((await refusalOf(workspace, of('ada'), OWN)).extensions).toMatchObject(reached);
    // A replay needs no room.
    expect(await speak(workspace, once)).toMatchObject({ replayed: true });
    await stopClock(server.database, MINUTE + 60_000);
    for (let count = 0; count < 3; count++) await speak(workspace, of('ada'));
    expect((await refusalOf(workspace, of('ada'))).extensions).toMatchObject({ limit: 'REQUESTS_PER_MINUTE' });
  });

  it('counts what began in the minute before it was set', async () => {
    for (let count = 0; count < 2; count++) await speak(workspace, of('ada'));
    await limitTo(workspace, { requestsPerMinute: 3 });
    await speak(workspace, of('ada'));
    expect((await refusalOf(workspace, of('ada'))).extensions).toMatchObject({ used: '3' });
  });
});

// Last, as it leaves the clock of the database days ahead.
describe('a day', () => {
  it('ends at midnight UTC, and a period with the period of the workspace', async () => {
    const used = async () => {
      const { usedToday, usedThisPeriod } = (await limitOf(workspace))!;
      return [usedToday, usedThisPeriod];
    };
    await limitTo(workspace, { creditsPerDay: hellos(1), creditsPerPeriod: hellos(2) });
    await speak(workspace, of('ada'));
    expect(await used()).toEqual([hellos(1), hellos(1)]);
    expect((await refusalOf(workspace, of('ada'))).extensions).toMatchObject({ limit: 'CREDITS_PER_DAY' });
    await moveClock(server.database, DAY_MS);
    expect(await used()).toEqual(['0', hellos(1)]);
    await speak(workspace, of('ada'));
    expect(await used()).toEqual([hellos(1), hellos(2)]);
    await moveClock(server.database, DAY_MS);
    expect((await refusalOf(workspace, of('ada'))).extensions).toMatchObject({ limit: 'CREDITS_PER_PERIOD' });
    await moveClock(server.database, 31 * DAY_MS);
    expect(await used()).toEqual(['0', '0']);
    await speak(workspace, of('ada'));
    expect(await used()).toEqual([hellos(1), hellos(1)]);
  });
});
