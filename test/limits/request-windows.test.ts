import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { createRedisClient } from '../../src/db/redis-client';
import { systemClock } from '../../src/lib/clock';
import { InProcessWindows } from '../../src/limits/in-process-windows';
import { PostgresWindows } from '../../src/limits/postgres-windows';
import { RedisWindows } from '../../src/limits/redis-windows';
import type { RequestWindows, WindowDecision, WindowRequest } from '../../src/limits/request-windows';
import { ManualClock } from '../events/support/manual-clock';
import { recordedLog } from '../events/support/recorded-log';
import { describeWithPostgres, type ScratchPostgres, scratchPostgres } from '../events/support/scratch-postgres';
import { embeddedDatabase, makeWindowsSchema, setTime } from './support/windows-database';

interface Subject {
  readonly windows: RequestWindows;
  /** null where the store's own clock decides. */
  readonly setTime: ((nowMs: number) => Promise<void>) | null;
  close(): Promise<void>;
}

const START = Date.UTC(2026, 0, 1, 12, 0, 0);

/** What every store must do. Keys are new in each test, so nothing is shared but the store itself. */
function behavesAsRequestWindows(open: () => Promise<Subject>): void {
  let subject: Subject;
  let windows: RequestWindows;
  let key: string;
  /** Of a store whose time tests move: it only goes forward, a fresh minute for each test. */
  let nowMs = START;
  const nextMinute = async () => {
    nowMs = (Math.floor(nowMs / 60_000) + 1) * 60_000 + 1_500;
    await subject.setTime?.(nowMs);
  };
  beforeAll(async () => {
    subject = await open();
    windows = subject.windows;
  });
  afterAll(() => subject.close());
  beforeEach(async () => {
    key = randomUUID();
    await nextMinute();
  });

  /** Against a store whose clock is its own, a run that crosses a minute is run again in the next. */
  const inOneMinute = async (run: () => Promise<void>) => {
    for (;;) {
      const minute = Math.floor(Date.now() / 60_000);
      let fault: unknown;
      await run().catch((error) => {
        fault = error;
      });
      if (subject.setTime || Math.floor(Date.now() / 60_000) === minute) {
        if (fault) throw fault;
        return;
      }
      key = randomUUID();
    }
  };

  test('3 of 10 leave 7, and a window is told with its limit, use, rest and reset', () =>
    inOneMinute(async () => {
      const { admitted, windows: states, retryAfterSeconds } = await windows.admit([{ key, cost: 3, limit: 10 }]);
      expect({ admitted, retryAfterSeconds }).toEqual({ admitted: true, retryAfterSeconds: 0 });
      expect(states).toEqual([{ key, limit: 10, used: 3, remaining: 7, resetAtMs: expect.any(Number) }]);
      if (subject.setTime) expect(states[0]!.resetAtMs).toBe(nowMs - 1_500 + 60_000);
      expect(states[0]!.resetAtMs % 60_000).toBe(0);
    }));

  test.each<[string, number, [cost: number, admitted: boolean, used: number][]]>([
    [
      'exactly the limit is admitted, one more is not',
      2,
      [
        [1, true, 1],
        [1, true, 2],
        [1, false, 2],
      ],
    ],
    [
      'what does not fit is refused whole and counts nothing',
      5,
      [
        [3, true, 3],
        [3, false, 3],
        [2, true, 5],
      ],
    ],
    [
      'a cost above the limit never fits',
      5,
      [
        [6, false, 0],
        [5, true, 5],
      ],
    ],
    ['a limit of 0 refuses all', 0, [[1, false, 0]]],
    [
      'a cost of 0 only reads, and is admitted when the window is full',
      1,
      [
        [0, true, 0],
        [1, true, 1],
        [0, true, 1],
      ],
    ],
  ])('%s', (_name, limit, steps) =>
    inOneMinute(async () => {
      for (const [cost, admitted, used] of steps) {
        const answer = await windows.admit([{ key, cost, limit }]);
        expect({ admitted: answer.admitted, used: answer.windows[0]!.used }).toEqual({ admitted, used });
        expect(answer.windows[0]!.remaining).toBe(Math.max(0, limit - used));
        if (admitted) expect(answer.retryAfterSeconds).toBe(0);
        else expect(answer.retryAfterSeconds).toBeGreaterThanOrEqual(1);
        expect(answer.retryAfterSeconds).toBeLessThanOrEqual(60);
      }
    }),
  );

  test('several windows are counted together or not at all', () =>
    inOneMinute(async () => {
      const [account, token] = [`${key}-account`, `${key}-token`];
      const both = (cost: number) =>
        windows.admit([
          { key: account, cost, limit: 10 },
          { key: token, cost, limit: 3 },
        ]);
      expect((await both(2)).admitted).toBe(true);
      const refused = await both(2);
      expect(refused.admitted).toBe(false);
      expect(refused.windows.map(({ used }) => used)).toEqual([2, 2]);
      expect((await both(1)).windows.map(({ key: name, used }) => [name, used])).toEqual([
        [account, 3],
        [token, 3],
      ]);
    }));

  test('a window that is only read does not refuse what another admits', () =>
    inOneMinute(async () => {
      await windows.admit([{ key, cost: 2, limit: 2 }]);
      const other = `${key}-other`;
      const answer = await windows.admit([
        { key, cost: 0, limit: 2 },
        { key: other, cost: 1, limit: 5 },
      ]);
      expect(answer.admitted).toBe(true);
      expect(answer.windows.map(({ used, remaining }) => [used, remaining])).toEqual([
        [2, 0],
        [1, 4],
      ]);
    }));

  test('a key given twice is one window with both costs and the lower limit', () =>
    inOneMinute(async () => {
      const twice = (first: number, second: number) =>
        windows.admit([
          { key, cost: first, limit: 10 },
          { key, cost: second, limit: 4 },
        ]);
      expect((await twice(2, 3)).admitted).toBe(false);
      const answer = await twice(2, 2);
      expect(answer.windows).toMatchObject([{ key, limit: 4, used: 4, remaining: 0 }]);
    }));

  test('a limit lowered within the minute leaves 0, not less', () =>
    inOneMinute(async () => {
      await windows.admit([{ key, cost: 8, limit: 10 }]);
      const { windows: states } = await windows.admit([{ key, cost: 1, limit: 5 }]);
      expect(states).toMatchObject([{ used: 8, remaining: 0, limit: 5 }]);
    }));

  test('peek tells how windows stand and counts nothing', () =>
    inOneMinute(async () => {
      await windows.admit([{ key, cost: 4, limit: 10 }]);
      const look = () =>
        windows.peek([
          { key, limit: 10 },
          { key: 'free', limit: null },
          { key: `${key}-new`, limit: 2 },
        ]);
      await look();
      expect((await look()).map(({ used, remaining }) => [used, remaining])).toEqual([
        [4, 6],
        [0, 2],
      ]);
    }));

  test('600 at once on a limit of 100: exactly 100 are admitted', () =>
    inOneMinute(async () => {
      const answers = await Promise.all(
        Array.from({ length: 600 }, () => windows.admit([{ key, cost: 1, limit: 100 }])),
      );
      expect(answers.filter(({ admitted }) => admitted)).toHaveLength(100);
      // In arrival order, and each is told the place it got.
      expect(answers.slice(0, 100).map(({ windows: [state] }) => state!.used)).toEqual(
        Array.from({ length: 100 }, (_, n) => n + 1),
      );
    }));

  test('the greatest limit there can be is counted to, not overflowed', () =>
    inOneMinute(async () => {
      const most = 2_147_483_647;
      expect((await windows.admit([{ key, cost: most, limit: Number.MAX_SAFE_INTEGER }])).admitted).toBe(true);
      const answer = await windows.admit([{ key, cost: most, limit: Number.MAX_SAFE_INTEGER }]);
      expect(answer).toMatchObject({ admitted: false, windows: [{ used: most, remaining: 0 }] });
    }));

  test.each<[string, WindowRequest]>([
    ['an empty key', { key: '', cost: 1, limit: 1 }],
    ['a key with a space', { key: 'a b', cost: 1, limit: 1 }],
    ['a key with NUL', { key: 'a\u0000', cost: 1, limit: 1 }],
    ['a key of 201 characters', { key: 'k'.repeat(201), cost: 1, limit: 1 }],
    ['a negative cost', { key: 'k', cost: -1, limit: 1 }],
    ['half a cost', { key: 'k', cost: 0.5, limit: 1 }],
    ['a cost of NaN', { key: 'k', cost: Number.NaN, limit: 1 }],
    ['a cost beyond the counter', { key: 'k', cost: 2_147_483_648, limit: null }],
    ['a negative limit', { key: 'k', cost: 1, limit: -1 }],
    ['an endless limit', { key: 'k', cost: 1, limit: Number.POSITIVE_INFINITY }],
  ])('%s is a RangeError', async (_name, request) => {
    await expect(windows.admit([request])).rejects.toThrow(RangeError);
  });

  const request = fc.record({
    key: fc.constantFrom('a', 'b', 'c'),
    cost: fc.nat({ max: 4 }),
    limit: fc.option(fc.nat({ max: 12 }), { freq: 6 }),
  });
  const document = fc.uniqueArray(request, { selector: ({ key: name }) => name, maxLength: 3 });
  const step = fc.record({ laterMs: fc.nat({ max: 40_000 }), together: fc.array(document, { maxLength: 6 }) });

  test('whatever comes, each document is decided as the model does: greedily, in arrival order, minute by minute', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        const run = randomUUID();
        const held = new Map<string, number>();
        for (const { laterMs, together } of steps) {
          nowMs += laterMs;
          await subject.setTime?.(nowMs);
          const own = together.map((requests) => requests.map((each) => ({ ...each, key: `${run}-${each.key}` })));
          const answers = await Promise.all(own.map((requests) => windows.admit(requests)));
          for (const [n, answer] of answers.entries()) {
            expect(answer).toEqual(model(held, own[n]!, answer, subject.setTime ? nowMs : null));
          }
        }
      }),
      { numRuns: 60 },
    );
  });
}

/** The decision as pricing tells it, from what each window holds; where time is the store's, its minute is believed. */
function model(
  held: Map<string, number>,
  requests: readonly WindowRequest[],
  answer: WindowDecision,
  nowMs: number | null,
): WindowDecision {
  const limited = requests.filter(({ limit }) => limit !== null);
  if (limited.length === 0) return { admitted: true, windows: [], retryAfterSeconds: 0 };
  const resetAtMs = nowMs === null ? answer.windows[0]!.resetAtMs : (Math.floor(nowMs / 60_000) + 1) * 60_000;
  const windowOf = (key: string) => `${key} ${resetAtMs}`;
  const usedOf = (key: string) => held.get(windowOf(key)) ?? 0;
  const admitted = limited.every(({ key, cost, limit }) => cost === 0 || usedOf(key) + cost <= limit!);
  if (admitted) for (const { key, cost } of limited) held.set(windowOf(key), usedOf(key) + cost);
  const wait = nowMs === null ? answer.retryAfterSeconds : Math.max(1, Math.ceil((resetAtMs - nowMs) / 1000));
  return {
    admitted,
    windows: limited.map(({ key, limit }) => {
      const used = usedOf(key);
      return { key, limit: limit!, used, remaining: Math.max(0, limit! - used), resetAtMs };
    }),
    retryAfterSeconds: admitted ? 0 : wait,
  };
}

describe('InProcessWindows', () => {
  behavesAsRequestWindows(async () => {
    const clock = new ManualClock();
    return {
      windows: new InProcessWindows(clock),
      setTime: async (nowMs) => clock.set(nowMs),
      close: async () => {},
    };
  });

  test('a new minute is a new window, from its first millisecond', async () => {
    const clock = new ManualClock(START + 59_999);
    const windows = new InProcessWindows(clock);
    const one = () => windows.admit([{ key: 'k', cost: 1, limit: 1 }]);
    expect(await one()).toMatchObject({ admitted: true, windows: [{ resetAtMs: START + 60_000 }] });
    expect(await one()).toMatchObject({ admitted: false, retryAfterSeconds: 1 });
    clock.set(START + 60_000);
    expect(await one()).toMatchObject({ admitted: true, windows: [{ resetAtMs: START + 120_000 }] });
    expect(await one()).toMatchObject({ admitted: false, retryAfterSeconds: 60 });
  });

  test('a clock that is set back does not open a window again', async () => {
    const clock = new ManualClock(START);
    const windows = new InProcessWindows(clock);
    const one = () => windows.admit([{ key: 'k', cost: 1, limit: 1 }]);
    await one();
    clock.set(START - 90_000);
    expect(await one()).toMatchObject({ admitted: false, windows: [{ resetAtMs: START + 60_000 }] });
  });
});

describe('PostgresWindows on the embedded engine', () => {
  behavesAsRequestWindows(async () => {
    const database = await embeddedDatabase();
    await makeWindowsSchema(database);
    return {
      windows: new PostgresWindows(database, systemClock, recordedLog()),
      setTime: (nowMs) => setTime(database, nowMs),
      close: () => database.close(),
    };
  });
});

describeWithPostgres('PostgresWindows on real PostgreSQL', () => {
  let scratch: ScratchPostgres;
  behavesAsRequestWindows(async () => {
    scratch = await scratchPostgres();
    const database = scratch.open();
    await makeWindowsSchema(database);
    return {
      windows: new PostgresWindows(database, systemClock, recordedLog()),
      setTime: (nowMs) => setTime(database, nowMs),
      close: () => scratch.drop(),
    };
  });
});

const TEST_REDIS_URL = process.env.TEST_REDIS_URL ?? '';
const redisTitle = TEST_REDIS_URL ? 'RedisWindows' : 'RedisWindows (skipped: TEST_REDIS_URL is not set)';
(TEST_REDIS_URL ? describe : describe.skip)(redisTitle, () => {
  behavesAsRequestWindows(async () => {
    const client = createRedisClient(TEST_REDIS_URL, 'test-windows', () => {});
    await client.connect();
    return { windows: new RedisWindows(client), setTime: null, close: async () => client.disconnect() };
  });
});
