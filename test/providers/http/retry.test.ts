import fc from 'fast-check';
import { ProviderError } from '../../../providers/contract/errors';
import { type FailedAttempt, type RetryClock, type RetryOptions, retry } from '../../../providers/http/retry';

const busy = (retryAfterMs?: number) =>
  new ProviderError({ provider: 'acme', kind: 'UNAVAILABLE', message: 'busy', retryable: true, retryAfterMs });
const refused = new ProviderError({ provider: 'acme', kind: 'REJECTED', message: 'no', retryable: false });

/** Time that passes only while somebody sleeps. */
function handClock(): RetryClock & { slept: number[] } {
  let now = 0;
  const slept: number[] = [];
  return {
    slept,
    now: () => now,
    async sleep(ms) {
      slept.push(ms);
      now += ms;
    },
  };
}

function options(changes: Partial<RetryOptions> = {}): RetryOptions {
  return { attemptsMax: 4, deadlineMs: 60_000, signal: new AbortController().signal, random: () => 0.5, ...changes };
}

/** Fails with each of `errors` in turn, then succeeds. */
function failing(...errors: Error[]): (attempt: number) => Promise<string> {
  return async (attempt) => {
    const error = errors[attempt - 1];
    if (error !== undefined) throw error;
    return `attempt ${attempt}`;
  };
}

it('tries again after a retryable failure, and tells of each', async () => {
  const clock = handClock();
  const told: FailedAttempt[] = [];
  const result = await retry(failing(busy(), busy()), options({ clock, onFailure: (failed) => told.push(failed) }));
  expect(result).toBe('attempt 3');
  expect(clock.slept).toEqual([100, 200]);
  expect(told.map(({ attempt, retryInMs }) => [attempt, retryInMs])).toEqual([
    [1, 100],
    [2, 200],
  ]);
});

it('waits at random between nothing and a limit that doubles up to 5 s', async () => {
  for (const random of [0, 0.999]) {
    const clock = handClock();
    await expect(
      retry(
        failing(...Array.from({ length: 8 }, () => busy())),
        options({ attemptsMax: 8, clock, random: () => random }),
      ),
    ).rejects.toThrow('busy');
    const limits = [200, 400, 800, 1_600, 3_200, 5_000, 5_000];
    expect(clock.slept).toEqual(limits.map((limit) => limit * random));
  }
});

it.each([
  ['a failure that is not retryable', refused],
  ['an error of our own', new TypeError('bug')],
])('%s ends it at once', async (_name, error) => {
  const clock = handClock();
  await expect(retry(failing(error), options({ clock }))).rejects.toBe(error);
  expect(clock.slept).toEqual([]);
});

it('the last failure is thrown when the attempts are used up', async () => {
  const last = busy();
  const told: (number | null)[] = [];
  await expect(
    retry(
      failing(busy(), last),
      options({ attemptsMax: 2, clock: handClock(), onFailure: ({ retryInMs }) => told.push(retryInMs) }),
    ),
  ).rejects.toBe(last);
  expect(told).toEqual([100, null]);
});

it('waits as long as the provider asks, and gives up at once when that would reach the deadline', async () => {
  const patient = handClock();
  await retry(failing(busy(3_000)), options({ clock: patient }));
  expect(patient.slept).toEqual([3_100]);

  const hurried = handClock();
  const told: (number | null)[] = [];
  await expect(
    retry(
      failing(busy(3_000)),
      options({ clock: hurried, deadlineMs: 3_100, onFailure: ({ retryInMs }) => told.push(retryInMs) }),
    ),
  ).rejects.toThrow('busy');
  expect(hurried.slept).toEqual([]);
  expect(told).toEqual([null]);
});

it('the waits together never reach the deadline, whatever providers ask', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(20_000), fc.array(fc.nat(5_000), { maxLength: 20 }), async (deadlineMs, waits) => {
      const clock = handClock();
      await retry(failing(...waits.map((wait) => busy(wait))), options({ attemptsMax: 30, deadlineMs, clock })).catch(
        () => undefined,
      );
      expect(clock.now()).toBeLessThanOrEqual(deadlineMs);
    }),
  );
});

it('a signal during the wait ends it with CANCELLED and without another attempt', async () => {
  const caller = new AbortController();
  const clock = { now: () => 0, sleep: async () => caller.abort() };
  const run = jest.fn(failing(busy()));
  await expect(retry(run, options({ clock, signal: caller.signal }))).rejects.toMatchObject({ kind: 'CANCELLED' });
  expect(run).toHaveBeenCalledTimes(1);
});

it('the real clock wakes as soon as the signal aborts', async () => {
  const caller = new AbortController();
  const retrying = retry(
    failing(busy(3_600_000)),
    options({ deadlineMs: 7_200_000, signal: caller.signal, onFailure: () => setImmediate(() => caller.abort()) }),
  );
  await expect(retrying).rejects.toMatchObject({ kind: 'CANCELLED' });
});
