import fc from 'fast-check';
import { newId } from '../../src/lib/ids';
import { moveClock, openTestDatabase, type TestDatabase } from '../support/database';
import { credits, DRAFT, LedgerHarness, SUCCEEDED } from './support/ledger-harness';

let test: TestDatabase;
let h: LedgerHarness;
beforeAll(async () => {
  test = await openTestDatabase();
  h = new LedgerHarness(test.database);
});
afterAll(() => test.close());
afterEach(async () => {
  // Holds that a test left open run out for the tests that move the clock.
  await h.ledger.leases.sweep();
  expect((await h.verify()).findings).toEqual([]);
});

const databaseNow = async (): Promise<number> => {
  const { rows } = await test.database.query<{ now: Date }>('SELECT ledger_now() AS now');
  return rows[0]!.now.getTime();
};

const key = (name: string, inputHash = 'same', rerunAborted = true) => ({
  operation: 'speak',
  key: name,
  inputHash,
  rerunAborted,
});
const DAY = 86_400_000;

test_('a hold is refused exactly where available credits end, and what it gives back can be held again', async () => {
  const w = await h.workspace('capped');
  const first = await h.reserve(w, 60);
  expect(first).toMatchObject({ outcome: 'HELD', credits: 60n });
  expect(await h.reserve(w, 41)).toMatchObject({ outcome: 'INSUFFICIENT', required: 41n, available: 40n });
  const second = await h.reserve(w, 40);
  expect(second).toMatchObject({ outcome: 'HELD' });
  expect(await h.settle(w, first.operationId, 10)).toMatchObject({ outcome: 'SETTLED', credits: 10n, balance: 50n });
  expect(await h.reserve(w, 50)).toMatchObject({ outcome: 'HELD' });
  expect(await h.account(w)).toMatchObject({ spendable: 90, held: 90 });
});

test_('a settle is answered alike however often it is sent, and charges once', async () => {
  const w = await h.workspace('capped');
  const { operationId } = await h.reserve(w, 30);
  const [once, twice] = await Promise.all([h.settle(w, operationId, 25), h.settle(w, operationId, 25)]);
  expect(twice).toEqual(once);
  expect(await h.settle(w, operationId, 25)).toEqual(once);
  expect(await h.account(w)).toMatchObject({ spendable: 75, held: 0 });
});

test_('what exceeds the hold is an anomaly of the operator, never a charge', async () => {
  const w = await h.workspace('capped');
  const { operationId } = await h.reserve(w, 30);
  expect(await h.settle(w, operationId, 99)).toMatchObject({ credits: 30n, balance: 70n });
  const { rows } = await test.database.query('SELECT anomaly_credits FROM usage_events WHERE id = $1', [operationId]);
  expect(rows).toEqual([{ anomaly_credits: '69' }]);
});

test_('overage begins where grants end, stops at its limit, and yields to credits that others give back', async () => {
  const w = await h.workspace('open');
  const a = await h.reserve(w, 90);
  const b = await h.reserve(w, 30);
  expect(b).toMatchObject({ outcome: 'HELD', overage: 20n });
  expect(await h.reserve(w, 81)).toMatchObject({ outcome: 'OVERAGE_LIMIT', required: 81n, available: 80n });
  await h.settle(w, a.operationId, 80);
  // 20 of the grants are free again, so only 10 of these 30 are overage: 20 x 10 + 10 x 8 of 10^-10 dollars.
  expect(await h.settle(w, b.operationId, 30)).toMatchObject({
    credits: 30n,
    overage: 10n,
    balance: 0n,
    costUsdE10: 280n,
  });
  expect(await h.account(w)).toMatchObject({ spendable: 0, overage_used: 10, overage_held: 0 });
});

test_('two operations never share a character of the allowance; it takes the first, credits the rest', async () => {
  const w = await h.workspace('capped');
  const speech = { units: 40, rate: 2n, per: 1, allowanceEligible: true };
  const [a, b] = await Promise.all([h.reserve(w, 0, speech), h.reserve(w, 0, speech)]);
  expect([a, b].map((hold) => hold.outcome === 'HELD' && [hold.allowance, Number(hold.credits)]).sort()).toEqual([
    [10, 60],
    [40, 0],
  ]);
  expect(await h.account(w)).toMatchObject({ allowance_held: 50, held: 60 });
  for (const hold of [a, b]) await h.settle(w, hold.operationId, 0, { allowance: 5 });
  expect(await h.account(w)).toMatchObject({ allowance_used: 10, allowance_held: 0, held: 0 });
});

test_('a hold has a floor that no allowance lowers, for a route that only credits can pay', async () => {
  const w = await h.workspace('capped');
  const speech = { units: 40, rate: 2n, per: 1, allowanceEligible: true };
  // 50 characters of allowance: all 40, then 10 of 40, then none.
  const expected = [
    { credits: 30n, allowance: 40 },
    { credits: 60n, allowance: 10 },
  ];
  for (const hold of expected) expect(await h.reserve(w, 0, { ...speech, atLeast: credits(30) })).toMatchObject(hold);
  expect(await h.reserve(w, 0, { ...speech, atLeast: credits(30) })).toMatchObject({
    outcome: 'INSUFFICIENT',
    required: 80n,
    available: 10n,
  });
  const only = { ...speech, units: 1, maxCredits: credits(9), atLeast: credits(10) };
  expect(await h.reserve(w, 0, only)).toMatchObject({ outcome: 'MAX_CREDITS', required: 10n });
  expect(await h.reserve(w, 0, { ...only, maxCredits: null })).toMatchObject({ outcome: 'HELD', credits: 10n });
});

test_('a price beyond the allowance that does not exist is refused, not charged', async () => {
  const w = await h.workspace('capped');
  const only = { units: 51, rate: 1n, per: 1, allowanceEligible: true, allowanceOnly: true };
  expect(await h.reserve(w, 0, only)).toMatchObject({ outcome: 'ALLOWANCE', required: 51n, available: 50n });
  expect(await h.reserve(w, 0, { ...only, units: 50 })).toMatchObject({ outcome: 'HELD', credits: 0n, allowance: 50 });
});

test_('maxCredits bounds the hold itself', async () => {
  const w = await h.workspace('capped');
  expect(await h.reserve(w, 11, { maxCredits: 10n as never })).toMatchObject({ outcome: 'MAX_CREDITS', required: 11n });
  expect(await h.holds(w)).toBe(0);
});

describe('an idempotency key', () => {
  test_('starts one operation however many ask at once, and tells the others which', async () => {
    const w = await h.workspace('capped');
    const outcomes = await Promise.all(Array.from({ length: 50 }, () => h.reserve(w, 1, { idempotency: key('a') })));
    const held = outcomes.filter(({ outcome }) => outcome === 'HELD');
    expect(held).toHaveLength(1);
    expect(new Set(outcomes.flatMap((o) => (o.outcome === 'RUNNING' ? [o.operationId] : [])))).toEqual(
      new Set([held[0]!.operationId]),
    );
  });

  const endings: [string, 'SUCCEEDED' | 'FAILED' | 'ABORTED', number, boolean, string][] = [
    ['replays what succeeded', 'SUCCEEDED', 1, true, 'REPLAY'],
    ['runs again what failed', 'FAILED', 0, true, 'HELD'],
    ['runs again what was broken off before it delivered or cost anything', 'ABORTED', 0, true, 'HELD'],
    ['answers ABORTED for what was broken off after it cost something', 'ABORTED', 1, true, 'ABORTED'],
    ['answers ABORTED for a subscription that was broken off, whatever it cost', 'ABORTED', 0, false, 'ABORTED'],
  ];
  it.each(endings)('%s', async (_name, status, charge, rerunAborted, expected) => {
    const w = await h.workspace('capped');
    const idempotency = key('b', 'same', rerunAborted);
    const { operationId } = await h.reserve(w, 5, { idempotency });
    const event = { ...SUCCEEDED, status };
    await h.settle(w, operationId, charge, { event });
    expect(await h.reserve(w, 5, { idempotency })).toMatchObject({ outcome: expected });
  });

  it.each(endings)(
    'that comes in one group with the end of its operation %s',
    async (_name, status, charge, rerunAborted, expected) => {
      const w = await h.workspace('capped');
      const idempotency = key('e', 'same', rerunAborted);
      const { operationId } = await h.reserve(w, 5, { idempotency });
      const [, again] = await Promise.all([
        h.settle(w, operationId, charge, { event: { ...SUCCEEDED, status } }),
        h.reserve(w, 5, { idempotency }),
      ]);
      expect(again).toMatchObject({ outcome: expected });
    },
  );

  test_('with another input is a conflict, and in another workspace another key', async () => {
    const [w, other] = [await h.workspace('capped'), await h.workspace('capped')];
    await h.reserve(w, 1, { idempotency: key('c') });
    expect(await h.reserve(w, 1, { idempotency: key('c', 'different') })).toMatchObject({ outcome: 'CONFLICT' });
    expect(await h.reserve(other, 1, { idempotency: key('c', 'different') })).toMatchObject({ outcome: 'HELD' });
  });

  test_('is not used up by a refusal', async () => {
    const w = await h.workspace('capped');
    expect(await h.reserve(w, 101, { idempotency: key('d') })).toMatchObject({ outcome: 'INSUFFICIENT' });
    expect(await h.reserve(w, 1, { idempotency: key('d') })).toMatchObject({ outcome: 'HELD' });
  });
});

test_('a bad item of a group refuses only itself', async () => {
  const w = await h.workspace('capped');
  const reserves = await Promise.allSettled([
    h.reserve(w, 1),
    h.reserve(w, 1, { details: { ...DRAFT, capability: null as never } }),
    h.reserve(w, 1),
  ]);
  expect(reserves.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  const [first, , third] = reserves.map((result) => (result.status === 'fulfilled' ? result.value.operationId : ''));
  const broken = { ...SUCCEEDED, status: 'NONSENSE' as never };
  const settles = await Promise.allSettled([h.settle(w, first!, 1, { event: broken }), h.settle(w, third!, 1)]);
  expect(settles.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  expect(await h.settle(w, first!, 1)).toMatchObject({ outcome: 'SETTLED' });
});

test_('an unknown workspace holds nothing', async () => {
  expect(await h.reserve(newId(), 1)).toMatchObject({ outcome: 'NO_ACCOUNT' });
});

test_('the journal takes entries and gives none up', async () => {
  await expect(test.database.query('UPDATE journal SET amount = amount + 1')).rejects.toThrow('append-only');
  await expect(test.database.query('DELETE FROM journal')).rejects.toThrow('append-only');
});

test_('what a crash left is UNKNOWN after its lease, costs nothing, and a late settle is refused', async () => {
  const w = await h.workspace('capped');
  const { operationId } = await h.reserve(w, 40, { idempotency: key('crash') });
  expect(await h.ledger.leases.sweep()).toEqual([]);
  await moveClock(test.database, 61_000);
  const swept = await Promise.all([h.ledger.leases.sweep(), h.ledger.leases.sweep()]);
  expect(swept.flat().filter((hold) => hold.operationId === operationId)).toHaveLength(1);
  expect(await h.settle(w, operationId, 40)).toEqual({ outcome: 'EXPIRED' });
  expect(await h.account(w)).toMatchObject({ spendable: 100, held: 0 });
  const { rows } = await test.database.query('SELECT status, credits, characters FROM usage_events WHERE id = $1', [
    operationId,
  ]);
  expect(rows).toEqual([{ status: 'UNKNOWN', credits: '0', characters: '1' }]);
  expect(await h.reserve(w, 1, { idempotency: key('crash') })).toMatchObject({ outcome: 'HELD' });
});

test_('a lease that is renewed in time does not run out', async () => {
  const w = await h.workspace('capped');
  const { operationId } = await h.reserve(w, 40);
  await moveClock(test.database, 50_000);
  await h.ledger.leases.renew();
  await moveClock(test.database, 50_000);
  expect(await h.ledger.leases.sweep()).not.toContainEqual(expect.objectContaining({ operationId }));
  expect(await h.settle(w, operationId, 40)).toMatchObject({ outcome: 'SETTLED' });
});

test_('a new period grants anew; what was not used expires or carries over as the plan says', async () => {
  const [capped, open] = [await h.workspace('capped'), await h.workspace('open')];
  for (const w of [capped, open]) {
    const { operationId } = await h.reserve(w, 30, { units: 20, allowanceEligible: true, per: 1 });
    await h.settle(w, operationId, 30, { allowance: w === capped ? 20 : 0 });
  }
  await moveClock(test.database, 32 * DAY);
  // The first reserve after the period's end finds the new one, whichever process asks.
  expect(await h.reserve(capped, 100)).toMatchObject({ outcome: 'HELD' });
  expect(await h.account(capped)).toMatchObject({ spendable: 100, allowance_used: 0 });
  expect(await h.balances.read(open)).toMatchObject({
    spendable: 170n,
    included: 100n,
    carriedOver: 70n,
    lostCredits: 0n,
  });
  expect(await h.balances.read(capped)).toMatchObject({ included: 100n, carriedOver: 0n });
  await moveClock(test.database, 31 * DAY);
  // A carried credit does not carry again.
  expect(await h.balances.read(open)).toMatchObject({ spendable: 200n, carriedOver: 100n });
});

test_('a hold made before a grant ran out can still be settled from it, and the rest expires', async () => {
  const w = await h.workspace('capped');
  const { operationId } = await h.reserve(w, 60);
  await moveClock(test.database, 32 * DAY);
  await h.accounts.roll(w);
  expect(await h.account(w)).toMatchObject({ spendable: 160, held: 60 });
  expect(await h.reserve(w, 101)).toMatchObject({ outcome: 'INSUFFICIENT', available: 100n });
  await test.database.query(
    `UPDATE holds SET lease_until = ledger_now() + interval '1 minute' WHERE operation_id = $1`,
    [operationId],
  );
  expect(await h.settle(w, operationId, 20)).toMatchObject({ credits: 20n });
  await h.accounts.roll(w);
  expect(await h.account(w)).toMatchObject({ spendable: 100, held: 0 });
});

test_('a grant with a key is given once; the same key with another amount is a conflict', async () => {
  const w = await h.workspace('empty');
  const order = {
    workspaceId: w,
    kind: 'TOP_UP' as const,
    credits: 500n as never,
    reason: 'test',
    expiresAt: null,
    idempotencyKey: 'g',
  };
  const grants = await Promise.all(Array.from({ length: 5 }, () => h.accounts.grant(order)));
  expect(new Set(grants.map(({ id }) => id)).size).toBe(1);
  await expect(h.accounts.grant({ ...order, credits: 501n as never })).rejects.toMatchObject({ code: 'CONFLICT' });
  expect(await h.account(w)).toMatchObject({ spendable: 500 });
});

test_('the grant that expires first is spent first, then the older one', async () => {
  const w = await h.workspace('empty');
  const give = (name: string, expiresAt: Date | null) =>
    h.accounts.grant({
      workspaceId: w,
      kind: 'PROMOTION',
      credits: 10n as never,
      reason: name,
      expiresAt,
      idempotencyKey: name,
    });
  await give('never', null);
  await give('late', new Date((await databaseNow()) + 60 * DAY));
  await give('soon', new Date((await databaseNow()) + 20 * DAY));
  const { operationId } = await h.reserve(w, 25);
  await h.settle(w, operationId, 25);
  const { rows } = await test.database.query(
    'SELECT reason, remaining FROM grants WHERE workspace_id = $1 ORDER BY reason',
    [w],
  );
  expect(rows).toEqual([
    { reason: 'late', remaining: '0' },
    { reason: 'never', remaining: '5' },
    { reason: 'soon', remaining: '0' },
  ]);
});

test_(
  'any sequence of reserves and settles, in groups as they come, agrees with a simple model',
  async () => {
    const operations = fc.array(
      fc.record({
        credits: fc.integer({ min: 0, max: 40 }),
        share: fc.double({ min: 0, max: 1.3, noNaN: true }),
        now: fc.boolean(),
      }),
      { minLength: 1, maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('capped', 'open'), operations, async (plan, list) => {
        const w = await h.workspace(plan);
        const limit = plan === 'open' ? 200 : 100;
        let spent = 0;
        let open: { operationId: string; credits: number; charge: number }[] = [];
        for (const { credits, share, now } of list) {
          const hold = await h.reserve(w, credits);
          const held = open.reduce((sum, item) => sum + item.credits, 0);
          expect(hold.outcome === 'HELD').toBe(credits + held + spent <= limit);
          if (hold.outcome === 'HELD')
            open.push({ operationId: hold.operationId, credits, charge: Math.floor(credits * share) });
          if (!now) continue;
          const settled = await Promise.all(open.map((item) => h.settle(w, item.operationId, item.charge)));
          settled.forEach((outcome, index) => {
            const item = open[index]!;
            expect(outcome).toMatchObject({ outcome: 'SETTLED', credits: BigInt(Math.min(item.charge, item.credits)) });
            spent += Math.min(item.charge, item.credits);
          });
          open = [];
        }
        const account = await h.account(w);
        expect(account.spendable! - account.overage_used!).toBe(100 - spent);
      }),
      { numRuns: 25 },
    );
  },
  120_000,
);

test_('two processes on one database never hold more than there is', async () => {
  const other = new LedgerHarness(await test.openAnother());
  const w = await h.workspace('capped');
  const outcomes = await Promise.all(Array.from({ length: 200 }, (_, n) => (n % 2 ? h : other).reserve(w, 10)));
  expect(outcomes.filter(({ outcome }) => outcome === 'HELD')).toHaveLength(10);
  expect(await h.account(w)).toMatchObject({ spendable: 100, held: 100 });
});

function test_(name: string, body: () => Promise<unknown>, timeout?: number): void {
  it(name, async () => void (await body()), timeout);
}
