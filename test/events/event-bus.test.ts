import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { type BusMessage, EVENT_CHANNELS, type EventBus } from '../../src/events/event-bus';
import { InProcessBus } from '../../src/events/in-process-bus';
import { type BusTransport, NetworkedBus } from '../../src/events/networked-bus';
import { openPostgresBus } from '../../src/events/postgres-bus';
import { openRedisBus } from '../../src/events/redis-bus';
import { systemClock } from '../../src/lib/clock';
import { freezingProxy } from './support/freezing-proxy';
import { ManualClock } from './support/manual-clock';
import { Queue } from './support/queue';
import { recordedLog } from './support/recorded-log';
import { describeWithPostgres, type ScratchPostgres, scratchPostgres } from './support/scratch-postgres';

const TEST_REDIS_URL = process.env.TEST_REDIS_URL ?? '';
const options = () => ({ processId: randomUUID(), clock: systemClock, log: recordedLog() });

const loneTransport: BusTransport = {
  payloadBytesMost: 7_900,
  start: async () => {},
  send: async () => {},
  stop: async () => {},
};

describe.each<[string, (log: ReturnType<typeof recordedLog>) => Promise<EventBus>]>([
  ['InProcessBus', async (log) => new InProcessBus(log)],
  ['NetworkedBus', (log) => NetworkedBus.open(loneTransport, { ...options(), log })],
])('%s within its own process', (_name, open) => {
  test('subscribers hear it inside publish, on their channel alone, until they leave', async () => {
    const bus = await open(recordedLog());
    const heard: BusMessage[] = [];
    const leave = bus.subscribe('balance', (message) => heard.push(message));
    bus.publish('balance', { n: 1 });
    bus.publish('usage', { n: 2 });
    expect(heard).toEqual([{ n: 1 }]);
    leave();
    bus.publish('balance', { n: 3 });
    expect(heard).toEqual([{ n: 1 }]);
    await bus.close();
  });

  test('one function subscribed twice is called twice, and once after one leaves', async () => {
    const bus = await open(recordedLog());
    let calls = 0;
    const count = () => {
      calls += 1;
    };
    const leave = bus.subscribe('cancel', count);
    bus.subscribe('cancel', count);
    bus.publish('cancel', {});
    leave();
    leave();
    bus.publish('cancel', {});
    expect(calls).toBe(3);
    await bus.close();
  });

  test('a handler that throws is logged; the publisher and the other handlers do not notice', async () => {
    const log = recordedLog();
    const bus = await open(log);
    const heard: BusMessage[] = [];
    bus.subscribe('usage', () => {
      throw new Error('broken');
    });
    bus.subscribe('usage', (message) => heard.push(message));
    bus.publish('usage', { n: 1 });
    expect(heard).toEqual([{ n: 1 }]);
    expect(log.messages).toContain('a handler of an event failed');
    await bus.close();
  });

  test('after close nothing is heard and publish is harmless', async () => {
    const bus = await open(recordedLog());
    const heard: BusMessage[] = [];
    bus.subscribe('usage', (message) => heard.push(message));
    await bus.close();
    await bus.close();
    bus.publish('usage', { n: 1 });
    expect(heard).toEqual([]);
  });
});

describe('NetworkedBus', () => {
  test('what is not JSON is delivered here, logged, and does not throw', async () => {
    const log = recordedLog();
    const bus = await NetworkedBus.open(loneTransport, { ...options(), log });
    const heard: unknown[] = [];
    bus.subscribe('usage', (message) => heard.push(message.n));
    bus.publish('usage', { n: 1n as unknown as number });
    expect(heard).toEqual([1n]);
    expect(log.messages).toEqual(['an event is not JSON and cannot be sent']);
    await bus.close();
  });

  test('states are told once each, a gap of another process as one more `true`, and rubbish is only logged', async () => {
    let payloadArrives: (payload: string) => void = () => {};
    let stateChanges: (up: boolean) => void = () => {};
    const transport: BusTransport = {
      ...loneTransport,
      async start(onPayload, onState) {
        payloadArrives = onPayload;
        stateChanges = onState;
        onState(false);
      },
    };
    const log = recordedLog();
    const bus = await NetworkedBus.open(transport, { ...options(), processId: 'me', log });
    const states: boolean[] = [];
    bus.onConnectionChange(() => {
      throw new Error('broken');
    });
    const leave = bus.onConnectionChange((up) => states.push(up));
    expect(bus.connected).toBe(false);
    stateChanges(false);
    stateChanges(true);
    expect(bus.connected).toBe(true);
    payloadArrives('{"from":"me","gap":true,"messages":[]}');
    payloadArrives('{"from":"other","gap":true,"messages":[]}');
    payloadArrives('rubbish');
    stateChanges(false);
    stateChanges(false);
    expect(bus.connected).toBe(false);
    expect(states).toEqual([true, true, false]);
    leave();
    stateChanges(true);
    expect(states).toHaveLength(3);
    expect(log.messages).toContain('something that is not an event arrived on the bus');
    await bus.close();
  });
});

test('PostgresBus is refused on the embedded database, which delivers no notifications', () => {
  const embedded = { query: () => Promise.reject(new Error('unused')), listen: null };
  expect(() => openPostgresBus(embedded, options())).toThrow('use InProcessBus');
});

interface Network {
  open(processId: string): Promise<EventBus>;
  /** Ends the receiving connection of a process from the server's side. */
  cutOff(processId: string): Promise<void>;
}

function betweenProcesses(network: () => Network): void {
  const opened: EventBus[] = [];
  const open = async (processId: string = randomUUID()) => {
    const bus = await network().open(processId);
    opened.push(bus);
    return bus;
  };
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((bus) => bus.close()));
  });

  test('the others hear every channel; the sender hears itself exactly once', async () => {
    const [a, b] = [await open(), await open()];
    expect([a.connected, b.connected]).toEqual([true, true]);
    const atA: string[] = [];
    const atB = new Queue<string>();
    for (const channel of EVENT_CHANNELS) {
      a.subscribe(channel, (message) => atA.push(`${channel} ${message.id}`));
      b.subscribe(channel, (message) => atB.push(`${channel} ${message.id}`));
    }
    const expected = EVENT_CHANNELS.map((channel) => `${channel} ü"\u0000😀`);
    for (const channel of EVENT_CHANNELS) a.publish(channel, { id: 'ü"\u0000😀' });
    expect(atA).toEqual(expected);
    const heard: string[] = [];
    while (heard.length < expected.length) heard.push(await atB.next());
    expect(heard).toEqual(expected);
    // An answer has gone round after everything of A's own: A has had its chance to hear itself.
    const answer = new Promise<void>((resolve) => a.subscribe('cancel', () => resolve()));
    b.publish('cancel', { id: 'answer' });
    await answer;
    expect(atA).toEqual([...expected, 'cancel answer']);
  });

  test('a burst of 2,000 from each of two processes arrives whole and in order at a third', async () => {
    const [a, b, c] = [await open(), await open(), await open()];
    const heard: Record<string, unknown[]> = { a: [], b: [] };
    const all = new Promise<void>((resolve) => {
      c.subscribe('operation', ({ from, n }) => {
        heard[from as string]!.push(n);
        if (heard.a!.length + heard.b!.length === 4_000) resolve();
      });
    });
    for (let n = 0; n < 2_000; n += 1) {
      a.publish('operation', { from: 'a', n });
      b.publish('operation', { from: 'b', n });
    }
    await all;
    const inOrder = Array.from({ length: 2_000 }, (_, n) => n);
    expect(heard).toEqual({ a: inOrder, b: inOrder });
  });

  test('a process that was cut off is told, reconnects, is told again, and hears what follows', async () => {
    const id = randomUUID();
    const [a, b] = [await open(), await open(id)];
    const states = new Queue<boolean>();
    b.onConnectionChange(states.push);
    await network().cutOff(id);
    expect([await states.next(), await states.next()]).toEqual([false, true]);
    expect(b.connected).toBe(true);
    const heard = new Queue<BusMessage>();
    b.subscribe('revocation', heard.push);
    a.publish('revocation', { apiKeyId: 'k' });
    expect(await heard.next()).toEqual({ apiKeyId: 'k' });
  });

  test('close sends what was published just before', async () => {
    const [a, b] = [await open(), await open()];
    const heard = new Queue<BusMessage>();
    b.subscribe('revocation', heard.push);
    a.publish('revocation', { apiKeyId: 'last' });
    await a.close();
    expect(await heard.next()).toEqual({ apiKeyId: 'last' });
    expect(a.connected).toBe(false);
  });
}

describeWithPostgres('events between processes over PostgreSQL', () => {
  let scratch: ScratchPostgres;
  beforeAll(async () => {
    scratch = await scratchPostgres();
  });
  afterAll(() => scratch.drop());

  betweenProcesses(() => ({
    async open(processId) {
      const database = scratch.open(2);
      return openPostgresBus(database, { ...options(), processId });
    },
    // Every listening connection of this scratch database goes; whoever is asked about is among them.
    async cutOff() {
      const sql = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND query LIKE 'LISTEN%'`;
      await scratch.open(1).query(sql);
    },
  }));
});

const describeWithRedis: (name: string, tests: () => void) => void = TEST_REDIS_URL
  ? (name, tests) => describe(name, tests)
  : (name, tests) => describe.skip(`${name} (skipped: TEST_REDIS_URL is not set)`, tests);

describeWithRedis('events between processes over Redis', () => {
  let admin: Redis;
  beforeAll(() => {
    admin = new Redis(TEST_REDIS_URL);
  });
  afterAll(() => admin.disconnect());

  betweenProcesses(() => ({
    open: (processId) => openRedisBus(TEST_REDIS_URL, { ...options(), processId }),
    async cutOff(processId) {
      const clients = String(await admin.client('LIST')).split('\n');
      const line = clients.find((each) => each.includes(`name=polyphony-subscribe-${processId} `))!;
      await admin.client('KILL', 'ID', /\bid=(\d+)/.exec(line)![1]!);
    },
  }));

  test('a connection that goes dead without a word is noticed by the heartbeat and replaced', async () => {
    const address = new URL(TEST_REDIS_URL);
    const proxy = await freezingProxy(address.hostname, Number(address.port || 6379));
    address.hostname = '127.0.0.1';
    address.port = String(proxy.port);
    const clock = new ManualClock();
    const bus = await openRedisBus(address.href, { ...options(), clock });
    const states = new Queue<boolean>();
    bus.onConnectionChange(states.push);
    proxy.freeze();
    clock.advance(15_000);
    await clock.scheduled(5_000);
    clock.advance(5_000);
    expect([await states.next(), await states.next()]).toEqual([false, true]);
    await bus.close();
    await proxy.close();
  });

  test('a Redis that is away neither stops the start nor the publisher; it is tried again', async () => {
    const log = recordedLog();
    const bus = await openRedisBus('redis://127.0.0.1:1', { ...options(), log });
    expect(bus.connected).toBe(false);
    const heard: BusMessage[] = [];
    bus.subscribe('usage', (message) => heard.push(message));
    bus.publish('usage', { n: 1 });
    expect(heard).toEqual([{ n: 1 }]);
    await new Promise(setImmediate);
    expect(log.messages).toContain('events could not be sent to the other processes');
    await bus.close();
  });
});
