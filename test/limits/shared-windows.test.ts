import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Queryable } from '../../src/db/database';
import { createRedisClient } from '../../src/db/redis-client';
import { systemClock } from '../../src/lib/clock';
import { PostgresWindows } from '../../src/limits/postgres-windows';
import { RedisWindows } from '../../src/limits/redis-windows';
import type { RequestWindows, WindowDecision, WindowRequest } from '../../src/limits/request-windows';
import { ManualClock } from '../events/support/manual-clock';
import { recordedLog } from '../events/support/recorded-log';
import { describeWithPostgres, type ScratchPostgres, scratchPostgres } from '../events/support/scratch-postgres';
import { embeddedDatabase, makeWindowsSchema } from './support/windows-database';

const CALLS = 600;

/** Sends the documents through all processes in turn, all at once. */
const storm = (processes: readonly RequestWindows[], documentOf: (n: number) => WindowRequest[], calls = CALLS) =>
  Promise.all(Array.from({ length: calls }, (_, n) => processes[n % processes.length]!.admit(documentOf(n))));

/** By window, what was admitted and what was asked: a storm that crosses a minute fills two. */
function byMinute(answers: readonly WindowDecision[]): { admitted: number; asked: number }[] {
  const minutes = new Map<number, { admitted: number; asked: number }>();
  for (const { admitted, windows } of answers) {
    const minute = minutes.get(windows[0]!.resetAtMs) ?? { admitted: 0, asked: 0 };
    minutes.set(windows[0]!.resetAtMs, minute);
    minute.asked += 1;
    if (admitted) minute.admitted += 1;
  }
  return [...minutes.values()];
}

/** As `storm`, by callers who each wait for an answer before their next call: many small groups instead of few large. */
async function steadyStorm(
  processes: readonly RequestWindows[],
  documentOf: (n: number) => WindowRequest[],
  callers: number,
): Promise<WindowDecision[]> {
  const answers: WindowDecision[] = [];
  const caller = async (n: number) => {
    for (let call = n; call < CALLS; call += callers) {
      answers.push(await processes[n % processes.length]!.admit(documentOf(call)));
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, n) => caller(n)));
  return answers;
}

function holdsAcrossProcesses(processes: () => readonly RequestWindows[]): void {
  test('600 calls at once over two processes on a limit of 100: exactly 100 are admitted', async () => {
    const key = randomUUID();
    const answers = await storm(processes(), () => [{ key, cost: 1, limit: 100 }]);
    for (const { admitted, asked } of byMinute(answers)) expect(admitted).toBe(Math.min(100, asked));
  });

  test.each([2, 20])('600 calls of %i steady callers over two processes: exactly 400 are admitted', async (callers) => {
    const key = randomUUID();
    const answers = await steadyStorm(processes(), () => [{ key, cost: 1, limit: 400 }], callers);
    for (const { admitted, asked } of byMinute(answers)) expect(admitted).toBe(Math.min(400, asked));
  });

  test('600 calls at once on a limit of 600: nobody is refused', async () => {
    const key = randomUUID();
    const answers = await storm(processes(), () => [{ key, cost: 1, limit: CALLS }]);
    expect(answers.every(({ admitted }) => admitted)).toBe(true);
  });

  test('documents over crossing windows finish, and what is admitted stands in both windows alike', async () => {
    const [first, second] = [`${randomUUID()}-1`, `${randomUUID()}-2`];
    const request = (key: string): WindowRequest => ({ key, cost: 1, limit: 150 });
    const answers = await storm(processes(), (n) =>
      n % 2 === 0 ? [request(first), request(second)] : [request(second), request(first)],
    );
    for (const { admitted, asked } of byMinute(answers)) expect(admitted).toBe(Math.min(150, asked));
    for (const { windows } of answers) expect(windows[0]!.used).toBe(windows[1]!.used);
  });

  test('a full window of one document takes nothing from the window it shares with others', async () => {
    const [account, token] = [`${randomUUID()}-account`, `${randomUUID()}-token`];
    const answers = await storm(processes(), (n) =>
      n % 2 === 0
        ? [{ key: account, cost: 1, limit: 100 }]
        : [
            { key: account, cost: 1, limit: 100 },
            { key: token, cost: 1, limit: 5 },
          ],
    );
    const withToken = answers.filter((_, n) => n % 2 === 1);
    for (const { admitted, asked } of byMinute(answers)) expect(admitted).toBe(Math.min(100, asked));
    for (const { admitted } of byMinute(withToken)) expect(admitted).toBeLessThanOrEqual(5);
  });
}

describeWithPostgres('windows shared by processes on one PostgreSQL', () => {
  let scratch: ScratchPostgres;
  let processes: PostgresWindows[];
  let database: Queryable;
  beforeAll(async () => {
    scratch = await scratchPostgres();
    database = scratch.open();
    await makeWindowsSchema(database);
    processes = [database, scratch.open()].map((each) => new PostgresWindows(each, systemClock, recordedLog()));
  });
  afterAll(() => scratch.drop());

  holdsAcrossProcesses(() => processes);

  test('processes that take the same windows in opposite order never lock each other out', async () => {
    const keys = Array.from({ length: 30 }, () => randomUUID());
    const forth = keys.map((key): WindowRequest => ({ key, cost: 1, limit: 10_000 }));
    const back = forth.toReversed();
    const answers = await steadyStorm(processes, (n) => (n % 2 === 0 ? forth : back), 2);
    expect(answers.every(({ admitted }) => admitted)).toBe(true);
    const { rows } = await database.query<{ used: string }>(
      'SELECT sum(used) AS used FROM rate_windows WHERE key = ANY ($1)',
      [keys],
    );
    expect(Number(rows[0]!.used)).toBe(CALLS * keys.length);
  });

  test('nor do those that open the same new windows in opposite order', async () => {
    for (let round = 0; round < 60; round += 1) {
      const fresh = Array.from({ length: 60 }, (): WindowRequest => ({ key: randomUUID(), cost: 1, limit: 2 }));
      const answers = await Promise.all([processes[0]!.admit(fresh), processes[1]!.admit(fresh.toReversed())]);
      expect(answers.map(({ admitted }) => admitted)).toEqual([true, true]);
    }
  });
});

const TEST_REDIS_URL = process.env.TEST_REDIS_URL ?? '';
const title = 'windows shared by processes on one Redis';
(TEST_REDIS_URL ? describe : describe.skip)(
  TEST_REDIS_URL ? title : `${title} (skipped: TEST_REDIS_URL is not set)`,
  () => {
    const clients: Redis[] = [];
    beforeAll(async () => {
      for (const name of ['test-windows-a', 'test-windows-b']) {
        const client = createRedisClient(TEST_REDIS_URL, name, () => {});
        clients.push(client);
        await client.connect();
      }
    });
    afterAll(() => {
      for (const client of clients) client.disconnect();
    });

    holdsAcrossProcesses(() => clients.map((client) => new RedisWindows(client)));

    test('a count that nobody touches expires by itself', async () => {
      const key = randomUUID();
      await new RedisWindows(clients[0]!).admit([{ key, cost: 1, limit: 1 }]);
      const left = await clients[0]!.pttl(`{polyphony:windows}:${key}`);
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThanOrEqual(120_000);
    });

    test('only a window of this minute or later counts on', async () => {
      const key = randomUUID();
      const stored = `{polyphony:windows}:${key}`;
      const windows = new RedisWindows(clients[0]!);
      const minute = Math.floor(Date.now() / 60_000);
      await clients[0]!.hset(stored, 'minute', minute - 1, 'used', 5);
      expect((await windows.peek([{ key, limit: 5 }]))[0]!.used).toBe(0);
      await clients[0]!.hset(stored, 'minute', minute + 5, 'used', 5);
      expect((await windows.admit([{ key, cost: 1, limit: 5 }])).admitted).toBe(false);
      await clients[0]!.del(stored);
    });

    test('the script is sent again to a server that has forgotten it', async () => {
      const windows = new RedisWindows(clients[1]!);
      await windows.peek([{ key: 'k', limit: 1 }]);
      await clients[0]!.script('FLUSH');
      expect(await windows.peek([{ key: randomUUID(), limit: 1 }])).toHaveLength(1);
    });

    test('while Redis is away nothing is admitted but what has no limit', async () => {
      const client = createRedisClient('redis://127.0.0.1:1', 'test-windows-away', () => {});
      await client.connect().catch(() => {});
      const windows = new RedisWindows(client);
      await expect(windows.admit([{ key: 'k', cost: 1, limit: 1 }])).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      expect(await windows.admit([{ key: 'k', cost: 1, limit: null }])).toMatchObject({ admitted: true, windows: [] });
      client.disconnect();
    });
  },
);

describe('PostgresWindows', () => {
  type Answer = Awaited<ReturnType<Queryable['query']>>;
  /** A database whose statements are answered by hand. */
  const handDriven = () => {
    const statements: { sql: string; parameters: readonly unknown[]; answer(rows: unknown[]): void; fail(): void }[] =
      [];
    const database: Queryable = {
      query: <Row>(sql: string, parameters: readonly unknown[] = []) =>
        new Promise<Answer>((resolve, reject) => {
          statements.push({
            sql,
            parameters,
            answer: (rows) => resolve({ rows: rows as Record<string, unknown>[], rowCount: rows.length }),
            fail: () => reject(new Error('connection lost')),
          });
        }) as Promise<{ rows: Row[]; rowCount: number }>,
    };
    return { database, statements };
  };
  const turn = () => new Promise(setImmediate);
  const limited = { key: 'k', cost: 1, limit: 5 };
  const documentsIn = (statement: { parameters: readonly unknown[] }) =>
    JSON.parse(statement.parameters[0] as string).sizes.length as number;

  test('what arrives together goes in one statement, and what waits meanwhile in the next', async () => {
    const { database, statements } = handDriven();
    const windows = new PostgresWindows(database, new ManualClock(), recordedLog());
    const first = Array.from({ length: 20 }, () => windows.admit([limited]));
    await turn();
    const second = Array.from({ length: 30 }, () => windows.admit([limited]));
    await turn();
    expect(statements.map(documentsIn)).toEqual([20]);
    const admitAll = (n: number) => [
      { answer: { nowMs: 0, admitted: new Array(n).fill(true), used: new Array(n).fill(1) } },
    ];
    statements[0]!.answer(admitAll(20));
    await Promise.all(first);
    await turn();
    expect(statements.map(documentsIn)).toEqual([20, 30]);
    statements[1]!.answer(admitAll(30));
    await Promise.all(second);
  });

  test('a statement that fails refuses its own documents as UNAVAILABLE; the next is sent', async () => {
    const { database, statements } = handDriven();
    const windows = new PostgresWindows(database, new ManualClock(), recordedLog());
    const refused = [windows.admit([limited]), windows.admit([limited])];
    await turn();
    const later = windows.admit([limited]);
    statements[0]!.fail();
    for (const each of refused) await expect(each).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await turn();
    statements[1]!.answer([{ answer: { nowMs: 0, admitted: [true], used: [1] } }]);
    expect((await later).admitted).toBe(true);
  });

  test('a database that never answers refuses after 5 s, and those who wait are not held up by it', async () => {
    const { database, statements } = handDriven();
    const clock = new ManualClock();
    const windows = new PostgresWindows(database, clock, recordedLog());
    const stuck = windows.admit([limited]);
    await turn();
    const later = windows.admit([limited]);
    clock.advance(5_000);
    await expect(stuck).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await turn();
    expect(statements).toHaveLength(2);
    statements[1]!.answer([{ answer: { nowMs: 0, admitted: [true], used: [1] } }]);
    await later;
  });

  test('an answer of the wrong shape admits nobody', async () => {
    const { database, statements } = handDriven();
    const windows = new PostgresWindows(database, new ManualClock(), recordedLog());
    const refused = windows.admit([limited]);
    await turn();
    statements[0]!.answer([]);
    await expect(refused).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  test('without a limit the database is not asked', async () => {
    const { database, statements } = handDriven();
    const windows = new PostgresWindows(database, new ManualClock(), recordedLog());
    expect(await windows.admit([{ key: 'k', cost: 9, limit: null }])).toEqual({
      admitted: true,
      windows: [],
      retryAfterSeconds: 0,
    });
    expect(await windows.admit([])).toMatchObject({ admitted: true });
    await turn();
    expect(statements).toEqual([]);
  });

  test('windows of long ago are deleted now and then; those of the last minutes stay', async () => {
    const database = await embeddedDatabase();
    await makeWindowsSchema(database);
    const minute = Math.floor(Date.now() / 60_000);
    const stored = 'SELECT key FROM rate_windows ORDER BY key';
    await database.query('INSERT INTO rate_windows VALUES ($1, $2, 1), ($3, $4, 1)', [
      'old',
      minute - 20,
      'recent',
      minute - 1,
    ]);
    const clock = new ManualClock();
    let deleted: Promise<unknown> = Promise.resolve();
    const watched: Queryable = {
      query<Row>(sql: string, parameters?: readonly unknown[]) {
        const answer = database.query<Row>(sql, parameters);
        if (sql.includes('DELETE')) deleted = answer;
        return answer;
      },
    };
    const windows = new PostgresWindows(watched, clock, recordedLog());
    await windows.admit([{ key: 'now', cost: 1, limit: 1 }]);
    await turn();
    await deleted;
    expect((await database.query(stored)).rows).toEqual([{ key: 'now' }, { key: 'old' }, { key: 'recent' }]);
    clock.advance(5 * 60_000);
    await windows.peek([{ key: 'now', limit: 1 }]);
    await turn();
    await deleted;
    expect((await database.query(stored)).rows).toEqual([{ key: 'now' }, { key: 'recent' }]);
    await database.close();
  });

  test('reading makes no rows', async () => {
    const database = await embeddedDatabase();
    await makeWindowsSchema(database);
    const windows = new PostgresWindows(database, systemClock, recordedLog());
    await windows.peek([{ key: 'k', limit: 1 }]);
    await windows.admit([{ key: 'k', cost: 0, limit: 1 }]);
    expect((await database.query('SELECT * FROM rate_windows')).rows).toEqual([]);
    await database.close();
  });
});
