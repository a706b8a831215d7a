import { DAY_MS, HOUR_MS, StripeHarness } from './support/stripe-harness';

let harness: StripeHarness;
beforeAll(async () => {
  harness = await StripeHarness.open();
});
afterAll(() => harness?.close());
beforeEach(() => harness.beginAgain());

const gateway = () => harness.billing.gateway;
const subscription = (workspaceId: string) => harness.subscriptions.find(workspaceId);
const posted = () =>
  harness.double.requests.filter(({ method, status }) => method === 'POST' && status === 200).map(({ path }) => path);

describe('changePlan', () => {
  it('up: charges the difference for what is left of the period, to the cent, and grants its share', async () => {
    const workspaceId = await harness.paying('starter');
    // 15 of the 31 days are left, and 12 hours.
    await harness.advance(15 * DAY_MS + 12 * HOUR_MS);
    await gateway().changePlan(workspaceId, 'pro', null);
    const [upgrade] = (await gateway().invoices(workspaceId, 1, null))!;
    expect(upgrade!.totalUsd).toBe(350_000_000_000n);
    expect(await subscription(workspaceId)).toMatchObject({ planId: 'pro', status: 'ACTIVE', pendingPlanId: null });
    const state = await harness.stateOf(workspaceId);
    expect(state).toMatchObject({
      grants: expect.arrayContaining([expect.objectContaining({ credits: '75000000000' })]),
    });
    // The webhooks of the same change add nothing.
    await harness.deliverAll(harness.double.store.events);
    expect(await harness.stateOf(workspaceId)).toEqual(state);
  });

  it('up: nothing is changed when the payment is declined', async () => {
    const workspaceId = await harness.paying('starter');
    harness.double.shop.declines(await harness.customerOf(workspaceId));
    const before = await harness.stateOf(workspaceId);
    await expect(gateway().changePlan(workspaceId, 'pro', null)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await harness.stateOf(workspaceId)).toEqual(before);
  });

  it.each(['starter', 'free'])('up: what waited (%s) still waits when the payment is declined', async (waiting) => {
    const workspaceId = await harness.paying('pro');
    await gateway().changePlan(workspaceId, waiting, null);
    harness.double.shop.declines(await harness.customerOf(workspaceId));
    const before = await harness.stateOf(workspaceId);
    await expect(gateway().changePlan(workspaceId, 'scale', null)).rejects.toMatchObject({ code: 'CONFLICT' });
    await harness.billing.synchronize();
    expect(await harness.stateOf(workspaceId)).toEqual(before);
  });

  it('down: acts at the end of the period, which Stripe charges at the lower price', async () => {
    const workspaceId = await harness.paying('pro');
    await gateway().changePlan(workspaceId, 'starter', null);
    expect(await subscription(workspaceId)).toMatchObject({ planId: 'pro', pendingPlanId: 'starter' });
    const seen = harness.double.store.events.length;
    await harness.advance(31 * DAY_MS + 2 * HOUR_MS);
    await harness.deliverAll(harness.double.store.events.slice(seen));
    expect(await subscription(workspaceId)).toMatchObject({ planId: 'starter', pendingPlanId: null });
    const [renewal] = (await gateway().invoices(workspaceId, 1, null))!;
    expect(renewal).toMatchObject({ status: 'paid', totalUsd: 290_000_000_000n });
  });

  it('down and up again: the schedule is gone, and the plan is as if nothing had been asked', async () => {
    const workspaceId = await harness.paying('pro');
    const before = await harness.stateOf(workspaceId);
    await gateway().changePlan(workspaceId, 'starter', null);
    await gateway().changePlan(workspaceId, 'pro', null);
    expect(await harness.stateOf(workspaceId)).toEqual(before);
    await gateway().changePlan(workspaceId, 'starter', null);
    await gateway().resume(workspaceId);
    expect(await harness.stateOf(workspaceId)).toEqual(before);
    await gateway().changePlan(workspaceId, 'starter', null);
    await gateway().changePlan(workspaceId, 'scale', null);
    expect(await subscription(workspaceId)).toMatchObject({ planId: 'scale', pendingPlanId: null });
  });

  it('down to another plan than the one that waits', async () => {
    const workspaceId = await harness.paying('scale');
    await gateway().changePlan(workspaceId, 'starter', null);
    await gateway().changePlan(workspaceId, 'pro', null);
    expect(await subscription(workspaceId)).toMatchObject({ planId: 'scale', pendingPlanId: 'pro' });
  });

  it('to the free plan: ends the subscription with its period', async () => {
    const workspaceId = await harness.paying('pro');
    await gateway().changePlan(workspaceId, 'free', null);
    expect(await subscription(workspaceId)).toMatchObject({ planId: 'pro', cancelAtPeriodEnd: true });
  });

  it('the same key acts once, and is refused with another plan', async () => {
    const workspaceId = await harness.paying('starter');
    await gateway().changePlan(workspaceId, 'pro', 'key');
    const calls = posted().length;
    await gateway().changePlan(workspaceId, 'pro', 'key');
    expect(posted().length).toBe(calls);
    expect((await gateway().invoices(workspaceId, 10, null))!.length).toBe(2);
  });

  it.each(['pro', 'free', 'starter'])(
    'without a subscription, to %s: CONFLICT that names the checkout',
    async (plan) => {
      const workspaceId = await harness.workspace();
      await expect(gateway().changePlan(workspaceId, plan, null)).rejects.toMatchObject({
        code: 'CONFLICT',
        message: expect.stringContaining('createCheckoutSession'),
      });
    },
  );

  it('with an unpaid invoice: CONFLICT that names the portal', async () => {
    const workspaceId = await harness.paying('starter');
    harness.double.shop.declines(await harness.customerOf(workspaceId));
    await harness.advance(31 * DAY_MS + 2 * HOUR_MS);
    await expect(gateway().changePlan(workspaceId, 'pro', null)).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('createBillingPortalSession'),
    });
  });

  it.each(['unreachable', 'broken'] as const)(
    'while Stripe is %s: UNAVAILABLE, and nothing is changed',
    async (fault) => {
      const workspaceId = await harness.paying('starter');
      const before = await harness.stateOf(workspaceId);
      harness.double.fail(/POST \/v1\/subscriptions/, fault);
      await expect(gateway().changePlan(workspaceId, 'pro', 'key')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
      expect(await harness.stateOf(workspaceId)).toEqual(before);
      harness.double.heal();
      await gateway().changePlan(workspaceId, 'pro', 'key');
      expect(await subscription(workspaceId)).toMatchObject({ planId: 'pro' });
    },
  );

  it('an answer that was lost charges once: the same key brings the state', async () => {
    const workspaceId = await harness.paying('starter');
    harness.double.fail(/POST \/v1\/subscriptions/, 'answer-lost');
    await expect(gateway().changePlan(workspaceId, 'pro', 'key')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    harness.double.heal();
    await gateway().changePlan(workspaceId, 'pro', 'key');
    expect(await subscription(workspaceId)).toMatchObject({ planId: 'pro' });
    expect((await gateway().invoices(workspaceId, 10, null))!.length).toBe(2);
  });
});

describe('cancel and resume', () => {
  it('the plan is served to the end of the period, and the credits keep their expiry', async () => {
    const workspaceId = await harness.paying('pro');
    await gateway().cancel(workspaceId);
    await gateway().cancel(workspaceId);
    expect(await subscription(workspaceId)).toMatchObject({ planId: 'pro', cancelAtPeriodEnd: true });
    const seen = harness.double.store.events.length;
    await harness.advance(31 * DAY_MS + 2 * HOUR_MS);
    await harness.deliverAll(harness.double.store.events.slice(seen));
    expect(await subscription(workspaceId)).toMatchObject({ status: 'CANCELED' });
    expect(await harness.stateOf(workspaceId)).toMatchObject({
      account: [{ plan_id: 'free', overage_rate: null }],
      grants: expect.arrayContaining([expect.objectContaining({ credits: '200000000000', remaining: '200000000000' })]),
    });
    expect((await gateway().invoices(workspaceId, 10, null))!.filter(({ totalUsd }) => totalUsd > 0n).length).toBe(1);
  });

  it('resume takes it back, whichever way it was asked for', async () => {
    const workspaceId = await harness.paying('pro');
    const before = await harness.stateOf(workspaceId);
    await gateway().cancel(workspaceId);
    await gateway().resume(workspaceId);
    expect(await harness.stateOf(workspaceId)).toEqual(before);
    // As the portal does for subscriptions in the flexible mode.
    const own = harness.double.shop.subscriptionOf(await harness.customerOf(workspaceId));
    own.cancel_at = own.items.data[0]!.current_period_end;
    await gateway().resume(workspaceId);
    expect(own.cancel_at).toBeNull();
  });

  it('with a cheaper plan waiting, cancel ends it instead', async () => {
    const workspaceId = await harness.paying('pro');
    await gateway().changePlan(workspaceId, 'starter', null);
    await gateway().cancel(workspaceId);
    expect(await subscription(workspaceId)).toMatchObject({ cancelAtPeriodEnd: true });
  });

  it('after the end there is nothing to resume', async () => {
    const workspaceId = await harness.paying('pro');
    harness.double.shop.cancelNow(await harness.customerOf(workspaceId));
    await expect(gateway().resume(workspaceId)).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});

describe('invoices', () => {
  it('come newest first, in pages, each once', async () => {
    const workspaceId = await harness.paying('pro');
    await harness.advance(100 * DAY_MS);
    const all = (await gateway().invoices(workspaceId, 100, null))!;
    expect(all.length).toBe(4);
    const paged: string[] = [];
    for (let after: string | null = null; ; after = paged.at(-1)!) {
      const page = (await gateway().invoices(workspaceId, 1, after))!;
      if (page.length === 0) break;
      paged.push(...page.map(({ id }) => id));
    }
    expect(paged).toEqual(all.map(({ id }) => id));
    expect(all.at(-1)).toMatchObject({ number: expect.any(String), url: expect.stringMatching(/^https:/) });
  });

  it("another customer's invoice begins no page", async () => {
    const [mine, other] = [await harness.paying('pro'), await harness.paying('pro')];
    const [foreign] = (await gateway().invoices(other, 1, null))!;
    await expect(gateway().invoices(mine, 1, foreign!.id)).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
  });

  it('are null for a workspace that never paid here, so that its own books are listed', async () => {
    expect(await gateway().invoices(await harness.workspace('pro'), 10, null)).toBeNull();
  });
});

describe('a trial', () => {
  it('gives the plan without overage, and its first payment makes it a subscription', async () => {
    [...harness.double.store.prices.values()].find(({ lookup_key }) => lookup_key === 'pro')!.metadata = {
      trial_days: '14',
    };
    const workspaceId = await harness.paying('pro');
    expect(await subscription(workspaceId)).toMatchObject({ planId: 'pro', status: 'TRIALING' });
    expect(await harness.stateOf(workspaceId)).toMatchObject({ account: [{ plan_id: 'pro', overage_limit: '0' }] });
    const seen = harness.double.store.events.length;
    await harness.advance(14 * DAY_MS + 2 * HOUR_MS);
    await harness.deliverAll(harness.double.store.events.slice(seen));
    expect(await subscription(workspaceId)).toMatchObject({ planId: 'pro', status: 'ACTIVE' });
  });
});

describe('synchronize', () => {
  it('brings in line what no webhook has told', async () => {
    const workspaceId = await harness.workspace();
    const { url } = await harness.checkout(workspaceId, 'pro');
    harness.double.shop.complete(harness.double.shop.sessionOf(url));
    expect(await harness.billing.synchronize()).toMatchObject({ failedWorkspaces: 0, failedEvents: 0 });
    expect(await subscription(workspaceId)).toMatchObject({ planId: 'pro', status: 'ACTIVE' });
  });
});
