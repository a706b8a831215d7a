import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import type { Database, Queryable } from '../../src/db/database';
import type { DatabaseLog } from '../../src/db/database-log';
import { migrate } from '../../src/db/migrate';
import { type DatabaseSettings, openDatabase } from '../../src/db/open-database';
import { systemClock } from '../../src/lib/clock';
import { Secret } from '../../src/lib/secret';
import { migratedTemplate } from './embedded-template';

/** A PostgreSQL server on which the tests may create databases; empty: they run on the embedded engine. */
export const TEST_DATABASE_URL = process.env.TEST_DATABASE_URL ?? '';

/** `describe` for what only real PostgreSQL can show; elsewhere it is skipped under a name that says why. */
export const describeOnPostgres: (name: string, tests: () => void) => void = TEST_DATABASE_URL
  ? (name, tests) => describe(name, tests)
  : (name, tests) => describe.skip(`${name} (skipped: TEST_DATABASE_URL is not set)`, tests);

export interface TestDatabase {
  readonly database: Database;
  /** What a server process would be started with to work on the same data. */
  readonly settings: DatabaseSettings;
  /** A further door to the same data, as another process has it; closed with the rest unless it was before. */
  openAnother(): Promise<Database>;
  /** Closes every door and removes the data. */
  close(): Promise<void>;
}

export interface TestDatabaseOptions {
  /** Connections of each door on real PostgreSQL; 10 by default. */
  readonly poolSize?: number;
  /** false: an empty database, for tests of the migrations themselves. */
  readonly migrated?: boolean;
}

/**
 * A migrated database of the test's own: a new one on TEST_DATABASE_URL's server where that is set, otherwise the
 * embedded engine in a temporary directory.
 */
export function openTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  return TEST_DATABASE_URL ? openOnServer(options) : openEmbedded(options);
}

/** The embedded engine, whatever TEST_DATABASE_URL says. */
export async function openEmbeddedTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  return openEmbedded(options);
}

async function openEmbedded({ migrated = true }: TestDatabaseOptions): Promise<TestDatabase> {
  const templateDirectory = migrated ? await migratedTemplate() : undefined;
  const directory = mkdtempSync(path.join(os.tmpdir(), 'polyphony-test-'));
  const settings: DatabaseSettings = { databaseUrl: null, dataDirectory: directory };
  return doorsTo(
    settings,
    () => openDatabase(settings, { log, clock: systemClock, templateDirectory }),
    async () => rmSync(directory, { recursive: true, force: true }),
  );
}

async function openOnServer({ poolSize, migrated = true }: TestDatabaseOptions): Promise<TestDatabase> {
  const name = `polyphony_test_${randomBytes(8).toString('hex')}`;
  await onServer(`CREATE DATABASE ${name} TEMPLATE template0`);
  const address = new URL(TEST_DATABASE_URL);
  address.pathname = `/${name}`;
  const settings: DatabaseSettings = { databaseUrl: new Secret(address.href), dataDirectory: os.tmpdir() };
  const remove = () => dropOnServer(name);
  const test = await doorsTo(settings, () => openDatabase(settings, { log, clock: systemClock, poolSize }), remove);
  if (!migrated) return test;
  try {
    await migrate(test.database, log);
    return test;
  } catch (error) {
    await test.close();
    throw error;
  }
}

async function doorsTo(
  settings: DatabaseSettings,
  open: () => Promise<Database>,
  remove: () => Promise<void>,
): Promise<TestDatabase> {
  let database: Database;
  try {
    database = await open();
  } catch (error) {
    await remove();
    throw error;
  }
  const others: Database[] = [];
  let closed: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    // The first door has the engine, so it closes last.
    for (const door of [...others, database]) await door.close();
    await remove();
  };
  return {
    database,
    settings,
    async openAnother() {
      const other = await open();
      others.push(other);
      return other;
    },
    close() {
      closed ??= close();
      return closed;
    },
  };
}

const DROP_TRIES = 5;

/**
 * Plain DROP ends an autovacuum of the database but waits in vain for clients that a test left behind; FORCE ends
 * those, but may not touch an autovacuum unless the role is a superuser. So each has its turn.
 */
async function dropOnServer(name: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await onServer(`DROP DATABASE IF EXISTS ${name} ${attempt % 2 ? 'WITH (FORCE)' : ''}`);
    } catch (error) {
      const { code } = error as { code?: string };
      if (attempt === DROP_TRIES || (code !== INSUFFICIENT_PRIVILEGE && code !== OBJECT_IN_USE)) throw error;
    }
  }
}
const INSUFFICIENT_PRIVILEGE = '42501';
const OBJECT_IN_USE = '55006';

async function onServer(sql: string): Promise<void> {
  const client = new Client({ connectionString: TEST_DATABASE_URL });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

const OFFSET = /interval '(-?\d+) milliseconds'/;

/**
 * Moves the database's clock, `ledger_now()`, by `ms` further (back when negative); calls add up. It goes on running.
 * Where JavaScript's time matters too, advance the test's `TestClock` by the same.
 */
export async function moveClock(database: Queryable, ms: number): Promise<void> {
  const { rows } = await database.query<{ prosrc: string }>(
    `SELECT prosrc FROM pg_proc WHERE oid = 'ledger_now'::regproc`,
  );
  const offset = Number(OFFSET.exec(rows[0]!.prosrc)?.[1] ?? 0) + Math.round(ms);
  await database.query(
    `CREATE OR REPLACE FUNCTION ledger_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS
     $body$ SELECT clock_timestamp() + interval '${offset} milliseconds' $body$`,
  );
}

/** The database's clock stands still at this moment; `moveClock` has it run again. */
export async function stopClock(database: Queryable, now: number): Promise<void> {
  await database.query(
    `CREATE OR REPLACE FUNCTION ledger_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS
     $body$ SELECT timestamptz '${new Date(now).toISOString()}' $body$`,
  );
}

/** Quiet but for what must never happen in a test. */
const log: DatabaseLog = {
  info: () => {},
  warn: () => {},
  error: (fields, message) => console.error(message, fields),
};
