import type { SubscriptionSnapshot } from '../../src/billing/subscription';
import { verifyBilling } from '../../src/billing/verify-billing';
import { micro } from '../../src/lib/credits';
import { newId } from '../../src/lib/ids';
import { reserveOf, SUCCEEDED } from '../ledger/support/ledger-harness';
import { openTestDatabase, type TestDatabase } from '../support/database';
import { type StoredAccount, StoredBilling } from './support/stored-account';

let test: TestDatabase;
let billing: StoredBilling;
let account: StoredAccount;
let subscriptionId: string;
let fetches = 0;

const at = (text: string): Date => new Date(`2027-${text}T00:00:00.000Z`);
const go = (text: string): Promise<void> => billing.setClock(at(text).getTime());
const whole = (credits: number): bigint => BigInt(credits) * 1_000_000n;

beforeAll(async () => {
  test = await openTestDatabase();
  billing = new StoredBilling(test.database);
});
afterAll(() => test?.close());
beforeEach(async () => {
  // A workspace on Free since 1 April; its owner subscribes on the 11th.
  await go('04-01');
  account = await billing.open('free');
  subscriptionId = newId();
  await go('04-11');
});
afterEach(async () => {
  expect((await test.database.transaction(verifyBilling)).findings).toEqual([]);
});

const snapshot = (more: Partial<SubscriptionSnapshot> = {}): SubscriptionSnapshot => {
  fetches += 1;
  return {
    paymentProvider: 'test',
    customerId: 'customer',
    subscriptionId,
    planId: 'starter',
    status: 'ACTIVE',
    periodStart: at('04-11'),
    periodEnd: at('05-11'),
    trialEnd: null,
    cancelAtPeriodEnd: false,
    pendingPlanId: null,
    periodPaid: true,
    fetchedAt: new Date(Date.parse('2027-01-01T00:00:00Z') + fetches),
    ...more,
  };
};
const MAY = { periodStart: at('05-11'), periodEnd: at('06-11') };

/** Credits that can be spent, the plan, and what stands in the way. */
async function standing() {
  const { rows } = await test.database.query<Record<string, never>>(
    `SELECT spendable / 1000000 AS credits, plan_id, pending_plan_id, overage_rate, overage_limit / 1000000 AS "limit",
       blocked, period_start, period_end FROM accounts WHERE workspace_id = $1`,
    [account.workspaceId],
  );
  const row = rows[0]! as Record<string, unknown>;
  return {
    credits: Number(row.credits),
    plan: row.plan_id,
    pending: row.pending_plan_id,
    rate: row.overage_rate,
    limit: row.limit === null ? null : Number(row.limit),
    blocked: row.blocked,
    period: [row.period_start, row.period_end],
  };
}
const invoice = async () => (await billing.invoices.list(account.workspaceId, 1, null))[0]!;

it('a subscription begins a period of its own with its whole grant, and what Free gave keeps its expiry', async () => {
  await account.apply(snapshot());
  expect(await standing()).toMatchObject({
    credits: 52_500,
    plan: 'starter',
    rate: 10,
    limit: 50_000,
    period: [at('04-11'), at('05-11')],
  });
  await go('05-01');
  await account.roll();
  expect(await standing()).toMatchObject({ credits: 50_000, period: [at('04-11'), at('05-11')] });
  expect(await billing.subscriptions.find(account.workspaceId)).toMatchObject({
    planId: 'starter',
    status: 'ACTIVE',
    payment: { provider: 'test', subscriptionId },
  });
});

it('a renewal that we count and one that the provider tells are the same, whichever comes first', async () => {
  await account.apply(snapshot());
  const other = await billing.open('free');
  const first = subscriptionId;
  await go('05-11');
  await account.roll();
  await account.apply(snapshot(MAY));
  const rolledFirst = await standing();
  subscriptionId = newId();
  account = other;
  await go('04-11');
  await account.apply(snapshot());
  await go('05-11');
  await account.apply(snapshot(MAY));
  await account.roll();
  expect(await standing()).toEqual(rolledFirst);
  expect(rolledFirst).toMatchObject({ credits: 100_000, period: [at('05-11'), at('06-11')] });
  expect(first).not.toBe(subscriptionId);
});

it('a dearer plan acts at once with the difference for the rest of the period', async () => {
  await account.apply(snapshot());
  await go('04-26');
  await account.apply(snapshot({ planId: 'pro' }));
  // 15 of 30 days: 150,000 / 2.
  expect(await standing()).toMatchObject({ credits: 127_500, plan: 'pro', rate: 8 });
  expect((await invoice()).lines.map(({ amountUsd }) => amountUsd)).toEqual([290_000_000_000n, 350_000_000_000n]);
});

it('a cheaper plan waits for the end of the period, also where the provider has changed it at once', async () => {
  await account.apply(snapshot({ planId: 'pro' }));
  await account.apply(snapshot({ planId: 'starter' }));
  expect(await standing()).toMatchObject({ plan: 'pro', pending: 'starter', credits: 202_500 });
  expect(await billing.subscriptions.find(account.workspaceId)).toMatchObject({
    planId: 'pro',
    pendingPlanId: 'starter',
  });
  await go('05-11');
  await account.roll();
  // Nothing that was paid for is lost: Pro's month carries over.
  expect(await standing()).toMatchObject({ plan: 'starter', pending: null, credits: 250_000, rate: 10 });
});

it('a cancellation acts at the end of the period and can be taken back until then', async () => {
  await account.apply(snapshot({ cancelAtPeriodEnd: true }));
  expect(await standing()).toMatchObject({ plan: 'starter', pending: 'free' });
  await account.apply(snapshot());
  expect(await standing()).toMatchObject({ plan: 'starter', pending: null });
  await account.apply(snapshot({ cancelAtPeriodEnd: true }));
  await go('05-11');
  await account.roll();
  await account.apply(snapshot({ status: 'CANCELED', cancelAtPeriodEnd: true }));
  expect(await standing()).toMatchObject({
    plan: 'free',
    credits: 52_500,
    rate: null,
    period: [at('05-11'), at('06-11')],
  });
  expect(await billing.subscriptions.find(account.workspaceId)).toMatchObject({
    planId: 'starter',
    status: 'CANCELED',
  });
});

it('a trial has its grant and its limits, no overage and no carryover; the first paid period is granted anew', async () => {
  const trial = { status: 'TRIALING', periodEnd: at('04-25'), trialEnd: at('04-25') } as const;
  await account.apply(snapshot(trial));
  expect(await standing()).toMatchObject({ credits: 52_500, plan: 'starter', limit: 0 });
  expect(await account.spend(whole(52_501))).toBe('OVERAGE_LIMIT');
  await go('04-25');
  await account.roll();
  // Until it is known that somebody pays, the period that follows has no grant.
  expect(await standing()).toMatchObject({ credits: 2_500, period: [at('04-25'), at('05-25')] });
  await account.apply(
    snapshot({ periodStart: at('04-25'), periodEnd: at('05-25'), trialEnd: at('04-25'), status: 'ACTIVE' }),
  );
  expect(await standing()).toMatchObject({ credits: 52_500, limit: 50_000 });
  expect((await invoice()).totalUsd).toBe(290_000_000_000n);
});

it('past due: everything granted is served, overage is not, until it is paid', async () => {
  await account.apply(snapshot());
  await go('05-11');
  await account.apply(snapshot({ ...MAY, status: 'PAST_DUE', periodPaid: false }));
  expect(await account.spend(whole(100_000))).toBeNull();
  expect(await account.spend(1n)).toBe('OVERAGE_LIMIT');
  await account.apply(snapshot(MAY));
  expect(await account.spend(1n)).toBeNull();
});

it('unpaid: nothing that costs is served and nothing is granted; both come back with the payment', async () => {
  await account.apply(snapshot());
  await go('05-10');
  await account.apply(snapshot({ status: 'UNPAID', periodPaid: false }));
  await go('05-11');
  await account.roll();
  expect(await standing()).toMatchObject({ credits: 50_000, blocked: true, period: [at('05-11'), at('06-11')] });
  expect(await account.spend(1n)).toBe('BLOCKED');
  await go('05-20');
  await account.apply(snapshot(MAY));
  expect(await standing()).toMatchObject({ credits: 100_000, blocked: false });
  expect(await account.spend(1n)).toBeNull();
});

it('an end for want of payment takes back the month that nobody paid for, and nothing else', async () => {
  await account.grant('TOP_UP', whole(5_000), null);
  await account.apply(snapshot());
  await go('05-11');
  await account.apply(snapshot({ ...MAY, status: 'PAST_DUE', periodPaid: false }));
  expect(await standing()).toMatchObject({ credits: 105_000 });
  await account.apply(snapshot({ ...MAY, status: 'CANCELED', periodPaid: false }));
  expect(await standing()).toMatchObject({ credits: 55_000, plan: 'free', rate: null });
});

it('the end is final, an earlier fetch undoes nothing, and what is not in effect displaces nothing', async () => {
  const early = snapshot({ planId: 'scale' });
  await account.apply(snapshot());
  const before = await standing();
  await account.apply(early);
  await account.apply(snapshot({ subscriptionId: newId(), status: 'INCOMPLETE', planId: 'scale' }));
  await account.apply(snapshot({ subscriptionId: newId(), status: 'CANCELED', planId: 'scale' }));
  expect(await standing()).toEqual(before);
  await account.apply(snapshot({ status: 'CANCELED' }));
  const ended = await standing();
  await account.apply(snapshot());
  expect(await standing()).toEqual(ended);
});

it('a first payment that is not done changes no plan', async () => {
  await account.apply(snapshot({ status: 'INCOMPLETE' }));
  expect(await standing()).toMatchObject({ plan: 'free', credits: 2_500 });
  expect(await billing.subscriptions.find(account.workspaceId)).toMatchObject({ status: 'INCOMPLETE' });
});

it('an unknown plan is refused and nothing is changed, so that the event comes again', async () => {
  const before = await standing();
  await expect(account.apply(snapshot({ planId: 'gold' }))).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  expect(await standing()).toEqual(before);
  expect(await billing.subscriptions.find(account.workspaceId)).toBeNull();
});

it('what was bought stays for 12 months, whatever the plan becomes', async () => {
  await account.grant('TOP_UP', whole(5_000), null);
  await account.apply(snapshot());
  await account.apply(snapshot({ status: 'CANCELED' }));
  await billing.setClock(Date.parse('2028-04-10T23:59:59.999Z'));
  await account.roll();
  expect(await standing()).toMatchObject({ credits: 7_500 });
  await billing.setClock(Date.parse('2028-04-11T00:00:00.000Z'));
  await account.roll();
  expect(await standing()).toMatchObject({ credits: 2_500 });
});

it('an operation that began on overage ends on it, though the plan has none any more', async () => {
  await account.apply(snapshot());
  await account.spend(whole(52_500));
  const operationId = newId();
  const { workspaceId } = account;
  expect(await billing.ledger.reserve(reserveOf(workspaceId, operationId, micro(9)))).toMatchObject({ overage: 9n });
  await account.apply(snapshot({ status: 'CANCELED' }));
  expect(await standing()).toMatchObject({ plan: 'free', rate: 10, limit: 0 });
  expect(await account.spend(1n)).toBe('OVERAGE_LIMIT');
  const settle = { operationId, workspaceId, credits: micro(9), allowance: 0, listCredits: micro(9), event: SUCCEEDED };
  expect(await billing.ledger.settle(settle)).toMatchObject({ outcome: 'SETTLED', overage: 9n });
  await billing.setClock(at('04-11').getTime() + 61_000);
  expect(await account.spend(1n)).toBe('INSUFFICIENT');
  expect(await standing()).toMatchObject({ plan: 'free', rate: null });
});

it('the operator moves no workspace that pays through a provider', async () => {
  await account.apply(snapshot());
  await expect(billing.accounts.setPlan(account.workspaceId, { planId: 'scale' })).rejects.toMatchObject({
    code: 'CONFLICT',
  });
  await account.apply(snapshot({ status: 'CANCELED' }));
  await billing.accounts.setPlan(account.workspaceId, { planId: 'scale', atPeriodEnd: true });
  expect(await standing()).toMatchObject({ plan: 'free', pending: 'scale' });
});
