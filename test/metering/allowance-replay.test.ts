import fc from 'fast-check';
import { type AllowanceClaim, AllowanceReplay } from '../../src/metering/allowance-replay';

/** Units, what was recorded, and what is expected now. */
type Step = readonly [units: number, recorded: number, expected: number];

function replayed(
  before: number | null,
  limit: number | null,
  steps: readonly Step[],
  claim?: Partial<AllowanceClaim>,
) {
  const replay = new AllowanceReplay(before, limit);
  return steps.map(([units, recorded]) =>
    Number(
      replay.take({
        units: BigInt(units),
        recorded: BigInt(recorded),
        counted: true,
        counts: true,
        onlyWhole: false,
        ...claim,
      }),
    ),
  );
}
const expected = (steps: readonly Step[]) => steps.map(([, , taken]) => taken);

describe('an allowance played again keeps the order of operations', () => {
  test.each<[string, number | null, number | null, Step[]]>([
    [
      'the same limit gives everybody the same',
      1_000,
      1_000,
      [
        [700, 700, 700],
        [700, 300, 300],
        [50, 0, 0],
      ],
    ],
    [
      'the same limit, where one gave back what another could have used',
      1_000,
      1_000,
      [
        [600, 0, 0],
        [600, 400, 400],
        [100, 100, 100],
      ],
    ],
    [
      'more reaches the first that ran short',
      1_000,
      1_500,
      [
        [700, 700, 700],
        [700, 300, 700],
        [500, 0, 100],
        [9, 0, 0],
      ],
    ],
    [
      'fewer run out at the last',
      1_000,
      500,
      [
        [300, 300, 300],
        [400, 400, 200],
        [300, 300, 0],
      ],
    ],
    [
      'no limit any more',
      1_000,
      null,
      [
        [700, 700, 700],
        [700, 300, 700],
        [5_000_000, 0, 5_000_000],
      ],
    ],
    [
      'a limit where there was none',
      null,
      1_000,
      [
        [700, 700, 700],
        [700, 700, 300],
        [1, 1, 0],
      ],
    ],
    [
      'none any more',
      1_000,
      0,
      [
        [700, 700, 0],
        [700, 300, 0],
      ],
    ],
    [
      'without a limit before and after',
      null,
      null,
      [
        [700, 700, 700],
        [9, 9, 9],
      ],
    ],
  ])('%s', (_name, before, limit, steps) => {
    expect(replayed(before, limit, steps)).toEqual(expected(steps));
  });

  test('what was not counted takes its turn, and who comes later finds less', () => {
    const replay = new AllowanceReplay(1_000, 1_000);
    const claim = (units: bigint, recorded: bigint, counted: boolean) =>
      replay.take({ units, recorded, counted, counts: true, onlyWhole: false });
    expect([claim(300n, 0n, false), claim(600n, 600n, true), claim(400n, 400n, true)]).toEqual([300n, 600n, 100n]);
  });

  test('what is not counted any more leaves its characters to others', () => {
    const replay = new AllowanceReplay(1_000, 1_000);
    const claim = (units: bigint, recorded: bigint, counts: boolean) =>
      replay.take({ units, recorded, counted: true, counts, onlyWhole: false });
    expect([claim(800n, 800n, false), claim(600n, 200n, true), claim(500n, 0n, true)]).toEqual([0n, 600n, 400n]);
  });

  test('what only the allowance may pay for takes all or nothing', () => {
    expect(
      replayed(
        1_000,
        500,
        [
          [300, 300, 300],
          [300, 300, 0],
          [200, 200, 200],
        ],
        { onlyWhole: true },
      ),
    ).toEqual([300, 0, 200]);
  });

  test('never takes more than was asked for, nor more in all than the limit and what was overdrawn before', () => {
    const claim = fc.record({
      units: fc.bigInt(0n, 500n),
      share: fc.integer({ min: 0, max: 100 }),
      counted: fc.boolean(),
      counts: fc.boolean(),
      onlyWhole: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.nat(2_000), fc.nat(2_000), fc.array(claim, { maxLength: 20 }), (before, limit, claims) => {
        const replay = new AllowanceReplay(before, limit);
        let then = 0n;
        let now = 0n;
        for (const { units, share, counted, counts, onlyWhole } of claims) {
          const left = BigInt(before) - then;
          const wanted = counted ? (units * BigInt(share)) / 100n : 0n;
          // As a ledger records it: all of the units, or whatever was left.
          const recorded = counted ? (units <= left ? units : wanted < left ? wanted : left) : 0n;
          then += recorded;
          const taken = replay.take({ units, recorded, counted, counts, onlyWhole });
          now += taken;
          expect(taken >= 0n && taken <= units).toBe(true);
          if (onlyWhole) expect([0n, units]).toContain(taken);
          expect(now <= BigInt(Math.max(before, limit))).toBe(true);
        }
      }),
    );
  });
});
