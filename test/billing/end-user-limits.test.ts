import fc from 'fast-check';
import { EndUserLimits } from '../../src/billing/end-user-limits';
import { micro } from '../../src/lib/credits';
import { newId } from '../../src/lib/ids';
import { DRAFT, LedgerHarness, SUCCEEDED } from '../ledger/support/ledger-harness';
import { describeOnPostgres, openTestDatabase, stopClock, type TestDatabase } from '../support/database';
import { type Bounds, EndUserModel } from './support/end-user-model';

let test: TestDatabase;
let h: LedgerHarness;
let limits: EndUserLimits;
beforeAll(async () => {
  test = await openTestDatabase();
  h = new LedgerHarness(test.database);
  limits = new EndUserLimits(test.database, h.balances);
});
afterAll(() => test?.close());
afterEach(async () => {
  expect((await h.verify()).findings).toEqual([]);
  // What a test left running is lost before the next one.
  await test.database.query(`UPDATE holds SET lease_until = ledger_now() - interval '1 second'`);
  await h.ledger.leases.sweep();
  expect((await h.verify()).findings).toEqual([]);
});

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Periods begin at midnight on the 10th. */
const OPENED = Date.parse('2027-01-10T00:00:00.000Z');

const setClock = (now: number): Promise<void> => stopClock(test.database, now);

async function workspace(now = OPENED): Promise<string> {
  await setClock(now);
  const workspaceId = await h.workspace('empty');
  await h.accounts.grant({
    workspaceId,
    kind: 'ADJUSTMENT',
    credits: micro(1_000_000),
    reason: 'test',
    expiresAt: null,
    idempotencyKey: newId(),
  });
  return workspaceId;
}

const boundsOf = ({ day, period, minute }: Partial<Bounds>) => ({
  creditsPerDay: day == null ? null : micro(day),
  creditsPerPeriod: period == null ? null : micro(period),
  requestsPerMinute: minute ?? null,
});
const begin = (workspaceId: string, user: string | null, credits: number) =>
  h.reserve(workspaceId, credits, { details: { ...DRAFT, end_user_id: user } });
const end = (workspaceId: string, operationId: string, user: string | null, credits: number) =>
  h.settle(workspaceId, operationId, credits, { event: { ...SUCCEEDED, end_user_id: user } });
type Used = [endUserId: string, today: number, thisPeriod: number];
const usedIn = async (workspaceId: string): Promise<Used[]> => {
  const { edges } = await limits.list(workspaceId, { first: 100, after: null });
  // Each database sorts names in its own way.
  return edges
    .map(({ node }): Used => [node.endUserId, Number(node.usedToday), Number(node.usedThisPeriod)])
    .sort(([a], [b]) => (a < b ? -1 : 1));
};

type Step =
  | { readonly kind: 'begin'; readonly user: number; readonly credits: number }
  | { readonly kind: 'end'; readonly which: number; readonly share: number }
  | { readonly kind: 'set'; readonly user: number; readonly bounds: Bounds }
  | { readonly kind: 'delete'; readonly user: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'sweep' };

const USERS = ['ada', 'Zoë 🙂', 'ada '];
const user = fc.nat(USERS.length - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('begin' as const), user, credits: fc.nat(9) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('end' as const), which: fc.nat(), share: fc.nat(10) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('set' as const),
      user,
      bounds: fc
        .record({
          day: fc.option(fc.nat(30)),
          period: fc.option(fc.nat(60)),
          minute: fc.option(fc.integer({ min: 1, max: 4 })),
        })
        .filter(({ day, period, minute }) => day !== null || period !== null || minute !== null),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), user }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      ms: fc.constantFrom(1, 20 * SECOND, MINUTE, HOUR, 7 * HOUR, DAY, 11 * DAY),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('sweep' as const) }) },
);

it('admits and refuses as the sums of all operations say, whatever was set, ended, lost and waited for in between', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 30, maxLength: 60 }), async (steps) => {
      const workspaceId = await workspace();
      const model = new EndUserModel(OPENED);
      for (const one of steps) {
        switch (one.kind) {
          case 'wait':
            model.now += one.ms;
            await setClock(model.now);
            break;
          case 'set': {
            const name = USERS[one.user]!;
            model.limits.set(name, one.bounds);
            expect(await limits.set(workspaceId, name, boundsOf(one.bounds))).toMatchObject({
              usedToday: BigInt(model.chargedToday(name)),
              usedThisPeriod: BigInt(model.chargedInPeriod(name)),
            });
            break;
          }
          case 'delete': {
            const name = USERS[one.user]!;
            const deleting = limits.delete(workspaceId, name);
            if (model.limits.delete(name)) await deleting;
            else await expect(deleting).rejects.toMatchObject({ code: 'NOT_FOUND' });
            break;
          }
          case 'begin': {
            const name = USERS[one.user]!;
            const outcome = await begin(workspaceId, name, one.credits);
            expect(told(outcome)).toEqual(model.begin(outcome.operationId, name, one.credits));
            break;
          }
          case 'end': {
            const open = model.open[one.which % Math.max(model.open.length, 1)];
            if (!open) break;
            // None of it, as after a failure, or up to all of it.
            const charge = Math.floor((open.credits * one.share) / 10);
            await end(workspaceId, open.id, open.user, charge);
            open.charged = charge;
            break;
          }
          case 'sweep':
            await h.ledger.leases.sweep();
            model.sweep();
        }
      }
      expect(await usedIn(workspaceId)).toEqual(model.list());
      for (const open of model.open) await end(workspaceId, open.id, open.user, open.credits);
    }),
    { numRuns: 12 },
  );
});

function told(outcome: Awaited<ReturnType<typeof begin>>) {
  if (outcome.outcome !== 'END_USER_LIMIT') return { outcome: outcome.outcome };
  const { limit, most, used, resetAt } = outcome;
  return { outcome: outcome.outcome, limit, most: Number(most), used: Number(used), resetAt: resetAt.toISOString() };
}

it('counts what runs and settles while the first limits of an end user are set', async () => {
  const workspaceId = await workspace();
  const users = Array.from({ length: 8 }, (_, n) => `user-${n}`);
  await Promise.all(
    users.map(async (name) => {
      const work = Array.from({ length: 12 }, async (_, n) => {
        const hold = await begin(workspaceId, name, n);
        // A third of them is still running when all is over.
        if (n % 3 > 0) await end(workspaceId, hold.operationId, name, n);
      });
      await Promise.all([...work, limits.set(workspaceId, name, boundsOf({ day: 1_000, period: 2_000 }))]);
    }),
  );
  const charged = [1, 2, 4, 5, 7, 8, 10, 11].reduce((sum, n) => sum + n, 0);
  expect(await usedIn(workspaceId)).toEqual(users.map((name) => [name, charged, charged]));
  const held = 3 + 6 + 9;
  expect(await begin(workspaceId, 'user-0', 1_001 - charged - held)).toMatchObject({
    outcome: 'END_USER_LIMIT',
    limit: 'CREDITS_PER_DAY',
    used: BigInt(charged + held),
  });
  expect(await begin(workspaceId, 'user-0', 1_000 - charged - held)).toMatchObject({ outcome: 'HELD' });
});

it('one limit for many at once is one limit', async () => {
  const workspaceId = await workspace();
  const set = () => limits.set(workspaceId, 'ada', boundsOf({ day: 5 }));
  await Promise.all(Array.from({ length: 10 }, set));
  expect(await usedIn(workspaceId)).toEqual([['ada', 0, 0]]);
  const ended = await Promise.allSettled([1, 2, 3].map(() => limits.delete(workspaceId, 'ada')));
  expect(ended.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

it('an operation over midnight counts on the day on which it began, whenever the limit was set', async () => {
  const noon = OPENED + 5 * DAY + 12 * HOUR;
  const midnight = OPENED + 6 * DAY;
  const [before, after] = [await workspace(noon), await workspace(noon)];
  await limits.set(before, 'ada', boundsOf({ day: 10, period: 100 }));
  await setClock(midnight - 1);
  const holds = [await begin(before, 'ada', 8), await begin(after, 'ada', 8)];
  await setClock(midnight);
  await end(before, holds[0]!.operationId, 'ada', 7);
  await end(after, holds[1]!.operationId, 'ada', 7);
  await limits.set(after, 'ada', boundsOf({ day: 10, period: 100 }));
  for (const workspaceId of [before, after]) {
    expect(await usedIn(workspaceId)).toEqual([['ada', 0, 7]]);
    expect(await begin(workspaceId, 'ada', 10)).toMatchObject({ outcome: 'HELD' });
    expect(told(await begin(workspaceId, 'ada', 1))).toEqual({
      outcome: 'END_USER_LIMIT',
      limit: 'CREDITS_PER_DAY',
      most: 10,
      used: 10,
      resetAt: new Date(midnight + DAY).toISOString(),
    });
  }
});

it('an operation over the end of a period counts in the one in which it began', async () => {
  const workspaceId = await workspace();
  await limits.set(workspaceId, 'ada', boundsOf({ period: 10 }));
  const next = Date.parse('2027-02-10T00:00:00.000Z');
  await setClock(next - 1);
  const hold = await begin(workspaceId, 'ada', 10);
  expect(told(await begin(workspaceId, 'ada', 1))).toMatchObject({
    limit: 'CREDITS_PER_PERIOD',
    resetAt: new Date(next).toISOString(),
  });
  await setClock(next);
  expect(await usedIn(workspaceId)).toEqual([['ada', 0, 0]]);
  await end(workspaceId, hold.operationId, 'ada', 10);
  expect(await usedIn(workspaceId)).toEqual([['ada', 0, 0]]);
  expect(await begin(workspaceId, 'ada', 10)).toMatchObject({ outcome: 'HELD' });
});

it('a lost operation gives back what it held, in whole', async () => {
  const workspaceId = await workspace();
  await limits.set(workspaceId, 'ada', boundsOf({ day: 10, period: 10 }));
  await begin(workspaceId, 'ada', 10);
  expect(await begin(workspaceId, 'ada', 1)).toMatchObject({ outcome: 'END_USER_LIMIT', used: 10n });
  await setClock(OPENED + 61 * SECOND);
  await h.ledger.leases.sweep();
  expect(await usedIn(workspaceId)).toEqual([['ada', 0, 0]]);
  expect(await begin(workspaceId, 'ada', 10)).toMatchObject({ outcome: 'HELD' });
});

describeOnPostgres('while the holds of an end user are counted', () => {
  it('leases are renewed without waiting for them', async () => {
    const workspaceId = await workspace();
    const [counted, other] = [await begin(workspaceId, 'ada', 1), await begin(workspaceId, 'bob', 1)];
    await setClock(OPENED + 20 * SECOND);
    const door = await test.openAnother();
    await door.transaction(async (tx) => {
      await tx.query('SELECT 1 FROM holds WHERE operation_id = $1 FOR UPDATE', [counted.operationId]);
      await h.ledger.leases.renew();
    });
    const leases = async () => {
      const { rows } = await test.database.query<{ operation_id: string; lease_until: Date }>('SELECT * FROM holds');
      return Object.fromEntries(rows.map((row) => [row.operation_id, row.lease_until.getTime() - OPENED]));
    };
    expect(await leases()).toEqual({ [counted.operationId]: 60 * SECOND, [other.operationId]: 80 * SECOND });
    await h.ledger.leases.renew();
    expect(await leases()).toEqual({ [counted.operationId]: 80 * SECOND, [other.operationId]: 80 * SECOND });
  });
});

it('is proved on the live database: each of these faults is found', async () => {
  const workspaceId = await workspace();
  await begin(workspaceId, 'ada', 3).then(({ operationId }) => end(workspaceId, operationId, 'ada', 3));
  await limits.set(workspaceId, 'ada', boundsOf({ day: 10, period: 10 }));
  const { operationId } = await begin(workspaceId, 'ada', 2);
  const faults: readonly (readonly [table: string, fault: string, undo: string, invariant: RegExp])[] = [
    ['end_user_limits', 'day_held = day_held + 1', 'day_held = day_held - 1', /^what is held for an end user/],
    ['end_user_limits', 'period_held = 0', 'period_held = 2', /^what is held for an end user/],
    ['end_user_limits', 'day_spent = 2', 'day_spent = 3', /^what counts against the day/],
    ['end_user_limits', 'period_spent = 4', 'period_spent = 3', /^no more counts against the period/],
    [
      'holds',
      'end_user_id = NULL, end_user_amount = NULL, end_user_period = NULL',
      "end_user_id = 'ada', end_user_amount = 2, end_user_period = 0",
      /^an end user with limits has no hold/,
    ],
  ];
  for (const [table, fault, undo, invariant] of faults) {
    const change = (assignment: string) =>
      test.database.query(`UPDATE ${table} SET ${assignment} WHERE workspace_id = $1`, [workspaceId]);
    await change(fault);
    expect((await h.verify()).findings).toContainEqual(
      expect.objectContaining({ invariant: expect.stringMatching(invariant), workspaceId }),
    );
    await change(undo);
  }
  await end(workspaceId, operationId, 'ada', 2);
});
