import { DAY_MS, StripeHarness } from './support/stripe-harness';

let harness: StripeHarness;
beforeAll(async () => {
  harness = await StripeHarness.open();
});
afterAll(() => harness?.close());
beforeEach(() => harness.beginAgain());

const shop = () => harness.double.shop;

describe('a checkout', () => {
  it('sells the plan and its overage, in the smallest unit there is', async () => {
    const workspaceId = await harness.workspace();
    const { url, expiresAt } = await harness.checkout(workspaceId, 'pro');
    expect(url).toMatch(/^https:\/\/checkout\.stripe\.com\//);
    expect(expiresAt).toEqual(new Date(harness.double.store.nowMs + DAY_MS));
    shop().complete(shop().sessionOf(url));
    const items = shop().subscriptionOf(await harness.customerOf(workspaceId)).items.data;
    expect(items.map(({ price }) => [price.lookup_key, price.unit_amount_decimal])).toEqual([
      ['pro', '9900'],
      ['overage-usd-0.0008', '0.00000008'],
    ]);
  });

  it.each([
    ['starter', '0.0000001'],
    ['pro', '0.00000008'],
    ['scale', '0.00000006'],
  ])('bills the overage of %s at %s cents a micro-credit', async (plan, unit) => {
    await harness.checkout(await harness.workspace(), plan);
    const metered = [...harness.double.store.prices.values()].filter(
      ({ recurring }) => recurring?.usage_type === 'metered',
    );
    expect(metered.map(({ unit_amount_decimal }) => unit_amount_decimal)).toEqual([unit]);
  });

  it('of ten at once makes one customer, one meter and one price', async () => {
    const workspaceId = await harness.workspace();
    const other = harness.another();
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) =>
        (index % 2 ? other : harness.billing).checkout.subscribe(
          workspaceId,
          'pro',
          { successUrl: 'https://shop.example/', cancelUrl: 'https://shop.example/' },
          null,
        ),
      ),
    );
    other.close();
    expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(harness.double.store.customers.size).toBe(1);
    expect(harness.double.store.meters.size).toBe(1);
    expect(harness.double.store.prices.size).toBe(4);
  });

  it('with the same key leads to the same page; with another plan it is a CONFLICT', async () => {
    const workspaceId = await harness.workspace();
    const first = await harness.checkout(workspaceId, 'pro', 'key');
    expect(await harness.checkout(workspaceId, 'pro', 'key')).toEqual(first);
    await expect(harness.checkout(workspaceId, 'scale', 'key')).rejects.toMatchObject({ code: 'CONFLICT' });
    const other = await harness.checkout(await harness.workspace(), 'pro', 'key');
    expect(other.url).not.toBe(first.url);
  });

  it('closes the page before it, so that nobody can pay twice', async () => {
    const workspaceId = await harness.workspace();
    const first = shop().sessionOf((await harness.checkout(workspaceId, 'starter')).url);
    const second = shop().sessionOf((await harness.checkout(workspaceId, 'pro')).url);
    expect([first.status, second.status]).toEqual(['expired', 'open']);
  });

  it.each(['heard of', 'not heard of'])('is a CONFLICT while the workspace pays, which was %s', async (heard) => {
    const workspaceId = await harness.workspace();
    const { url } = await harness.checkout(workspaceId, 'starter');
    const events = harness.eventsOf(() => shop().complete(shop().sessionOf(url)));
    if (heard === 'heard of') await harness.deliverAll(events);
    await expect(harness.checkout(workspaceId, 'pro')).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('changePlan'),
    });
  });

  it('is open again once the subscription has ended', async () => {
    const workspaceId = await harness.paying('starter');
    shop().cancelNow(await harness.customerOf(workspaceId));
    await expect(harness.checkout(workspaceId, 'pro')).resolves.toMatchObject({ url: expect.any(String) });
  });

  const wrongPrices: readonly [string, () => void][] = [
    ['is not there', () => (priceOf('pro').lookup_key = null)],
    ['is another than the price book says', () => (priceOf('pro').unit_amount = 9_901)],
    ['is in another currency', () => (priceOf('pro').currency = 'eur')],
    ['recurs every year', () => (priceOf('pro').recurring!.interval = 'year')],
    ['is not active', () => (priceOf('pro').active = false)],
  ];
  const priceOf = (key: string) =>
    [...harness.double.store.prices.values()].find(({ lookup_key }) => lookup_key === key)!;
  it.each(wrongPrices)('is UNAVAILABLE where the price %s', async (_name, spoil) => {
    spoil();
    await expect(harness.checkout(await harness.workspace(), 'pro')).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('operator'),
    });
    expect(harness.double.store.sessions.size).toBe(0);
  });

  it.each(['unreachable', 'broken'] as const)('is UNAVAILABLE while Stripe is %s', async (fault) => {
    harness.double.fail(/./, fault);
    await expect(harness.checkout(await harness.workspace(), 'pro')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    // Three tries and no more.
    expect(harness.double.requests.length).toBeLessThanOrEqual(3);
  });
});

describe('a top-up', () => {
  const granted = async (workspaceId: string) => {
    const { rows } = await harness.database.query<Record<string, unknown>>(
      `SELECT credits, remaining, revoked, expires_at FROM grants WHERE workspace_id = $1 AND kind = 'TOP_UP'`,
      [workspaceId],
    );
    return rows;
  };
  const bought = async (workspaceId: string, credits = '5000') => {
    const session = shop().sessionOf((await harness.topUp(workspaceId, credits)).url);
    await harness.deliverAll(harness.eventsOf(() => shop().complete(session)));
    return session.payment_intent!;
  };

  it.each([
    ['5000', 500],
    ['5001', 500],
    ['5005', 501],
    ['12345', 1_235],
    ['999999990', 99_999_999],
  ])('of %s credits costs %i cents', async (credits, cents) => {
    const { url } = await harness.topUp(await harness.workspace(), credits);
    expect(shop().sessionOf(url).amount_total).toBe(cents);
  });

  it('lasts 12 months, whatever the plan becomes', async () => {
    const workspaceId = await harness.paying('starter');
    await bought(workspaceId);
    shop().cancelNow(await harness.customerOf(workspaceId));
    await harness.deliverAll(harness.double.store.events);
    expect(await granted(workspaceId)).toEqual([
      { credits: '5000000000', remaining: '5000000000', revoked: '0', expires_at: new Date('2027-03-15T09:30:00Z') },
    ]);
  });

  it('that is refunded is taken back as far as it is unspent', async () => {
    const workspaceId = await harness.workspace();
    const payment = await bought(workspaceId);
    // The free month first, then 1,000 of the top-up.
    await harness.spend(workspaceId, 3_500);
    await harness.deliverAll(harness.eventsOf(() => shop().refund(payment, 200)));
    expect(await granted(workspaceId)).toMatchObject([{ remaining: '2000000000', revoked: '2000000000' }]);
    await harness.deliverAll(harness.eventsOf(() => shop().refund(payment, 300)));
    expect(await granted(workspaceId)).toMatchObject([{ remaining: '0', revoked: '4000000000' }]);
    expect(await harness.findings()).toEqual([]);
  });

  it('that is disputed is taken back, and given back when the dispute is won', async () => {
    const workspaceId = await harness.workspace();
    const payment = await bought(workspaceId);
    let dispute!: ReturnType<typeof harness.double.shop.dispute>;
    await harness.deliverAll(
      harness.eventsOf(() => {
        dispute = shop().dispute(payment);
      }),
    );
    expect(await granted(workspaceId)).toMatchObject([{ remaining: '0', revoked: '5000000000' }]);
    await harness.deliverAll(harness.eventsOf(() => shop().closeDispute(dispute, 'won')));
    await harness.deliverAll(harness.double.store.events);
    expect(await harness.stateOf(workspaceId)).toMatchObject({ account: [{ spendable: '7500000000' }] });
    // And refunded after all.
    await harness.deliverAll(harness.eventsOf(() => shop().refund(payment, 500)));
    expect(await harness.stateOf(workspaceId)).toMatchObject({ account: [{ spendable: '2500000000' }] });
  });

  it('whose payment is under way grants nothing yet', async () => {
    const workspaceId = await harness.workspace();
    const session = shop().sessionOf((await harness.topUp(workspaceId, '5000')).url);
    await harness.deliverAll(harness.eventsOf(() => shop().complete(session, true)));
    expect(await granted(workspaceId)).toEqual([]);
  });

  it('is listed among the invoices', async () => {
    const workspaceId = await harness.workspace();
    await bought(workspaceId);
    expect(await harness.billing.gateway.invoices(workspaceId, 10, null)).toMatchObject([
      { status: 'paid', totalUsd: 50_000_000_000n, lines: [{ description: '5000 credits' }] },
    ]);
  });
});

it('the portal is a page of the same customer', async () => {
  const workspaceId = await harness.paying('pro');
  const { url, expiresAt } = await harness.billing.checkout.portal(workspaceId, 'https://shop.example/');
  expect([url, expiresAt]).toEqual([expect.stringMatching(/^https:\/\/billing\.stripe\.com\//), null]);
  expect(harness.double.store.customers.size).toBe(1);
});
