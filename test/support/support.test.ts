import { pendingMigrations } from '../../src/db/migrate';
import { moveClock, openTestDatabase, type TestDatabase } from './database';
import { TestClock } from './test-clock';

describe('openTestDatabase', () => {
  let one: TestDatabase;
  let two: TestDatabase;
  beforeAll(async () => {
    [one, two] = await Promise.all([openTestDatabase(), openTestDatabase()]);
  });
  afterAll(() => Promise.all([one?.close(), two?.close()]));

  test('every migration has run', async () => {
    expect(await pendingMigrations(one.database)).toEqual([]);
  });

  test('what one test writes no other sees', async () => {
    await one.database.query('CREATE TABLE mine (value integer)');
    const { rows } = await two.database.query<{ found: string | null }>(`SELECT to_regclass('mine')::text AS found`);
    expect(rows[0]!.found).toBeNull();
  });

  test('a further door opens on the same data', async () => {
    const other = await one.openAnother();
    await other.query('CREATE TABLE shared (value integer)');
    await other.query('INSERT INTO shared VALUES (7)');
    expect((await one.database.query('SELECT value FROM shared')).rows).toEqual([{ value: 7 }]);
  });

  test('the database’s clock moves as often as it is told, alone in its database, and runs on', async () => {
    const at = async ({ database }: TestDatabase) =>
      (await database.query<{ now: Date }>('SELECT ledger_now() AS now')).rows[0]!.now.getTime();
    const before = await at(one);
    await moveClock(one.database, 3_600_000);
    await moveClock(one.database, 3_600_000);
    await moveClock(one.database, -1_800_000);
    expect((await at(one)) - before).toBeGreaterThanOrEqual(5_400_000);
    expect(await at(one)).toBeGreaterThanOrEqual(await at(two));
    const inFunctions = await one.database.query<{ ahead: boolean }>(
      `SELECT ledger_now() > clock_timestamp() + interval '89 minutes' AS ahead FROM ledger_expire(1) RIGHT JOIN (SELECT 1) x ON true`,
    );
    expect(inFunctions.rows[0]!.ahead).toBe(true);
  });
});

describe('TestClock', () => {
  test('stands still until it is moved, and then both its times move alike', () => {
    const clock = new TestClock(1_000);
    expect([clock.now(), clock.monotonic()]).toEqual([1_000, 0]);
    clock.advance(250);
    expect([clock.now(), clock.monotonic()]).toEqual([1_250, 250]);
  });

  test('tasks run in the order of their times, each at its own, those scheduled on the way included', () => {
    const clock = new TestClock(0);
    const ran: [string, number][] = [];
    const run = (name: string) => () => ran.push([name, clock.now()]);
    clock.schedule(run('late'), 30);
    clock.schedule(() => {
      run('early')();
      clock.schedule(run('nested'), 10);
      clock.schedule(run('too late'), 91);
    }, 10);
    clock.schedule(run('early too'), 10);
    const cancel = clock.schedule(run('cancelled'), 5);
    cancel();
    clock.advance(100);
    expect(ran).toEqual([
      ['early', 10],
      ['early too', 10],
      ['nested', 20],
      ['late', 30],
    ]);
    expect([clock.now(), clock.waiting]).toEqual([100, 1]);
  });

  test('asynchronous tasks finish before time moves on', async () => {
    const clock = new TestClock(0);
    const ticks: number[] = [];
    const tick = async () => {
      await Promise.resolve();
      ticks.push(clock.now());
      if (ticks.length < 3) clock.schedule(() => void tick(), 10);
    };
    clock.schedule(() => void tick(), 10);
    await clock.advanceAsync(100);
    expect(ticks).toEqual([10, 20, 30]);
  });

  test('time does not go back', () => {
    expect(() => new TestClock().advance(-1)).toThrow(RangeError);
  });
});
