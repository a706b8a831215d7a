import { parseCredits } from '../../src/lib/credits';
import { describeOnPostgres, moveClock } from '../support/database';
import { TestClock } from '../support/test-clock';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { faultSpeech, refusalOf } from './support/speech-stream';
import {
  followUsage,
  idsOf,
  lastEventIds,
  nextUpdate,
  presentCursor,
  speak,
  speakTimes,
  startBeside,
  type UsageUpdate,
  type UsageUpdatedData,
  updates,
} from './support/usage-feed';

const HOUR_MS = 3_600_000;
const micro = (credits: string): bigint => parseCredits(credits)!;

/** What every balance holds, whatever runs at the time: it is of one moment. */
function expectOfOneMoment({ balance }: UsageUpdate): void {
  const { included, promotional, toppedUp, carriedOver, expired, used, held, overageCredits, remaining } = balance;
  const granted = [included, promotional, toppedUp, carriedOver].map(micro).reduce((sum, credits) => sum + credits);
  expect(granted - micro(expired) - (micro(used) - micro(overageCredits)) - micro(held)).toBe(micro(remaining));
}

describe('usageUpdated', () => {
  let server: TestServer;
  let client: TestWorkspace;

  beforeAll(async () => {
    server = await startTestServer({ storm: true });
  });
  beforeEach(async () => {
    server.stub.fault(null);
    client = await server.createWorkspace({ credits: '2000' });
  });
  afterAll(() => server?.close());

  it('tells each operation once as it settles, however it ended, with what it cost and what is left', async () => {
    const subscription = followUsage(await client.socket(), await presentCursor(client));
    const served = await speak(client, { endUserId: 'ada' });
    const first = await nextUpdate(subscription);
    expect(first.usage).toMatchObject({ id: served, status: 'SUCCEEDED', credits: '1.992', endUserId: 'ada' });
    expect(first.balance).toMatchObject({
      id: client.workspaceId,
      remaining: first.usage.remainingBalance,
      held: '0',
    });
    faultSpeech(server.stub, { kind: 'malformed' });
    const failed = await client.graphql(
      'mutation { synthesizeSpeech(input: { provider: "elevenlabs", text: "Hello." }) { usage { id } } }',
    );
    expect(failed.code).toBe('PROVIDER_REJECTED');
    const second = await nextUpdate(subscription);
    expect(second.usage).toMatchObject({ status: 'FAILED', credits: '0' });
    expect(second.balance).toMatchObject({ remaining: first.balance.remaining, used: first.balance.used });
    for (const update of [first, second]) expectOfOneMoment(update);
    expect(new Set([first.cursor, second.cursor]).size).toBe(2);
  });

  it('tells a burst in the order of settlement, and a subscriber that does not read holds up nobody', async () => {
    const cursor = await presentCursor(client);
    // Each event of the slow one is so large that what is not read fills every buffer on the way.
    const metadata = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`field${index}`, 'x'.repeat(230)]));
    const slowSocket = await client.socket();
    const slow = slowSocket.subscribe<UsageUpdatedData>(
      `subscription ($after: String) { usageUpdated(after: $after) { cursor usage { id
        ${Array.from({ length: 45 }, (_, index) => `copy${index}: metadata`).join(' ')} } } }`,
      { after: cursor },
    );
    const quick = followUsage(await client.socket(), cursor);
    const alsoQuick = followUsage(await client.socket(), cursor);
    await speak(client, { metadata });
    const [first] = await updates(slow, 1);
    slowSocket.pause();

    const settled = await Promise.all(Array.from({ length: 99 }, () => speak(client, { metadata })));
    const seen = await updates(quick, 100);
    const order = await lastEventIds(client, 100);
    expect(idsOf(seen)).toEqual(order);
    expect(new Set(order)).toEqual(new Set([first!.usage.id, ...settled]));
    expect(idsOf(await updates(alsoQuick, 100))).toEqual(order);
    for (const update of seen) expectOfOneMoment(update);
    expect(seen.at(-1)!.balance.remaining).toBe(seen.at(-1)!.usage.remainingBalance);

    slowSocket.resume();
    expect(idsOf([first!, ...(await updates(slow, 99))])).toEqual(order);
  });

  it('shows no event and no balance of another workspace', async () => {
    const other = await server.createWorkspace({ credits: '2000' });
    const workspaces = [client, other];
    const feeds = await Promise.all(
      workspaces.map(async (workspace) => followUsage(await workspace.socket(), await presentCursor(workspace))),
    );
    const settled = await Promise.all(workspaces.map((workspace) => speakTimes(workspace, 15)));
    for (const [index, workspace] of workspaces.entries()) {
      const seen = await updates(feeds[index]!, 15);
      expect(new Set(idsOf(seen))).toEqual(new Set(settled[index]));
      for (const { balance } of seen) expect(balance.id).toBe(workspace.workspaceId);
      const after = await speak(workspace);
      expect((await nextUpdate(feeds[index]!)).usage.id).toBe(after);
    }
  });

  it('shows a client token its own operations and budget alone', async () => {
    const cursor = await presentCursor(client);
    const { createClientToken } = await client.data<{ createClientToken: { token: string } }>(
      `mutation { createClientToken(input: {
        ttlSeconds: 600, capabilities: [TEXT_TO_SPEECH], maxCredits: "10", requestsPerMinute: 100, endUserId: "eve"
      }) { token } }`,
    );
    const token = client.as(createClientToken.token);
    const ofToken = followUsage(await token.socket(), cursor);
    const ofKey = followUsage(await client.socket(), cursor);
    const settled: string[] = [];
    const own: string[] = [];
    for (const speaker of [client, token, client, client, token]) {
      const id = await speak(speaker);
      settled.push(id);
      if (speaker === token) own.push(id);
    }
    const seen = await updates(ofToken, 2);
    expect(idsOf(seen)).toEqual(own);
    expect(seen.map(({ usage }) => [usage.remainingBalance, usage.endUserId])).toEqual([
      ['8.008', 'eve'],
      ['6.016', 'eve'],
    ]);
    expect(seen[1]!.balance).toMatchObject({ included: '10', used: '3.984', remaining: '6.016', held: '0' });
    expect(idsOf(await updates(ofKey, 5))).toEqual(settled);
  });

  describe('after a cursor', () => {
    it('tells what was missed exactly once and goes on with what comes', async () => {
      const cursor = await presentCursor(client);
      const socket = await client.socket();
      const subscription = followUsage(socket, cursor);
      const before = await speakTimes(client, 3);
      const seen = await updates(subscription, 3);
      await socket.drop();
      const missed = await speakTimes(client, 5);
      const again = followUsage(await client.socket(), seen.at(-1)!.cursor);
      const [restored, meanwhile] = await Promise.all([updates(again, 5), speakTimes(client, 4)]);
      seen.push(...restored, ...(await updates(again, 4)));
      expect(idsOf(seen)).toEqual(await lastEventIds(client, 12));
      expect(new Set(idsOf(seen))).toEqual(new Set([...before, ...missed, ...meanwhile]));
    });

    it('that lies many pages back leads through all of them', async () => {
      const cursor = await presentCursor(client);
      const count = 450;
      for (let left = count; left > 0; left -= 50) await speakTimes(client, 50);
      const order = await lastEventIds(client, count);
      const seen = await updates(followUsage(await client.socket(), cursor), count);
      expect(idsOf(seen)).toEqual(order);
      const middle = 123;
      const rest = await updates(followUsage(await client.socket(), seen[middle]!.cursor), count - middle - 1);
      expect(idsOf(rest)).toEqual(order.slice(middle + 1));
    });

    it('of another workspace, of another list or of nowhere is refused, and the socket lives', async () => {
      const other = await server.createWorkspace({ credits: '10' });
      const own = await presentCursor(client);
      const { usageEvents } = await client.data<{ usageEvents: { edges: { cursor: string }[] } }>(
        '{ usageEvents(first: 1) { edges { cursor } } }',
      );
      const socket = await client.socket();
      for (const after of [await presentCursor(other), usageEvents.edges[0]!.cursor, '', 'MQ', `${own}A`]) {
        const { extensions } = await refusalOf(followUsage(socket, after) as never);
        expect(extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'after' });
      }
      const subscription = followUsage(socket, own);
      const id = await speak(client);
      expect((await nextUpdate(subscription)).usage.id).toBe(id);
    });
  });

  it('leaves the ledger clean', async () => {
    expect((await server.verifyLedger()).findings).toEqual([]);
  });
});

describe('a cursor of usageUpdated', () => {
  it('is served for 24 hours and then expired, with events behind it or without', async () => {
    const clock = new TestClock();
    const server = await startTestServer({ storm: true, clock });
    /** Hours for the database, which decides; for the process enough to ask it again. */
    const pass = async (ms: number): Promise<void> => {
      await moveClock(server.database, ms);
      clock.advance(2_000);
    };
    try {
      const client = await server.createWorkspace({ credits: '2000' });
      const first = await presentCursor(client);
      const missed = await speak(client);
      const socket = await client.socket();
      await pass(23 * HOUR_MS);
      const { cursor, usage } = await nextUpdate(followUsage(socket, first));
      expect(usage.id).toBe(missed);
      await pass(HOUR_MS + 60_000);
      for (const after of [first, cursor]) {
        const { extensions, message } = await refusalOf(followUsage(socket, after) as never);
        expect(extensions.code).toBe('RESUME_EXPIRED');
        expect(message).toMatch(/usageEvents/);
      }
    } finally {
      await server.close();
    }
  });
});

describeOnPostgres('usageUpdated over two server processes', () => {
  let server: TestServer;
  let beside: TestServer;
  let client: TestWorkspace;
  let clientBeside: ReturnType<TestWorkspace['as']>;

  beforeAll(async () => {
    server = await startTestServer({ storm: true });
    beside = await startBeside(server, { storm: true });
  });
  beforeEach(async () => {
    client = await server.createWorkspace({ credits: '2000' });
    clientBeside = beside.anonymous.as(client.key);
  });
  afterAll(async () => {
    await beside?.close();
    await server?.close();
  });

  it('tells each operation once and in order, on whichever it ran', async () => {
    const cursor = await presentCursor(client);
    const here = followUsage(await client.socket(), cursor);
    const there = followUsage(await clientBeside.socket(), cursor);
    const settled = (await Promise.all([speakTimes(client, 40), speakTimes(clientBeside, 40)])).flat();
    const order = await lastEventIds(client, 80);
    expect(new Set(order)).toEqual(new Set(settled));
    expect(idsOf(await updates(here, 80))).toEqual(order);
    expect(idsOf(await updates(there, 80))).toEqual(order);
  });

  it('goes on at one process where it was left at the other', async () => {
    const cursor = await presentCursor(client);
    const socket = await client.socket();
    const here = followUsage(socket, cursor);
    await speak(clientBeside);
    const [first] = await updates(here, 1);
    await socket.drop();
    await speak(client);
    const there = followUsage(await clientBeside.socket(), first!.cursor);
    await speak(client);
    await speak(clientBeside);
    expect(idsOf([first!, ...(await updates(there, 3))])).toEqual(await lastEventIds(client, 4));
  });

  it('misses nothing when the connection that brings notifications is cut', async () => {
    const cursor = await presentCursor(client);
    const here = followUsage(await client.socket(), cursor);
    await speak(clientBeside);
    await updates(here, 1);
    const cut = await server.database.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND query ILIKE 'LISTEN %' AND pid <> pg_backend_pid()`,
    );
    expect(cut.rowCount).toBeGreaterThan(0);
    const settled = await speakTimes(clientBeside, 5);
    expect(new Set(idsOf(await updates(here, 5)))).toEqual(new Set(settled));
  });
});
