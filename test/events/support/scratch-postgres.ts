import { randomBytes } from 'node:crypto';
import { Client, Pool } from 'pg';
import type { Database, QueryAnswer } from '../../../src/db/database';
import { postgresListen } from '../../../src/db/postgres-listen';
import { systemClock } from '../../../src/lib/clock';

export const TEST_DATABASE_URL = process.env.TEST_DATABASE_URL ?? '';

/** `describe` on real PostgreSQL, or a skipped one whose name says why. */
export const describeWithPostgres: (name: string, tests: () => void) => void = TEST_DATABASE_URL
  ? (name, tests) => describe(name, tests)
  : (name, tests) => describe.skip(`${name} (skipped: TEST_DATABASE_URL is not set)`, tests);

/** A database of its own on the server under test. */
export interface ScratchPostgres {
  readonly url: string;
  /** A process's door to it: a pool of its own. Closed by `drop`. */
  open(connections?: number): Pick<Database, 'query' | 'listen'>;
  connect(): Promise<Client>;
  drop(): Promise<void>;
}

export async function scratchPostgres(): Promise<ScratchPostgres> {
  const name = `polyphony_test_${randomBytes(6).toString('hex')}`;
  const admin = async (sql: string) => {
    const client = new Client({ connectionString: TEST_DATABASE_URL });
    await client.connect();
    await client.query(sql);
    await client.end();
  };
  await admin(`CREATE DATABASE ${name}`);
  const address = new URL(TEST_DATABASE_URL);
  address.pathname = `/${name}`;
  const url = address.href;
  const pools: Pool[] = [];
  const connect = async () => {
    const client = new Client({ connectionString: url });
    await client.connect();
    return client;
  };
  return {
    url,
    connect,
    open(connections = 4) {
      const pool = new Pool({ connectionString: url, max: connections });
      pool.on('error', () => {});
      pools.push(pool);
      return {
        async query<Row>(sql: string, parameters: readonly unknown[] = [], statement?: string) {
          const { rows, rowCount } = await pool.query({ text: sql, values: [...parameters], name: statement });
          return { rows, rowCount: rowCount ?? 0 } as QueryAnswer<Row>;
        },
        listen: (channels, onState) => postgresListen(connect, channels, onState, systemClock),
      };
    },
    async drop() {
      await Promise.all(pools.map((pool) => pool.end()));
      await admin(`DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}
