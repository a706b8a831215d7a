import { Pool } from 'pg';
import { DataSource, type DataSourceOptions, type Logger } from 'typeorm';
import { MIGRATIONS } from '../../migrations';
import type { Clock } from '../lib/clock';
import type { Secret } from '../lib/secret';
import type { Database } from './database';
import type { DatabaseLog } from './database-log';
import { openEmbedded } from './embedded/open-embedded';
import { PoolDatabase } from './pool-database';
import { columnTypes, connectionConfig, openPostgres } from './postgres';

export interface DatabaseSettings {
  /** null: the embedded engine in `dataDirectory`. */
  readonly databaseUrl: Secret | null;
  readonly dataDirectory: string;
}

export interface DatabaseDependencies {
  readonly log: DatabaseLog;
  readonly clock: Clock;
  /** TypeORM's entity classes or schemas. */
  readonly entities?: DataSourceOptions['entities'];
  /** Real PostgreSQL only; 10 by default. Above about twice the server's cores more connections make it slower. */
  readonly poolSize?: number;
  /** See EmbeddedOptions. */
  readonly templateDirectory?: string;
}

/** The embedded engine runs one statement at a time: more connections only wait elsewhere. */
const EMBEDDED_POOL_SIZE = 4;
const POSTGRES_POOL_SIZE = 10;
/** TypeORM does migrations and occasional entity work; the hot path has its own pool. */
const DATA_SOURCE_POOL_SIZE = 2;

/**
 * Opens the database that the settings name; migrations are not run (see `migrate`).
 *
 * @throws Error that tells the operator what to do when it cannot be opened.
 */
export function openDatabase(settings: DatabaseSettings, dependencies: DatabaseDependencies): Promise<Database> {
  return settings.databaseUrl
    ? openReal(settings.databaseUrl, dependencies)
    : openEmbeddedEngine(settings.dataDirectory, dependencies);
}

async function openEmbeddedEngine(dataDirectory: string, dependencies: DatabaseDependencies): Promise<Database> {
  const { log, clock, templateDirectory, entities } = dependencies;
  const embedded = await openEmbedded({ dataDirectory, templateDirectory, log, clock });
  const pool = new Pool({ ...embedded.connection, max: EMBEDDED_POOL_SIZE, types: columnTypes });
  pool.on('error', (error) => log.warn({ reason: error.message }, 'an idle database connection broke'));
  const { host, port, user, database } = embedded.connection;
  try {
    const dataSource = await connectDataSource(
      { host, port, username: user, database, extra: { types: columnTypes } },
      entities,
    );
    return new PoolDatabase({ engine: 'embedded', pool, dataSource, listen: null, closeEngine: embedded.close });
  } catch (error) {
    await pool.end();
    await embedded.close();
    throw error;
  }
}

async function openReal(databaseUrl: Secret, dependencies: DatabaseDependencies): Promise<Database> {
  const { log, clock, entities, poolSize = POSTGRES_POOL_SIZE } = dependencies;
  const connectionString = databaseUrl.reveal();
  const { pool, listen } = await openPostgres({ connectionString, poolSize, clock, log });
  try {
    const dataSource = await connectDataSource({ extra: connectionConfig(connectionString) }, entities);
    return new PoolDatabase({ engine: 'postgres', pool, dataSource, listen });
  } catch (error) {
    await pool.end();
    throw error;
  }
}

const ignore = (): void => {};
/** TypeORM would print statements and their values to the console; every error reaches the caller anyway. */
const SILENT: Logger = {
  logQuery: ignore,
  logQueryError: ignore,
  logQuerySlow: ignore,
  logSchemaBuild: ignore,
  logMigration: ignore,
  log: ignore,
};

type Place = Partial<Extract<DataSourceOptions, { type: 'postgres' }>>;

function connectDataSource(place: Place, entities: DataSourceOptions['entities'] = []): Promise<DataSource> {
  return new DataSource({
    ...place,
    type: 'postgres',
    poolSize: DATA_SOURCE_POOL_SIZE,
    entities,
    migrations: MIGRATIONS,
    migrationsTransactionMode: 'each',
    synchronize: false,
    logger: SILENT,
    // gen_random_uuid is built in; extensions are a migration's business, and the embedded engine has none to install.
    uuidExtension: 'pgcrypto',
    installExtensions: false,
  }).initialize();
}
