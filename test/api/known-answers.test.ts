import { verifyBilling } from '../../src/billing/verify-billing';
import { formatCredits, parseCredits } from '../../src/lib/credits';
import { newId } from '../../src/lib/ids';
import { DRAFT, reserveOf, SUCCEEDED } from '../ledger/support/ledger-harness';
import { stopClock } from '../support/database';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { HELLO, refusalOf, speak } from './support/speech-api';

/*
 * The answers that the price list gives for plans, balances, overage and the usage summary, read as a customer reads
 * them. Amounts that no single request reaches are settled in the ledger itself, as an operation of that cost would be.
 */

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ plan: 'free' });
  await stopClock(server.database, APRIL);
});
beforeEach(() => stopClock(server.database, APRIL));
afterAll(() => server?.close());

/** A month of 30 days. */
const APRIL = Date.parse('2027-04-01T00:00:00.000Z');
const DAY = 86_400_000;

async function spend({ workspaceId }: TestWorkspace, credits: string, capability = 'TEXT_TO_SPEECH'): Promise<void> {
  const amount = parseCredits(credits)!;
  const operationId = newId();
  const held = await server.container.ledger.reserve({
    ...reserveOf(workspaceId, operationId, amount),
    details: { ...DRAFT, capability },
  });
  if (held.outcome !== 'HELD') throw new Error(`${credits} credits are refused: ${held.outcome}`);
  const event = { ...SUCCEEDED, capability };
  await server.container.ledger.settle({
    operationId,
    workspaceId,
    credits: amount,
    allowance: 0,
    listCredits: amount,
    event,
  });
}

async function balanceOf(workspace: TestWorkspace) {
  const { balance } = await workspace.data<{ balance: Record<string, string> }>(
    '{ balance { state remaining included carriedOver expired used overageCredits overageUsd overageLimit message } }',
  );
  return balance;
}

async function invoiceOf(workspace: TestWorkspace) {
  const { invoices } = await workspace.data<{
    invoices: { edges: { node: { totalUsd: string; lines: { description: string; amountUsd: string }[] } }[] };
  }>('{ invoices { edges { node { totalUsd lines { description quantity unitUsd amountUsd } } } } }');
  return invoices.edges[0]!.node;
}

it('Starter with 50,000 granted and 61,250 spent: 11,250 credits of overage, USD 11.25', async () => {
  const workspace = await server.createWorkspace({ plan: 'starter' });
  await spend(workspace, '45000');
  await spend(workspace, '16250');
  expect(await balanceOf(workspace)).toMatchObject({
    state: 'OVERAGE',
    remaining: '0',
    included: '50000',
    used: '61250',
    overageCredits: '11250',
    overageUsd: '11.25',
  });
  expect(await invoiceOf(workspace)).toEqual({
    totalUsd: '40.25',
    lines: [
      { description: 'Starter, one month', quantity: '1', unitUsd: '29', amountUsd: '29' },
      { description: 'Credits beyond those of the plan', quantity: '11250', unitUsd: '0.001', amountUsd: '11.25' },
    ],
  });
});

it('Pro with 200,000 granted and 200,001.5 spent: 1.5 credits, USD 0.0012, USD 0.00 on the invoice', async () => {
  const workspace = await server.createWorkspace({ plan: 'pro' });
  await spend(workspace, '200001.5');
  expect(await balanceOf(workspace)).toMatchObject({ overageCredits: '1.5', overageUsd: '0.0012' });
  expect((await invoiceOf(workspace)).lines.at(-1)).toEqual({
    description: 'Credits beyond those of the plan',
    quantity: '1.5',
    unitUsd: '0.0008',
    amountUsd: '0',
  });
});

it('Pro with 1 credit left and an operation of 3: USD 0.0026', async () => {
  const workspace = await server.createWorkspace({ plan: 'pro' });
  await spend(workspace, '199999');
  // Kokoro costs 4 credits for 1,000 characters.
  const { usage } = await speak(workspace, { provider: 'kokoro', text: 'a'.repeat(750) });
  expect(usage).toMatchObject({ credits: '3', overageCredits: '2', costUsd: '0.0026' });
});

it('overage keeps the rate at which it was spent: one line for each rate, each rounded once, half up', async () => {
  const workspace = await server.createWorkspace({ plan: 'starter' });
  await spend(workspace, '50004');
  await spend(workspace, '1');
  await server.admin.data(
    'mutation ($id: ID!) { setWorkspacePlan(input: { workspaceId: $id, plan: "pro" }) { workspace { id } } }',
    { id: workspace.workspaceId },
  );
  const { remaining } = await balanceOf(workspace);
  await spend(workspace, formatCredits(parseCredits(remaining!)! + parseCredits('18.75')!));
  expect((await invoiceOf(workspace)).lines.slice(2)).toEqual([
    // 5 x 0.001 = 0.005 and 18.75 x 0.0008 = 0.015: both half up.
    { description: 'Credits beyond those of the plan', quantity: '5', unitUsd: '0.001', amountUsd: '0.01' },
    { description: 'Credits beyond those of the plan', quantity: '18.75', unitUsd: '0.0008', amountUsd: '0.02' },
  ]);
});

it('Starter to Pro with 15 of 30 days left: USD 35.00 and 75,000 credits', async () => {
  const workspace = await server.createWorkspace({ plan: 'starter' });
  await stopClock(server.database, APRIL + 15 * DAY);
  await server.admin.data(
    'mutation ($id: ID!) { setWorkspacePlan(input: { workspaceId: $id, plan: "pro" }) { workspace { id } } }',
    { id: workspace.workspaceId },
  );
  expect(await balanceOf(workspace)).toMatchObject({ included: '125000', remaining: '125000' });
  expect((await invoiceOf(workspace)).lines).toEqual([
    expect.objectContaining({ description: 'Starter, one month', amountUsd: '29' }),
    expect.objectContaining({ description: 'Upgrade to Pro for the rest of the month', amountUsd: '35' }),
  ]);
});

it('Scale: unused credits of a period are usable to the end of the second period after it', async () => {
  const workspace = await server.createWorkspace({ plan: 'scale' });
  await spend(workspace, '400000');
  const at = async (moment: string) => {
    await stopClock(server.database, Date.parse(moment));
    return balanceOf(workspace);
  };
  expect(await at('2027-05-01T00:00:00Z')).toMatchObject({ carriedOver: '600000', remaining: '1600000', expired: '0' });
  expect(await at('2027-06-30T23:59:59.999Z')).toMatchObject({ carriedOver: '1600000', remaining: '2600000' });
  expect(await at('2027-07-01T00:00:00Z')).toMatchObject({ carriedOver: '2000000', remaining: '3000000' });
});

it.each([
  ['starter', '50000', '2027-06-01T00:00:00Z'],
  ['pro', '200000', '2027-06-01T00:00:00Z'],
])('%s: unused credits are usable for one more period', async (plan, credits, gone) => {
  const workspace = await server.createWorkspace({ plan });
  await stopClock(server.database, Date.parse(gone) - 1);
  expect(await balanceOf(workspace)).toMatchObject({ carriedOver: credits });
  await stopClock(server.database, Date.parse(gone));
  expect(await balanceOf(workspace)).toMatchObject({ carriedOver: credits, included: credits, expired: '0' });
});

it('Free: nothing carries over, and nothing past the grant is served', async () => {
  const workspace = await server.createWorkspace({ plan: 'free' });
  await spend(workspace, '2499');
  expect((await refusalOf(workspace, { provider: 'kokoro', text: 'a'.repeat(251) })).extensions).toMatchObject({
    code: 'INSUFFICIENT_CREDITS',
    required: '1.004',
    available: '1',
  });
  await stopClock(server.database, Date.parse('2027-05-01T00:00:00Z'));
  expect(await balanceOf(workspace)).toMatchObject({ carriedOver: '0', included: '2500', remaining: '2500' });
});

it('a usage summary on Starter after 1,250 credits', async () => {
  const workspace = await server.createWorkspace({ plan: 'starter' });
  const operations: [capability: string, count: number, credits: string][] = [
    ['TEXT_TO_SPEECH', 200, '4'],
    ['SPEECH_TO_TEXT', 80, '2.5'],
    ['LANGUAGE_MODEL', 40, '5'],
    ['RETRIEVAL', 20, '2'],
    ['EMBEDDING', 2, '5'],
  ];
  await Promise.all(
    operations.flatMap(([capability, count, credits]) =>
      Array.from({ length: count }, () => spend(workspace, credits, capability)),
    ),
  );
  const { usage } = await workspace.data<{ usage: unknown }>(
    '{ usage { plan { id } credits { used limit remaining } breakdown { tts stt llm rag } requestCount } }',
  );
  expect(usage).toEqual({
    plan: { id: 'starter' },
    credits: { used: '1250', limit: '50000', remaining: '48750' },
    breakdown: { tts: '800', stt: '200', llm: '200', rag: '50' },
    requestCount: 342,
  });
});

it('a document with 3 metered fields on the Free plan leaves X-RateLimit-Remaining: 7', async () => {
  const workspace = await server.createWorkspace({ plan: 'free' });
  const field = 'synthesizeSpeech(input: { provider: "elevenlabs", text: "Hi." }) { replayed }';
  const answer = await workspace.graphql(`mutation { a: ${field} b: ${field} c: ${field} }`);
  expect(answer).toMatchObject({ status: 200, headers: { 'x-ratelimit-remaining': '7' } });
});

it('no monthly grant is used up by an estimate, a refused operation, a failed one or one with an own key', async () => {
  const workspace = await server.createWorkspace({ plan: 'starter' });
  await workspace.data('{ estimateSpeech(input: { provider: "elevenlabs", text: "Hello there." }) { credits } }');
  await refusalOf(workspace, { ...HELLO, text: '' });
  server.stub.fault(() => ({ kind: 'answer', status: 422 }));
  await refusalOf(workspace, HELLO);
  server.stub.fault(null);
  await speak(workspace, HELLO, { 'x-provider-key-elevenlabs': 'own-key' });
  expect(await balanceOf(workspace)).toMatchObject({ used: '0', remaining: '50000' });
});

it('a low balance says how many average requests are left', async () => {
  const workspace = await server.createWorkspace({ plan: 'free' });
  await spend(workspace, '2200');
  await spend(workspace, '100');
  expect(await balanceOf(workspace)).toMatchObject({
    state: 'LOW',
    remaining: '200',
    message: expect.stringContaining('200 credits'),
  });
  for (let count = 0; count < 50; count += 1) await spend(workspace, '1');
  expect(await balanceOf(workspace)).toMatchObject({
    message:
      '150 credits are left in this period, enough for about 150 average requests. Top up or change the plan to go on without a break.',
  });
});

it('the books are right in the end', async () => {
  expect((await server.database.transaction(verifyBilling)).findings).toEqual([]);
});
