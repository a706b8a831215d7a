import { newId } from '../../src/lib/ids';
import type { GraphqlClient } from '../support/graphql-client';
import { Gate } from '../support/provider-stub';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { listen } from './support/listener';
import { HELLO, settledSpeech, speak, standing, usageEvents } from './support/speech-api';

let server: TestServer;
/** Whose objects they are. */
let owner: TestWorkspace;
/** Another customer, with every scope that a customer can have. */
let stranger: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer({ plan: 'scale' });
  owner = server.client;
  stranger = await server.createWorkspace({ plan: 'scale' });
  for (const client of [owner, stranger]) await speak(client, HELLO);
});
afterAll(() => server?.close());

/** Every field that takes the id of something that belongs to a workspace. */
const FIELDS: Readonly<Record<string, { readonly kind: 'speech' | 'key' | 'token'; readonly document: string }>> = {
  speech: { kind: 'speech', document: 'query ($id: ID!) { speech(id: $id) { id status audio { url } } }' },
  usageEvent: { kind: 'speech', document: 'query ($id: ID!) { usageEvent(id: $id) { id credits } }' },
  cancelSpeech: {
    kind: 'speech',
    document: 'mutation ($id: ID!) { cancelSpeech(input: { id: $id }) { speech { id } usage { id } } }',
  },
  deleteSpeech: { kind: 'speech', document: 'mutation ($id: ID!) { deleteSpeech(input: { id: $id }) { deletedId } }' },
  rotateApiKey: { kind: 'key', document: 'mutation ($id: ID!) { rotateApiKey(input: { id: $id }) { secret } }' },
  revokeApiKey: { kind: 'key', document: 'mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { apiKey { id } } }' },
  revokeClientToken: {
    kind: 'token',
    document: 'mutation ($id: ID!) { revokeClientToken(input: { id: $id }) { deletedId } }',
  },
};

async function objectsOf(client: GraphqlClient) {
  const { speech } = await speak(client, HELLO);
  const made = await client.data<{
    createApiKey: { apiKey: { id: string }; secret: string };
    createClientToken: { id: string; token: string };
  }>(`mutation {
    createApiKey(input: { name: "Mine" }) { apiKey { id } secret }
    createClientToken(input: { ttlSeconds: 600, capabilities: [TEXT_TO_SPEECH], maxCredits: 1 }) { id token }
  }`);
  return {
    url: speech.audio!.url,
    secret: made.createApiKey.secret,
    token: made.createClientToken.token,
    ids: { speech: speech.id, key: made.createApiKey.apiKey.id, token: made.createClientToken.id },
  };
}

it.each(Object.entries(FIELDS))(
  '%s answers a foreign id exactly as a missing one, and does nothing',
  async (_name, { kind, document }) => {
    const theirs = await objectsOf(owner);
    const before = [await standing(server, owner), await standing(server, stranger)];
    const answers = [];
    for (const id of [theirs.ids[kind], newId(), 'no-id-at-all']) {
      const { status, data, errors } = await stranger.graphql(document, { id });
      const { requestId: _requestId, ...extensions } = errors![0]!.extensions;
      answers.push({ status, data, errors: errors!.map(({ message, path }) => ({ message, path })), extensions });
    }
    expect(answers[0]).toMatchObject({ status: 200, extensions: { code: 'NOT_FOUND' } });
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
    expect([await standing(server, owner), await standing(server, stranger)]).toEqual(before);
    // What it belongs to is as it was.
    for (const secret of [theirs.secret, theirs.token]) {
      expect((await server.anonymous.as(secret).graphql('{ balance { id } }')).errors).toBeUndefined();
    }
    expect((await listen(theirs.url)).status).toBe(200);
    expect((await owner.graphql(FIELDS.speech!.document, { id: theirs.ids.speech })).errors).toBeUndefined();
  },
);

it.each(['speech', 'cancelSpeech', 'deleteSpeech', 'usageEvent'])(
  '%s answers a foreign speech that is being made as a missing one',
  async (name) => {
    const gate = new Gate();
    server.stub.fault(() => ({ kind: 'gated', gate }));
    const { speech } = await speak(owner, { ...HELLO, delivery: 'STREAM' });
    const answer = await stranger.graphql(FIELDS[name]!.document, { id: speech.id });
    expect(answer.code).toBe('NOT_FOUND');
    gate.open();
    expect((await settledSpeech(server, owner, speech.id)).status).toBe('COMPLETED');
    server.stub.fault(null);
  },
);

it('the id of one kind of object opens nothing of another kind', async () => {
  const mine = await objectsOf(owner);
  for (const { kind, document } of Object.values(FIELDS)) {
    for (const [other, id] of Object.entries(mine.ids)) {
      if (other === kind) continue;
      expect((await owner.graphql(document, { id })).code).toBe('NOT_FOUND');
    }
  }
});

it('lists, sums and filters show one workspace alone', async () => {
  const fresh = await server.createWorkspace({ plan: 'scale' });
  const own = await speak(fresh, HELLO);
  expect((await usageEvents(fresh)).map(({ id }) => id)).toEqual([own.speech.id]);
  const theirs = await objectsOf(owner);
  const { usageEvents: byKey } = await fresh.data<{ usageEvents: { edges: unknown[] } }>(
    'query ($id: ID) { usageEvents(filter: { apiKeyId: $id }) { edges { cursor } } }',
    { id: theirs.ids.key },
  );
  expect(byKey.edges).toEqual([]);
  expect(
    await fresh.data(
      '{ usage { requestCount credits { used } apiKeys { active } } balance { id used } workspace { id } apiKeys { edges { node { name } } } }',
    ),
  ).toMatchObject({
    usage: { requestCount: 1, credits: { used: '1.992' }, apiKeys: { active: 1 } },
    balance: { id: fresh.workspaceId, used: '1.992' },
    workspace: { id: fresh.workspaceId },
    apiKeys: { edges: [{ node: { name: expect.any(String) } }] },
  });
});

describe('the operator', () => {
  const CREATE =
    'mutation ($plan: ID!) { createWorkspace(input: { name: "Customer", plan: $plan }) { workspace { id name plan { id } balance { remaining } currentApiKey { id } } apiKey { id scopes } secret } }';

  it('makes workspaces with a key of every scope but ADMIN, moves them between plans and grants them credits', async () => {
    const { createWorkspace } = await server.admin.data<{
      createWorkspace: { workspace: { id: string }; apiKey: { scopes: string[] }; secret: string };
    }>(CREATE, { plan: 'free' });
    expect(createWorkspace).toMatchObject({
      workspace: { name: 'Customer', plan: { id: 'free' }, balance: { remaining: '2500' }, currentApiKey: null },
      apiKey: { scopes: ['METERED', 'READ', 'BILLING', 'MANAGE'] },
    });
    const client = server.anonymous.as(createWorkspace.secret);
    expect((await speak(client, HELLO)).usage).toMatchObject({ remainingBalance: '2498.008' });
    const { setWorkspacePlan } = await server.admin.data<{ setWorkspacePlan: { workspace: unknown } }>(
      'mutation ($id: ID!) { setWorkspacePlan(input: { workspaceId: $id, plan: "pro" }) { workspace { id plan { id } } } }',
      { id: createWorkspace.workspace.id },
    );
    expect(setWorkspacePlan.workspace).toEqual({ id: createWorkspace.workspace.id, plan: { id: 'pro' } });
    expect(await client.data('{ subscription { status plan { id } } }')).toEqual({
      subscription: { status: 'ACTIVE', plan: { id: 'pro' } },
    });
  });

  it.each([
    ['nobody', 'There is no plan'],
    ['enterprise', 'by agreement'],
  ])('cannot put a workspace on the plan %s', async (plan, words) => {
    const made = await server.admin.graphql(CREATE, { plan });
    expect(made.errors![0]).toMatchObject({
      message: expect.stringContaining(words),
      extensions: { code: 'BAD_USER_INPUT', field: 'plan' },
    });
    const moved = await server.admin.graphql(
      'mutation ($id: ID!, $plan: ID!) { setWorkspacePlan(input: { workspaceId: $id, plan: $plan }) { workspace { id } } }',
      { id: owner.workspaceId, plan },
    );
    expect(moved.errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'plan' });
    expect(await owner.data('{ workspace { plan { id } } }')).toEqual({ workspace: { plan: { id: 'scale' } } });
  });

  it('opens no customer’s data: a speech, an event and keys of a customer are missing to its key', async () => {
    const theirs = await objectsOf(owner);
    for (const { kind, document } of Object.values(FIELDS)) {
      const { code } = await server.admin.graphql(document, { id: theirs.ids[kind] });
      expect(['NOT_FOUND', 'FORBIDDEN']).toContain(code);
    }
    const { data } = await server.admin.graphql<{ workspace: { id: string } | null }>('{ workspace { id } }');
    expect(data?.workspace?.id).not.toBe(owner.workspaceId);
  });

  it.each([
    'mutation ($id: ID!) { setWorkspacePlan(input: { workspaceId: $id, plan: "free" }) { workspace { id } } }',
    'mutation ($id: ID!) { grantCredits(input: { workspaceId: $id, kind: PROMOTION, credits: 1, reason: "a", idempotencyKey: "a" }) { grant { id } } }',
  ])('hears NOT_FOUND of a workspace that there is not (%s)', async (document) => {
    for (const id of [newId(), 'no-id-at-all']) {
      expect((await server.admin.graphql(document, { id })).code).toBe('NOT_FOUND');
    }
    const { workspaceId } = stranger;
    const before = await standing(server, stranger);
    for (const client of [owner, stranger])
      expect((await client.graphql(document, { id: workspaceId })).code).toBe('FORBIDDEN');
    expect(await standing(server, stranger)).toEqual(before);
  });
});
