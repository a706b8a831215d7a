import { setTimeout as pause } from 'node:timers/promises';
import type { Database, Queryable } from './database';
import type { DatabaseLog } from './database-log';

/** Any number that nothing else in this database locks: "polyphon" in ASCII. */
const MIGRATION_LOCK = '8101537236640231278';
const LOCK_POLL_MS = 200;

/** Names of the migrations that this version of the code has and the database has not, in their order. */
export async function pendingMigrations(database: Database): Promise<string[]> {
  const known = database.dataSource.migrations.map((migration) => migration.name ?? migration.constructor.name);
  const table = await database.query<{ exists: boolean }>(`SELECT to_regclass('migrations') IS NOT NULL AS exists`);
  if (!table.rows[0]!.exists) return known;
  const done = await database.query<{ name: string }>('SELECT name FROM migrations');
  const names = new Set(done.rows.map((row) => row.name));
  return known.filter((name) => !names.has(name));
}

/**
 * Runs what is pending, each migration in a transaction of its own (on the embedded engine all of them in one), and
 * returns the names of those that ran here. Any number of processes may start together: one migrates, the others wait and
 * find nothing left to do.
 *
 * @throws the migration's own error; those before it stay done on PostgreSQL, the failed one leaves nothing behind.
 */
export async function migrate(database: Database, log: DatabaseLog): Promise<string[]> {
  const ran = database.engine === 'postgres' ? await migrateLocked(database) : await migrateEmbedded(database);
  for (const name of ran) log.info({ migration: name }, 'database migrated');
  return ran;
}

async function run(database: Database, transaction: 'each' | 'all'): Promise<string[]> {
  return (await database.dataSource.runMigrations({ transaction })).map((migration) => migration.name);
}

/** The lock belongs to a transaction, so that it goes with its connection whatever happens to this process. */
function migrateLocked(database: Database): Promise<string[]> {
  return database.transaction(async (tx) => {
    await tx.query('SET LOCAL idle_in_transaction_session_timeout = 0');
    while (!(await tryLock(tx))) await pause(LOCK_POLL_MS);
    return run(database, 'each');
  });
}

async function tryLock(tx: Queryable): Promise<boolean> {
  const answer = await tx.query<{ locked: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS locked', [
    MIGRATION_LOCK,
  ]);
  return answer.rows[0]!.locked;
}

/** The table that TypeORM would make, in which a migration is noted once: who comes second with it fails, whatever it does. */
const MIGRATIONS_TABLE = /* sql */ `
CREATE TABLE IF NOT EXISTS migrations (id serial PRIMARY KEY, timestamp bigint NOT NULL, name varchar NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS migrations_once ON migrations (name)`;

/**
 * The embedded engine has one session, in which every advisory lock is free to everybody. Its owner and a guest may
 * clash here; what is pending runs in one transaction, so the one that loses it to the other has done nothing, and finds
 * fewer left than before.
 */
async function migrateEmbedded(database: Database): Promise<string[]> {
  for (const statement of MIGRATIONS_TABLE.split(';\n')) await database.query(statement);
  let left = await pendingMigrations(database);
  while (left.length > 0) {
    try {
      return await run(database, 'all');
    } catch (error) {
      const still = await pendingMigrations(database);
      if (still.length === left.length) throw error;
      left = still;
    }
  }
  return [];
}
