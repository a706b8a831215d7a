import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { migrate } from '../../src/db/migrate';
import { openDatabase } from '../../src/db/open-database';
import { systemClock } from '../../src/lib/clock';

const ROOT = path.join(__dirname, '..', '..');
/** What decides how a migrated cluster looks. */
const SOURCES = ['migrations', 'src/db/embedded/cluster.ts', 'node_modules/@electric-sql/pglite/package.json'];
const CACHE = path.join(os.tmpdir(), `polyphony-test-clusters-${process.getuid?.() ?? 'user'}`);

const POLL_MS = 50;
const NAMELESS_FOR_MS = 5_000;
const UNUSED_FOR_MS = 3 * 86_400_000;

const quiet = { info: () => {}, warn: () => {}, error: () => {} };

let known: Promise<string> | null = null;

/**
 * A directory with an embedded cluster on which all migrations have run, to be copied. Made once for each state of the
 * migrations, by whichever process comes first; the others wait for it.
 */
export function migratedTemplate(): Promise<string> {
  known ??= provide(path.join(CACHE, digestOf(SOURCES.map((source) => path.join(ROOT, source)))));
  return known;
}

async function provide(template: string): Promise<string> {
  mkdirSync(CACHE, { recursive: true, mode: 0o700 });
  const lock = `${template}.lock`;
  while (!existsSync(template)) {
    if (!take(lock)) {
      await pause(POLL_MS);
      continue;
    }
    try {
      if (!existsSync(template)) await build(template);
      removeUnused(template);
    } finally {
      rmSync(lock, { force: true });
    }
  }
  return template;
}

/** Built aside and renamed when it is whole, so that a process that dies meanwhile leaves nothing that looks like it. */
async function build(template: string): Promise<void> {
  const draft = `${template}.draft-${randomBytes(4).toString('hex')}`;
  try {
    const settings = { databaseUrl: null, dataDirectory: draft };
    const database = await openDatabase(settings, { log: quiet, clock: systemClock });
    try {
      await migrate(database, quiet);
    } finally {
      await database.close();
    }
    renameSync(path.join(draft, 'postgres'), template);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** A lock whose process is gone is taken over. Two builders at once would be slow, but not wrong. */
function take(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  if (isAbandoned(lock)) rmSync(lock, { force: true });
  return false;
}

function isAbandoned(lock: string): boolean {
  try {
    const owner = Number.parseInt(readFileSync(lock, 'utf8'), 10);
    // Empty: its owner is about to write its name, unless it died there.
    return Number.isNaN(owner) ? Date.now() - statSync(lock).mtimeMs > NAMELESS_FOR_MS : !isRunning(owner);
  } catch {
    return false;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Clusters of migrations that have since changed, and drafts of processes that died. */
function removeUnused(current: string): void {
  for (const name of readdirSync(CACHE)) {
    const entry = path.join(CACHE, name);
    if (entry.startsWith(current)) continue;
    const { mtimeMs } = statSync(entry, { throwIfNoEntry: false }) ?? { mtimeMs: Date.now() };
    if (Date.now() - mtimeMs > UNUSED_FOR_MS) rmSync(entry, { recursive: true, force: true });
  }
}

function digestOf(sources: readonly string[]): string {
  const hash = createHash('sha256');
  for (const source of sources) {
    const names = statSync(source).isDirectory()
      ? readdirSync(source, { recursive: true, encoding: 'utf8' }).sort()
      : [''];
    for (const name of names) {
      const file = path.join(source, name);
      if (statSync(file).isFile()) hash.update(name).update('\0').update(readFileSync(file)).update('\0');
    }
  }
  return hash.digest('hex').slice(0, 20);
}
