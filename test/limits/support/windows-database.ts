import { Worker } from 'node:worker_threads';
import { RATE_WINDOWS_ADMIT } from '../../../migrations/sql/rate-windows';
import type { QueryAnswer, Queryable } from '../../../src/db/database';

/** What the migration makes, with a time that tests move: `test_time` holds it, null is the real one. */
const SCHEMA = [
  'CREATE UNLOGGED TABLE rate_windows (key text, minute bigint, used int NOT NULL, PRIMARY KEY (key, minute))',
  'CREATE TABLE test_time (moment timestamptz)',
  'INSERT INTO test_time VALUES (NULL)',
  `CREATE FUNCTION ledger_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    'SELECT coalesce(moment, clock_timestamp()) FROM test_time'`,
  RATE_WINDOWS_ADMIT,
];

export async function makeWindowsSchema(database: Queryable): Promise<void> {
  for (const sql of SCHEMA) await database.query(sql);
}

export async function setTime(database: Queryable, nowMs: number): Promise<void> {
  await database.query('UPDATE test_time SET moment = to_timestamp($1::float8 / 1000)', [nowMs]);
}

/** A plain Node thread: the engine imports its own files, which a module under test may not. */
const ENGINE = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { PGlite } = require(workerData);
  const engine = new PGlite();
  parentPort.on('message', ({ id, sql, parameters }) => {
    engine.query(sql, parameters).then(
      ({ rows, affectedRows }) => parentPort.postMessage({ id, rows, rowCount: affectedRows ?? rows.length }),
      (error) => parentPort.postMessage({ id, fault: error.message }),
    );
  });
`;

/** The embedded engine: the same SQL where no server is at hand. */
export async function embeddedDatabase(): Promise<Queryable & { close(): Promise<void> }> {
  const worker = new Worker(ENGINE, { eval: true, workerData: require.resolve('@electric-sql/pglite') });
  const waiting = new Map<number, { resolve(answer: QueryAnswer<never>): void; reject(error: Error): void }>();
  worker.on('message', ({ id, fault, rows, rowCount }) => {
    if (fault === undefined) waiting.get(id)!.resolve({ rows, rowCount });
    else waiting.get(id)!.reject(new Error(fault));
    waiting.delete(id);
  });
  let asked = 0;
  return {
    query: <Row>(sql: string, parameters: readonly unknown[] = []) =>
      new Promise<QueryAnswer<Row>>((resolve, reject) => {
        asked += 1;
        waiting.set(asked, { resolve, reject });
        worker.postMessage({ id: asked, sql, parameters });
      }),
    close: async () => void (await worker.terminate()),
  };
}
