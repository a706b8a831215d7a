import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Database } from '../../src/db/database';
import type { DatabaseLog } from '../../src/db/database-log';
import { openDatabase } from '../../src/db/open-database';
import { systemClock } from '../../src/lib/clock';
import { Secret } from '../../src/lib/secret';
import { type ServerProcess, startServerProcess } from './server-process';

const ROOT = path.join(__dirname, '..', '..');
/** Built code lies one directory deeper than its sources, and has no fixtures of its own. */
const SOURCES = path.basename(ROOT) === 'dist' ? path.dirname(ROOT) : ROOT;
/** A plan without requests a minute and a hard cap, and grants of zero: a balance is what a test grants. */
const PRICE_BOOK = path.join(SOURCES, 'test', 'fixtures', 'price-books', 'storm.json');

const quiet: DatabaseLog = { info: () => {}, warn: () => {}, error: () => {} };

export interface ServerPlaceOptions {
  /** An empty database of the test's own; null: the embedded engine. */
  readonly databaseUrl: string | null;
  /** Address of the stand-in for ElevenLabs. */
  readonly stubUrl: string;
  /** A cluster of the embedded engine to begin with, which saves making one. */
  readonly clusterTemplate?: string;
}

/**
 * What server processes share: a database, a directory, keys and the storm price book. It outlives each of them, so
 * that they can be killed and started again.
 */
export class ServerPlace {
  readonly adminKey = `test-${randomBytes(16).toString('hex')}`;
  private readonly directory = mkdtempSync(path.join(os.tmpdir(), 'polyphony-place-'));
  private readonly env: Readonly<Record<string, string | undefined>>;

  constructor(private readonly options: ServerPlaceOptions) {
    if (options.databaseUrl === null && options.clusterTemplate !== undefined) {
      mkdirSync(this.directory, { recursive: true });
      cpSync(options.clusterTemplate, path.join(this.directory, 'postgres'), { recursive: true });
    }
    this.env = {
      PORT: '0',
      DATA_DIR: this.directory,
      DATABASE_URL: options.databaseUrl ?? undefined,
      ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      PRICE_BOOK,
      BOOTSTRAP_ADMIN_KEY: this.adminKey,
      BOOTSTRAP_PLAN: 'storm',
      ELEVENLABS_API_KEY: 'stub-key',
      ELEVENLABS_BASE_URL: options.stubUrl,
    };
  }

  start(): Promise<ServerProcess> {
    return startServerProcess({ env: this.env });
  }

  /**
   * A door to the data for this process. On the embedded engine it leads through the server that runs and breaks with
   * it; where none runs, this process has the engine until the door is closed.
   */
  async withDatabase<T>(work: (database: Database) => Promise<T>): Promise<T> {
    const { databaseUrl } = this.options;
    const database = await openDatabase(
      { databaseUrl: databaseUrl === null ? null : new Secret(databaseUrl), dataDirectory: this.directory },
      { log: quiet, clock: systemClock, poolSize: 2 },
    );
    try {
      return await work(database);
    } finally {
      await database.close();
    }
  }

  /** Removes the directory; servers must have ended. */
  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
