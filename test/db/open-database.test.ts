import { MIGRATIONS } from '../../migrations';
import type { Database, Queryable } from '../../src/db/database';
import { migrate, pendingMigrations } from '../../src/db/migrate';
import { type DatabaseSettings, openDatabase } from '../../src/db/open-database';
import { DatabaseUnavailableError, isConnectionError } from '../../src/db/postgres';
import { systemClock } from '../../src/lib/clock';
import { AppError } from '../../src/lib/errors';
import { Secret } from '../../src/lib/secret';
import { CLUSTER_TEMPLATE, newDirectory, removeDirectories, silentLog } from '../support/embedded';
import { createScratchDatabase, TEST_DATABASE_URL } from '../support/scratch-database';

const dependencies = { log: silentLog, clock: systemClock, templateDirectory: CLUSTER_TEMPLATE, poolSize: 4 };

interface Place {
  readonly settings: DatabaseSettings;
  remove(): Promise<void>;
}

afterAll(removeDirectories);

async function embeddedPlace(): Promise<Place> {
  return { settings: { databaseUrl: null, dataDirectory: newDirectory() }, remove: async () => {} };
}

async function postgresPlace(): Promise<Place> {
  const scratch = await createScratchDatabase();
  return { settings: { databaseUrl: new Secret(scratch.url), dataDirectory: '/nowhere' }, remove: scratch.drop };
}

describe('the embedded engine', () => holdsItsPromises(embeddedPlace));

if (TEST_DATABASE_URL) describe('real PostgreSQL', () => holdsItsPromises(postgresPlace));
else describe.skip('real PostgreSQL (TEST_DATABASE_URL is not set)', () => holdsItsPromises(postgresPlace));

function holdsItsPromises(makePlace: () => Promise<Place>): void {
  let place: Place;
  let database: Database;
  const count = async (): Promise<number> =>
    Number((await database.query<{ count: string }>('SELECT count(*) FROM things')).rows[0]!.count);

  beforeAll(async () => {
    place = await makePlace();
    database = await openDatabase(place.settings, dependencies);
    await database.query('CREATE TABLE things (n int UNIQUE)');
  });
  beforeEach(() => database.query('TRUNCATE things'));
  afterAll(async () => {
    await database?.close();
    await place?.remove();
  });

  test('columns come back exact and free of the machine’s time zone', async () => {
    const answer = await database.query(`
      SELECT 9007199254740993::int8 AS int8, 0.10::numeric AS numeric, '{"a": [1]}'::jsonb AS jsonb,
        '2026-01-02T03:04:05Z'::timestamptz AS at, '2026-01-02'::date AS day, '\\x00ff'::bytea AS bytes, NULL::text AS nothing`);
    expect(answer.rows).toEqual([
      {
        int8: '9007199254740993',
        numeric: '0.10',
        jsonb: { a: [1] },
        at: new Date('2026-01-02T03:04:05Z'),
        day: '2026-01-02',
        bytes: Buffer.from([0, 255]),
        nothing: null,
      },
    ]);
  });

  test('parameters keep their value on the way', async () => {
    const at = new Date('2026-01-02T03:04:05.678Z');
    const answer = await database.query(
      'SELECT $1::int8 AS big, $2::timestamptz AS at, $3::text[] AS list, $4::jsonb AS json',
      [9007199254740993n, at, ['a', 'b"c', null], JSON.stringify({ a: 'ü' })],
    );
    expect(answer.rows).toEqual([{ big: '9007199254740993', at, list: ['a', 'b"c', null], json: { a: 'ü' } }]);
  });

  test('the rows that a statement changed are counted', async () => {
    expect((await database.query('INSERT INTO things SELECT generate_series(1, 3)')).rowCount).toBe(3);
    expect((await database.query('DELETE FROM things WHERE n > 1')).rowCount).toBe(2);
  });

  test('a transaction that returns is committed', async () => {
    const answer = await database.transaction(async (tx) => {
      await tx.query('INSERT INTO things VALUES ($1)', [1]);
      return 'done';
    });
    expect(answer).toBe('done');
    expect(await count()).toBe(1);
  });

  test('a transaction that throws is rolled back and its error comes out as it is', async () => {
    const refusal = new AppError('CONFLICT', 'no');
    const attempt = database.transaction(async (tx) => {
      await tx.query('INSERT INTO things VALUES (1)');
      throw refusal;
    });
    await expect(attempt).rejects.toBe(refusal);
    expect(await count()).toBe(0);
  });

  test('an SQL error keeps its SQLSTATE and is no connection error', async () => {
    await database.query('INSERT INTO things VALUES (1)');
    const error = await database.query('INSERT INTO things VALUES (1)').catch((caught) => caught);
    expect(error.code).toBe('23505');
    expect(isConnectionError(error)).toBe(false);
  });

  test('a transaction in which an SQL error was swallowed is never taken for committed', async () => {
    const attempt = database.transaction(async (tx) => {
      await tx.query('INSERT INTO things VALUES (1)');
      await tx.query('SELECT 1 / 0').catch(() => {});
    });
    await expect(attempt).rejects.toThrow('rolled back');
    expect(await count()).toBe(0);
  });

  test('a query that nobody awaited still belongs to its transaction', async () => {
    await expect(
      database.transaction(async (tx) => {
        void tx.query('INSERT INTO things VALUES (1)');
        void tx.query('INSERT INTO things VALUES (2)');
        throw new Error('stop');
      }),
    ).rejects.toThrow('stop');
    expect(await count()).toBe(0);
  });

  test('a query after the end of its transaction is refused', async () => {
    const leaked = await database.transaction(async (tx): Promise<Queryable> => tx);
    await expect(leaked.query('INSERT INTO things VALUES (1)')).rejects.toThrow('has ended');
    expect(await count()).toBe(0);
  });

  test('more transactions at once than connections all commit, and apart from each other', async () => {
    await database.query('INSERT INTO things VALUES (0)');
    await Promise.all(
      Array.from({ length: 30 }, () =>
        database.transaction(async (tx) => {
          const before = await tx.query<{ n: number }>('SELECT n FROM things FOR UPDATE');
          await tx.query('UPDATE things SET n = $1', [before.rows[0]!.n + 1]);
        }),
      ),
    );
    expect((await database.query('SELECT n FROM things')).rows).toEqual([{ n: 30 }]);
  });

  test('a statement’s name prepares it where sessions are apart, and is ignored where they are not', async () => {
    const name = `names_${database.engine}`;
    await Promise.all(Array.from({ length: 12 }, (_, n) => database.query('SELECT $1::int AS n', [n], name)));
    const prepared = await database.transaction(async (tx) => {
      await tx.query('SELECT $1::int AS n', [1], name);
      return tx.query('SELECT name FROM pg_prepared_statements WHERE name = $1', [name]);
    });
    expect(prepared.rowCount).toBe(database.engine === 'postgres' ? 1 : 0);
  });

  test('processes that migrate at the same time run each migration once', async () => {
    expect(await pendingMigrations(database)).toHaveLength(MIGRATIONS.length);
    const other = await openDatabase(place.settings, dependencies);
    const logged: object[] = [];
    const log = { ...silentLog, info: (fields: object) => logged.push(fields) };
    const ran = await Promise.all([migrate(database, log), migrate(other, log)]);
    expect(ran.flat()).toEqual(MIGRATIONS.map((migration) => migration.name));
    expect(logged).toHaveLength(MIGRATIONS.length);
    expect(await pendingMigrations(other)).toEqual([]);
    expect(await migrate(database, log)).toEqual([]);
    await other.close();
    expect(await count()).toBe(0);
  });

  test('a database that is closed answers UNAVAILABLE, and closing twice is one close', async () => {
    const short = await openDatabase(place.settings, dependencies);
    await Promise.all([short.close(), short.close()]);
    const error = await short.query('SELECT 1').catch((caught) => caught);
    expect(error).toBeInstanceOf(DatabaseUnavailableError);
    expect(error).toMatchObject({ code: 'UNAVAILABLE', outcomeUnknown: false });
  });
}

test('an embedded engine that is gone is UNAVAILABLE, not an internal error', async () => {
  const settings = { databaseUrl: null, dataDirectory: newDirectory() };
  const owner = await openDatabase(settings, dependencies);
  const guest = await openDatabase(settings, dependencies);
  await guest.query('SELECT 1');
  await owner.close();
  await expect(guest.query('SELECT 1')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(guest.listen).toBeNull();
  await guest.close();
});
