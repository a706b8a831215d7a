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
 * Runs what is pending, each migration in a transaction of its own, and returns the names of those that ran here. Any
 * number of processes may start together: one migrates, the others wait and find nothing left to do.
 *
 * @throws the migration's own error; those before it stay done, the failed one leaves nothing behind.
 */
export async function migrate(database: Database, log: DatabaseLog): Promise<string[]> {
  const ran = database.engine === 'postgres' ? await migrateLocked(database) : await migrateEmbedded(database);
  for (const name of ran) log.info({ migration: name }, 'database migrated');
  return ran;
}

async function run(database: Database): Promise<string[]> {
  return (await database.dataSource.runMigrations({ transaction: 'each' })).map((migration) => migration.name);
}

/** The lock belongs to a transaction, so that it goes with its connection whatever happens to this process. */
function migrateLocked(database: Database): Promise<string[]> {
  return database.transaction(async (tx) => {
    await tx.query('SET LOCAL idle_in_transaction_session_timeout = 0');
    while (!(await tryLock(tx))) await pause(LOCK_POLL_MS);
    return run(database);
  });
}

async function tryLock(tx: Queryable): Promise<boolean> {
  const answer = await tx.query<{ locked: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS locked', [
    MIGRATION_LOCK,
  ]);
  return answer.rows[0]!.locked;
}

/**
 * The embedded engine has one session, in which every advisory lock is free to everybody. Its owner and a guest may
 * clash here; the one that loses a migration to the other sees an error, but also fewer left than before.
 */
async function migrateEmbedded(database: Database): Promise<string[]> {
  let left = await pendingMigrations(database);
  while (left.length > 0) {
    try {
      return await run(database);
    } catch (error) {
      const still = await pendingMigrations(database);
      if (still.length === left.length) throw error;
      left = still;
    }
  }
  return [];
}
