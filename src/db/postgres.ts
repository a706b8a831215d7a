import { Client, type ClientConfig, Pool, types } from 'pg';
import type { Clock } from '../lib/clock';
import type { Database } from './database';
import type { DatabaseLog } from './database-log';
import { postgresListen } from './postgres-listen';

export { DatabaseUnavailableError, isConnectionError } from './connection-errors';

/** 15 is the oldest version that the statements here are written for and tested on. */
const OLDEST_VERSION = 15;

const CONNECT_MS = 10_000;
const KEEP_ALIVE_MS = 10_000;
/** No statement of the server takes this long; migrations, which may, use a connection of their own. */
const STATEMENT_MS = 60_000;
/** When a network drops everything even the error is not heard; somewhat later than the server's own limit. */
const ANSWER_MS = 75_000;
const IDLE_IN_TRANSACTION_MS = 60_000;
/** Connections that have been idle for so long are closed. */
const IDLE_MS = 60_000;

export interface PostgresOptions {
  /** postgres:// address with everything that `pg` understands in it, TLS settings included. */
  readonly connectionString: string;
  /** The most connections of this process, besides those of TypeORM and LISTEN. */
  readonly poolSize: number;
  readonly clock: Clock;
  readonly log: DatabaseLog;
}

export interface PostgresPool {
  readonly pool: Pool;
  readonly listen: NonNullable<Database['listen']>;
}

/**
 * A date has no time zone; `pg` would make midnight of the machine's own out of it. All else keeps pg's ways: int8 and
 * numeric are strings, timestamptz is a Date, jsonb is its value.
 */
export const columnTypes = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === types.builtins.DATE && format !== 'binary'
      ? (text: string) => text
      : types.getTypeParser(oid, format as 'text')) as typeof types.getTypeParser,
};

/** What every connection to a real PostgreSQL has in common. */
export function connectionConfig(connectionString: string): ClientConfig {
  return {
    connectionString,
    application_name: 'polyphony',
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    types: columnTypes,
  };
}

/**
 * Opens a pool on a PostgreSQL server and asks for its version.
 *
 * @throws Error that says what to set right when the server cannot be reached, refuses, or is older than 15.
 */
export async function openPostgres(options: PostgresOptions): Promise<PostgresPool> {
  const config = connectionConfig(options.connectionString);
  const pool = new Pool({
    ...config,
    max: options.poolSize,
    idleTimeoutMillis: IDLE_MS,
    statement_timeout: STATEMENT_MS,
    query_timeout: ANSWER_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
  });
  // An idle connection that breaks is replaced by the next query; unheard, its error would end the process.
  pool.on('error', (error) => options.log.warn({ reason: error.message }, 'an idle database connection broke'));
  try {
    await checkVersion(pool);
  } catch (error) {
    await pool.end();
    throw error;
  }
  const connect = async (): Promise<Client> => {
    const client = new Client(config);
    try {
      await client.connect();
    } catch (error) {
      client.on('error', () => {});
      await client.end().catch(() => {});
      throw error;
    }
    return client;
  };
  return { pool, listen: (channels, onState) => postgresListen(connect, channels, onState, options.clock) };
}

async function checkVersion(pool: Pool): Promise<void> {
  let version: string;
  try {
    const answer = await pool.query<{ server_version: string }>('SHOW server_version');
    version = answer.rows[0]!.server_version;
  } catch (error) {
    throw new Error(`DATABASE_URL: ${adviceFor(error as Error & { code?: string })}`, { cause: error });
  }
  if (Number.parseInt(version, 10) < OLDEST_VERSION) {
    throw new Error(
      `DATABASE_URL: the server is PostgreSQL ${version}. Polyphony needs PostgreSQL ${OLDEST_VERSION} or newer.`,
    );
  }
}

function adviceFor(error: Error & { code?: string }): string {
  switch (error.code) {
    case '28P01':
    case '28000':
      return 'PostgreSQL refuses the user or its password. Correct them in the address.';
    case '3D000':
      return `${error.message}. Create it (createdb), or name another in the address.`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'its host name is not known. Correct the address.';
    default:
      return `PostgreSQL cannot be reached (${error.message || error.code}). Check that it runs and that the address is right.`;
  }
}
