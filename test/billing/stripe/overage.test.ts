import { DAY_MS, FailingDatabase, HOUR_MS, StripeHarness } from './support/stripe-harness';

let harness: StripeHarness;
beforeAll(async () => {
  harness = await StripeHarness.open();
});
afterAll(() => harness?.close());
beforeEach(() => harness.beginAgain());

const MINUTE_MS = 60_000;
const counted = () =>
  harness.double.store.meterEvents.map(({ value, timestamp }) => [
    Number(value),
    new Date(timestamp * 1000).toISOString(),
  ]);
const sum = (): bigint => harness.double.store.meterEvents.reduce((total, { value }) => total + value, 0n);
const waiting = async (): Promise<number> => {
  const { rows } = await harness.database.query<{ count: number }>(
    'SELECT count(*)::integer AS count FROM stripe_overage_events WHERE acknowledged_at IS NULL',
  );
  return rows[0]!.count;
};
/** A workspace on overage: its plan's credits, and those of the free month, are spent. */
const onOverage = async (plan = 'pro', credits = 202_500): Promise<string> => {
  const workspaceId = await harness.paying(plan);
  await harness.spend(workspaceId, credits);
  return workspaceId;
};

describe('what reaches the meter', () => {
  it('is one event for each closed hour, in whole micro-credits, within the hour', async () => {
    const workspaceId = await onOverage();
    await harness.spend(workspaceId, 1_500_000n);
    await harness.spend(workspaceId, 1n);
    await harness.advance(20 * MINUTE_MS);
    await harness.billing.upkeep();
    expect(counted()).toEqual([]);
    await harness.advance(15 * MINUTE_MS);
    await harness.spend(workspaceId, 7n);
    await harness.billing.upkeep();
    await harness.billing.upkeep();
    expect(counted()).toEqual([[1_500_001, '2026-03-15T09:59:59.000Z']]);
    await harness.advance(HOUR_MS);
    await harness.billing.upkeep();
    expect(counted()).toEqual([
      [1_500_001, '2026-03-15T09:59:59.000Z'],
      [7, '2026-03-15T10:59:59.000Z'],
    ]);
    expect(harness.failures).toEqual([]);
  });

  it('costs what our own books say: Starter with 11,250 credits of overage is USD 11.25', async () => {
    const workspaceId = await onOverage('starter', 52_500);
    await harness.spend(workspaceId, 11_250);
    await harness.advance(31 * DAY_MS - MINUTE_MS);
    await harness.billing.upkeep();
    await harness.advance(3 * HOUR_MS);
    const [invoice] = (await harness.billing.gateway.invoices(workspaceId, 10, null))!;
    expect(invoice!.lines).toEqual([
      expect.objectContaining({ amountUsd: 290_000_000_000n }),
      {
        description: 'Overage at USD 0.001 a credit',
        quantity: 11_250_000_000n,
        unitUsd: 10_000_000n,
        amountUsd: 112_500_000_000n,
      },
    ]);
    expect(invoice!.totalUsd).toBe(402_500_000_000n);
  });

  it('keeps the rate at which it was spent over an upgrade, one line for each rate', async () => {
    const workspaceId = await onOverage('starter', 52_500);
    await harness.spend(workspaceId, 1_000);
    await harness.billing.gateway.changePlan(workspaceId, 'pro', null);
    const { rows } = await harness.database.query<{ spendable: string }>(
      'SELECT spendable FROM accounts WHERE workspace_id = $1',
      [workspaceId],
    );
    await harness.spend(workspaceId, BigInt(rows[0]!.spendable) + 2_000_000_000n);
    await harness.advance(31 * DAY_MS + MINUTE_MS);
    await harness.accounts.roll(workspaceId);
    await harness.billing.upkeep();
    await harness.advance(3 * HOUR_MS);
    const [invoice] = (await harness.billing.gateway.invoices(workspaceId, 10, null))!;
    expect(invoice!.lines.slice(1).map(({ quantity, amountUsd }) => [quantity, amountUsd])).toEqual([
      [1_000_000_000n, 10_000_000_000n],
      [2_000_000_000n, 16_000_000_000n],
    ]);
  });

  it('of the last stretch of a period, comes before its invoice is closed, and counts in it', async () => {
    const workspaceId = await onOverage();
    await harness.advance(31 * DAY_MS - 10 * MINUTE_MS);
    await harness.spend(workspaceId, 5);
    await harness.advance(11 * MINUTE_MS);
    await harness.accounts.roll(workspaceId);
    await harness.billing.upkeep();
    expect(counted()).toEqual([[5_000_000, '2026-04-15T09:29:59.000Z']]);
    await harness.advance(2 * HOUR_MS);
    const [invoice] = (await harness.billing.gateway.invoices(workspaceId, 10, null))!;
    expect(invoice!.lines[1]).toMatchObject({ quantity: 5_000_000n });
  });

  it('when it comes after that invoice was closed, counts in the next', async () => {
    const workspaceId = await onOverage();
    await harness.advance(31 * DAY_MS - 10 * MINUTE_MS);
    await harness.spend(workspaceId, 5);
    await harness.advance(3 * HOUR_MS);
    await harness.accounts.roll(workspaceId);
    await harness.billing.upkeep();
    expect(counted()).toEqual([[5_000_000, expect.stringMatching(/^2026-04-15T12:/)]]);
  });

  it('nothing of a workspace that does not pay for its plan here', async () => {
    const workspaceId = await harness.workspace('pro');
    await harness.topUp(workspaceId, '5000');
    await harness.spend(workspaceId, 200_100);
    await harness.advance(2 * HOUR_MS);
    await harness.billing.upkeep();
    expect(counted()).toEqual([]);
  });

  it('what settles into an hour that was reported is an event of its own', async () => {
    const workspaceId = await onOverage();
    await harness.spend(workspaceId, 3);
    await harness.advance(45 * MINUTE_MS);
    await harness.billing.upkeep();
    // The commit of a settlement that was under way when the hour was read.
    await harness.database.query(
      `INSERT INTO journal (workspace_id, bucket, kind, amount, operation_id, period_number, overage_rate, recorded_at)
       SELECT workspace_id, bucket, kind, -250, gen_random_uuid(), period_number, overage_rate, recorded_at FROM journal
       WHERE workspace_id = $1 AND bucket = 'overage'`,
      [workspaceId],
    );
    await harness.billing.upkeep();
    await harness.billing.upkeep();
    expect(counted()).toEqual([
      [3_000_000, '2026-03-15T09:59:59.000Z'],
      [250, '2026-03-15T09:58:59.000Z'],
    ]);
  });

  it('is billed by a subscription that had no price for it, from then on', async () => {
    const workspaceId = await onOverage('starter', 52_500);
    const customer = await harness.customerOf(workspaceId);
    // In the portal, where nobody adds a price for overage.
    const events = harness.eventsOf(() => harness.double.shop.changePlan(customer, 'pro'));
    await harness.deliverAll(events);
    const { rows } = await harness.database.query<{ spendable: string }>(
      'SELECT spendable FROM accounts WHERE workspace_id = $1',
      [workspaceId],
    );
    await harness.spend(workspaceId, BigInt(rows[0]!.spendable) + 9_000_000n);
    await harness.advance(HOUR_MS);
    await harness.billing.upkeep();
    expect(harness.failures).toEqual([]);
    await harness.advance(31 * DAY_MS);
    const invoices = (await harness.billing.gateway.invoices(workspaceId, 10, null))!;
    expect(invoices.flatMap(({ lines }) => lines).find(({ quantity }) => quantity === 9_000_000n)).toMatchObject({
      unitUsd: 8_000_000n,
    });
  });
});

describe('an event is counted exactly once', () => {
  /** How long the process stays away after it was killed. */
  const aways = [
    ['a minute', 6 * MINUTE_MS],
    ['an hour', HOUR_MS],
    ['23 hours', 23 * HOUR_MS],
    ['25 hours', 25 * HOUR_MS],
    ['10 days', 10 * DAY_MS],
    ['40 days', 40 * DAY_MS],
  ] as const;
  const deaths = [
    ['before it was sent', /SET first_sent_at/],
    ['after it was sent, before that was written', /SET acknowledged_at/],
  ] as const;
  const cases = deaths.flatMap(([death, statement]) =>
    aways.map(([away, ms]) => [death, away, statement, ms] as const),
  );

  it.each(cases)('killed %s, back after %s', async (_death, _away, statement, ms) => {
    const workspaceId = await onOverage();
    await harness.spend(workspaceId, 11);
    await harness.advance(HOUR_MS);
    const failing = new FailingDatabase(harness.database);
    const dying = harness.another(failing.database);
    failing.arm(statement);
    await dying.upkeep();
    dying.close();
    // A process that was killed would not even have put the next attempt off.
    await harness.database.query(
      'UPDATE stripe_overage_events SET next_attempt_at = ledger_now() WHERE acknowledged_at IS NULL',
    );
    await harness.advance(ms);
    await harness.accounts.roll(workspaceId);
    await harness.billing.upkeep();
    await harness.billing.upkeep();
    expect(sum()).toBe(11_000_000n);
    expect(await waiting()).toBe(0);
  });

  it('two processes that report at once report once', async () => {
    const workspaceId = await onOverage();
    await harness.spend(workspaceId, 4);
    await harness.advance(HOUR_MS);
    const other = harness.another();
    await Promise.all([harness.billing.upkeep(), other.upkeep(), harness.billing.upkeep()]);
    other.close();
    await harness.billing.upkeep();
    expect([sum(), await waiting()]).toEqual([4_000_000n, 0]);
  });

  it('while Stripe is away it waits longer and longer, and then arrives once', async () => {
    const workspaceId = await onOverage();
    await harness.spend(workspaceId, 4);
    await harness.advance(HOUR_MS);
    harness.double.fail(/meter_events/, 'unreachable');
    const attempts: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      await harness.billing.upkeep();
      await harness.billing.upkeep();
      const { rows } = await harness.database.query<{ attempts: number }>(
        'SELECT max(attempts) AS attempts FROM stripe_overage_events WHERE workspace_id = $1',
        [workspaceId],
      );
      attempts.push(rows[0]!.attempts);
      await harness.advance(MINUTE_MS * 2 ** round);
    }
    expect(attempts).toEqual([1, 2, 3, 4]);
    harness.double.heal();
    await harness.advance(HOUR_MS);
    await harness.billing.upkeep();
    expect([sum(), await waiting()]).toEqual([4_000_000n, 0]);
  });

  it('whose answer was lost is not counted again, however late it is sent again', async () => {
    const workspaceId = await onOverage();
    await harness.spend(workspaceId, 6);
    await harness.advance(HOUR_MS);
    harness.double.fail(/meter_events/, 'answer-lost');
    await harness.billing.upkeep();
    expect([sum(), await waiting()]).toEqual([6_000_000n, 1]);
    harness.double.heal();
    await harness.advance(3 * DAY_MS);
    await harness.billing.upkeep();
    expect([sum(), await waiting()]).toEqual([6_000_000n, 0]);
  });
});
