import { moveClock } from '../support/database';
import type { GraphqlClient } from '../support/graphql-client';
import { Gate } from '../support/provider-stub';
import { TestClock } from '../support/test-clock';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { listen } from './support/listener';
import {
  balanceOf,
  cancelSpeech,
  findSpeech,
  HELLO,
  HELLO_CREDITS,
  refusalOf,
  settledSpeech,
  speak,
  standing,
  synthesize,
  usageEvents,
} from './support/speech-api';

const clock = new TestClock();
let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer({ plan: 'scale', clock });
  workspace = server.client;
  await speak(workspace, HELLO);
});
beforeEach(() => server.stub.fault(null));
afterAll(() => server?.close());

const INPUT = { ttlSeconds: 600, capabilities: ['TEXT_TO_SPEECH'], maxCredits: '10', requestsPerMinute: 1_000 };
const create = (client: GraphqlClient, input: Record<string, unknown> = {}) =>
  client.graphql<{ createClientToken: { id: string; token: string; expiresAt: string } }>(
    'mutation ($input: CreateClientTokenInput!) { createClientToken(input: $input) { id token expiresAt } }',
    { input: { ...INPUT, ...input } },
  );
async function tokenOf(maker: GraphqlClient = workspace, input: Record<string, unknown> = {}) {
  const made = (await create(maker, input)).data!.createClientToken;
  return { ...made, client: server.anonymous.as(made.token) };
}

describe('createClientToken', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['59 seconds', { ttlSeconds: 59 }, 'ttlSeconds'],
    ['3,601 seconds', { ttlSeconds: 3_601 }, 'ttlSeconds'],
    ['no capabilities', { capabilities: [] }, 'capabilities'],
    ['a budget of nothing', { maxCredits: '0' }, 'maxCredits'],
    ['a budget below nothing', { maxCredits: '-1' }, 'maxCredits'],
    ['a budget of seven decimals', { maxCredits: '1.0000001' }, 'maxCredits'],
    ['no requests a minute', { requestsPerMinute: 0 }, 'requestsPerMinute'],
    ['an empty end user', { endUserId: '' }, 'endUserId'],
    ['an end user of 129 characters', { endUserId: 'u'.repeat(129) }, 'endUserId'],
    ['no origins at all', { origins: [] }, 'origins'],
    ['an origin with a path', { origins: ['https://app.example.com/page'] }, 'origins'],
    ['an origin with a wildcard', { origins: ['https://*.example.com'] }, 'origins'],
    ['an origin without a scheme', { origins: ['app.example.com'] }, 'origins'],
    ['51 origins', { origins: Array.from({ length: 51 }, (_, index) => `https://a${index}.example.com`) }, 'origins'],
  ])('refuses %s', async (_name, input, field) => {
    const answer = await create(workspace, input);
    expect(answer.errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field });
  });

  it.each([60, 3_600])('gives a token of %i s', async (ttlSeconds) => {
    const { expiresAt, client } = await tokenOf(workspace, { ttlSeconds });
    const seconds = (Date.parse(expiresAt) - Date.now()) / 1_000;
    expect(Math.abs(seconds - ttlSeconds)).toBeLessThan(30);
    expect((await client.graphql('{ balance { id } }')).errors).toBeUndefined();
  });

  it('can do no more than its key: one without READ reads nothing', async () => {
    const { createApiKey } = await workspace.data<{ createApiKey: { secret: string } }>(
      'mutation { createApiKey(input: { name: "Metered", scopes: [METERED] }) { secret } }',
    );
    const { client } = await tokenOf(server.anonymous.as(createApiKey.secret));
    expect((await speak(client, HELLO)).usage!.status).toBe('SUCCEEDED');
    expect((await client.graphql('{ balance { id } }')).code).toBe('FORBIDDEN');
  });
});

describe('a client token', () => {
  it('works until it expires', async () => {
    const { client } = await tokenOf(workspace, { ttlSeconds: 60 });
    expect((await speak(client, HELLO)).usage!.status).toBe('SUCCEEDED');
    clock.advance(120_000);
    await moveClock(server.database, 120_000);
    for (const answer of [await synthesize(client, HELLO), await client.graphql('{ balance { id } }')]) {
      expect(answer).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
      expect(answer.errors![0]!.message).toMatch(/expired/i);
    }
  });

  it('stops at once when it is revoked', async () => {
    const { id, client } = await tokenOf();
    const socket = await client.socket();
    const revoke = () =>
      workspace.graphql('mutation ($id: ID!) { revokeClientToken(input: { id: $id }) { deletedId } }', { id });
    expect((await revoke()).data).toEqual({ revokeClientToken: { deletedId: id } });
    expect((await synthesize(client, HELLO)).status).toBe(401);
    expect((await socket.closed).code).toBe(4403);
    expect((await revoke()).data).toEqual({ revokeClientToken: { deletedId: id } });
  });

  it('spends its budget and no more, and its balance speaks of that alone', async () => {
    const { client } = await tokenOf(workspace, { maxCredits: '4.5' });
    const BALANCE =
      '{ balance { remaining included used held state message overageLimit grants { id } } workspace { balance { remaining } } }';
    expect(await client.data(BALANCE)).toMatchObject({
      balance: {
        remaining: '4.5',
        included: '4.5',
        used: '0',
        state: 'HEALTHY',
        message: null,
        overageLimit: '0',
        grants: [],
      },
      workspace: { balance: { remaining: '4.5' } },
    });
    const { usage } = await speak(client, HELLO);
    expect(usage).toMatchObject({ credits: HELLO_CREDITS, remainingBalance: '2.508' });
    expect(
      await client.data(
        'query ($input: SynthesizeSpeechInput!) { estimateSpeech(input: $input) { balanceAfter affordable } }',
        {
          input: HELLO,
        },
      ),
    ).toEqual({ estimateSpeech: { balanceAfter: '0.516', affordable: true } });
    expect((await speak(client, HELLO)).usage).toMatchObject({ remainingBalance: '0.516' });

    const before = await standing(server, workspace);
    const refused = await refusalOf(client, HELLO);
    expect(refused.extensions).toMatchObject({
      code: 'CLIENT_TOKEN_LIMIT_REACHED',
      required: HELLO_CREDITS,
      available: '0.516',
    });
    expect(await standing(server, workspace)).toEqual(before);
    expect(await balanceOf(client)).toMatchObject({ remaining: '0.516', used: '3.984', state: 'HEALTHY' });
    // The workspace has paid, and has the rest.
    expect((await usageEvents(workspace, 2)).map(({ credits }) => credits)).toEqual([HELLO_CREDITS, HELLO_CREDITS]);
  });

  it('of 20 at once serves what its budget is worth', async () => {
    const { client } = await tokenOf(workspace, { maxCredits: '10' });
    const { calls } = server.stub;
    const answers = await Promise.all(Array.from({ length: 20 }, () => synthesize(client, HELLO)));
    expect(answers.filter(({ errors }) => !errors)).toHaveLength(5);
    expect(answers.filter(({ code }) => code === 'CLIENT_TOKEN_LIMIT_REACHED')).toHaveLength(15);
    expect(server.stub.calls).toBe(calls + 5);
    expect(await balanceOf(client)).toMatchObject({ remaining: '0.04', held: '0', state: 'LOW' });
  });

  it('counts work on an own key at list price, though it costs nothing', async () => {
    const { client } = await tokenOf(workspace, { maxCredits: '2' });
    const own = { 'x-provider-key-elevenlabs': 'own-key' };
    expect((await speak(client, HELLO, own)).usage).toMatchObject({
      credits: '0',
      byok: true,
      remainingBalance: '0.008',
    });
    expect((await refusalOf(client, HELLO, own)).extensions.code).toBe('CLIENT_TOKEN_LIMIT_REACHED');
  });

  it('does what its capabilities name, and nothing else', async () => {
    const { client } = await tokenOf(workspace, { capabilities: ['SPEECH_TO_TEXT', 'RETRIEVAL'] });
    const before = await standing(server, workspace);
    const refused = await refusalOf(client, HELLO);
    expect(refused.extensions.code).toBe('FORBIDDEN');
    expect(refused.message).toContain('TEXT_TO_SPEECH');
    expect(await standing(server, workspace)).toEqual(before);
  });

  it('names its end user on every operation, and refuses another one', async () => {
    const { client } = await tokenOf(workspace, { endUserId: 'ada' });
    expect((await speak(client, HELLO)).usage).toMatchObject({ endUserId: 'ada' });
    const before = await standing(server, workspace);
    for (const endUserId of ['bob', 'ada']) {
      expect((await refusalOf(client, { ...HELLO, endUserId })).extensions).toMatchObject({
        code: 'BAD_USER_INPUT',
        field: 'endUserId',
      });
    }
    expect(await standing(server, workspace)).toEqual(before);
  });

  it('sees, cancels and deletes its own speeches alone; its key sees them all', async () => {
    const [mine, yours] = [await tokenOf(), await tokenOf()];
    const own = await speak(mine.client, HELLO);
    const keys = await speak(workspace, HELLO);
    expect((await findSpeech(mine.client, own.speech.id)).id).toBe(own.speech.id);
    expect((await findSpeech(workspace, own.speech.id)).id).toBe(own.speech.id);
    expect((await usageEvents(mine.client)).map(({ id }) => id)).toEqual([own.speech.id]);
    expect(await usageEvents(yours.client)).toEqual([]);
    for (const { client, id } of [
      { client: yours.client, id: own.speech.id },
      { client: mine.client, id: keys.speech.id },
    ]) {
      for (const document of [
        'query ($id: ID!) { speech(id: $id) { id } }',
        'query ($id: ID!) { usageEvent(id: $id) { id } }',
        'mutation ($id: ID!) { cancelSpeech(input: { id: $id }) { speech { id } } }',
        'mutation ($id: ID!) { deleteSpeech(input: { id: $id }) { deletedId } }',
      ]) {
        expect({ document, code: (await client.graphql(document, { id })).code }).toEqual({
          document,
          code: 'NOT_FOUND',
        });
      }
    }
    expect((await listen(own.speech.audio!.url)).status).toBe(200);
  });

  it('cannot cancel the speech of another token while it is made, and can cancel its own', async () => {
    const gate = new Gate();
    server.stub.fault(() => ({ kind: 'gated', gate }));
    const [mine, yours] = [await tokenOf(), await tokenOf()];
    const { speech } = await speak(mine.client, { ...HELLO, delivery: 'STREAM' });
    const foreign = await yours.client.graphql(
      'mutation ($id: ID!) { cancelSpeech(input: { id: $id }) { speech { id } } }',
      {
        id: speech.id,
      },
    );
    expect(foreign.code).toBe('NOT_FOUND');
    expect((await findSpeech(mine.client, speech.id)).status).toBe('GENERATING');
    expect((await cancelSpeech(mine.client, speech.id)).usage).toMatchObject({ status: 'ABORTED', credits: '0' });
  });

  it('gives a budget back when its speech is cancelled before it is heard, or fails', async () => {
    const { client } = await tokenOf(workspace, { maxCredits: '2' });
    server.stub.fault(() => ({ kind: 'answer', status: 422 }));
    await refusalOf(client, HELLO);
    server.stub.fault(() => ({ kind: 'stall-before-headers' }));
    const { speech } = await speak(client, { ...HELLO, delivery: 'STREAM' });
    expect(await balanceOf(client)).toMatchObject({ remaining: '0.008', held: HELLO_CREDITS });
    await cancelSpeech(client, speech.id);
    server.stub.fault(null);
    expect(await balanceOf(client)).toMatchObject({ remaining: '2', held: '0', used: '0' });
    const again = await speak(client, { ...HELLO, delivery: 'STREAM' });
    expect(await settledSpeech(server, client, again.speech.id)).toMatchObject({ status: 'COMPLETED' });
  });

  it('opens only what a browser needs', async () => {
    const { client } = await tokenOf();
    const id = '01890000-0000-7000-8000-000000000000';
    for (const document of [
      'mutation { createApiKey(input: { name: "a" }) { secret } }',
      `mutation { revokeApiKey(input: { id: "${id}" }) { apiKey { id } } }`,
      `mutation { rotateApiKey(input: { id: "${id}" }) { secret } }`,
      'mutation { createClientToken(input: { ttlSeconds: 60, capabilities: [TEXT_TO_SPEECH], maxCredits: 1 }) { id } }',
      `mutation { revokeClientToken(input: { id: "${id}" }) { deletedId } }`,
      'mutation { createWorkspace(input: { name: "a", plan: "free" }) { secret } }',
      'query { apiKeys { edges { cursor } } }',
      'query { subscription { id } }',
    ]) {
      expect({ document, code: (await client.graphql(document)).code }).toEqual({ document, code: 'FORBIDDEN' });
    }
    expect(await client.data('{ workspace { currentApiKey { id } } }')).toEqual({ workspace: { currentApiKey: null } });
  });

  it('made for origins works for those alone, and not without one', async () => {
    const { client } = await tokenOf(workspace, { origins: ['https://App.example.com', 'http://localhost:5173'] });
    const from = (origin: string | null) => client.graphql('{ balance { id } }', {}, origin === null ? {} : { origin });
    for (const origin of ['https://app.example.com', 'http://localhost:5173']) {
      expect((await from(origin)).errors).toBeUndefined();
    }
    const strangers = [
      'https://evil.example.com',
      'http://app.example.com',
      'https://app.example.com:8443',
      'https://app.example.com.evil.com',
      'null',
      null,
    ];
    for (const origin of strangers) {
      const answer = await from(origin);
      expect({ origin, status: answer.status, code: answer.code }).toEqual({ origin, status: 403, code: 'FORBIDDEN' });
    }
  });
});

it('the ledger is clean after all of it', async () => {
  expect(await server.verifyLedger()).toMatchObject({ findings: [], openHolds: 0 });
});
