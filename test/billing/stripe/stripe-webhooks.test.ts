import type { StripeEvent } from '../../support/stripe-double';
import { StripeHarness } from './support/stripe-harness';

let harness: StripeHarness;
let workspaceId: string;
let events: readonly StripeEvent[];

beforeAll(async () => {
  harness = await StripeHarness.open();
});
afterAll(() => harness?.close());

beforeEach(async () => {
  await harness.beginAgain();
  workspaceId = await harness.workspace();
  const { url } = await harness.checkout(workspaceId, 'starter');
  events = harness.eventsOf(() => harness.double.shop.complete(harness.double.shop.sessionOf(url)));
});

const created = (): StripeEvent => events.find(({ type }) => type === 'customer.subscription.created')!;
const receive = (body: string | Buffer, signature?: string) =>
  harness.billing.webhooks.receive(Buffer.from(body), signature);
const planNow = async (): Promise<unknown> => {
  const { rows } = await harness.database.query<{ plan_id: string }>(
    'SELECT plan_id FROM accounts WHERE workspace_id = $1',
    [workspaceId],
  );
  return rows[0]!.plan_id;
};
const recorded = async (): Promise<number> => {
  const { rows } = await harness.database.query<{ count: number }>(
    'SELECT count(*)::integer AS count FROM stripe_events WHERE id = ANY ($1)',
    [events.map(({ id }) => id)],
  );
  return rows[0]!.count;
};

describe('a forged event changes nothing', () => {
  const forgeries: readonly [string, () => { body: string; signature?: string }][] = [
    ['no signature', () => ({ body: harness.double.sign(created()).body })],
    ['an empty signature', () => ({ body: harness.double.sign(created()).body, signature: '' })],
    ['a signature that is none', () => ({ body: harness.double.sign(created()).body, signature: 't=1,v1=00' })],
    ['the signature of another secret', () => harness.double.sign(created(), { secret: 'whsec_other' })],
    [
      'the signature of another event',
      () => ({
        body: harness.double.sign(created()).body,
        signature: harness.double.sign({ ...created(), id: 'evt_other' }).signature,
      }),
    ],
    [
      'one byte more',
      () => {
        const { body, signature } = harness.double.sign(created());
        return { body: `${body} `, signature };
      },
    ],
    [
      'a signature of an older scheme alone',
      () => {
        const { body, signature } = harness.double.sign(created());
        return { body, signature: signature.replace('v1=', 'v0=') };
      },
    ],
    [
      'a true signature, 301 seconds old',
      () => harness.double.sign(created(), { atSeconds: harness.double.store.now - 301 }),
    ],
  ];
  it.each(forgeries)('%s', async (_name, forge) => {
    const { body, signature } = forge();
    const asked = harness.double.requests.length;
    expect(await receive(body, signature)).toBe('forged');
    expect(harness.double.requests.length).toBe(asked);
    expect(await recorded()).toBe(0);
    expect(await planNow()).toBe('free');
    // The test can fail: truly signed, the same event acts.
    expect(await harness.deliver(created())).toBe('handled');
    expect(await planNow()).toBe('starter');
  });

  it('a true signature is taken for 300 seconds', async () => {
    const { body, signature } = harness.double.sign(created(), { atSeconds: harness.double.store.now - 300 });
    expect(await receive(body, signature)).toBe('handled');
  });
});

describe('events that are not about us are acknowledged and change nothing', () => {
  const foreign: readonly [string, () => StripeEvent][] = [
    ['an unknown type', () => ({ ...created(), type: 'climate.order.created' })],
    ['a type without a dot', () => ({ ...created(), type: 'ping' })],
    ['of the live mode', () => ({ ...created(), livemode: true })],
    ['of a connected account', () => ({ ...created(), account: 'acct_other' })],
    [
      'of another customer',
      () => ({ ...created(), data: { object: { ...created().data.object, customer: 'cus_other' } } }),
    ],
    ['without a customer', () => ({ ...created(), data: { object: {} } })],
    [
      'of a payment that is no top-up',
      () => ({ ...created(), type: 'charge.refunded', data: { object: { payment_intent: 'pi_other' } } }),
    ],
  ];
  it.each(foreign)('%s', async (_name, make) => {
    expect(await harness.deliver(make())).toBe('ignored');
    expect(await planNow()).toBe('free');
  });

  it("a top-up that names another workspace's customer grants nothing", async () => {
    const other = await harness.workspace();
    const { url } = await harness.topUp(workspaceId, '5000');
    const session = harness.double.shop.sessionOf(url);
    harness.double.shop.complete(session);
    const payment = harness.double.store.payments.get(session.payment_intent!)!;
    payment.metadata = { ...payment.metadata, workspace: other };
    await harness.deliverAll(harness.double.store.events.slice(-3));
    const { rows } = await harness.database.query(
      `SELECT 1 FROM grants WHERE kind = 'TOP_UP' AND workspace_id = ANY ($1)`,
      [[workspaceId, other]],
    );
    expect(rows).toEqual([]);
  });
});

it('the same event delivered five times at once acts once', async () => {
  const { url } = await harness.topUp(workspaceId, '5000');
  const session = harness.double.shop.sessionOf(url);
  const [, , completed] = harness.eventsOf(() => harness.double.shop.complete(session)).slice(-3);
  const outcomes = await Promise.all([1, 2, 3, 4, 5].map(() => harness.deliver(completed!)));
  expect(new Set(outcomes)).toEqual(new Set(['handled']));
  const { rows } = await harness.database.query(
    `SELECT credits FROM grants WHERE kind = 'TOP_UP' AND workspace_id = $1`,
    [workspaceId],
  );
  expect(rows).toEqual([{ credits: '5000000000' }]);
  expect(await harness.deliver(completed!)).toBe('known');
});

it('while Stripe does not answer, an event is refused, and done when it comes again', async () => {
  harness.double.fail(/GET \/v1\/subscriptions/, 'broken');
  await expect(harness.deliver(created())).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect([await recorded(), await planNow()]).toEqual([0, 'free']);
  harness.double.heal();
  expect(await harness.deliver(created())).toBe('handled');
  expect(await planNow()).toBe('starter');
});

it('what was fetched earlier and comes to be applied later changes nothing', async () => {
  await harness.deliver(created());
  const customer = await harness.customerOf(workspaceId);
  const [failed, paid] = harness.eventsOf(() => {
    harness.double.shop.declines(customer);
    harness.double.shop.changePlan(customer, 'pro');
  });
  // The first delivery has its ticket and its answer of Stripe, and waits before the transaction.
  let release = (): void => {};
  let arrived = (): void => {};
  const waiting = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const slow = harness.another(
    new Proxy(harness.database, {
      get(target, property) {
        if (property !== 'transaction') {
          const value = Reflect.get(target, property);
          return typeof value === 'function' ? value.bind(target) : value;
        }
        return async (work: never) => {
          arrived();
          await new Promise<void>((resolve) => {
            release = resolve;
          });
          return target.transaction(work);
        };
      },
    }),
  );
  const late = harness.deliver(failed!, slow);
  await waiting;
  harness.double.shop.declines(customer, false);
  harness.double.shop.retry(customer);
  await harness.deliver(paid!);
  const state = await harness.stateOf(workspaceId);
  expect(state).toMatchObject({ subscription: [{ status: 'ACTIVE', plan_id: 'pro' }] });
  release();
  expect(await late).toBe('handled');
  slow.close();
  expect(await harness.stateOf(workspaceId)).toEqual(state);
});
