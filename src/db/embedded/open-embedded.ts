import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../../lib/clock';
import type { DatabaseLog } from '../database-log';
import { lockFileOf, takeLock } from './data-directory-lock';
import { createClusterInThread, Engine } from './engine';
import { makeSocketDirectory, SOCKET_PORT, socketPathIn } from './socket-directory';
import { syncTree } from './sync-tree';

export interface EmbeddedOptions {
  /** DATA_DIR; the database lies in its subdirectory `postgres`. Made with mode 0700 when absent. */
  readonly dataDirectory: string;
  /**
   * A fresh cluster to copy in place of making one, which takes about 3 s of processor time; made there first when it
   * is absent. For tests, which need many databases, and for images that want to start at once.
   */
  readonly templateDirectory?: string;
  readonly log: DatabaseLog;
  readonly clock: Clock;
}

export interface EmbeddedConnection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

export interface EmbeddedDatabase {
  /** For `pg`. All connections share one session: no named statements, SET, temporary tables or session locks. */
  readonly connection: EmbeddedConnection;
  /** false: another process runs the database of this data directory, and this one is its guest. */
  readonly owned: boolean;
  /** The owner ends every connection, writes a checkpoint and frees the data directory. A guest has nothing to close. */
  close(): Promise<void>;
}

/** How long a second process waits for the first one to accept connections; first boot and recovery take seconds. */
const OWNER_STARTS_WITHIN_MS = 60_000;
const OWNER_POLL_MS = 50;
const NEW_CLUSTER = 'postgres.new';

/**
 * Opens the embedded PostgreSQL of a data directory, or connects to the process that has it open already. An
 * acknowledged commit is on the disk: it survives `kill -9` and the loss of power.
 *
 * @throws Error that says what to do: no Unix sockets, a directory that is not a database, an owner that does not answer.
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<EmbeddedDatabase> {
  if (process.platform === 'win32') {
    throw new Error(
      'The embedded database needs Unix sockets as Linux and macOS have them. Set DATABASE_URL to a PostgreSQL, or run under WSL.',
    );
  }
  const dataDirectory = path.resolve(options.dataDirectory);
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  const socketDirectory = makeSocketDirectory(dataDirectory);
  const deadline = options.clock.monotonic() + OWNER_STARTS_WITHIN_MS;
  for (;;) {
    const lock = await takeLock(dataDirectory, socketDirectory);
    if (lock.taken) return own(options, dataDirectory, socketDirectory, lock.release);
    if (lock.accepting) return guest(lock.owner.socketDirectory);
    if (options.clock.monotonic() > deadline) {
      throw new Error(
        `Process ${lock.owner.pid} has ${lockFileOf(dataDirectory)} but does not accept connections. Stop that process, or set another DATA_DIR.`,
      );
    }
    await pause(OWNER_POLL_MS);
  }
}

async function own(
  options: EmbeddedOptions,
  dataDirectory: string,
  socketDirectory: string,
  release: () => void,
): Promise<EmbeddedDatabase> {
  const cluster = path.join(dataDirectory, 'postgres');
  const engine = new Engine(cluster, socketPathIn(socketDirectory), options.log, options.clock);
  try {
    // The last owner may have removed it since it was checked.
    makeSocketDirectory(dataDirectory);
    await provideCluster(cluster, options.templateDirectory);
    await engine.start();
  } catch (error) {
    release();
    throw new Error(`The embedded database in ${cluster} cannot start: ${(error as Error).message}`, { cause: error });
  }
  let closed: Promise<void> | undefined;
  return {
    connection: connectionIn(socketDirectory),
    owned: true,
    close: () => {
      closed ??= engine.close().finally(() => {
        removeIfEmpty(socketDirectory);
        release();
      });
      return closed;
    },
  };
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Left-overs are harmless: the directory is this user's own and is used again.
  }
}

const guest = (socketDirectory: string): EmbeddedDatabase => ({
  connection: connectionIn(socketDirectory),
  owned: false,
  close: () => Promise.resolve(),
});

const connectionIn = (socketDirectory: string): EmbeddedConnection => ({
  host: socketDirectory,
  port: SOCKET_PORT,
  user: 'postgres',
  database: 'postgres',
});

/** A new cluster is made aside and renamed when it is whole and on the disk: a kill during the first start leaves none. */
async function provideCluster(cluster: string, template: string | undefined): Promise<void> {
  if (existsSync(path.join(cluster, 'PG_VERSION'))) return;
  if (existsSync(cluster) && readdirSync(cluster).length > 0) {
    throw new Error('the directory is not empty and holds no database. Move it away, or set another DATA_DIR.');
  }
  const draft = path.join(path.dirname(cluster), NEW_CLUSTER);
  rmSync(draft, { recursive: true, force: true });
  if (template) {
    await makeClusterTemplate(template);
    cpSync(template, draft, { recursive: true });
  } else {
    await createClusterInThread(draft);
  }
  await syncTree(draft);
  rmSync(cluster, { recursive: true, force: true });
  renameSync(draft, cluster);
  await syncTree(path.dirname(cluster), { deep: false });
}

/** Makes a fresh cluster to start data directories from (see EmbeddedOptions), unless it is there already. */
export async function makeClusterTemplate(template: string): Promise<void> {
  if (existsSync(template)) return;
  const draft = `${template}.${process.pid}`;
  mkdirSync(path.dirname(template), { recursive: true });
  rmSync(draft, { recursive: true, force: true });
  await createClusterInThread(draft);
  try {
    renameSync(draft, template);
  } catch (error) {
    // Another process was faster; either will do.
    if (!existsSync(template)) throw error;
    rmSync(draft, { recursive: true, force: true });
  }
}
