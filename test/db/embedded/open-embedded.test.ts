import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Pool } from 'pg';
import { lockFileOf } from '../../../src/db/embedded/data-directory-lock';
import type { EmbeddedDatabase } from '../../../src/db/embedded/open-embedded';
import { makeSocketDirectory, socketPathIn } from '../../../src/db/embedded/socket-directory';
import { startChild } from '../../support/child';
import { newDirectory, openTestEmbedded, removeDirectories } from '../../support/embedded';

const OPENING = require.resolve('./opening-child.ts');
const ACKNOWLEDGING = require.resolve('./acknowledging-child.ts');
const FIRST_START = require.resolve('./first-start-child.ts');

afterAll(removeDirectories);

async function rowsOf(embedded: EmbeddedDatabase, sql: string): Promise<Array<Record<string, unknown>>> {
  const pool = new Pool({ ...embedded.connection, max: 1 });
  try {
    return (await pool.query(sql)).rows;
  } finally {
    await pool.end();
  }
}

describe('durability', () => {
  test('rows that were acknowledged before kill -9 are there after it, kill after kill', async () => {
    const directory = newDirectory();
    const acknowledged: string[] = [];
    for (let kill = 0; kill < 3; kill += 1) {
      const child = startChild(ACKNOWLEDGING, [directory]);
      for (let line = 0; line < 40 + kill * 37; line += 1) acknowledged.push(await child.nextLine());
      await child.kill();
      acknowledged.push(...(await child.rest()));
    }
    const embedded = await openTestEmbedded(directory);
    expect(embedded.owned).toBe(true);
    const kept = new Set((await rowsOf(embedded, 'SELECT n FROM acknowledged')).map((row) => row.n));
    expect(acknowledged.length).toBeGreaterThanOrEqual(120);
    expect(acknowledged.filter((n) => !kept.has(n))).toEqual([]);
    await embedded.close();
  });

  test('a first start that is killed half-way leaves a directory that starts', async () => {
    const directory = newDirectory();
    const draft = path.join(directory, 'postgres.new');
    const child = startChild(FIRST_START, [directory]);
    await child.nextLine();
    while (!existsSync(path.join(draft, 'base')) && child.process.exitCode === null) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await child.kill();
    expect(existsSync(path.join(directory, 'postgres'))).toBe(false);

    const embedded = await openTestEmbedded(directory);
    expect(await rowsOf(embedded, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    expect(existsSync(draft)).toBe(false);
    await embedded.close();
  });

  test('closing keeps the data, frees the directory and leaves nothing to recover', async () => {
    const directory = newDirectory();
    const first = await openTestEmbedded(directory);
    await rowsOf(first, 'CREATE TABLE kept AS SELECT 42 AS n');
    await Promise.all([first.close(), first.close()]);
    expect(existsSync(lockFileOf(directory))).toBe(false);
    expect(existsSync(socketPathIn(first.connection.host))).toBe(false);

    const second = await openTestEmbedded(directory);
    expect(await rowsOf(second, 'SELECT n FROM kept')).toEqual([{ n: 42 }]);
    await second.close();
  });

  test('a directory with something else in it is refused, not overwritten', async () => {
    const directory = newDirectory();
    mkdirSync(path.join(directory, 'postgres'));
    writeFileSync(path.join(directory, 'postgres', 'precious'), 'mine');
    await expect(openTestEmbedded(directory)).rejects.toThrow('Move it away');
    expect(readFileSync(path.join(directory, 'postgres', 'precious'), 'utf8')).toBe('mine');
    expect(existsSync(lockFileOf(directory))).toBe(false);
  });

  test('a cluster that is damaged is refused with the engine’s own words', async () => {
    const directory = newDirectory();
    const embedded = await openTestEmbedded(directory);
    await embedded.close();
    writeFileSync(path.join(directory, 'postgres', 'PG_VERSION'), '11\n');
    await expect(openTestEmbedded(directory)).rejects.toThrow('initialized by PostgreSQL version 11');
  });
});

describe('one owner', () => {
  test('a second process becomes the guest of the first and both write', async () => {
    const directory = newDirectory();
    const owner = await openTestEmbedded(directory);
    const child = startChild(OPENING, [directory]);
    expect(JSON.parse(await child.nextLine())).toEqual({ owned: false });
    expect(await rowsOf(owner, 'SELECT pid FROM visitors')).toEqual([{ pid: child.process.pid }]);
    child.process.kill('SIGTERM');
    await child.rest();
    expect(await rowsOf(owner, 'SELECT count(*) FROM visitors')).toEqual([{ count: '1' }]);
    await owner.close();
  });

  test('of processes that start together exactly one owns the directory and all reach it', async () => {
    const directory = newDirectory();
    const children = [1, 2, 3].map(() => startChild(OPENING, [directory]));
    const owned = await Promise.all(children.map(async (child) => JSON.parse(await child.nextLine()).owned));
    expect(owned.filter(Boolean)).toHaveLength(1);
    const guest = await openTestEmbedded(directory);
    expect(await rowsOf(guest, 'SELECT count(DISTINCT pid) FROM visitors')).toEqual([{ count: '3' }]);
    await Promise.all(children.map((child) => child.kill()));
  });

  test('of processes that find a dead owner’s lock exactly one takes it over', async () => {
    const directory = newDirectory();
    const dead = startChild(OPENING, [directory]);
    await dead.nextLine();
    await dead.kill();
    expect(existsSync(lockFileOf(directory))).toBe(true);
    const children = [1, 2, 3].map(() => startChild(OPENING, [directory]));
    const owned = await Promise.all(children.map(async (child) => JSON.parse(await child.nextLine()).owned));
    expect(owned.filter(Boolean)).toHaveLength(1);
    await Promise.all(children.map((child) => child.kill()));
  });

  test.each([
    ['a pid that now belongs to this very process', { pid: process.pid, processStart: 'long ago', token: 'a' }],
    ['a pid that now belongs to another process', { pid: process.ppid, processStart: 'long ago', token: 'b' }],
    ['a pid that nobody has', { pid: 2 ** 22 + 1, processStart: null, token: 'c' }],
    ['nothing that can be read', 'half a li'],
  ])('a left-over lock with %s is taken over', async (_, content) => {
    const directory = newDirectory();
    const lock = typeof content === 'string' ? content : JSON.stringify({ ...content, socketDirectory: directory });
    writeFileSync(lockFileOf(directory), lock);
    const embedded = await openTestEmbedded(directory);
    expect(embedded.owned).toBe(true);
    expect(JSON.parse(readFileSync(lockFileOf(directory), 'utf8')).pid).toBe(process.pid);
    await embedded.close();
  });
});

describe('the socket', () => {
  test('lies in a directory that nobody else may enter', async () => {
    const directory = newDirectory();
    const embedded = await openTestEmbedded(directory);
    expect(statSync(embedded.connection.host).mode & 0o777).toBe(0o700);
    await embedded.close();
  });

  test('moves to the temporary directory when the path of DATA_DIR is too long, and works there', async () => {
    const parent = newDirectory();
    const directory = path.join(parent, 'd'.repeat(90), 'e'.repeat(90));
    const embedded = await openTestEmbedded(directory);
    expect(embedded.connection.host.startsWith(os.tmpdir())).toBe(true);
    expect(statSync(embedded.connection.host).mode & 0o777).toBe(0o700);
    expect(await rowsOf(embedded, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await embedded.close();
  });

  test('of two long DATA_DIRs are two', () => {
    const parent = newDirectory();
    const [one, other] = ['one', 'other'].map((name) =>
      makeSocketDirectory(path.join(parent, 'd'.repeat(120), name), parent),
    );
    expect(one).not.toBe(other);
  });

  test.each([
    [
      'others may enter',
      (run: string) => {
        mkdirSync(run);
        chmodSync(run, 0o755);
      },
    ],
    ['is a link', (run: string) => symlinkSync(os.tmpdir(), run)],
    ['is a file', (run: string) => writeFileSync(run, '')],
  ])('is not put in a directory that %s', (_, prepare) => {
    const directory = newDirectory();
    prepare(path.join(directory, 'run'));
    expect(() => makeSocketDirectory(directory)).toThrow('mode 0700');
  });

  test('that fits nowhere is an error that says what to set', () => {
    const parent = newDirectory();
    expect(() => makeSocketDirectory(path.join(parent, 'd'.repeat(120)), path.join(parent, 't'.repeat(120)))).toThrow(
      'Set a shorter DATA_DIR',
    );
  });
});
