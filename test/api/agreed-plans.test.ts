import { readAgreedTerms } from '../../src/metering/agreed-terms';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { onlyError, speak } from './support/speech-api';

let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer({ plan: 'starter' });
});
afterAll(() => server?.close());
beforeEach(async () => {
  workspace = await server.createWorkspace({ plan: 'starter' });
});

const TERMS = {
  priceUsd: '2500',
  monthlyCredits: '6000000',
  hardCap: false,
  overageUsdPerCredit: '0.0005',
  carryoverMonths: 2,
  monthlyCharacters: null,
  maxCharactersPerRequest: 20_000,
  qualities: ['STANDARD', 'PREMIUM', 'ULTRA'],
  requestsPerMinute: 700,
  maxApiKeys: 2,
};
const agree = (terms: Record<string, unknown> = TERMS): Promise<void> =>
  server.container.core.accounts.setPlan(workspace.workspaceId, {
    planId: 'enterprise',
    agreed: readAgreedTerms(terms),
  });

it('a workspace on agreed numbers has them everywhere: plan, balance, requests a minute, keys, invoice', async () => {
  await speak(workspace);
  await agree();
  const answer = await workspace.graphql<Record<string, Record<string, unknown>>>(`{
    workspace { plan { id custom priceUsd monthlyCredits overageUsdPerCredit requestsPerMinute maxApiKeys monthlyCharacters } }
    subscription { plan { priceUsd } status }
    usage { characters { limit } requests { rateLimit } apiKeys { active max } }
    balance { overageLimit }
  }`);
  expect(answer.data).toMatchObject({
    workspace: {
      plan: {
        id: 'enterprise',
        custom: true,
        priceUsd: '2500',
        monthlyCredits: '6000000',
        overageUsdPerCredit: '0.0005',
        requestsPerMinute: 700,
        maxApiKeys: 2,
        monthlyCharacters: null,
      },
    },
    subscription: { plan: { priceUsd: '2500' }, status: 'ACTIVE' },
    usage: { characters: { limit: null }, requests: { rateLimit: 700 }, apiKeys: { active: 1, max: 2 } },
    balance: { overageLimit: '6000000' },
  });
  expect(answer.headers['x-ratelimit-limit']).toBe('700');
  const create = () => workspace.graphql('mutation { createApiKey(input: { name: "further" }) { secret } }');
  expect((await create()).errors).toBeUndefined();
  expect(onlyError(await create()).extensions).toMatchObject({
    code: 'PLAN_LIMIT',
    limit: 'API_KEYS',
    max: 2,
    actual: 2,
  });
  const { invoices } = await workspace.data<{ invoices: { edges: { node: { totalUsd: string } }[] } }>(
    '{ invoices { edges { node { totalUsd } } } }',
  );
  expect(invoices.edges[0]!.node.totalUsd).toBe('2500');
});

it('new terms are in force at once, and another plan forgets them', async () => {
  await agree();
  await agree({ ...TERMS, requestsPerMinute: null, maxApiKeys: null });
  expect((await workspace.graphql('{ balance { id } }')).headers).not.toHaveProperty('x-ratelimit-limit');
  await server.container.core.accounts.setPlan(workspace.workspaceId, { planId: 'scale' });
  expect((await workspace.graphql('{ balance { id } }')).headers['x-ratelimit-limit']).toBe('300');
  const plain = server.container.core.accounts.setPlan(workspace.workspaceId, { planId: 'enterprise' });
  await expect(plain).rejects.toMatchObject({ code: 'BAD_USER_INPUT', fields: { field: 'plan' } });
});

it('the plan list shows Enterprise as custom, without anybody’s numbers', async () => {
  await agree();
  const { plans } = await workspace.data<{ plans: { id: string; custom: boolean; priceUsd: string | null }[] }>(
    '{ plans { id custom priceUsd } }',
  );
  expect(plans).toContainEqual({ id: 'enterprise', custom: true, priceUsd: null });
});

it('terms belong to a plan by agreement alone', async () => {
  const setPlan = server.container.core.accounts.setPlan(workspace.workspaceId, {
    planId: 'pro',
    agreed: readAgreedTerms(TERMS),
  });
  await expect(setPlan).rejects.toMatchObject({ code: 'BAD_USER_INPUT' });
});

it.each([
  ['a missing number', { priceUsd: undefined }, 'priceUsd is missing'],
  ['a price of nothing known', { priceUsd: null }, 'priceUsd'],
  ['credits without a number', { monthlyCredits: null }, 'monthlyCredits'],
  ['a negative rate', { overageUsdPerCredit: '-0.1' }, 'overageUsdPerCredit is negative'],
  ['a misspelt name', { requestPerMinute: 7 }, 'requestPerMinute is not known'],
  ['overage on a hard cap', { hardCap: true }, 'overageUsdPerCredit is set, but hardCap is true'],
  ['no hard cap and no rate', { overageUsdPerCredit: null }, 'overageUsdPerCredit is null without a hard cap'],
])('terms with %s are refused with what to write', (_name, change, message) => {
  expect(() => readAgreedTerms({ ...TERMS, ...change })).toThrow(
    expect.objectContaining({ code: 'BAD_USER_INPUT', message: expect.stringContaining(message) }),
  );
});

it.each([null, [], 'terms', 7])('%j is no terms', (json) => {
  expect(() => readAgreedTerms(json)).toThrow(expect.objectContaining({ code: 'BAD_USER_INPUT' }));
});
