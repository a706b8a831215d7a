import fc from 'fast-check';
import { UsageFeed, type UsageFeedSource } from '../../src/analytics/usage-feed';
import type { UsageEventRow } from '../../src/ledger/usage-event';
import { followLog } from '../../src/lib/shared-events';
import { TestClock } from '../support/test-clock';

const WORKSPACE = 'w';
const event = (sequence: number): UsageEventRow =>
  ({ workspace_id: WORKSPACE, sequence: String(sequence) }) as UsageEventRow;

/** The events of one workspace as a database has them, which answers after some turns, and counts what it is asked. */
class Books implements UsageFeedSource {
  settled = 0;
  /** Events up to this one are too old to be asked for. */
  old = 0;
  /** Events that are no longer there. */
  readonly gone = new Set<number>();
  readonly asked = { events: 0, last: 0, oldest: 0 };
  broken = false;

  constructor(private readonly turns: () => number = () => 1) {}

  async eventsAfter(_workspaceId: string, sequence: bigint, limit: number): Promise<UsageEventRow[]> {
    this.asked.events += 1;
    const { settled } = this;
    await this.think();
    const after = range(Number(sequence) + 1, settled).filter((each) => !this.gone.has(each));
    return after.slice(0, limit).map(event);
  }

  async lastSequence(): Promise<bigint> {
    this.asked.last += 1;
    const { settled } = this;
    await this.think();
    return BigInt(settled);
  }

  async oldestWithin(): Promise<bigint | null> {
    this.asked.oldest += 1;
    await this.think();
    return this.old < this.settled ? BigInt(this.old + 1) : null;
  }

  private async think(): Promise<void> {
    for (let left = this.turns(); left > 0; left--) await new Promise(setImmediate);
    if (this.broken) throw new Error('the database is away');
  }
}

const feedOf = (source: UsageFeedSource, clock = new TestClock(), onError: (error: unknown) => void = fail) =>
  new UsageFeed({ source, clock, onError });

function fail(error: unknown): never {
  throw error;
}

/** Collects what a reader is given. */
async function reader(feed: UsageFeed, after: number | null) {
  const opened = await feed.open(WORKSPACE, after);
  const controller = new AbortController();
  const seen: number[] = [];
  const reading = (async () => {
    for await (const { sequence } of followLog(opened.log, opened.after, controller.signal))
      seen.push(Number(sequence));
  })();
  return {
    seen,
    start: opened.after,
    async close() {
      controller.abort();
      await reading;
      opened.close();
    },
  };
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate);
};
const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, n) => from + n);

describe('the feed of usage', () => {
  it('gives every reader each event after his place once and in order, however events become known', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('settle' as const), count: fc.integer({ min: 1, max: 90 }), here: fc.boolean() }),
      fc.record({ kind: fc.constant('tell' as const) }),
      fc.record({ kind: fc.constant('open' as const), back: fc.option(fc.integer({ min: 0, max: 300 })) }),
      fc.record({ kind: fc.constant('wait' as const), turns: fc.integer({ min: 1, max: 4 }) }),
      fc.record({ kind: fc.constant('later' as const), ms: fc.constantFrom(500, 6_000, 40_000) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 25 }),
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 10 }),
        async (steps, delays) => {
          let asked = 0;
          const books = new Books(() => delays[asked++ % delays.length]!);
          books.settled = 200;
          const clock = new TestClock();
          const feed = feedOf(books, clock);
          const opening: ReturnType<typeof reader>[] = [];
          for (const next of steps) {
            if (next.kind === 'settle') {
              for (let n = 0; n < next.count; n++) {
                books.settled += 1;
                if (next.here) feed.settled(event(books.settled));
              }
            } else if (next.kind === 'tell') feed.announced(WORKSPACE, BigInt(books.settled));
            else if (next.kind === 'open') {
              opening.push(reader(feed, next.back === null ? null : Math.max(1, books.settled - next.back)));
            } else if (next.kind === 'wait') for (let n = 0; n < next.turns; n++) await new Promise(setImmediate);
            else clock.advance(next.ms);
          }
          feed.announced(WORKSPACE, BigInt(books.settled));
          const readers = await Promise.all(opening);
          await settle();
          for (const { seen, start } of readers) expect(seen).toEqual(range(start + 1, books.settled));
          await Promise.all(readers.map((each) => each.close()));
          expect(feed.watched()).toEqual([]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('reads a few pages for a thousand readers who come back at once after different events', async () => {
    const books = new Books();
    books.settled = 1_000;
    const feed = feedOf(books);
    const readers = await Promise.all(range(0, 999).map((n) => reader(feed, 900 + (n % 100))));
    await settle();
    for (const { seen, start } of readers) expect(seen).toEqual(range(start + 1, 1_000));
    expect(books.asked).toEqual({ events: 2, last: 1, oldest: 1 });
    await Promise.all(readers.map((each) => each.close()));
  });

  it('reads nothing for events that this process settled', async () => {
    const books = new Books();
    const feed = feedOf(books);
    const readers = await Promise.all(range(1, 50).map(() => reader(feed, null)));
    for (const sequence of range(1, 40)) {
      books.settled = sequence;
      feed.settled(event(sequence));
    }
    await settle();
    for (const { seen } of readers) expect(seen).toEqual(range(1, 40));
    expect(books.asked.events).toBe(0);
    await Promise.all(readers.map((each) => each.close()));
  });

  it('misses nothing where a page was read before it was full and its events have left the memory', async () => {
    const books = new Books();
    books.settled = 10;
    const feed = feedOf(books);
    const first = await reader(feed, 5);
    await settle();
    const later = await feed.open(WORKSPACE, 10);
    for (const sequence of range(11, 300)) {
      books.settled = sequence;
      feed.settled(event(sequence));
    }
    const controller = new AbortController();
    const seen: number[] = [];
    for await (const { sequence } of followLog(later.log, later.after, controller.signal)) {
      seen.push(Number(sequence));
      if (seen.length === 290) controller.abort();
    }
    expect(seen).toEqual(range(11, 300));
    later.close();
    await first.close();
  });

  it('goes on behind events that are no longer there', async () => {
    const books = new Books();
    books.settled = 10;
    const feed = feedOf(books);
    const first = await reader(feed, null);
    for (const gone of [13, 14, 15]) books.gone.add(gone);
    books.settled = 20;
    feed.announced(WORKSPACE, 20n);
    await settle();
    const late = await reader(feed, 17);
    await settle();
    expect(first.seen).toEqual([11, 12, ...range(16, 20)]);
    expect(late.seen).toEqual([18, 19, 20]);
    await Promise.all([first, late].map((each) => each.close()));
  });

  it('goes on with what it could not read when the database is back', async () => {
    const errors: unknown[] = [];
    const clock = new TestClock();
    const books = new Books();
    const feed = feedOf(books, clock, (error) => errors.push(error));
    const { seen, close } = await reader(feed, null);
    books.broken = true;
    books.settled = 5;
    feed.announced(WORKSPACE, 5n);
    await settle();
    expect({ seen, errors: errors.length }).toEqual({ seen: [], errors: 1 });
    books.broken = false;
    clock.advance(1_000);
    await settle();
    expect(seen).toEqual(range(1, 5));
    await close();
  });

  it('refuses a place that is too old or that there never was, and takes one that only another process knows', async () => {
    const books = new Books();
    books.settled = 10;
    books.old = 4;
    const feed = feedOf(books);
    const first = await reader(feed, null);
    for (const after of [1, 4, 11]) {
      await expect(feed.open(WORKSPACE, after)).rejects.toMatchObject({ code: 'RESUME_EXPIRED' });
    }
    books.settled = 12;
    const ahead = await reader(feed, 12);
    books.settled = 13;
    feed.announced(WORKSPACE, 13n);
    await settle();
    expect(ahead.seen).toEqual([13]);
    expect(first.seen).toEqual([11, 12, 13]);
    await Promise.all([first, ahead].map((each) => each.close()));
  });

  it('opens anew after a first look that failed', async () => {
    const books = new Books();
    const feed = feedOf(books);
    books.broken = true;
    await expect(feed.open(WORKSPACE, null)).rejects.toThrow('away');
    expect(feed.watched()).toEqual([]);
    books.broken = false;
    const { close } = await reader(feed, null);
    await close();
  });
});
