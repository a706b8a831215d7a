import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { accessSync, chownSync, constants, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';

export interface BenchDatabase {
  /** null: the embedded database. */
  readonly url: string | null;
  readonly description: string;
  /** Removes what was made. */
  close(): Promise<void>;
}

export const EMBEDDED: BenchDatabase = {
  url: null,
  description: 'the embedded PostgreSQL',
  close: async () => {},
};

/** Where Debian's packages have the programs of PostgreSQL, one directory for each version. */
const DEBIAN = '/usr/lib/postgresql';
const OLDEST_VERSION = 15;
const STARTS_WITHIN_MS = 30_000;

/**
 * A database of its own, in this order: on the PostgreSQL that `url` names (its user may create databases), in a
 * cluster of its own from the PostgreSQL that is installed here, or the embedded one.
 */
export async function openBenchDatabase(url: string | undefined): Promise<BenchDatabase> {
  if (url) return databaseOn(url, `PostgreSQL at ${new URL(url).host}`, async () => {});
  const binaries = findBinaries();
  return binaries ? ownCluster(binaries) : EMBEDDED;
}

async function databaseOn(url: string, place: string, closePlace: () => Promise<void>): Promise<BenchDatabase> {
  const name = `polyphony_bench_${randomBytes(6).toString('hex')}`;
  const onServer = async <Row>(sql: string): Promise<Row[]> => {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query(sql)).rows as Row[];
    } finally {
      await client.end();
    }
  };
  await onServer(`CREATE DATABASE ${name}`);
  const settings = await onServer<{ name: string; setting: string }>(
    `SELECT name, setting FROM pg_settings WHERE name IN ('server_version', 'fsync', 'synchronous_commit') ORDER BY name`,
  );
  const address = new URL(url);
  address.pathname = `/${name}`;
  return {
    url: address.href,
    description: `${place} (${settings.map((setting) => `${setting.name} ${setting.setting}`).join(', ')})`,
    async close() {
      await onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      await closePlace();
    },
  };
}

/** The newest version that is installed; null: none that will do. */
function findBinaries(): string | null {
  let versions: number[];
  try {
    versions = readdirSync(DEBIAN).map(Number);
  } catch {
    return null;
  }
  for (const version of versions.filter((number) => number >= OLDEST_VERSION).sort((a, b) => b - a)) {
    const binaries = path.join(DEBIAN, String(version), 'bin');
    try {
      for (const program of ['initdb', 'postgres']) accessSync(path.join(binaries, program), constants.X_OK);
      return binaries;
    } catch {
      // Only the client is installed.
    }
  }
  return null;
}

/** A cluster with the defaults of PostgreSQL, commits synced to disk, on a free port of this machine. */
async function ownCluster(binaries: string): Promise<BenchDatabase> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'polyphony-bench-'));
  const passwordFile = path.join(directory, 'password');
  const password = randomBytes(16).toString('hex');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  // PostgreSQL refuses to run as root.
  const user = process.getuid?.() === 0 ? idsOf('postgres') : null;
  if (user) {
    chownSync(directory, user.uid, user.gid);
    chownSync(passwordFile, user.uid, user.gid);
  }
  const data = path.join(directory, 'data');
  const run = { ...user, cwd: directory, env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8' } };
  execFileSync(
    path.join(binaries, 'initdb'),
    ['-D', data, '-U', 'bench', '-A', 'scram-sha-256', '--pwfile', passwordFile, '-E', 'UTF8'],
    { ...run, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const port = await freePort();
  const server = spawn(
    path.join(binaries, 'postgres'),
    ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', directory],
    { ...run, stdio: 'ignore' },
  );
  const ended = new Promise<void>((resolve) => server.once('close', () => resolve()));
  const stop = async (): Promise<void> => {
    // Fast shutdown: connections are ended.
    server.kill('SIGINT');
    await ended;
    rmSync(directory, { recursive: true, force: true });
  };
  const url = `postgres://bench:${password}@127.0.0.1:${port}/postgres`;
  try {
    await untilItAnswers(url);
    return await databaseOn(url, 'a PostgreSQL of its own', stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function untilItAnswers(url: string): Promise<void> {
  const deadline = Date.now() + STARTS_WITHIN_MS;
  for (;;) {
    const client = new Client({ connectionString: url });
    try {
      await client.connect();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await pause(100);
    } finally {
      await client.end().catch(() => {});
    }
  }
}

function idsOf(user: string): { uid: number; gid: number } {
  const id = (flag: string): number => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}
