import Stripe from 'stripe';
import { STRIPE_KEY, StripeDouble, WEBHOOK_SECRET } from './stripe-double';

const START = Date.UTC(2026, 0, 31, 12);
const DAY_MS = 86_400_000;

let double: StripeDouble;
let stripe: Stripe.Stripe;
beforeEach(async () => {
  double = new StripeDouble(START);
  await double.listen();
  double.addPlanPrices();
  stripe = clientOf(STRIPE_KEY);
});
afterEach(() => double.close());

function clientOf(key: string): Stripe.Stripe {
  const { hostname, port } = new URL(double.url);
  return new Stripe(key, { host: hostname, port, protocol: 'http', maxNetworkRetries: 0, telemetry: false });
}

const meterFor = (eventName: string) =>
  stripe.billing.meters.create({
    display_name: 'Overage',
    event_name: eventName,
    default_aggregation: { formula: 'sum' },
  });

describe('it refuses what Stripe refuses', () => {
  const seconds = START / 1000;
  const events: readonly [string, { value?: string; customer?: string; name?: string; timestamp?: number }][] = [
    ['a fraction', { value: '1.5' }],
    ['a negative value', { value: '-1' }],
    ['no number', { value: 'many' }],
    ['a customer that is not there', { customer: 'cus_none' }],
    ['a meter that is not there', { name: 'none' }],
    ['a timestamp older than 35 days', { timestamp: seconds - 35 * 86_400 - 1 }],
    ['a timestamp more than 5 minutes ahead', { timestamp: seconds + 301 }],
  ];
  it.each(events)(
    'in a meter event: %s',
    async (_name, { value = '1', customer, name = 'used', timestamp = seconds }) => {
      await meterFor('used');
      const { id } = await stripe.customers.create({ name: 'A' });
      const send = (
        payload: { value: string; stripe_customer_id: string },
        more: { event_name: string; timestamp: number },
      ) => stripe.billing.meterEvents.create({ ...more, payload });
      await expect(
        send({ value, stripe_customer_id: customer ?? id }, { event_name: name, timestamp }),
      ).rejects.toBeInstanceOf(Stripe.errors.StripeInvalidRequestError);
      expect(double.store.meterEvents).toEqual([]);
      await send({ value: '1', stripe_customer_id: id }, { event_name: 'used', timestamp: seconds - 35 * 86_400 });
      await send({ value: '1', stripe_customer_id: id }, { event_name: 'used', timestamp: seconds + 300 });
      expect(double.store.meterEvents.length).toBe(2);
    },
  );

  it('an identifier for 24 hours, and not after', async () => {
    await meterFor('used');
    const { id } = await stripe.customers.create({ name: 'A' });
    const send = () =>
      stripe.billing.meterEvents.create({
        event_name: 'used',
        identifier: 'once',
        payload: { value: '1', stripe_customer_id: id },
      });
    await send();
    await expect(send()).rejects.toThrow('An event already exists with identifier once.');
    double.advance(DAY_MS);
    await send();
    expect(double.store.meterEvents.length).toBe(2);
  });

  it('an idempotency key with other parameters, for 24 hours; with the same it answers the same', async () => {
    const create = (name: string) => stripe.customers.create({ name }, { idempotencyKey: 'key' });
    const { id } = await create('A');
    expect((await create('A')).id).toBe(id);
    await expect(create('B')).rejects.toBeInstanceOf(Stripe.errors.StripeIdempotencyError);
    double.advance(DAY_MS);
    expect((await create('B')).id).not.toBe(id);
  });

  const requests: readonly [string, () => Promise<unknown>, string][] = [
    ['an unknown customer', () => stripe.subscriptions.list({ customer: 'cus_none' }), 'resource_missing'],
    ['an unknown subscription', () => stripe.subscriptions.update('sub_none', {}), 'resource_missing'],
    ['an unknown payment', () => stripe.paymentIntents.retrieve('pi_none'), 'resource_missing'],
    ['a missing parameter', () => stripe.billingPortal.sessions.create({} as never), 'parameter_missing'],
    ['an unknown parameter', () => stripe.customers.create({ nonsense: 'x' } as never), 'parameter_unknown'],
    ['a page of too many', () => stripe.subscriptions.list({ limit: 101 }), 'parameter_invalid_integer'],
  ];
  it.each(requests)('%s', async (_name, request, code) => {
    await expect(request()).rejects.toMatchObject({ code });
  });

  it('another key', async () => {
    await expect(clientOf('sk_test_other').customers.create({})).rejects.toMatchObject({
      type: 'StripeAuthenticationError',
    });
  });
});

it('a summary counts whole minutes, its end excluded', async () => {
  const meter = await meterFor('used');
  const { id } = await stripe.customers.create({ name: 'A' });
  const at = (timestamp: number, value: string) =>
    stripe.billing.meterEvents.create({ event_name: 'used', timestamp, payload: { value, stripe_customer_id: id } });
  const minute = START / 1000 - 3_600;
  await at(minute - 1, '1');
  await at(minute, '10');
  await at(minute + 59, '100');
  await at(minute + 60, '1000');
  const sum = async (from: number) =>
    (await stripe.billing.meters.listEventSummaries(meter.id, { customer: id, start_time: from, end_time: from + 60 }))
      .data;
  expect((await sum(minute)).map(({ aggregated_value }) => aggregated_value)).toEqual([110]);
  expect(await sum(minute + 120)).toEqual([]);
  await expect(sum(minute + 1)).rejects.toThrow('aligned');
});

it('signs its events so that the SDK takes them', async () => {
  await stripe.customers.create({ name: 'A' });
  const { body, signature } = double.sign(double.store.events[0]!);
  const receivedAt = START;
  const read = (secret: string) => stripe.webhooks.constructEvent(body, signature, secret, 300, undefined, receivedAt);
  expect(read(WEBHOOK_SECRET).type).toBe('customer.created');
  expect(() => read('whsec_other')).toThrow();
});

it('a subscription from the 31st keeps its day over short months', async () => {
  const customer = await stripe.customers.create({ name: 'A' });
  const [price] = (await stripe.prices.list({ lookup_keys: ['pro'] })).data;
  const session = await stripe.checkout.sessions.create({
    mode: 'subscription',
    customer: customer.id,
    line_items: [{ price: price!.id, quantity: 1 }],
    success_url: 'https://shop.example/',
  });
  double.shop.complete(double.shop.sessionOf(session.url!));
  const ends: string[] = [];
  for (let month = 0; month < 4; month += 1) {
    const item = double.shop.subscriptionOf(customer.id).items.data[0]!;
    ends.push(new Date(item.current_period_end * 1000).toISOString());
    double.advance(item.current_period_end * 1000 - double.store.nowMs);
  }
  expect(ends.map((end) => end.slice(0, 10))).toEqual(['2026-02-28', '2026-03-31', '2026-04-30', '2026-05-31']);
});
