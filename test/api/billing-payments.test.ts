import { GraphqlFailure } from '../support/graphql-client';
import { STRIPE_KEY, StripeDouble, type StripeEvent, WEBHOOK_SECRET } from '../support/stripe-double';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';

const CHECKOUT = `mutation ($input: CreateCheckoutSessionInput!) { createCheckoutSession(input: $input) { url expiresAt } }`;
const TOP_UP = `mutation ($input: CreateTopUpSessionInput!) { createTopUpSession(input: $input) { url expiresAt } }`;
const PORTAL = `mutation ($input: CreateBillingPortalSessionInput!) { createBillingPortalSession(input: $input) { url expiresAt } }`;
const CHANGE = `mutation ($input: ChangePlanInput!) { changePlan(input: $input) { subscription { status plan { id } pendingPlan { id } } } }`;
const CANCEL = `mutation ($input: CancelSubscriptionInput!) { cancelSubscription(input: $input) { subscription { cancelAtPeriodEnd } } }`;
const WEB = { successUrl: 'https://shop.example/done?id={CHECKOUT_SESSION_ID}', cancelUrl: 'http://localhost:3000/' };

let double: StripeDouble;
let server: TestServer;
beforeAll(async () => {
  double = new StripeDouble();
  await double.listen();
  double.addPlanPrices();
  server = await startTestServer({ plan: 'free', env: double.env });
});
afterAll(async () => {
  await server?.close();
  await double?.close();
});

const refusal = async (work: Promise<unknown>): Promise<Record<string, unknown>> => {
  const error = await work.then(
    () => null,
    (failure: unknown) => failure,
  );
  if (!(error instanceof GraphqlFailure)) throw new Error('It was not refused.');
  return { ...error.errors[0]!.extensions, message: error.errors[0]!.message };
};
const post = (body: string | Buffer, headers: Record<string, string> = {}) =>
  fetch(`${server.url}/webhooks/stripe`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
const deliver = (event: StripeEvent) => {
  const { body, signature } = double.sign(event);
  return post(body, { 'stripe-signature': signature });
};
const url = (data: unknown): string => Object.values(data as Record<string, { url: string }>)[0]!.url;

describe('bad input is refused and makes nothing', () => {
  const cases: readonly [string, string, Record<string, unknown>, string][] = [
    ['an unknown plan', CHECKOUT, { plan: 'platinum', ...WEB }, 'plan'],
    ['the free plan', CHECKOUT, { plan: 'free', ...WEB }, 'plan'],
    ['a plan by agreement', CHECKOUT, { plan: 'enterprise', ...WEB }, 'plan'],
    ['an address that is none', CHECKOUT, { plan: 'pro', ...WEB, successUrl: 'done' }, 'successUrl'],
    ['a javascript: address', CHECKOUT, { plan: 'pro', ...WEB, successUrl: 'javascript:alert(1)' }, 'successUrl'],
    ['a data: address', CHECKOUT, { plan: 'pro', ...WEB, cancelUrl: 'data:text/html,x' }, 'cancelUrl'],
    ['a file: address', CHECKOUT, { plan: 'pro', ...WEB, cancelUrl: 'file:///etc/passwd' }, 'cancelUrl'],
    ['an app:// address', CHECKOUT, { plan: 'pro', ...WEB, cancelUrl: 'app://done' }, 'cancelUrl'],
    [
      'an address with a password',
      CHECKOUT,
      { plan: 'pro', ...WEB, cancelUrl: 'https://a:b@shop.example' },
      'cancelUrl',
    ],
    [
      'an endless address',
      CHECKOUT,
      { plan: 'pro', ...WEB, cancelUrl: `https://a.example/${'a'.repeat(2_000)}` },
      'cancelUrl',
    ],
    ['an address with a line break', CHECKOUT, { plan: 'pro', ...WEB, cancelUrl: 'https://a.example/\n' }, 'cancelUrl'],
    ['an empty key', CHECKOUT, { plan: 'pro', ...WEB, idempotencyKey: '' }, 'idempotencyKey'],
    ['a negative top-up', TOP_UP, { credits: '-5000', ...WEB }, 'credits'],
    ['a top-up of nothing', TOP_UP, { credits: '0', ...WEB }, 'credits'],
    ['a fraction of a credit', TOP_UP, { credits: '5000.5', ...WEB }, 'credits'],
    ['fewer than 5,000', TOP_UP, { credits: '4999', ...WEB }, 'credits'],
    ['more than one payment takes', TOP_UP, { credits: '1000000000', ...WEB }, 'credits'],
    ['more than any balance', TOP_UP, { credits: '99999999999999999999', ...WEB }, 'credits'],
    ['an address of a top-up', TOP_UP, { credits: '5000', ...WEB, successUrl: 'ftp://a.example' }, 'successUrl'],
    ['an address of the portal', PORTAL, { returnUrl: 'javascript:alert(1)' }, 'returnUrl'],
    ['a change to an unknown plan', CHANGE, { plan: 'platinum' }, 'plan'],
  ];
  it.each(cases)('%s', async (_name, document, input, field) => {
    const workspace = await server.createWorkspace();
    const asked = double.requests.length;
    expect(await refusal(workspace.data(document, { input }))).toMatchObject({ code: 'BAD_USER_INPUT', field });
    expect(double.requests.length).toBe(asked);
  });

  it('a float of credits never reaches us', async () => {
    const { body } = await server.client.send('/graphql', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: TOP_UP, variables: { input: { credits: 5000.5, ...WEB } } }),
    });
    expect(JSON.parse(body.toString()).errors[0].extensions.code).toBe('BAD_USER_INPUT');
  });
});

describe('from the page to the plan', () => {
  let workspace: TestWorkspace;

  it('a checkout that is paid puts the workspace on the plan', async () => {
    workspace = await server.createWorkspace();
    const page = await workspace.data<Record<string, { url: string; expiresAt: string }>>(CHECKOUT, {
      input: { plan: 'starter', ...WEB, idempotencyKey: 'one' },
    });
    const session = double.shop.sessionOf(url(page));
    expect(session.success_url).toBe(WEB.successUrl);
    const seen = double.store.events.length;
    double.shop.complete(session);
    for (const event of double.store.events.slice(seen)) expect((await deliver(event)).status).toBe(200);
    expect(await workspace.data('{ subscription { status plan { id } } balance { included } }')).toEqual({
      subscription: { status: 'ACTIVE', plan: { id: 'starter' } },
      balance: { included: '50000' },
    });
  });

  it('a second checkout is a CONFLICT that names changePlan', async () => {
    expect(await refusal(workspace.data(CHECKOUT, { input: { plan: 'pro', ...WEB } }))).toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('changePlan'),
    });
  });

  it('changePlan answers with the new plan, without waiting for a webhook', async () => {
    expect(await workspace.data(CHANGE, { input: { plan: 'pro' } })).toEqual({
      changePlan: { subscription: { status: 'ACTIVE', plan: { id: 'pro' }, pendingPlan: null } },
    });
    expect(await workspace.data(CHANGE, { input: { plan: 'starter' } })).toMatchObject({
      changePlan: { subscription: { plan: { id: 'pro' }, pendingPlan: { id: 'starter' } } },
    });
    expect(await workspace.data(CANCEL, { input: {} })).toEqual({
      cancelSubscription: { subscription: { cancelAtPeriodEnd: true } },
    });
    expect(await workspace.data(CANCEL, { input: { resume: true } })).toEqual({
      cancelSubscription: { subscription: { cancelAtPeriodEnd: false } },
    });
  });

  it('its invoices are listed, newest first, in exact decimals', async () => {
    const { invoices } = await workspace.data<{ invoices: { edges: unknown[]; pageInfo: { endCursor: string } } }>(
      '{ invoices(first: 1) { edges { node { status totalUsd number lines { description quantity unitUsd amountUsd } } } pageInfo { hasNextPage endCursor } } }',
    );
    expect(invoices).toMatchObject({ edges: [{ node: { status: 'paid' } }], pageInfo: { hasNextPage: true } });
    const next = await workspace.data(
      'query ($after: String) { invoices(first: 1, after: $after) { edges { node { totalUsd lines { quantity unitUsd amountUsd } } } pageInfo { hasNextPage } } }',
      { after: invoices.pageInfo.endCursor },
    );
    expect(next).toEqual({
      invoices: {
        edges: [{ node: { totalUsd: '29', lines: [{ quantity: '1', unitUsd: '29', amountUsd: '29' }] } }],
        pageInfo: { hasNextPage: false },
      },
    });
  });

  it('a top-up adds credits once it is paid', async () => {
    const buyer = await server.createWorkspace();
    const page = await buyer.data(TOP_UP, { input: { credits: 5000, ...WEB } });
    const seen = double.store.events.length;
    double.shop.complete(double.shop.sessionOf(url(page)));
    for (const event of double.store.events.slice(seen)) expect((await deliver(event)).status).toBe(200);
    expect(await buyer.data('{ balance { toppedUp } }')).toEqual({ balance: { toppedUp: '5000' } });
  });

  it('the portal has an address and no time', async () => {
    expect(await workspace.data(PORTAL, { input: {} })).toEqual({
      createBillingPortalSession: { url: expect.stringMatching(/^https:/), expiresAt: null },
    });
  });
});

describe('POST /webhooks/stripe', () => {
  it.each([
    ['without a signature', {}],
    ['with one that is forged', { 'stripe-signature': 't=1,v1=00' }],
  ])('%s is answered 400', async (_name, headers) => {
    expect((await post('{"id":"evt_x","type":"invoice.paid","data":{"object":{}}}', headers)).status).toBe(400);
  });

  it.each(['', 'not json', '{"a":', '\u0000', '[]', 'null'])('a body of %j is answered 400', async (body) => {
    expect((await post(body)).status).toBe(400);
  });

  it('reads the bytes whatever they are called, and no more than it should', async () => {
    const { body, signature } = double.sign(double.store.events[0]!);
    const plain = await post(body, { 'stripe-signature': signature, 'content-type': 'text/plain' });
    expect(plain.status).toBe(200);
    expect((await post(Buffer.alloc(600 * 1024, 97))).status).toBe(413);
  });

  it('is answered 503 while Stripe is away, so that the event comes again', async () => {
    const workspace = await server.createWorkspace();
    const page = await workspace.data(CHECKOUT, { input: { plan: 'pro', ...WEB } });
    const seen = double.store.events.length;
    double.shop.complete(double.shop.sessionOf(url(page)));
    const event = double.store.events.slice(seen).find(({ type }) => type === 'customer.subscription.created')!;
    double.fail(/./, 'broken');
    expect((await deliver(event)).status).toBe(503);
    double.heal();
    expect(await workspace.data('{ subscription { status } }')).toEqual({ subscription: null });
    expect((await deliver(event)).status).toBe(200);
    expect(await workspace.data('{ subscription { status } }')).toEqual({ subscription: { status: 'ACTIVE' } });
  });

  it('GET is not there', async () => {
    expect((await fetch(`${server.url}/webhooks/stripe`)).status).toBe(404);
  });
});

it('needs the scope BILLING', async () => {
  const { createApiKey } = await server.client.data<{ createApiKey: { secret: string } }>(
    'mutation { createApiKey(input: { name: "reader", scopes: [READ, METERED] }) { secret } }',
  );
  const reader = server.client.as(createApiKey.secret);
  for (const [document, input] of [
    [CHECKOUT, { plan: 'pro', ...WEB }],
    [TOP_UP, { credits: '5000', ...WEB }],
    [PORTAL, {}],
  ] as const) {
    expect(await refusal(reader.data(document, { input }))).toMatchObject({ code: 'FORBIDDEN' });
    expect(await refusal(server.anonymous.data(document, { input }))).toMatchObject({ code: 'UNAUTHENTICATED' });
  }
});

it('no secret reached the log, whatever failed', async () => {
  const log = server.logged.join('');
  for (const secret of [STRIPE_KEY, WEBHOOK_SECRET, 'Bearer']) expect(log).not.toContain(secret);
});

describe('without Stripe', () => {
  let plain: TestServer;
  beforeAll(async () => {
    plain = await startTestServer({ plan: 'pro' });
  });
  afterAll(() => plain?.close());

  it.each([
    [CHECKOUT, { plan: 'pro', ...WEB }],
    [TOP_UP, { credits: '5000', ...WEB }],
    [PORTAL, {}],
    [CHANGE, { plan: 'scale' }],
    [CANCEL, {}],
  ])('%s is BILLING_NOT_CONFIGURED', async (document, input) => {
    expect(await refusal(plain.client.data(document, { input }))).toMatchObject({ code: 'BILLING_NOT_CONFIGURED' });
  });

  it('everything else works', async () => {
    expect(
      await plain.client.data(
        '{ balance { included } subscription { plan { id } } invoices { edges { node { totalUsd } } } }',
      ),
    ).toMatchObject({ balance: { included: '200000' }, subscription: { plan: { id: 'pro' } } });
    expect((await fetch(`${plain.url}/webhooks/stripe`, { method: 'POST', body: '{}' })).status).toBe(404);
  });
});
