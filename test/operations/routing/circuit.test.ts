import fc from 'fast-check';
import type { ProviderErrorKind } from '../../../providers/contract/errors';
import { Circuit, REFUSED } from '../../../src/operations/routing/circuit';

const SECOND = 1_000;

/** Sends a request at a time; `null` answers. */
function send(circuit: Circuit, now: number, kind: ProviderErrorKind | null, retryAfterMs?: number): boolean {
  const permit = circuit.admit(now);
  if (permit === REFUSED) return false;
  if (kind === null) circuit.answered(permit, now);
  else circuit.failed(permit, kind, now, retryAfterMs);
  return true;
}

function sendAll(circuit: Circuit, now: number, ...kinds: (ProviderErrorKind | null)[]): void {
  for (const kind of kinds) send(circuit, now, kind);
}

const opened = (now = 0): Circuit => {
  const circuit = new Circuit();
  sendAll(circuit, now, ...Array<ProviderErrorKind>(10).fill('UNAVAILABLE'));
  expect(circuit.state(now)).toBe('OPEN');
  return circuit;
};

describe('when it opens', () => {
  const U = 'UNAVAILABLE';
  const T = 'TIMEOUT';
  it.each<[string, readonly (ProviderErrorKind | null)[], 'OPEN' | 'CLOSED']>([
    ['eight failures are too few to tell', Array<ProviderErrorKind>(8).fill(U), 'CLOSED'],
    ['nine failures', [U, T, U, T, U, T, U, T, U], 'OPEN'],
    ['half of ten', [null, U, null, U, null, U, null, U, null, U], 'OPEN'],
    ['less than half', [null, null, null, null, null, null, U, U, U, U], 'CLOSED'],
    ['refusals are answers', Array<ProviderErrorKind>(30).fill('REJECTED'), 'CLOSED'],
    ['wrong keys are answers', Array<ProviderErrorKind>(30).fill('UNAUTHORIZED'), 'CLOSED'],
    ['callers who left say nothing', Array<ProviderErrorKind>(30).fill('CANCELLED'), 'CLOSED'],
    ['20 in a row, however many answers came before', [...Array(200).fill(null), ...Array(20).fill(U)], 'OPEN'],
    ['19 in a row after many answers', [...Array(200).fill(null), ...Array(19).fill(U)], 'CLOSED'],
  ])('%s', (_name, kinds, state) => {
    const circuit = new Circuit();
    sendAll(circuit, 0, ...kinds);
    expect(circuit.state(0)).toBe(state);
  });

  it('what is older than 30 seconds is forgotten', () => {
    const circuit = new Circuit();
    sendAll(circuit, 0, U, U, U, U, U);
    sendAll(circuit, 31 * SECOND, U, U, U, U, U, U, U, U);
    expect(circuit.state(31 * SECOND)).toBe('CLOSED');
    sendAll(circuit, 40 * SECOND, U);
    expect(circuit.state(40 * SECOND)).toBe('OPEN');
  });
});

describe('how it closes', () => {
  it('nothing goes out before the cool-down ends; then one probe, whose answer closes it', () => {
    const circuit = opened();
    expect(circuit.admit(9_999)).toBe(REFUSED);
    expect(circuit.retryAfterMs(4_000)).toBe(6_000);
    expect(circuit.state(10 * SECOND)).toBe('HALF_OPEN');
    const probe = circuit.admit(10 * SECOND);
    expect(probe).not.toBe(REFUSED);
    expect(circuit.admit(10 * SECOND)).toBe(REFUSED);
    circuit.answered(probe, 10 * SECOND);
    expect(circuit.state(10 * SECOND)).toBe('CLOSED');
    // Nothing of the outage is held against it.
    sendAll(circuit, 10 * SECOND, 'UNAVAILABLE', 'UNAVAILABLE');
    expect(circuit.state(10 * SECOND)).toBe('CLOSED');
  });

  it('each probe that fails doubles the wait, up to a minute', () => {
    const circuit = opened();
    let now = 0;
    const waits: number[] = [];
    for (let probes = 0; probes < 5; probes++) {
      const wait = circuit.retryAfterMs(now);
      waits.push(wait);
      now += wait;
      expect(send(circuit, now, 'TIMEOUT')).toBe(true);
    }
    expect(waits).toEqual([10, 20, 40, 60, 60].map((seconds) => seconds * SECOND));
  });

  it('a provider that asks for a longer rest gets it, up to five minutes', () => {
    const circuit = new Circuit();
    sendAll(circuit, 0, ...Array<ProviderErrorKind>(8).fill('UNAVAILABLE'));
    send(circuit, 0, 'UNAVAILABLE', 45 * SECOND);
    expect(circuit.retryAfterMs(0)).toBe(45 * SECOND);
    const asking = new Circuit();
    sendAll(asking, 0, ...Array<ProviderErrorKind>(8).fill('UNAVAILABLE'));
    send(asking, 0, 'UNAVAILABLE', 86_400 * SECOND);
    expect(asking.retryAfterMs(0)).toBe(300 * SECOND);
  });

  it('stragglers from before it opened neither close it nor count', () => {
    const circuit = new Circuit();
    const early = circuit.admit(0);
    sendAll(circuit, 0, ...Array<ProviderErrorKind>(10).fill('UNAVAILABLE'));
    circuit.answered(early, 1);
    expect(circuit.state(1)).toBe('OPEN');
    const probe = circuit.admit(10 * SECOND);
    circuit.failed(early, 'UNAVAILABLE', 10 * SECOND);
    circuit.answered(probe, 10 * SECOND);
    expect(circuit.state(10 * SECOND)).toBe('CLOSED');
  });

  it('a probe that never comes back is given up', () => {
    const circuit = opened();
    const lost = circuit.admit(10 * SECOND);
    expect(circuit.admit(100 * SECOND)).toBe(REFUSED);
    const next = circuit.admit(131 * SECOND);
    expect(next).not.toBe(REFUSED);
    circuit.failed(lost, 'UNAVAILABLE', 132 * SECOND);
    expect(circuit.state(132 * SECOND)).toBe('HALF_OPEN');
    circuit.answered(next, 133 * SECOND);
    expect(circuit.state(133 * SECOND)).toBe('CLOSED');
  });
});

it('whatever comes in whatever order, there is at most one probe at a time, and an answer to it always closes', () => {
  const step = fc.record({
    wait: fc.nat(15_000),
    outcome: fc.constantFrom<'answer' | ProviderErrorKind>('answer', 'UNAVAILABLE', 'TIMEOUT', 'CANCELLED', 'REJECTED'),
    late: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const circuit = new Circuit();
      let now = 0;
      let out: { permit: number; outcome: (typeof steps)[number]['outcome'] }[] = [];
      const settle = ({ permit, outcome }: (typeof out)[number]): void => {
        const wasOpen = circuit.state(now) !== 'CLOSED';
        if (outcome === 'answer') circuit.answered(permit, now);
        else circuit.failed(permit, outcome, now);
        if (permit > 1 && wasOpen && outcome === 'answer') expect(circuit.state(now)).toBe('CLOSED');
      };
      for (const { wait, outcome, late } of steps) {
        now += wait;
        const state = circuit.state(now);
        const permit = circuit.admit(now);
        if (state === 'OPEN') expect(permit).toBe(REFUSED);
        if (state === 'CLOSED') expect(permit).toBe(1);
        if (permit !== REFUSED) {
          // Probes that are given up after two minutes are not part of this.
          expect(out.filter((one) => one.permit > 1).length + (permit > 1 ? 1 : 0)).toBeLessThanOrEqual(1);
          out.push({ permit, outcome });
        }
        if (!late || out.length > 5) {
          for (const one of out) settle(one);
          out = [];
        }
      }
    }),
  );
});
