import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import type { Database } from '../../src/db/database';
import { openDatabase } from '../../src/db/open-database';
import { DatabaseUnavailableError, isConnectionError, openPostgres } from '../../src/db/postgres';
import { systemClock } from '../../src/lib/clock';
import { AppError } from '../../src/lib/errors';
import { Secret } from '../../src/lib/secret';
import { silentLog } from '../support/embedded';
import { createScratchDatabase, TEST_DATABASE_URL } from '../support/scratch-database';

describe('isConnectionError', () => {
  const coded = (code: string, message = 'x'): Error => Object.assign(new Error(message), { code });

  test.each([
    ['the server shuts down', coded('57P01')],
    ['the server is starting', coded('57P03')],
    ['the connection failed', coded('08006')],
    ['there are too many connections', coded('53300')],
    ['the transaction was idle for too long', coded('25P03')],
    ['the port is closed', coded('ECONNREFUSED')],
    ['the pipe broke', coded('EPIPE')],
    ['the socket file is missing', coded('ENOENT')],
    ['the driver lost its connection', new Error('Connection terminated unexpectedly')],
    ['the driver waited too long for a connection', new Error('timeout exceeded when trying to connect')],
    ['the driver waited too long for an answer', new Error('Query read timeout')],
    ['it was said already', new DatabaseUnavailableError(true, coded('57P01'))],
  ])('%s: true', (_, error) => expect(isConnectionError(error)).toBe(true));

  test.each([
    ['a unique violation', coded('23505')],
    ['a deadlock', coded('40P01')],
    ['a cancelled statement', coded('57014')],
    ['an SQL error that quotes the driver', coded('P0001', 'Connection terminated unexpectedly')],
    ['a refusal of ours', new AppError('CONFLICT', 'x')],
    ['any other error', new Error('x')],
    ['no error at all', 'ECONNREFUSED'],
    ['nothing', undefined],
  ])('%s: false', (_, error) => expect(isConnectionError(error)).toBe(false));
});

/** A server that says it is of a version, and nothing else. */
async function serverOfVersion(version: string): Promise<{ port: number; close(): Promise<void> }> {
  const message = (type: string, body: Buffer): Buffer => {
    const head = Buffer.alloc(5);
    head.write(type);
    head.writeInt32BE(body.length + 4, 1);
    return Buffer.concat([head, body]);
  };
  const ready = message('Z', Buffer.from('I'));
  const length = Buffer.alloc(4);
  length.writeInt32BE(version.length);
  const column = Buffer.concat([
    Buffer.from([0, 1]),
    Buffer.from('server_version\0'),
    Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 255, 255, 255, 255, 255, 255, 0, 0]),
  ]);
  const answer = Buffer.concat([
    message('T', column),
    message('D', Buffer.concat([Buffer.from([0, 1]), length, Buffer.from(version)])),
    message('C', Buffer.from('SHOW\0')),
    ready,
  ]);
  const server = createServer((socket) => {
    socket.once('data', () => {
      socket.write(Buffer.concat([message('R', Buffer.alloc(4)), ready]));
      socket.on('data', (bytes) => (bytes[0] === 0x58 ? socket.end() : socket.write(answer)));
    });
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

const open = (connectionString: string) =>
  openPostgres({ connectionString, poolSize: 1, clock: systemClock, log: silentLog });

test('a server that is too old is refused by name and version', async () => {
  const server = await serverOfVersion('14.9 (Debian)');
  await expect(open(`postgres://u@127.0.0.1:${server.port}/d`)).rejects.toThrow(
    'DATABASE_URL: the server is PostgreSQL 14.9 (Debian). Polyphony needs PostgreSQL 15 or newer.',
  );
  await server.close();
});

test('a server that is new enough is taken', async () => {
  const server = await serverOfVersion('15.0');
  const { pool } = await open(`postgres://u@127.0.0.1:${server.port}/d`);
  await pool.end();
  await server.close();
});

test('a server that is not there is an error that says so without the password', async () => {
  const server = await serverOfVersion('15.0');
  await server.close();
  const error: Error = await open(`postgres://u:hunter2@127.0.0.1:${server.port}/d`).catch((caught) => caught);
  expect(error.message).toMatch(/DATABASE_URL: PostgreSQL cannot be reached/);
  expect(error.message).not.toContain('hunter2');
});

const onPostgres = TEST_DATABASE_URL ? describe : describe.skip;

onPostgres(TEST_DATABASE_URL ? 'on real PostgreSQL' : 'on real PostgreSQL (TEST_DATABASE_URL is not set)', () => {
  let database: Database;
  let scratch: Awaited<ReturnType<typeof createScratchDatabase>>;

  beforeAll(async () => {
    scratch = await createScratchDatabase();
    const settings = { databaseUrl: new Secret(scratch.url), dataDirectory: '/nowhere' };
    database = await openDatabase(settings, { log: silentLog, clock: systemClock, poolSize: 3 });
  });
  afterAll(async () => {
    await database?.close();
    await scratch?.drop();
  });

  test('a wrong password and a missing database are told apart', async () => {
    const wrong = new URL(scratch.url);
    wrong.hostname ||= '127.0.0.1';
    wrong.password = 'wrong';
    await expect(open(wrong.href)).rejects.toThrow('refuses the user or its password');
    const missing = new URL(scratch.url);
    missing.pathname = '/polyphony_no_such_database';
    await expect(open(missing.href)).rejects.toThrow('Create it');
  });

  test('a connection that dies inside a transaction is UNAVAILABLE with an unknown outcome, and replaced', async () => {
    const attempt = database.transaction(async (tx) => {
      const own = await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await database.query('SELECT pg_terminate_backend($1)', [own.rows[0]!.pid]);
      await tx.query('SELECT 1');
    });
    await expect(attempt).rejects.toMatchObject({ code: 'UNAVAILABLE', outcomeUnknown: true });
    const answers = await Promise.all(
      [1, 2, 3, 4].map((n) => database.query<{ n: number }>('SELECT $1::int AS n', [n])),
    );
    expect(answers.map((answer) => answer.rows[0]!.n)).toEqual([1, 2, 3, 4]);
  });

  test('a notification reaches who listens', async () => {
    let hear: (payload: string) => void = () => {};
    const heard = new Promise<string>((resolve) => {
      hear = resolve;
    });
    const stop = await database.listen!({ news: hear }, () => {});
    await database.query(`SELECT pg_notify('news', 'hello')`);
    expect(await heard).toBe('hello');
    await stop();
  });
});
