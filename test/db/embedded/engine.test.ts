import { setTimeout as pause } from 'node:timers/promises';
import { Client, Pool } from 'pg';
import type { EmbeddedDatabase } from '../../../src/db/embedded/open-embedded';
import { newDirectory, openTestEmbedded, removeDirectories } from '../../support/embedded';

let embedded: EmbeddedDatabase;
let pool: Pool;

const connect = async (): Promise<Client> => {
  const client = new Client(embedded.connection);
  await client.connect();
  return client;
};

beforeAll(async () => {
  embedded = await openTestEmbedded(newDirectory());
  pool = new Pool({ ...embedded.connection, max: 8 });
  pool.on('error', () => {});
  await pool.query('CREATE TABLE things (n int, note text)');
});

beforeEach(() => pool.query('TRUNCATE things'));

afterAll(async () => {
  await pool.end();
  await embedded.close();
  removeDirectories();
});

test('connections that send large and small parameters at once each get their own rows', async () => {
  const large = 'y'.repeat(300_000);
  const answers = await Promise.all(
    Array.from({ length: 120 }, async (_, n) => {
      const note = n % 2 ? 'x' : large;
      const answer = await pool.query(`SELECT $1::int AS n, length($2::text) AS length, ${n} AS constant`, [n, note]);
      return answer.rows[0];
    }),
  );
  expect(answers).toEqual(answers.map((_, n) => ({ n, length: n % 2 ? 1 : large.length, constant: n })));
});

test('statements that fail spoil nothing for the connections beside them', async () => {
  const outcomes = await Promise.all(
    Array.from({ length: 90 }, (_, n) =>
      pool.query(n % 3 ? 'SELECT $1::int AS n' : 'SELECT $1::int / 0 AS n', [n]).then(
        (answer) => answer.rows[0].n,
        (error) => error.code,
      ),
    ),
  );
  expect(outcomes).toEqual(outcomes.map((_, n) => (n % 3 ? n : '22012')));
});

test('a transaction is seen by others only when it has committed, and they wait for it', async () => {
  const writer = await connect();
  await writer.query('BEGIN');
  await writer.query('INSERT INTO things VALUES (1)');
  const counted = pool.query('SELECT count(*) FROM things');
  const overtaking = await Promise.race([
    counted.then(() => true),
    writer.query('INSERT INTO things VALUES (2)').then(() => false),
  ]);
  await writer.query('COMMIT');
  expect(overtaking).toBe(false);
  expect((await counted).rows[0].count).toBe('2');
  await writer.end();
});

test('a connection opens while another is inside a transaction', async () => {
  const holder = await connect();
  await holder.query('BEGIN');
  const newcomer = await connect();
  await holder.query('COMMIT');
  expect((await newcomer.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  await Promise.all([holder.end(), newcomer.end()]);
});

test.each([
  [
    'drops without a word',
    async (client: Client) =>
      void (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy(),
  ],
  ['says goodbye', (client: Client) => client.end()],
])('a transaction whose client %s is rolled back and keeps nobody waiting', async (_, leave) => {
  const client = await connect();
  client.on('error', () => {});
  await client.query('BEGIN');
  await client.query('INSERT INTO things VALUES (1)');
  const waiting = pool.query('SELECT count(*) FROM things');
  await leave(client);
  expect((await waiting).rows[0].count).toBe('0');
});

test('a failed transaction whose client drops is rolled back', async () => {
  const client = await connect();
  client.on('error', () => {});
  await client.query('BEGIN');
  await expect(client.query('SELECT 1 / 0')).rejects.toMatchObject({ code: '22012' });
  await client.end();
  await pool.query('INSERT INTO things VALUES (7)');
  expect((await pool.query('SELECT n FROM things')).rows).toEqual([{ n: 7 }]);
});

test('what a client had queued when it dropped never runs', async () => {
  const holder = await connect();
  const leaver = await connect();
  leaver.on('error', () => {});
  await holder.query('BEGIN');
  const queued = leaver.query('INSERT INTO things VALUES (1)').catch(() => 'dropped');
  const seen = await connect();
  (leaver as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  await queued;
  await holder.query('SELECT 1');
  await holder.query('COMMIT');
  expect((await seen.query('SELECT count(*) FROM things')).rows[0].count).toBe('0');
  await Promise.all([holder.end(), seen.end()]);
});

test('a client that does not speak the protocol is turned away and harms nobody', async () => {
  const { connect: connectSocket } = await import('node:net');
  const socket = connectSocket(`${embedded.connection.host}/.s.PGSQL.${embedded.connection.port}`);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.resume();
  socket.on('error', () => {});
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await closed;
  expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
});

test('an engine that dies is started again with everything that was committed', async () => {
  const mortal = await openTestEmbedded(newDirectory());
  const clients = new Pool({ ...mortal.connection, max: 2 });
  clients.on('error', () => {});
  await clients.query('CREATE TABLE kept (n int)');
  await clients.query('INSERT INTO kept VALUES (1)');
  // This build of PostgreSQL ends when it is asked for COPY FROM STDIN and finds no data.
  await expect(clients.query('COPY kept FROM STDIN')).rejects.toThrow();
  const back = async (): Promise<unknown> => {
    for (;;) {
      try {
        return (await clients.query('SELECT n FROM kept')).rows;
      } catch {
        await pause(20);
      }
    }
  };
  expect(await back()).toEqual([{ n: 1 }]);
  await clients.end();
  await mortal.close();
});
