import { describeOnPostgres } from '../support/database';
import type { GraphqlSocket, SocketSubscription } from '../support/graphql-socket';
import { type GraphqlClient, startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import {
  followUsage,
  idsOf,
  lastEventIds,
  presentCursor,
  speak,
  speakTimes,
  startBeside,
  type UsageUpdatedData,
  updates,
} from './support/usage-feed';

const BEHIND_MAX = 20;

const sockets = (client: GraphqlClient, count: number): Promise<GraphqlSocket[]> =>
  Promise.all(Array.from({ length: count }, () => client.socket()));

/** Statements that the server sends while something is done, those that the pattern matches. */
async function statements(server: TestServer, pattern: RegExp, task: () => Promise<unknown>): Promise<string[]> {
  const spy = jest.spyOn(server.database, 'query');
  try {
    await task();
    return spy.mock.calls.map(([sql]) => sql).filter((sql) => pattern.test(sql));
  } finally {
    spy.mockRestore();
  }
}

interface NewKey {
  readonly apiKey: { readonly id: string };
  readonly secret: string;
}
const createKey = async (client: GraphqlClient): Promise<NewKey> =>
  (
    await client.data<{ createApiKey: NewKey }>(
      'mutation { createApiKey(input: { name: "Key" }) { apiKey { id } secret } }',
    )
  ).createApiKey;
const revokeKey = (client: GraphqlClient, id: string) =>
  client.data('mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { apiKey { id } } }', { id });

describe('many sockets', () => {
  let server: TestServer;
  let client: TestWorkspace;

  beforeAll(async () => {
    server = await startTestServer({ storm: true, replacements: { eventsBehindMax: BEHIND_MAX } });
  });
  beforeEach(async () => {
    client = await server.createWorkspace({ credits: '5000' });
  });
  afterAll(() => server?.close());

  it('of several workspaces each get every event of their own, once and in order, and none of another', async () => {
    const workspaces = await Promise.all(Array.from({ length: 6 }, () => server.createWorkspace({ credits: '1000' })));
    const feeds = await Promise.all(
      workspaces.map(async (workspace) => {
        const cursor = await presentCursor(workspace);
        return (await sockets(workspace, 20)).map((socket) => followUsage(socket, cursor));
      }),
    );
    await Promise.all(workspaces.map((workspace) => speakTimes(workspace, 12)));
    for (const [n, workspace] of workspaces.entries()) {
      const order = await lastEventIds(workspace, 12);
      for (const feed of feeds[n]!) {
        const seen = await updates(feed, 12);
        expect(idsOf(seen)).toEqual(order);
        for (const { balance } of seen) expect(balance.id).toBe(workspace.workspaceId);
      }
      const last = await speak(workspace);
      for (const feed of feeds[n]!) expect(idsOf(await updates(feed, 1))).toEqual([last]);
    }
  });

  it('that ask alike cost one look at the balance for an event', async () => {
    const cursor = await presentCursor(client);
    const feeds = (await sockets(client, 30)).map((socket) => followUsage(socket, cursor));
    await speak(client);
    for (const feed of feeds) await updates(feed, 1);
    const looks = await statements(server, /FROM accounts a\b/, async () => {
      for (let times = 0; times < 4; times++) await speak(client);
      for (const feed of feeds) await updates(feed, 4);
    });
    expect(looks.length).toBeGreaterThan(0);
    expect(looks.length).toBeLessThanOrEqual(4);
  });

  it('that all come back at once, each after another event, make no query each', async () => {
    const cursor = await presentCursor(client);
    const feed = followUsage(await client.socket(), cursor);
    await speakTimes(client, 40);
    const seen = await updates(feed, 40);
    const order = idsOf(seen);
    const back = await sockets(client, 80);
    const asked = await statements(server, /./, async () => {
      await Promise.all(
        back.map(async (socket, n) => {
          const from = n % 40;
          const missed = await updates(followUsage(socket, seen[from]!.cursor), 39 - from);
          expect(idsOf(missed)).toEqual(order.slice(from + 1));
        }),
      );
    });
    // One to see what can be gone back to, a page or two, and the balances of what is told.
    expect(asked.length).toBeLessThan(20);
    const last = await speak(client);
    expect(idsOf(await updates(feed, 1))).toEqual([last]);
  });

  it('that ask for other fields of the same events get what they asked for', async () => {
    const cursor = await presentCursor(client);
    const query = `subscription ($after: String, $x: Boolean!) {
      usageUpdated(after: $after) { cursor @include(if: $x) usage { id provider { id } } }
    }`;
    const own = await client.socket({ 'X-Provider-Key-ElevenLabs': 'own-key' });
    const subscriptions = [
      (await client.socket()).subscribe(query, { after: cursor, x: true }),
      (await client.socket()).subscribe(query, { after: cursor, x: false }),
      own.subscribe(query, { after: cursor, x: false }),
    ];
    const id = await speak(client);
    const [first, ...others] = await Promise.all(subscriptions.map((subscription) => subscription.next()));
    const usage = { id, provider: { id: 'elevenlabs' } };
    expect(first!.data).toEqual({ usageUpdated: { cursor: expect.any(String), usage } });
    for (const { data } of others) expect(data).toEqual({ usageUpdated: { usage } });
    for (const { extensions } of [first!, ...others]) expect(extensions!.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('end a subscription when its client leaves, and nothing is kept of it', async () => {
    const cursor = await presentCursor(client);
    const socket = await client.socket();
    const left = followUsage(socket, cursor);
    const stays = followUsage(socket, cursor);
    await speak(client);
    const [[first], [second]] = await Promise.all([updates(left, 1), updates(stays, 1)]);
    expect(first!.usage.id).toBe(second!.usage.id);
    left.leave();
    await speakTimes(client, 3);
    await updates(stays, 3);
    expect((await left.event()).type).toBe('complete');
  });

  it('get balances that were read once for all of them, each the present one at first', async () => {
    const fields = 'subscription { balanceChanged { remaining used } }';
    const subscriptions: SocketSubscription[] = [];
    const opening = await statements(server, /FROM accounts a\b/, async () => {
      for (const socket of await sockets(client, 30)) subscriptions.push(socket.subscribe(fields));
      for (const subscription of subscriptions) {
        expect((await subscription.next()).data).toEqual({ balanceChanged: { remaining: '5000', used: '0' } });
      }
    });
    expect(opening.length).toBeLessThan(10);
    const changing = await statements(server, /FROM accounts a\b/, async () => {
      await speak(client);
      for (const subscription of subscriptions) {
        expect((await subscription.next()).data).toEqual({ balanceChanged: { remaining: '4998.008', used: '1.992' } });
      }
    });
    expect(changing.length).toBeLessThanOrEqual(3);
    // Whoever comes now begins with what is true now.
    const late = (await client.socket()).subscribe(fields);
    expect((await late.next()).data).toEqual({ balanceChanged: { remaining: '4998.008', used: '1.992' } });
  });

  it('of which one does not read: it is told so and ended, the others miss nothing, and it can go on', async () => {
    const cursor = await presentCursor(client);
    // Each event is so large that what is not read fills every buffer on the way.
    const metadata = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`field${index}`, 'x'.repeat(230)]));
    const large = `subscription ($after: String) { usageUpdated(after: $after) { cursor usage { id
      ${Array.from({ length: 45 }, (_, index) => `copy${index}: metadata`).join(' ')} } } }`;
    const slowSocket = await client.socket();
    const slow = slowSocket.subscribe<UsageUpdatedData>(large, { after: cursor });
    const quick = followUsage(await client.socket(), cursor);
    const alike = (await client.socket()).subscribe<UsageUpdatedData>(large, { after: cursor });
    await speak(client, { metadata });
    await updates(slow, 1);
    slowSocket.pause();
    for (let times = 0; times < 6; times++) {
      await Promise.all(Array.from({ length: 25 }, () => speak(client, { metadata })));
    }
    const order = await lastEventIds(client, 151);
    expect(idsOf(await updates(quick, 151))).toEqual(order);
    expect(idsOf(await updates(alike, 151))).toEqual(order);

    slowSocket.resume();
    const { results, end } = await slow.rest();
    expect(end).toEqual({ type: 'complete', id: slow.id });
    const { errors, data } = results.pop()!;
    expect(errors).toMatchObject([{ extensions: { code: 'SLOW_CONSUMER' }, message: /after/ }].map(withMessage));
    expect(data).toBeNull();
    const got = results.map((result) => result.data!.usageUpdated);
    expect(idsOf(got)).toEqual(order.slice(1, 1 + got.length));
    expect(got.length).toBeLessThan(150 - BEHIND_MAX);
    const again = slowSocket.subscribe<UsageUpdatedData>(large, { after: got.at(-1)!.cursor });
    expect(idsOf(await updates(again, 150 - got.length))).toEqual(order.slice(1 + got.length));
  });

  it('are all closed when their key is revoked, and no other', async () => {
    const { apiKey, secret } = await createKey(client);
    const doomed = await sockets(client.as(secret), 150);
    const others = await sockets(client, 150);
    const cursor = await presentCursor(client);
    for (const socket of doomed) followUsage(socket, cursor);
    const feeds = others.map((socket) => followUsage(socket, cursor));
    await revokeKey(client, apiKey.id);
    const closes = await Promise.all(doomed.map((socket) => socket.closed));
    expect(closes).toEqual(doomed.map(() => ({ code: 4403, reason: 'Revoked' })));
    const id = await speak(client);
    for (const feed of feeds) expect(idsOf(await updates(feed, 1))).toEqual([id]);
  });
});

const withMessage = ({ message, ...rest }: { message: RegExp; extensions: object }) => ({
  ...rest,
  message: expect.stringMatching(message),
});

describeOnPostgres('many sockets of two server processes', () => {
  let server: TestServer;
  let beside: TestServer;

  beforeAll(async () => {
    server = await startTestServer({ storm: true });
    beside = await startBeside(server, { storm: true });
  });
  afterAll(async () => {
    await beside?.close();
    await server?.close();
  });

  it('are all closed at both when their key is revoked at one, and no other', async () => {
    const client = await server.createWorkspace({ credits: '100' });
    const { apiKey, secret } = await createKey(client);
    const places = [server, beside].map(({ anonymous }) => anonymous.as(secret));
    const doomed = (await Promise.all(places.map((place) => sockets(place, 100)))).flat();
    const [other] = await sockets(beside.anonymous.as(client.key), 1);
    await revokeKey(client, apiKey.id);
    const closes = await Promise.all(doomed.map((socket) => socket.closed));
    expect(closes).toEqual(doomed.map(() => ({ code: 4403, reason: 'Revoked' })));
    expect((await other!.subscribe('{ __typename }').next()).data).toEqual({ __typename: 'Query' });
  });
});
