import { verifyBilling } from '../../src/billing/verify-billing';
import { moveClock } from '../support/database';
import type { GraphqlClient } from '../support/graphql-client';
import { startTestServer, type TestServer } from '../support/test-server';
import { leaveCredits } from './support/credits';
import { onlyError, refusalOf, speak } from './support/speech-api';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ plan: 'pro' });
  for (const provider of ['elevenlabs', 'kokoro']) await speak(server.client, { provider, text: 'Hello there.' });
});
afterAll(() => server?.close());

const DAY = 86_400_000;

const setLimit = (client: GraphqlClient, input: Record<string, unknown>) =>
  client.graphql<{ setOverageLimit: { balance: Record<string, unknown> } | null }>(
    `mutation ($input: SetOverageLimitInput!) {
      setOverageLimit(input: $input) { balance { overageLimit overageCredits state message } }
    }`,
    { input },
  );
const setPlan = (workspaceId: string, plan: string) =>
  server.admin.graphql(
    'mutation ($id: ID!, $plan: ID!) { setWorkspacePlan(input: { workspaceId: $id, plan: $plan }) { workspace { plan { id } } } }',
    { id: workspaceId, plan },
  );
const changePlan = (client: GraphqlClient, input: Record<string, unknown>) =>
  client.graphql('mutation ($input: ChangePlanInput!) { changePlan(input: $input) { subscription { id } } }', {
    input,
  });
const subscriptionOf = async (client: GraphqlClient) =>
  (
    await client.data<{ subscription: Record<string, unknown> | null }>(
      '{ subscription { id plan { id } status periodStart periodEnd trialEnd cancelAtPeriodEnd pendingPlan { id } } }',
    )
  ).subscription;

interface InvoiceFields {
  readonly id: string;
  readonly status: string;
  readonly number: string | null;
  readonly totalUsd: string;
  readonly lines: readonly Record<'description' | 'quantity' | 'unitUsd' | 'amountUsd', string | null>[];
}
const invoicesOf = async (client: GraphqlClient, variables: Record<string, unknown> = {}) =>
  (
    await client.data<{
      invoices: {
        edges: { cursor: string; node: InvoiceFields }[];
        pageInfo: { hasNextPage: boolean; endCursor: string | null };
      };
    }>(
      `query ($first: Int, $after: String) { invoices(first: $first, after: $after) {
        edges { cursor node { id number status periodStart periodEnd totalUsd url createdAt
          lines { description quantity unitUsd amountUsd } } }
        pageInfo { hasNextPage endCursor }
      } }`,
      variables,
    )
  ).invoices;
/** Kokoro costs 4 credits for 1,000 characters. */
const spend = (client: GraphqlClient, credits: number) =>
  speak(client, { provider: 'kokoro', text: 'a'.repeat(credits * 250) });

describe('the limit of overage', () => {
  it('starts at one monthly grant, and is what the workspace sets, over plans and periods', async () => {
    const workspace = await server.createWorkspace({ plan: 'pro' });
    const set = await setLimit(workspace, { limit: '12.5' });
    expect(set.data?.setOverageLimit).toMatchObject({ balance: { overageLimit: '12.5', state: 'HEALTHY' } });
    await setPlan(workspace.workspaceId, 'scale');
    const { balance } = await workspace.data<{ balance: unknown }>('{ balance { overageLimit } }');
    expect(balance).toEqual({ overageLimit: '12.5' });
    const none = await setLimit(workspace, { unlimited: true });
    expect(none.data?.setOverageLimit).toMatchObject({ balance: { overageLimit: null } });
  });

  it.each([
    ['neither limit nor unlimited', {}, 'limit'],
    ['both', { limit: '1', unlimited: true }, 'limit'],
    ['unlimited: false alone', { unlimited: false }, 'limit'],
    ['null for both', { limit: null, unlimited: null }, 'limit'],
    ['a negative limit', { limit: '-1' }, 'limit'],
    ['more decimals than credits have', { limit: '0.0000001' }, 'limit'],
    ['more than any balance', { limit: '99999999999999999999' }, 'limit'],
  ])('refuses %s and changes nothing', async (_name, input, field) => {
    const workspace = await server.createWorkspace({ plan: 'pro' });
    expect(onlyError(await setLimit(workspace, input)).extensions).toMatchObject({ code: 'BAD_USER_INPUT', field });
    expect(await workspace.data('{ balance { overageLimit } }')).toEqual({ balance: { overageLimit: '200000' } });
  });

  it.each([{ limit: '1' }, { unlimited: true }])('is refused on a plan without overage: %j', async (input) => {
    const workspace = await server.createWorkspace({ plan: 'free' });
    const error = onlyError(await setLimit(workspace, input));
    expect(error.extensions).toMatchObject({ code: 'BAD_USER_INPUT' });
    expect(error.message).toContain('no overage');
    await setPlan(workspace.workspaceId, 'starter');
    expect(await workspace.data('{ balance { overageLimit } }')).toEqual({ balance: { overageLimit: '50000' } });
  });

  it('below what is used stops overage at once, and what was used is still billed', async () => {
    const workspace = await server.createWorkspace({ plan: 'pro' });
    await leaveCredits(server, workspace.workspaceId, '0');
    await spend(workspace, 3);
    const set = await setLimit(workspace, { limit: '2' });
    expect(set.data?.setOverageLimit?.balance).toMatchObject({
      overageLimit: '2',
      overageCredits: '3',
      state: 'HARD_STOP',
      message: expect.stringContaining('Raise the limit'),
    });
    expect((await refusalOf(workspace, { provider: 'kokoro', text: 'Hello.' })).extensions).toMatchObject({
      code: 'OVERAGE_LIMIT_REACHED',
    });
    await setLimit(workspace, { limit: '10' });
    await spend(workspace, 1);
  });

  it('takes the scope BILLING', async () => {
    const workspace = await server.createWorkspace({ plan: 'pro' });
    const { createApiKey } = await workspace.data<{ createApiKey: { secret: string } }>(
      'mutation { createApiKey(input: { name: "reader", scopes: [READ, METERED] }) { secret } }',
    );
    expect((await setLimit(workspace.as(createApiKey.secret), { limit: '1' })).code).toBe('FORBIDDEN');
  });
});

describe('a plan and its subscription', () => {
  it('nothing is paid for on Free', async () => {
    expect(await subscriptionOf(await server.createWorkspace({ plan: 'free' }))).toBeNull();
  });

  it('an upgrade by the operator acts at once, and both are on the invoice', async () => {
    const workspace = await server.createWorkspace({ plan: 'starter' });
    expect(await subscriptionOf(workspace)).toMatchObject({
      plan: { id: 'starter' },
      status: 'ACTIVE',
      pendingPlan: null,
    });
    await setPlan(workspace.workspaceId, 'pro');
    expect(await subscriptionOf(workspace)).toMatchObject({ plan: { id: 'pro' }, status: 'ACTIVE' });
    const { edges } = await invoicesOf(workspace);
    expect(edges).toHaveLength(1);
    expect(edges[0]!.node).toMatchObject({
      status: 'draft',
      number: null,
      totalUsd: '99',
      lines: [
        { description: 'Starter, one month', quantity: '1', unitUsd: '29', amountUsd: '29' },
        { description: 'Upgrade to Pro for the rest of the month', amountUsd: '70' },
      ],
    });
  });

  it('nothing that was paid for is lost on a change of plan, and nothing is given twice', async () => {
    const workspace = await server.createWorkspace({ plan: 'pro' });
    const remaining = async () =>
      (await workspace.data<{ balance: { remaining: string } }>('{ balance { remaining } }')).balance.remaining;
    for (const plan of ['starter', 'pro', 'free', 'pro']) {
      await setPlan(workspace.workspaceId, plan);
      expect(await remaining()).toBe('200000');
    }
    const { usage } = await workspace.data<{ usage: unknown }>('{ usage { characters { limit } } }');
    expect(usage).toEqual({ characters: { limit: '2000000' } });
    expect((await invoicesOf(workspace)).edges[0]!.node.totalUsd).toBe('99');
  });

  it.each(['nothing', '', 'PRO', 'enterprise'])('refuses the plan "%s" and changes nothing', async (plan) => {
    const workspace = await server.createWorkspace({ plan: 'starter' });
    for (const answer of [await setPlan(workspace.workspaceId, plan), await changePlan(workspace, { plan })]) {
      expect(onlyError(answer).extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'plan' });
    }
    expect(await subscriptionOf(workspace)).toMatchObject({ plan: { id: 'starter' } });
  });

  it('without a payment provider a workspace changes no plan by itself, and everything else works', async () => {
    const workspace = await server.createWorkspace({ plan: 'starter' });
    expect((await changePlan(workspace, { plan: 'pro' })).code).toBe('BILLING_NOT_CONFIGURED');
    for (const resume of [false, true]) {
      const answer = await workspace.graphql(
        'mutation ($input: CancelSubscriptionInput!) { cancelSubscription(input: $input) { subscription { id } } }',
        { input: { resume } },
      );
      expect(answer.code).toBe('BILLING_NOT_CONFIGURED');
    }
    expect(await subscriptionOf(workspace)).toMatchObject({ plan: { id: 'starter' }, cancelAtPeriodEnd: false });
  });
});

describe('invoices', () => {
  it('of ended periods stay, the newest first, and are read page by page', async () => {
    const workspace = await server.createWorkspace({ plan: 'starter' });
    for (let month = 0; month < 3; month += 1) {
      await moveClock(server.database, 31 * DAY);
      await workspace.data('{ balance { id } }');
    }
    const all = await invoicesOf(workspace);
    expect(all.edges.map(({ node }) => node.status)).toEqual(['draft', 'open', 'open', 'open']);
    expect(all.edges.map(({ node }) => node.totalUsd)).toEqual(['29', '29', '29', '29']);
    const numbers = all.edges.map(({ node }) => node.number);
    expect(numbers[0]).toBeNull();
    expect(new Set(numbers).size).toBe(4);
    const first = await invoicesOf(workspace, { first: 3 });
    expect(first.pageInfo.hasNextPage).toBe(true);
    const rest = await invoicesOf(workspace, { first: 3, after: first.pageInfo.endCursor });
    expect([...first.edges, ...rest.edges]).toEqual(all.edges);
    const { code } = await server.client.graphql(
      'query ($after: String) { invoices(after: $after) { edges { cursor } } }',
      {
        after: first.pageInfo.endCursor,
      },
    );
    expect(code).toBe('BAD_USER_INPUT');
  });

  it('there is none where nothing was to pay', async () => {
    expect((await invoicesOf(await server.createWorkspace({ plan: 'free' }))).edges).toEqual([]);
  });
});

it('the books are right in the end', async () => {
  expect((await server.database.transaction(verifyBilling)).findings).toEqual([]);
});
