import { Client } from 'pg';
import { postgresListen } from '../../src/db/postgres-listen';
import { systemClock } from '../../src/lib/clock';
import { freezingProxy } from '../events/support/freezing-proxy';
import { ManualClock } from '../events/support/manual-clock';
import { Queue } from '../events/support/queue';
import { describeWithPostgres, type ScratchPostgres, scratchPostgres } from '../events/support/scratch-postgres';

describeWithPostgres('LISTEN on real PostgreSQL', () => {
  let scratch: ScratchPostgres;
  let database: ReturnType<ScratchPostgres['open']>;
  let stop: () => Promise<void> = async () => {};

  beforeAll(async () => {
    scratch = await scratchPostgres();
    database = scratch.open();
  });
  afterEach(async () => {
    await stop();
    stop = async () => {};
  });
  afterAll(() => scratch.drop());

  const notify = (channel: string, payload: string) => database.query('SELECT pg_notify($1, $2)', [channel, payload]);

  test('each channel hears its own payloads, with names that need quoting', async () => {
    const plain = new Queue<string>();
    const quoted = new Queue<string>();
    const states: boolean[] = [];
    stop = await postgresListen(
      scratch.connect,
      { plain: plain.push, 'Quoted "name"': quoted.push },
      (up) => states.push(up),
      systemClock,
    );
    expect(states).toEqual([true]);
    await notify('Quoted "name"', 'two');
    await notify('plain', 'one');
    expect([await plain.next(), await quoted.next()]).toEqual(['one', 'two']);
  });

  test('a connection that the server ends is made again, the states told, and later payloads heard', async () => {
    const heard = new Queue<string>();
    const states = new Queue<boolean>();
    const clients: Client[] = [];
    const connect = async () => {
      const client = await scratch.connect();
      clients.push(client);
      return client;
    };
    stop = await postgresListen(connect, { c: heard.push }, states.push, systemClock);
    const { rows } = await clients[0]!.query('SELECT pg_backend_pid() AS pid');
    await database.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
    expect([await states.next(), await states.next(), await states.next()]).toEqual([true, false, true]);
    await notify('c', 'after');
    expect(await heard.next()).toBe('after');
    expect(clients).toHaveLength(2);
  });

  test('a connection that goes dead without a word is noticed by the heartbeat and replaced', async () => {
    const { hostname, port } = new URL(scratch.url);
    const proxy = await freezingProxy(hostname, Number(port || 5432));
    const clock = new ManualClock();
    const states = new Queue<boolean>();
    const heard = new Queue<string>();
    const connect = async () => {
      const address = new URL(scratch.url);
      address.hostname = '127.0.0.1';
      address.port = String(proxy.port);
      const client = new Client({ connectionString: address.href });
      await client.connect();
      return client;
    };
    stop = await postgresListen(connect, { c: heard.push }, states.push, clock);
    expect(await states.next()).toBe(true);
    proxy.freeze();
    clock.advance(15_000);
    await clock.scheduled(5_000);
    clock.advance(5_000);
    expect(await states.next()).toBe(false);
    clock.advance(100);
    expect(await states.next()).toBe(true);
    await notify('c', 'alive');
    expect(await heard.next()).toBe('alive');
    await stop();
    await proxy.close();
  });

  test('a database that is away at the start is told as down and tried until it answers', async () => {
    const states = new Queue<boolean>();
    let attempts = 0;
    const connect = () => {
      attempts += 1;
      return attempts < 3 ? Promise.reject(new Error('refused')) : scratch.connect();
    };
    stop = await postgresListen(connect, { c: () => {} }, states.push, systemClock);
    expect([await states.next(), await states.next()]).toEqual([false, true]);
    expect(attempts).toBe(3);
  });

  test('a connection that comes after its deadline is closed and not used', async () => {
    const clock = new ManualClock();
    const states = new Queue<boolean>();
    let deliver: (client: Client) => void = () => {};
    const late = new Promise<Client>((resolve) => {
      deliver = resolve;
    });
    const starting = postgresListen(() => late, { c: () => {} }, states.push, clock);
    clock.advance(5_000);
    stop = await starting;
    expect(await states.next()).toBe(false);
    await stop();
    const client = await scratch.connect();
    const ended = new Promise((resolve) => client.once('end', resolve));
    // Listeners are taken off when it is discarded: look at the connection itself.
    const closed = new Promise((resolve) =>
      (client as unknown as { connection: NodeJS.EventEmitter }).connection.once('end', resolve),
    );
    deliver(client);
    await Promise.race([ended, closed]);
    expect(states.untaken).toEqual([]);
  });

  test('after stop nothing is heard and no connection is left', async () => {
    const heard: string[] = [];
    const name = 'polyphony-listen-stop';
    const connect = async () => {
      const client = new Client({ connectionString: scratch.url, application_name: name });
      await client.connect();
      return client;
    };
    const stopListening = await postgresListen(connect, { c: (payload) => heard.push(payload) }, () => {}, systemClock);
    await stopListening();
    await notify('c', 'nobody');
    const left = 'SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = $1';
    // The server's process goes a moment after its socket.
    for (let n = 1; n > 0; ) n = (await database.query<{ n: number }>(left, [name])).rows[0]!.n;
    expect(heard).toEqual([]);
  });
});
