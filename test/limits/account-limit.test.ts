import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Redis } from 'ioredis';
import { createRedisClient } from '../../src/db/redis-client';
import { GraphqlClient } from '../support/graphql-client';
import { ProviderStub } from '../support/provider-stub';
import { createScratchDatabase, TEST_DATABASE_URL } from '../support/scratch-database';
import { type ServerProcess, startServerProcess } from '../support/server-process';

/*
 * What the requests a minute of an account mean when it calls with many keys over several server processes at once. The
 * minute does not turn under the test: a window in Redis counts on from a minute that lies ahead, so the account's is
 * put there.
 */

const TEST_REDIS_URL = process.env.TEST_REDIS_URL || null;
const missing = [
  TEST_DATABASE_URL ? null : 'TEST_DATABASE_URL is not set',
  TEST_REDIS_URL ? null : 'TEST_REDIS_URL is not set',
].filter((reason) => reason !== null);
const describeWithBoth = missing.length === 0 ? describe : describe.skip;
const title = '50 keys and 600 calls over two server processes with Redis';

/** Scale's requests a minute. */
const LIMIT = 300;
const KEYS = 50;
const CALLS = 600;
const MINUTES_AHEAD = 10;
const SERVERS_START_WITHIN_MS = 120_000;

const SPEAK = 'synthesizeSpeech(input: { provider: "elevenlabs", text: "Hello there." }) { replayed }';
const document = (fields: number): string =>
  `mutation { ${Array.from({ length: fields }, (_, index) => `f${index}: ${SPEAK}`).join(' ')} }`;

describeWithBoth(missing.length === 0 ? title : `${title} (skipped: ${missing.join(', ')})`, () => {
  const closers: (() => unknown)[] = [];
  const servers: ServerProcess[] = [];
  let admins: GraphqlClient[];
  let redis: Redis;

  beforeAll(async () => {
    const database = await createScratchDatabase();
    closers.push(() => database.drop());
    const stub = new ProviderStub();
    await stub.listen();
    closers.push(() => stub.close());
    const directory = mkdtempSync(path.join(os.tmpdir(), 'polyphony-limit-'));
    closers.push(() => rmSync(directory, { recursive: true, force: true }));
    const adminKey = `test-${randomUUID()}`;
    const env = {
      PORT: '0',
      DATA_DIR: directory,
      DATABASE_URL: database.url,
      REDIS_URL: TEST_REDIS_URL!,
      ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      BOOTSTRAP_ADMIN_KEY: adminKey,
      ELEVENLABS_API_KEY: 'stub-key',
      ELEVENLABS_BASE_URL: stub.url,
    };
    closers.push(() => Promise.all(servers.map((server) => server.kill())));
    // The first one migrates; the other finds it done.
    for (let count = 0; count < 2; count += 1) servers.push(await startServerProcess({ env }));
    admins = servers.map(({ url }) => new GraphqlClient(url, adminKey));
    closers.push(() => Promise.all(admins.map((admin) => admin.close())));
    redis = createRedisClient(TEST_REDIS_URL!, 'test-account-limit', () => {});
    closers.push(() => redis.disconnect());
    await redis.connect();
  }, SERVERS_START_WITHIN_MS);

  afterAll(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  /** A workspace on Scale with 50 keys, each of them at both processes, and a window that does not turn. */
  async function account() {
    const { createWorkspace } = await admins[0]!.data<{
      createWorkspace: { workspace: { id: string }; secret: string };
    }>(`mutation { createWorkspace(input: { name: "Acme", plan: "scale" }) { workspace { id } secret } }`);
    const owner = admins[0]!.as(createWorkspace.secret);
    const secrets = [createWorkspace.secret];
    while (secrets.length < KEYS) {
      const made = await owner.data<{ createApiKey: { secret: string } }>(
        'mutation ($name: String!) { createApiKey(input: { name: $name }) { secret } }',
        { name: `key ${secrets.length}` },
      );
      secrets.push(made.createApiKey.secret);
    }
    const window = `{polyphony:windows}:metered:${createWorkspace.workspace.id}`;
    closers.push(() => redis.del(window));
    await redis.hset(window, { minute: Math.floor(Date.now() / 60_000) + MINUTES_AHEAD, used: 0 });
    return {
      client: (call: number) => admins[call % admins.length]!.as(secrets[call % KEYS]!),
      used: async () => Number(await redis.hget(window, 'used')),
    };
  }

  it.each([
    ['a field each', 1],
    ['three aliases each', 3],
  ])('with %s: as many are admitted as the account may, and not one more', async (_name, fields) => {
    const { client, used } = await account();
    const text = document(fields);
    const answers = await Promise.all(Array.from({ length: CALLS }, (_, call) => client(call).graphql(text)));
    const admitted = answers.filter(({ status }) => status === 200);
    const refused = answers.filter(({ status }) => status !== 200);
    expect(admitted).toHaveLength(LIMIT / fields);
    for (const answer of admitted) {
      expect(answer.errors).toBeUndefined();
      expect(Object.keys(answer.data!)).toHaveLength(fields);
    }
    for (const answer of refused) {
      expect(answer).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
      expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    }
    expect(await used()).toBe(LIMIT);
    // Each of what was admitted left its own number of requests: none was counted in two windows, or in none.
    const left = admitted.map(({ headers }) => Number(headers['x-ratelimit-remaining'])).sort((a, b) => b - a);
    expect(left).toEqual(Array.from({ length: LIMIT / fields }, (_, index) => LIMIT - fields * (index + 1)));
  });

  it('when nobody else calls, each process alone gives the whole of it, and what one has counted the other knows', async () => {
    const { client } = await account();
    for (let call = 0; call < LIMIT; call += 20) {
      const answer = await client(call / 20).graphql(document(20));
      expect(answer).toMatchObject({ status: 200, headers: { 'x-ratelimit-remaining': String(LIMIT - call - 20) } });
    }
    for (const call of [0, 1]) expect(await client(call).graphql(document(1))).toMatchObject({ status: 429 });
  });
});
