import { type EngineBackend, EngineTurns } from '../../../src/db/embedded/engine-turns';

const IDLE_MS = 60_000;
const SYNC = 'S';
const ROLLBACK = 'ROLLBACK';

/** Records what runs; BEGIN, COMMIT and ROLLBACK move it in and out of a transaction. */
class RecordedBackend implements EngineBackend {
  readonly ran: string[] = [];
  broken = false;
  private open = false;

  async execute(messages: Uint8Array): Promise<void> {
    if (this.broken) throw new Error('gone');
    const text = Buffer.from(messages).toString('latin1');
    const name = text.includes(ROLLBACK) ? ROLLBACK : text.startsWith('S\0') ? SYNC : text;
    this.ran.push(name);
    if (name.endsWith('BEGIN')) this.open = true;
    if (name.endsWith('COMMIT') || name === ROLLBACK) this.open = false;
  }

  inTransaction(): boolean {
    return this.open;
  }
}

function start() {
  const backend = new RecordedBackend();
  const idle: object[] = [];
  const faults: unknown[] = [];
  const turns = new EngineTurns(backend, {
    idleInTransactionMs: IDLE_MS,
    onIdle: (client) => idle.push(client),
    onBroken: (cause) => faults.push(cause),
  });
  const take = (client: object, text: string, unfinished = false): void =>
    turns.take(client, Buffer.from(text), unfinished, () => {});
  return { backend, idle, faults, turns, take };
}

const one = { name: 'one' };
const other = { name: 'other' };

/** Every turn takes one pass of the event loop. */
const settle = async (): Promise<void> => {
  for (let pass = 0; pass < 20; pass += 1) await new Promise(setImmediate);
};

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask'] });
});
afterEach(() => {
  jest.useRealTimers();
});

test('a transaction keeps the engine until it ends', async () => {
  const { backend, take } = start();
  take(one, '1 BEGIN');
  take(other, '2 SELECT');
  await settle();
  take(one, '1 COMMIT');
  await settle();
  expect(backend.ran).toEqual(['1 BEGIN', '1 COMMIT', '2 SELECT']);
});

test('a query that was only flushed keeps the engine until its Sync', async () => {
  const { backend, take } = start();
  take(one, '1 Parse', true);
  take(other, '2 SELECT');
  take(one, '1 Sync');
  await settle();
  expect(backend.ran).toEqual(['1 Parse', '1 Sync', '2 SELECT']);
});

test('a client that leaves between flush and Sync is ended cleanly, with or without a transaction', async () => {
  const { backend, take, turns } = start();
  take(one, '1 BEGIN');
  take(one, '1 Parse', true);
  take(other, '2 SELECT');
  await settle();
  turns.leave(one);
  await settle();
  expect(backend.ran).toEqual(['1 BEGIN', '1 Parse', SYNC, ROLLBACK, '2 SELECT']);
});

test('a client that leaves loses what it had queued, and nothing of it runs later', async () => {
  const { backend, take, turns } = start();
  take(one, '1 BEGIN');
  take(other, '2 INSERT');
  turns.leave(other);
  take(other, '2 INSERT again');
  take(one, '1 COMMIT');
  await settle();
  expect(backend.ran).toEqual(['1 BEGIN', '1 COMMIT']);
});

test('a client that is idle inside a transaction for too long is rolled back and told', async () => {
  const { backend, idle, take } = start();
  take(one, '1 BEGIN');
  take(other, '2 SELECT');
  await settle();
  jest.advanceTimersByTime(IDLE_MS - 1);
  await settle();
  expect(idle).toEqual([]);
  jest.advanceTimersByTime(1);
  await settle();
  expect(idle).toEqual([one]);
  expect(backend.ran).toEqual(['1 BEGIN', ROLLBACK, '2 SELECT']);
});

test('every statement of a transaction gives it its full time again', async () => {
  const { idle, take } = start();
  take(one, '1 BEGIN');
  await settle();
  jest.advanceTimersByTime(IDLE_MS - 1);
  take(one, '1 SELECT');
  await settle();
  jest.advanceTimersByTime(IDLE_MS - 1);
  expect(idle).toEqual([]);
});

test('the engine’s own work waits for the end of a transaction, and its failure is its own', async () => {
  const { backend, faults, take, turns } = start();
  take(one, '1 BEGIN');
  const own = turns.takeOwn(async () => {
    backend.ran.push('own');
    throw new Error('no');
  });
  own.catch(() => {});
  take(one, '1 COMMIT');
  take(other, '2 SELECT');
  await expect(own).rejects.toThrow('no');
  await settle();
  expect(backend.ran).toEqual(['1 BEGIN', '1 COMMIT', 'own', '2 SELECT']);
  expect(faults).toEqual([]);
});

test('an engine that is gone is reported once and gets nothing more', async () => {
  const { backend, faults, take } = start();
  backend.broken = true;
  take(one, '1 SELECT');
  take(other, '2 SELECT');
  await settle();
  take(other, '3 SELECT');
  await settle();
  expect(faults).toHaveLength(1);
});
