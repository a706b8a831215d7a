import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openDatabase } from '../../src/db/open-database';
import { systemClock } from '../../src/lib/clock';
import {
  describeOnPostgres,
  moveClock,
  openTestDatabase,
  TEST_DATABASE_URL,
  type TestDatabase,
} from '../support/database';
import { ProviderStub } from '../support/provider-stub';
import { type ServerProcess, startServerProcess } from '../support/server-process';
import { TestClock } from '../support/test-clock';
import { GraphqlClient, startTestServer, type TestServer } from '../support/test-server';
import {
  allEvents,
  allSettled,
  eventsUntilChunks,
  gateSpeech,
  listen,
  newKey,
  refusalOf,
  SENTENCES_CHARACTERS,
  speechInput,
  until,
  usageEventsOf,
} from './support/speech-stream';
import { followUsage, presentCursor, updates } from './support/usage-feed';

const SPEAK = `mutation Speak($input: SynthesizeSpeechInput!) {
  synthesizeSpeech(input: $input) { replayed usage { id status credits } }
}`;
interface Spoken extends Record<string, unknown> {
  readonly synthesizeSpeech: {
    readonly replayed: boolean;
    readonly usage: { readonly id: string; readonly status: string; readonly credits: string };
  };
}

/** A hold that nobody renews is given up after this. */
const LEASE_MS = 60_000;
const SWEEP_MS = 10_000;
/** Compiling a server as it is loaded takes its time on a busy machine. */
const PATIENCE_MS = 180_000;
const KEYS = {
  ENCRYPTION_KEY: Buffer.alloc(32, 9).toString('base64'),
  BOOTSTRAP_API_KEY: 'crash-test-key-0123456789',
  BOOTSTRAP_ADMIN_KEY: 'crash-test-admin-0123456789',
};

/** Data without anybody on it yet: on the embedded engine the process that dies is the one that runs the database. */
interface Data {
  readonly directory: string;
  readonly databaseUrl: string | undefined;
  /** For the process that comes next. */
  open(): Promise<TestDatabase>;
  remove(): Promise<void>;
}

async function freshData(): Promise<Data> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'polyphony-test-'));
  const removeDirectory = () => rmSync(directory, { recursive: true, force: true });
  if (TEST_DATABASE_URL) {
    const database = await openTestDatabase();
    return {
      directory,
      databaseUrl: database.settings.databaseUrl!.reveal(),
      open: async () => database,
      async remove() {
        await database.close();
        removeDirectory();
      },
    };
  }
  const settings = { databaseUrl: null, dataDirectory: directory };
  const silent = { info() {}, warn() {}, error() {} };
  const door = () => openDatabase(settings, { log: silent, clock: systemClock });
  let opened: TestDatabase | null = null;
  return {
    directory,
    databaseUrl: undefined,
    async open() {
      const database = await door();
      opened = { database, settings, openAnother: door, close: () => database.close() };
      return opened;
    },
    async remove() {
      await opened?.close();
      removeDirectory();
    },
  };
}

describe('a server process that is killed in the middle of speech', () => {
  let data: Data;
  let stub: ProviderStub;
  let doomed: ServerProcess;
  let doomedClient: GraphqlClient;
  let heir: TestServer | null;
  let clock: TestClock;

  beforeEach(async () => {
    data = await freshData();
    stub = new ProviderStub();
    await stub.listen();
    clock = new TestClock();
    heir = null;
    doomed = await startServerProcess({
      env: {
        PORT: '0',
        DATA_DIR: data.directory,
        DATABASE_URL: data.databaseUrl,
        BOOTSTRAP_PLAN: 'pro',
        ELEVENLABS_BASE_URL: stub.url,
        ELEVENLABS_API_KEY: 'stub-key',
        ...KEYS,
      },
    });
    doomedClient = new GraphqlClient(doomed.url, KEYS.BOOTSTRAP_API_KEY);
  }, PATIENCE_MS);
  afterEach(async () => {
    await doomedClient?.close();
    await doomed?.kill();
    await heir?.close();
    await stub?.close();
    await data?.remove();
  });

  const startHeir = async (): Promise<TestServer> =>
    startTestServer({ clock, database: await data.open(), dataDirectory: data.directory, stub, env: KEYS });

  async function killAndInherit(isBeside: boolean): Promise<void> {
    if (isBeside) heir = await startHeir();
    const before = speechInput();
    const cut = speechInput();
    const cutStream = speechInput({ idempotencyKey: newKey() });
    const cursor = await presentCursor(doomedClient);
    const first = await doomedClient.data<Spoken>(SPEAK, { input: before });
    const gate = gateSpeech(stub);
    const { calls } = stub;
    const subscription = listen(await doomedClient.socket(), cutStream);
    gate.release(3);
    await eventsUntilChunks(subscription, 1);
    const lost = doomedClient.graphql(SPEAK, { input: cut }).catch((error: Error) => error);
    await stub.when((seen) => seen.calls === calls + 2);
    await doomed.kill();
    expect(await lost).toBeInstanceOf(Error);
    expect((await subscription.rest()).end).toMatchObject({ type: 'closed', close: { code: 1006 } });

    heir ??= await startHeir();
    const { client } = heir;
    const feed = followUsage(await client.socket(), cursor);
    expect((await updates(feed, 1))[0]!.usage.id).toBe(first.synthesizeSpeech.usage.id);
    const { balance } = await client.data<{ balance: { held: string } }>('{ balance { held } }');
    expect(Number(balance.held)).toBeCloseTo(2 * 0.166 * SENTENCES_CHARACTERS, 3);
    expect((await client.data<Spoken>(SPEAK, { input: before })).synthesizeSpeech).toEqual({
      replayed: true,
      usage: first.synthesizeSpeech.usage,
    });
    // Whoever repeats a key waits for the one that holds it.
    const again = client.data<Spoken>(SPEAK, { input: cut });

    await moveClock(heir.database, LEASE_MS + 1_000);
    gate.open();
    // In steps: what the repeated call asks of the database must not look late.
    for (let passed = 0; passed < SWEEP_MS; passed += 500) {
      clock.advance(500);
      await client.data('{ balance { held } }');
    }
    const unknown = await updates(feed, 2);
    for (const { usage } of unknown) expect(usage).toMatchObject({ status: 'UNKNOWN', credits: '0' });
    expect((await again).synthesizeSpeech).toMatchObject({ replayed: false, usage: { status: 'SUCCEEDED' } });
    const events = await allEvents(listen(await client.socket(), cutStream));
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_event, index) => index));
    expect(events.at(-1)!.usage).toMatchObject({ status: 'SUCCEEDED' });

    const [streamed, repeated, ...others] = await usageEventsOf(client);
    expect([streamed, repeated]).toMatchObject([{ status: 'SUCCEEDED' }, { status: 'SUCCEEDED' }]);
    expect(others.slice(0, 2)).toMatchObject([{ status: 'UNKNOWN' }, { status: 'UNKNOWN' }]);
    const after = await client.data<{ balance: { held: string } }>('{ balance { held } }');
    expect(after.balance.held).toBe('0');
    expect((await heir.verifyLedger()).findings).toEqual([]);
  }

  it(
    'leaves holds that the next process gives up after their lease, at no cost, and their keys run again',
    () => killAndInherit(false),
    PATIENCE_MS,
  );

  describeOnPostgres('beside another', () => {
    it(
      'leaves holds that the other gives up after their lease, at no cost, and their keys run again',
      () => killAndInherit(true),
      PATIENCE_MS,
    );
  });
});

describe('a server process that comes too late to renew its lease', () => {
  it('tells its callers that the outcome is unknown, and charges nothing', async () => {
    const clock = new TestClock();
    const server = await startTestServer({ clock });
    try {
      const { client } = server;
      const gate = gateSpeech(server.stub);
      gate.release(8);
      const input = speechInput();
      const subscription = listen(await client.socket(), input);
      await eventsUntilChunks(subscription, 1);
      const whole = client.graphql(SPEAK, { input: speechInput() });
      await until(() => server.container.live.count === 2);
      await moveClock(server.database, LEASE_MS + 1_000);
      expect(await server.container.ledger.leases.sweep()).toHaveLength(2);
      gate.open();
      expect(await whole).toMatchObject({ code: 'OUTCOME_UNKNOWN', data: { synthesizeSpeech: null } });
      const { results, end } = await subscription.rest();
      expect(results.at(-1)!.errors![0]!.extensions.code).toBe('OUTCOME_UNKNOWN');
      expect(end.type).toBe('complete');
      await allSettled(server);
      const events = await usageEventsOf(client);
      expect(events).toMatchObject([
        { status: 'UNKNOWN', credits: '0' },
        { status: 'UNKNOWN', credits: '0' },
      ]);
      // What was heard of it cannot be had again: it runs anew.
      const anew = await allEvents(listen(await client.socket(), input));
      expect(anew.at(-1)!.usage).toMatchObject({ status: 'SUCCEEDED' });
      expect((await refusalOf(listen(await client.socket(), { ...input, text: 'x' }))).extensions.code).toBe(
        'CONFLICT',
      );
      expect((await server.verifyLedger()).findings).toEqual([]);
    } finally {
      await server.close();
    }
  });
});
