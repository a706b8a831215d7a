import { candidate, failure, ownKey, RouterHarness } from './support';

const A = candidate('a');
const UNKNOWN = { circuit: 'CLOSED', errorRate: null, latencyP50Ms: null, latencyP95Ms: null };

/** One request that is answered after so many milliseconds; negative: it fails. */
async function take(harness: RouterHarness, of: typeof A, ms: number): Promise<void> {
  const attempt = async (): Promise<string> => {
    harness.clock.advance(Math.abs(ms));
    if (ms < 0) throw failure('UNAVAILABLE', { retryable: false });
    return 'yes';
  };
  await harness.router.ask(of, harness.options(), attempt).catch(() => {});
}

it('tells failures and latencies of late, once there are enough', async () => {
  const harness = new RouterHarness();
  for (const ms of [100, 200, 300, 400]) await take(harness, A, ms);
  expect(harness.health.view('a', A.credential)).toEqual(UNKNOWN);
  expect(harness.health.latencyOf('a/one')).toBeNull();
  await take(harness, A, 500);
  await take(harness, A, -50);
  expect(harness.health.view('a', A.credential)).toEqual({
    circuit: 'CLOSED',
    errorRate: 1 / 6,
    latencyP50Ms: 300,
    latencyP95Ms: 500,
  });
  expect(harness.health.latencyOf('a/one')).toBe(300);
});

it('what was measured ten minutes ago is not known any more', async () => {
  const harness = new RouterHarness();
  for (let count = 0; count < 10; count++) await take(harness, A, 100);
  expect(harness.health.latencyOf('a/one')).toBe(100);
  harness.clock.advance(601_000);
  expect(harness.health.latencyOf('a/one')).toBeNull();
  expect(harness.health.view('a', A.credential)).toEqual(UNKNOWN);
});

it('an answer that breaks afterwards was a failure', async () => {
  const harness = new RouterHarness();
  for (let count = 0; count < 4; count++) await take(harness, A, 10);
  const { record } = await harness.router.ask(A, harness.options(), async () => 'begun');
  harness.router.broke(A, record, failure('UNAVAILABLE'));
  expect(harness.health.view('a', A.credential).errorRate).toBe(0.2);
});

it.each(['REJECTED', 'UNAUTHORIZED', 'CANCELLED'] as const)('%s is no failure of the provider', async (kind) => {
  const harness = new RouterHarness();
  for (let count = 0; count < 5; count++) await take(harness, A, 10);
  for (let count = 0; count < 5; count++) {
    await harness.router.ask(A, harness.options(), () => Promise.reject(failure(kind))).catch(() => {});
  }
  expect(harness.health.view('a', A.credential).errorRate).toBe(0);
});

it('each credential has its own; the platform’s is everybody’s', async () => {
  const harness = new RouterHarness();
  const own = candidate('a', ownKey('mine'));
  for (let count = 0; count < 6; count++) await take(harness, own, -10);
  for (let count = 0; count < 6; count++) await take(harness, A, 20);
  expect(harness.health.view('a', ownKey('mine')).errorRate).toBe(1);
  expect(harness.health.view('a', ownKey('yours'))).toEqual(UNKNOWN);
  expect(harness.health.view('a', A.credential).errorRate).toBe(0);
});

it('memory stays bounded: of many own keys the newest are remembered, and none drives out the platform’s', async () => {
  const harness = new RouterHarness();
  await harness.openCircuit(A);
  const first = candidate('a', ownKey('key-0'));
  await harness.openCircuit(first);
  for (let key = 1; key <= 1_000; key++) await take(harness, candidate('a', ownKey(`key-${key}`)), 1);
  expect(harness.health.view('a', first.credential)).toEqual(UNKNOWN);
  expect(harness.health.view('a', A.credential).circuit).toBe('OPEN');
  expect(JSON.stringify([...Reflect.get(harness.health, 'ownKeys').keys()])).not.toContain('key-1000');
});
