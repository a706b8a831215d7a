import {
  dropEventMonth,
  droppableMonths,
  eventMonths,
  eventsKeptFrom,
  openEventMonths,
} from '../../src/ledger/event-months';
import { newId } from '../../src/lib/ids';
import { runCommand } from '../cli/support/run-command';
import { moveClock, openTestDatabase, type TestDatabase } from '../support/database';
import { LedgerHarness } from './support/ledger-harness';

const DAY = 86_400_000;
let test: TestDatabase;
let h: LedgerHarness;
beforeEach(async () => {
  test = await openTestDatabase();
  h = new LedgerHarness(test.database);
});
afterEach(() => test.close());

/** An operation of its time: its id begins with it, and the ledger's clock says the same. */
async function spend(workspaceId: string, at: number, credits: number): Promise<string> {
  const { rows } = await test.database.query<{ now: Date }>('SELECT ledger_now() AS now');
  await moveClock(test.database, at - rows[0]!.now.getTime());
  const operationId = newId(at);
  await h.reserve(workspaceId, credits, { operationId });
  await h.settle(workspaceId, operationId, credits);
  return operationId;
}

/** The moment at which the first partition ends, in milliseconds: a month begins then. */
const firstEnd = async (): Promise<number> => (await eventMonths(test.database))[0]!.end!.getTime();

const partitionOf = async (id: string): Promise<string | undefined> => {
  const { rows } = await test.database.query<{ name: string }>(
    'SELECT tableoid::regclass::text AS name FROM usage_events WHERE id = $1',
    [id],
  );
  return rows[0]?.name;
};

const sumsOf = async (workspaceId: string): Promise<unknown> => {
  const { rows } = await test.database.query(
    `SELECT (SELECT sum(credits) FROM usage_quarters WHERE workspace_id = $1) AS quarters,
       (SELECT sum(credits) FROM usage_totals WHERE workspace_id = $1) AS totals,
       (SELECT -sum(amount) FROM journal WHERE workspace_id = $1 AND kind = 'usage') AS journal`,
    [workspaceId],
  );
  return rows[0];
};

it('an event lies in the month of its id, made before it is needed; other times have a place too', async () => {
  const workspaceId = await h.workspace('open');
  const now = await firstEnd();
  const inTwoMonths = now + 32 * DAY;
  const soon = await spend(workspaceId, inTwoMonths, 1);
  const month = new Date(inTwoMonths).toISOString().slice(0, 7).replace('-', '_');
  expect(await partitionOf(soon)).toBe(`usage_events_${month}`);
  const late = await spend(workspaceId, now + 400 * DAY, 1);
  expect(await partitionOf(late)).toBe('usage_events_other');
  // Its month is made: what lies elsewhere moves, by however many processes at once.
  const made = await Promise.all([openEventMonths(test.database), openEventMonths(test.database)]);
  expect(made.sort()).toEqual([0, 3]);
  expect(await partitionOf(late)).toBe(
    `usage_events_${new Date(now + 400 * DAY).toISOString().slice(0, 7).replace('-', '_')}`,
  );
  expect((await h.verify()).findings).toEqual([]);
});

it('a month that is dropped takes its events alone: sums, journal and proof stay', async () => {
  const workspaceId = await h.workspace('open');
  const end = await firstEnd();
  const before = await spend(workspaceId, end - DAY / 24, 3);
  const old = await spend(workspaceId, end + DAY, 5);
  const kept = await spend(workspaceId, end + 40 * DAY, 7);
  const sums = await sumsOf(workspaceId);
  expect(await eventsKeptFrom(test.database)).toBeNull();
  const droppable = await droppableMonths(test.database, new Date(end + 32 * DAY));
  expect(droppable).toHaveLength(2);
  for (const { name } of droppable) await dropEventMonth(test.database, name);
  expect(await Promise.all([before, old, kept].map(partitionOf))).toEqual([undefined, undefined, expect.any(String)]);
  expect(await sumsOf(workspaceId)).toEqual(sums);
  expect((await h.verify()).findings).toEqual([]);
  expect((await eventsKeptFrom(test.database))!.getTime()).toBe(droppable.at(-1)!.end!.getTime());
  // Again, nothing; and the ledger goes on.
  await dropEventMonth(test.database, droppable[0]!.name);
  await spend(workspaceId, end + 41 * DAY, 1);
  await openEventMonths(test.database);
  expect((await h.verify()).findings).toEqual([]);
  // What is dropped and then missing once more is found.
  await test.database.query('UPDATE dropped_usage SET events = events + 1');
  expect((await h.verify()).findings).not.toEqual([]);
});

it('a month is not dropped while one of its operations is under way', async () => {
  const workspaceId = await h.workspace('open');
  const operationId = newId();
  await h.reserve(workspaceId, 1, { operationId });
  const [first] = await eventMonths(test.database);
  await expect(dropEventMonth(test.database, first!.name)).rejects.toMatchObject({ code: 'CONFLICT' });
  await h.settle(workspaceId, operationId, 1);
  expect(await partitionOf(operationId)).toBe(first!.name);
});

describe('polyphony events', () => {
  const run = (...args: string[]) => {
    const { databaseUrl, dataDirectory } = test.settings;
    const environment = { DATA_DIR: dataDirectory, DATABASE_URL: databaseUrl?.reveal(), ENCRYPTION_KEY: KEY };
    return runCommand(['events', ...args], environment, dataDirectory);
  };
  const KEY = Buffer.alloc(32, 7).toString('base64');

  it('drops what is old enough, and only when told to', async () => {
    const workspaceId = await h.workspace('open');
    await spend(workspaceId, Date.now(), 3);
    await spend(workspaceId, Date.now() + 130 * DAY, 3);
    const ends = new Date((await eventMonths(test.database))[0]!.end!);
    const date = ends.toISOString().slice(0, 10);
    const asked = await run('drop', '--before', date, '--json');
    expect(asked).toMatchObject({ code: 0 });
    expect(JSON.parse(asked.out)).toMatchObject({
      dropped: false,
      months: [{ name: 'usage_events_first', events: 1 }],
    });
    expect((await eventMonths(test.database))[0]).toMatchObject({ name: 'usage_events_first', events: 1 });
    expect(await run('drop', '--before', date, '--yes')).toMatchObject({
      code: 0,
      out: expect.stringContaining('Dropped'),
    });
    const months = JSON.parse((await run('months', '--json')).out).months as { name: string }[];
    expect(months.map(({ name }) => name)).not.toContain('usage_events_first');
    expect((await run('drop', '--before', date, '--yes')).out).toContain('nothing to drop');
    const rerate = await runCommand(
      ['ledger', 'rerate', '--from', '2020-01-01', '--to', '2030-01-01', '--book', 'default'],
      { DATA_DIR: test.settings.dataDirectory, DATABASE_URL: test.settings.databaseUrl?.reveal(), ENCRYPTION_KEY: KEY },
      test.settings.dataDirectory,
    );
    expect(rerate).toMatchObject({ code: 2, error: expect.stringContaining('were dropped') });
  });

  it.each([
    ['a month that is too young', ['drop', '--before', new Date().toISOString().slice(0, 10)], 'at least 62 days ago'],
    ['no date', ['drop'], '--before'],
    ['a date that does not exist', ['drop', '--before', '2026-02-30'], 'Write a moment'],
  ])('refuses %s', async (_what, args, said) => {
    expect(await run(...args)).toMatchObject({ code: 2, error: expect.stringContaining(said) });
  });
});
