import fc from 'fast-check';
import type { Entry, EventLog } from '../../src/lib/shared-events';
import type { Waiting } from '../../src/transport/client-socket';
import { InFlight } from '../../src/transport/intake';
import { SharedReader } from '../../src/transport/shared-reader';
import { SharedSubscription } from '../../src/transport/shared-subscription';
import { TestClock } from '../support/test-clock';

interface Event {
  readonly number: number;
}

/** Events from 1 on; those of memory are answered at once, older ones after a turn and in pages. */
class Log implements EventLog<Event> {
  last = 0;
  inMemory = 5;
  broken = false;
  private readonly events: Event[] = [];
  private readonly listeners = new Set<() => void>();

  read(after: number): readonly Entry<Event>[] | Promise<readonly Entry<Event>[]> {
    const entries = this.events.slice(after, this.last).map((event) => ({ position: event.number, event }));
    if (entries.length <= this.inMemory) return entries;
    return new Promise((resolve, reject) =>
      setImmediate(() => (this.broken ? reject(new Error('away')) : resolve(entries.slice(0, 7)))),
    );
  }

  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  append(): void {
    this.last += 1;
    this.events.push({ number: this.last });
    for (const listener of this.listeners) listener();
  }

  get heard(): number {
    return this.listeners.size;
  }
}

/** A client that is full after some messages, until it is emptied. */
class Client {
  readonly got: (number | string)[] = [];
  room = Number.POSITIVE_INFINITY;
  private waiting: Waiting[] = [];

  get isFull(): boolean {
    return this.room <= 0;
  }

  push(message: string): void {
    const { id, type, payload } = JSON.parse(message) as { id: string; type: string; payload: number | string };
    expect([id, type]).toEqual(['a "quoted" id', 'next']);
    this.got.push(payload);
    this.room -= 1;
  }

  whenDrained(waiting: Waiting): void {
    this.waiting.push(waiting);
  }

  drain(room: number): void {
    this.room = room;
    for (const waiting of this.waiting.splice(0)) waiting.resume();
  }
}

function open(behindMax = 1_000) {
  const log = new Log();
  const executed: number[] = [];
  let empty = false;
  const deliveries = new InFlight();
  const clock = new TestClock();
  const errors: unknown[] = [];
  for (let n = 0; n < 10; n++) log.append();
  const shared = new SharedSubscription<Event>({
    log,
    clock,
    deliveries,
    behindMax,
    execute: async ({ number }) => {
      executed.push(number);
      if (number % 3 === 0) await new Promise(setImmediate);
      return { payload: String(number), lasts: true };
    },
    failure: () => '"failed"',
    onError: (error) => errors.push(error),
    onEmpty: () => {
      empty = true;
    },
  });
  const join = (after: number) => {
    const client = new Client();
    let left = 0;
    const reader = new SharedReader(shared, client, 'a "quoted" id', after, () => {
      left += 1;
    });
    return { client, reader, after, over: reader.next(), left: () => left };
  };
  return { log, executed, deliveries, clock, errors, join, isEmpty: () => empty };
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 60; turn++) await new Promise(setImmediate);
};
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, n) => from + n);

it('tells every reader each event once and in order, each at his own pace, and executes each once', async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('append' as const), count: fc.integer({ min: 1, max: 12 }) }),
    fc.record({ kind: fc.constant('join' as const), back: fc.integer({ min: 0, max: 10 }) }),
    fc.record({ kind: fc.constant('stall' as const), who: fc.nat(20) }),
    fc.record({ kind: fc.constant('drain' as const), who: fc.nat(20), room: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ kind: fc.constant('leave' as const), who: fc.nat(20) }),
    fc.record({ kind: fc.constant('turn' as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
      const { log, executed, deliveries, join, isEmpty } = open();
      const readers = [join(10)];
      const left = new Set<unknown>();
      for (const next of steps) {
        const one = 'who' in next ? readers[next.who % readers.length]! : null;
        if (next.kind === 'append') for (let n = 0; n < next.count; n++) log.append();
        else if (next.kind === 'join') readers.push(join(log.last - next.back));
        else if (next.kind === 'stall') one!.client.room = 0;
        else if (next.kind === 'drain') one!.client.drain(next.room);
        else if (next.kind === 'turn') await new Promise(setImmediate);
        else if (one !== readers[0]) {
          left.add(one);
          await one!.reader.return();
        }
      }
      for (const { client } of readers) client.drain(Number.POSITIVE_INFINITY);
      await settle();
      for (const each of readers) {
        const expected = range(each.after + 1, log.last);
        if (!left.has(each)) expect(each.client.got).toEqual(expected);
        else expect(each.client.got).toEqual(expected.slice(0, each.client.got.length));
      }
      expect(new Set(executed).size).toBe(executed.length);
      expect(deliveries.count).toBe(0);
      for (const { reader, over, left } of readers) {
        await reader.return();
        await over;
        expect(left()).toBe(1);
      }
      expect([isEmpty(), log.heard]).toEqual([true, 0]);
    }),
    { numRuns: 150 },
  );
});

it('lets go of a reader who was up to date and is too far behind, and of no other', async () => {
  const { log, join } = open(20);
  const slow = join(10);
  const quick = join(10);
  const late = join(0);
  await settle();
  late.client.room = 0;
  slow.client.room = 2;
  for (let n = 0; n < 22; n++) {
    log.append();
    await settle();
  }
  expect(slow.client.got).toEqual([11, 12]);
  expect(slow.left()).toBe(0);
  log.append();
  await settle();
  expect(slow.client.got).toEqual([11, 12, 'failed']);
  expect(await slow.over).toEqual({ done: true, value: undefined });
  expect(quick.client.got).toEqual(range(11, 33));
  slow.client.drain(100);
  await settle();
  expect(slow.client.got).toEqual([11, 12, 'failed']);
  await quick.reader.return();
});

it('lets a reader who comes with a distant cursor be as far behind as it takes', async () => {
  const { log, join } = open(3);
  log.inMemory = 0;
  const far = join(0);
  for (let n = 0; n < 30; n++) log.append();
  await settle();
  expect(far.client.got).toEqual(range(1, 40));
});

it('ends a reader who misses what cannot be read, and goes on with the others when it can', async () => {
  const { log, clock, errors, join } = open();
  log.inMemory = 0;
  const live = join(10);
  log.broken = true;
  log.append();
  const behind = join(5);
  await settle();
  expect(behind.client.got).toEqual(['failed']);
  expect(await behind.over).toMatchObject({ done: true });
  expect({ got: live.client.got, errors: errors.length }).toEqual({ got: [], errors: 1 });
  log.broken = false;
  clock.advance(1_000);
  await settle();
  expect(live.client.got).toEqual([11]);
});
