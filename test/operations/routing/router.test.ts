import type { ErrorCode } from '../../../src/lib/errors';
import type { Candidate } from '../../../src/operations/routing/candidate';
import { CircuitOpenError } from '../../../src/operations/routing/router';
import { candidate, failure, inShort, ownKey, RouterHarness, type Script, scripted } from './support';

const A = candidate('a');
const B = candidate('b');
const C = candidate('c');

async function routed(script: Script, candidates: readonly Candidate[], harness = new RouterHarness()) {
  const { asked, attempt } = scripted(script);
  const options = harness.options();
  const outcome = await harness.router.run(candidates, options, attempt).then(
    ({ candidate: by, answer }) => `${by.providerId}: ${answer}`,
    (error: Error) => error.message,
  );
  return { outcome, asked, attempts: inShort(options.attempts), waits: harness.waits };
}

describe('who is asked, and how often', () => {
  it.each<[string, Script, readonly Candidate[], string, string]>([
    ['the first serves', { a: ['yes'], b: ['no'] }, [A, B], 'a: yes', 'a SERVED'],
    [
      'a failure that passes is tried again at the same one',
      { a: [failure('UNAVAILABLE'), failure('UNAVAILABLE'), 'yes'] },
      [A, B],
      'a: yes',
      'a UNAVAILABLE, a UNAVAILABLE, a SERVED',
    ],
    [
      'an outage leads to the next after three tries',
      { a: [failure('UNAVAILABLE')], b: ['yes'] },
      [A, B],
      'b: yes',
      'a UNAVAILABLE, a UNAVAILABLE, a UNAVAILABLE, b SERVED',
    ],
    [
      'a refusal leads to the next at once',
      { a: [failure('REJECTED')], b: ['yes'] },
      [A, B],
      'b: yes',
      'a REJECTED, b SERVED',
    ],
    [
      'a key that is refused leads to the next at once',
      { a: [failure('UNAUTHORIZED')], b: ['yes'] },
      [A, B],
      'b: yes',
      'a UNAUTHORIZED, b SERVED',
    ],
    [
      'a time-out is not repeated while others are left',
      { a: [failure('TIMEOUT')], b: ['yes'] },
      [A, B],
      'b: yes',
      'a TIMED_OUT, b SERVED',
    ],
    [
      'a time-out of the only one is repeated',
      { a: [failure('TIMEOUT'), 'yes'] },
      [A],
      'a: yes',
      'a TIMED_OUT, a SERVED',
    ],
    ['a call that was cancelled ends all', { a: [failure('CANCELLED')] }, [A, B], 'a CANCELLED', 'a CANCELLED'],
    [
      'the last failure is told when nobody serves',
      {
        a: [failure('REJECTED')],
        b: [failure('UNAUTHORIZED', { provider: 'b' })],
        c: [failure('REJECTED', { provider: 'c' })],
      },
      [A, B, C],
      'c REJECTED',
      'a REJECTED, b UNAUTHORIZED, c REJECTED',
    ],
    [
      'a provider that asks for patience is left for the next',
      { a: [failure('UNAVAILABLE', { retryAfterMs: 5_000 })], b: ['yes'] },
      [A, B],
      'b: yes',
      'a UNAVAILABLE, b SERVED',
    ],
  ])('%s', async (_name, script, candidates, outcome, attempts) => {
    expect(await routed(script, candidates)).toMatchObject({ outcome, attempts });
  });

  it('a fault of ours is no reason to ask another', async () => {
    const harness = new RouterHarness();
    const options = harness.options();
    const { asked, attempt } = scripted({ a: [new TypeError('ours')], b: ['yes'] });
    await expect(harness.router.run([A, B], options, attempt)).rejects.toThrow(TypeError);
    expect(asked).toEqual(['a']);
    expect(options.attempts).toMatchObject([{ outcome: 'UNKNOWN', errorCode: 'INTERNAL_SERVER_ERROR' }]);
  });

  it('those that are left out are told when their turn comes, and never asked', async () => {
    const harness = new RouterHarness();
    const leftOut = new Map<Candidate, ErrorCode>([
      [A, 'MAX_CREDITS_EXCEEDED'],
      [C, 'INSUFFICIENT_CREDITS'],
    ]);
    const options = harness.options({ leftOut });
    const { attempt } = scripted({ b: ['yes'] });
    expect(await harness.router.run([A, B, C], options, attempt)).toMatchObject({ candidate: B });
    expect(options.attempts).toMatchObject([
      { provider: 'a', outcome: 'SKIPPED', errorCode: 'MAX_CREDITS_EXCEEDED', latencyMs: null },
      { provider: 'b', outcome: 'SERVED', errorCode: null, latencyMs: 0 },
    ]);
  });

  it('nobody else begins once something has reached the caller', async () => {
    const harness = new RouterHarness();
    let reached = false;
    const options = harness.options({ mayGoOn: () => !reached });
    const work = async ({ providerId }: Candidate): Promise<string> => {
      reached = true;
      throw failure('UNAVAILABLE', { provider: providerId });
    };
    await expect(harness.router.route([A, B], options, work)).rejects.toThrow('a UNAVAILABLE');
  });
});

describe('waits and time', () => {
  it('waits are drawn from a limit that doubles, after what Retry-After asks for', async () => {
    const busy = failure('UNAVAILABLE', { retryAfterMs: 30_000 });
    const { waits, outcome } = await routed({ a: [busy, failure('UNAVAILABLE'), 'yes'] }, [A]);
    expect(outcome).toBe('a: yes');
    expect(waits).toEqual([30_000 + 0.5 * 200, 0.5 * 400]);
  });

  it('a wait that would reach the deadline is not begun', async () => {
    const harness = new RouterHarness();
    const { asked, attempt } = scripted({ a: [failure('UNAVAILABLE', { retryAfterMs: 2_000 })] });
    await expect(harness.router.run([A], harness.options({ timeMs: 2_000 }), attempt)).rejects.toThrow('UNAVAILABLE');
    expect(asked).toEqual(['a']);
    expect(harness.waits).toEqual([]);
  });

  it('each candidate gets an even share of what is left, the last all of it, never more than the platform’s patience', async () => {
    const harness = new RouterHarness();
    const shares: number[] = [];
    const attempt = async ({ providerId }: Candidate, limits: { firstByteTimeoutMs: number }): Promise<string> => {
      shares.push(limits.firstByteTimeoutMs);
      harness.clock.advance(limits.firstByteTimeoutMs);
      throw failure('TIMEOUT', { provider: providerId });
    };
    const options = harness.options({ timeMs: 90_000, firstByteTimeoutMs: 40_000 });
    await expect(harness.router.run([A, B, C], options, attempt)).rejects.toThrow('c TIMEOUT');
    expect(shares).toEqual([30_000, 30_000, 30_000]);
    const patient = harness.options({ timeMs: 600_000, firstByteTimeoutMs: 40_000 });
    await expect(harness.router.run([candidate('d')], patient, attempt)).rejects.toThrow('d TIMEOUT');
    expect(shares.slice(3)).toEqual([40_000, 40_000, 40_000]);
  });

  it('nobody is asked after the deadline', async () => {
    const harness = new RouterHarness();
    const asked: string[] = [];
    const attempt = async ({ providerId }: Candidate): Promise<string> => {
      asked.push(providerId);
      harness.clock.advance(5_000);
      throw failure('REJECTED', { provider: providerId });
    };
    await expect(harness.router.run([A, B, C], harness.options({ timeMs: 10_000 }), attempt)).rejects.toThrow('b REJ');
    expect(asked).toEqual(['a', 'b']);
  });

  it('a caller who leaves between two attempts ends all', async () => {
    const harness = new RouterHarness();
    const { asked, attempt } = scripted({ a: [failure('UNAVAILABLE')], b: ['yes'] });
    harness.sleep = async () => harness.ending.abort();
    await expect(harness.router.run([A, B], harness.options(), attempt)).rejects.toMatchObject({ kind: 'CANCELLED' });
    expect(asked).toEqual(['a']);
  });
});

describe('circuits', () => {
  it('an open one is passed over and told', async () => {
    const harness = new RouterHarness();
    await harness.openCircuit(A);
    expect(await routed({ a: ['no'], b: ['yes'] }, [A, B], harness)).toMatchObject({
      outcome: 'b: yes',
      attempts: 'a SKIPPED, b SERVED',
    });
  });

  it('where it leaves nobody, the operation fails at once and says when to come back', async () => {
    const harness = new RouterHarness();
    await harness.openCircuit(A);
    harness.clock.advance(3_000);
    await harness.openCircuit(B);
    const options = harness.options();
    const { asked, attempt } = scripted({});
    const error = await harness.router.run([B, A], options, attempt).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CircuitOpenError);
    expect(error).toMatchObject({ kind: 'UNAVAILABLE', retryable: true, retryAfterMs: 7_000, provider: 'a' });
    expect(asked).toEqual([]);
    expect(harness.waits).toEqual([]);
    expect(inShort(options.attempts)).toBe('b SKIPPED, a SKIPPED');
  });

  it('a provider’s own words are told rather than that another was passed over', async () => {
    const harness = new RouterHarness();
    await harness.openCircuit(B);
    expect(await routed({ a: [failure('REJECTED')] }, [A, B], harness)).toMatchObject({
      outcome: 'a REJECTED',
      attempts: 'a REJECTED, b SKIPPED',
    });
  });

  it('retries end when it opens between them', async () => {
    const harness = new RouterHarness();
    for (let tries = 0; tries < 7; tries++)
      await routed({ a: [failure('UNAVAILABLE', { retryable: false })] }, [A], harness);
    expect(await routed({ a: [failure('UNAVAILABLE')] }, [A], harness)).toMatchObject({
      attempts: 'a UNAVAILABLE, a UNAVAILABLE',
    });
  });

  it('an own key’s failures open its own circuit, and the platform’s failures only the platform’s', async () => {
    const harness = new RouterHarness();
    const own = candidate('a', ownKey('own'));
    const other = candidate('a', ownKey('other'));
    await harness.openCircuit(own);
    expect(await routed({ a: ['yes'] }, [A], harness)).toMatchObject({ outcome: 'a: yes' });
    expect(await routed({ a: ['yes'] }, [other], harness)).toMatchObject({ outcome: 'a: yes' });
    expect(await routed({ a: ['yes'] }, [own], harness)).toMatchObject({ attempts: 'a SKIPPED' });
    const fresh = new RouterHarness();
    await fresh.openCircuit(A);
    expect(await routed({ a: ['yes'] }, [own], fresh)).toMatchObject({ outcome: 'a: yes' });
  });

  it('of 100 concurrent calls while it is half open, one goes out, and its answer lets all through', async () => {
    const harness = new RouterHarness();
    await harness.openCircuit(A);
    harness.clock.advance(10_000);
    let answer = (_: string): void => {};
    let asked = 0;
    const attempt = (): Promise<string> => {
      asked += 1;
      return new Promise((resolve) => {
        answer = resolve;
      });
    };
    const calls = Array.from({ length: 100 }, () => harness.router.run([A], harness.options(), attempt));
    const refused = await Promise.allSettled(calls.slice(1));
    expect(asked).toBe(1);
    expect(refused.every((one) => one.status === 'rejected' && one.reason instanceof CircuitOpenError)).toBe(true);
    expect(harness.health.view('a', A.credential).circuit).toBe('HALF_OPEN');
    answer('yes');
    expect(await calls[0]).toMatchObject({ answer: 'yes' });
    expect(harness.health.view('a', A.credential).circuit).toBe('CLOSED');
    const after = Array.from({ length: 100 }, () => harness.router.run([A], harness.options(), async () => 'yes'));
    expect(await Promise.all(after)).toHaveLength(100);
  });

  it('of 100 concurrent calls that all fail, none is asked again once it has opened', async () => {
    const harness = new RouterHarness();
    const { asked, attempt } = scripted({ a: [failure('UNAVAILABLE')] });
    await Promise.allSettled(Array.from({ length: 100 }, () => harness.router.run([A], harness.options(), attempt)));
    expect(asked.length).toBe(100);
  });

  it('a probe whose caller left says nothing, and the next may try', async () => {
    const harness = new RouterHarness();
    await harness.openCircuit(A);
    harness.clock.advance(10_000);
    await routed({ a: [failure('CANCELLED')] }, [A], harness);
    expect(harness.health.view('a', A.credential).circuit).toBe('HALF_OPEN');
    expect(await routed({ a: ['yes'] }, [A], harness)).toMatchObject({ outcome: 'a: yes' });
  });

  it('a caller in a hurry cannot open it for others', async () => {
    const harness = new RouterHarness();
    const slow = async (_: Candidate, { firstByteTimeoutMs }: { firstByteTimeoutMs: number }): Promise<string> => {
      harness.clock.advance(firstByteTimeoutMs);
      throw failure('TIMEOUT', { retryable: false });
    };
    for (let tries = 0; tries < 20; tries++) {
      await harness.router.run([A], harness.options({ timeMs: 1_000 }), slow).catch(() => {});
    }
    expect(harness.health.view('a', A.credential)).toMatchObject({ circuit: 'CLOSED' });
    for (let tries = 0; tries < 10; tries++) {
      await harness.router.run([A], harness.options({ firstByteTimeoutMs: 1_000 }), slow).catch(() => {});
    }
    expect(harness.health.view('a', A.credential)).toMatchObject({ circuit: 'OPEN' });
  });

  it('answers that begin and then break open it too', async () => {
    const harness = new RouterHarness();
    for (let tries = 0; tries < 9; tries++) {
      const options = harness.options();
      const { record } = await harness.router.run([A], options, async () => 'begun');
      harness.router.broke(A, record, failure('UNAVAILABLE', { upstreamRequestId: 'up-1' }));
      expect(options.attempts).toMatchObject([
        { outcome: 'UNAVAILABLE', errorCode: 'PROVIDER_UNAVAILABLE', upstreamRequestId: 'up-1' },
      ]);
    }
    expect(harness.health.view('a', A.credential).circuit).toBe('OPEN');
  });

  it('a request of an answer under way goes out though it opened meanwhile', async () => {
    const harness = new RouterHarness();
    await harness.openCircuit(A);
    const served = harness.router.ask(A, harness.options(), async () => 'next part', { others: 0, underWay: true });
    expect(await served).toMatchObject({ answer: 'next part' });
  });
});
