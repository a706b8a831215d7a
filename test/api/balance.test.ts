import { moveClock } from '../support/database';
import { Gate } from '../support/provider-stub';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { leaveCredits } from './support/credits';
import {
  balanceOf,
  HELLO,
  HELLO_CREDITS,
  refusalOf,
  settledSpeech,
  speak,
  standing,
  synthesize,
} from './support/speech-api';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ plan: 'pro' });
  for (const provider of ['elevenlabs', 'kokoro']) await speak(server.client, { ...HELLO, provider });
});
beforeEach(() => server.stub.fault(null));
afterAll(() => server?.close());

/** Kokoro costs 4 credits for 1,000 characters. */
const worth = (credits: number) => ({ provider: 'kokoro', text: 'a'.repeat(credits * 250) });

const BALANCE = `{ balance {
  id state remaining remainingUsd included carriedOver toppedUp promotional expired used held overageCredits overageUsd
  overageLimit averageRequestCredits estimatedRequestsRemaining message grants { kind credits remaining expiresAt }
  periodStart periodEnd
} }`;
type Fields = Record<string, string | number | null> & {
  grants: { kind: string; credits: string; remaining: string; expiresAt: string | null }[];
};
const fullBalance = async (workspace: TestWorkspace) => (await workspace.data<{ balance: Fields }>(BALANCE)).balance;

async function grantCredits(workspaceId: string, input: Record<string, unknown>) {
  return server.admin.graphql<{
    grantCredits: { grant: { id: string; kind: string; credits: string; expiresAt: string | null }; balance: Fields };
  }>(
    `mutation ($input: GrantCreditsInput!) {
      grantCredits(input: $input) { grant { id kind credits remaining expiresAt } balance { remaining } }
    }`,
    { input: { workspaceId, reason: 'test', ...input } },
  );
}

describe('the balance of a plan', () => {
  it.each([
    ['free', '2500', '2.5', '0'],
    ['starter', '50000', '50', '50000'],
    ['pro', '200000', '200', '200000'],
    ['scale', '1000000', '1000', '1000000'],
  ])('%s begins with its grant', async (plan, credits, usd, overageLimit) => {
    const workspace = await server.createWorkspace({ plan });
    expect(await fullBalance(workspace)).toMatchObject({
      id: workspace.workspaceId,
      state: 'HEALTHY',
      message: null,
      remaining: credits,
      remainingUsd: usd,
      included: credits,
      carriedOver: '0',
      toppedUp: '0',
      promotional: '0',
      expired: '0',
      used: '0',
      held: '0',
      overageCredits: '0',
      overageUsd: '0',
      overageLimit,
      averageRequestCredits: null,
      estimatedRequestsRemaining: null,
      grants: [{ kind: 'MONTHLY', credits, remaining: credits }],
    });
  });

  it('tells what was used, the average of what was charged, and how much more that pays for', async () => {
    const workspace = await server.createWorkspace({ plan: 'free' });
    for (const credits of [1, 2, 3]) await speak(workspace, worth(credits));
    await speak(workspace, HELLO, { 'x-provider-key-elevenlabs': 'own-key' });
    expect(await fullBalance(workspace)).toMatchObject({
      used: '6',
      remaining: '2494',
      remainingUsd: '2.494',
      averageRequestCredits: '2',
      estimatedRequestsRemaining: 1_247,
    });
  });

  it('shows what is held while an operation runs, and nothing held afterwards', async () => {
    const workspace = await server.createWorkspace({ plan: 'free' });
    const gate = new Gate();
    server.stub.fault(() => ({ kind: 'gated', gate }));
    const { speech } = await speak(workspace, { ...HELLO, delivery: 'STREAM' });
    expect(await balanceOf(workspace)).toMatchObject({ remaining: '2498.008', held: HELLO_CREDITS, used: '0' });
    gate.open();
    await settledSpeech(server, workspace, speech.id);
    expect(await balanceOf(workspace)).toMatchObject({ remaining: '2498.008', held: '0', used: HELLO_CREDITS });
  });
});

describe('the state of a balance', () => {
  it.each([
    ['free', '251', 'HEALTHY', null],
    ['free', '250', 'LOW', /250 credits are left/],
    ['free', '0.000001', 'LOW', /0\.000001 credits are left/],
    ['free', '0', 'HARD_STOP', /used up.*Top up or change the plan/],
    ['pro', '20000.000001', 'HEALTHY', null],
    ['pro', '20000', 'LOW', /20000 credits are left/],
    ['pro', '0', 'OVERAGE', /billed as overage\. 200000 more/],
  ])('of %s with %s credits is %s, with a sentence that says what to do', async (plan, left, state, message) => {
    const workspace = await server.createWorkspace({ plan });
    await leaveCredits(server, workspace.workspaceId, left);
    const balance = await balanceOf(workspace);
    expect(balance).toMatchObject({ remaining: left, state });
    if (message) expect(balance.message).toMatch(message);
    else expect(balance.message).toBeNull();
  });

  it('is HARD_STOP where the overage limit is reached, and work is then refused', async () => {
    const workspace = await server.createWorkspace({ plan: 'pro' });
    await leaveCredits(server, workspace.workspaceId, '1');
    await server.database.query('UPDATE accounts SET overage_limit = 2000000 WHERE workspace_id = $1', [
      workspace.workspaceId,
    ]);
    const refused = await refusalOf(workspace, worth(4));
    expect(refused.extensions).toMatchObject({ code: 'OVERAGE_LIMIT_REACHED', required: '4', available: '3' });
    expect((await speak(workspace, worth(3))).usage).toMatchObject({ credits: '3', overageCredits: '2' });
    expect(await balanceOf(workspace)).toMatchObject({
      state: 'HARD_STOP',
      remaining: '0',
      overageCredits: '2',
      message: expect.stringContaining('overage limit is reached'),
    });
    expect((await refusalOf(workspace, worth(1))).extensions.code).toBe('OVERAGE_LIMIT_REACHED');
  });

  it('is HARD_STOP where the subscription is unpaid, and work is then refused', async () => {
    const workspace = await server.createWorkspace({ plan: 'pro' });
    await server.database.query('UPDATE accounts SET blocked = true WHERE workspace_id = $1', [workspace.workspaceId]);
    expect(await balanceOf(workspace)).toMatchObject({
      state: 'HARD_STOP',
      message: expect.stringContaining('unpaid'),
    });
    expect((await refusalOf(workspace, HELLO)).extensions).toMatchObject({ code: 'INSUFFICIENT_CREDITS' });
  });
});

describe('what may be spent', () => {
  it('on a hard cap is what there is, to the micro-credit', async () => {
    const workspace = await server.createWorkspace({ plan: 'free' });
    await leaveCredits(server, workspace.workspaceId, '1.991999');
    const before = await standing(server, workspace);
    const refused = await refusalOf(workspace, HELLO);
    expect(refused.extensions).toMatchObject({
      code: 'INSUFFICIENT_CREDITS',
      required: HELLO_CREDITS,
      available: '1.991999',
    });
    expect(refused.message).toMatch(/Top up or change the plan/);
    expect(await standing(server, workspace)).toEqual(before);

    await server.grant(workspace.workspaceId, '0.000001');
    expect((await speak(workspace, HELLO)).usage).toMatchObject({ credits: HELLO_CREDITS, remainingBalance: '0' });
    expect(await balanceOf(workspace)).toMatchObject({ remaining: '0', state: 'HARD_STOP' });
    expect((await refusalOf(workspace, { ...HELLO, text: 'a' })).extensions).toMatchObject({
      code: 'INSUFFICIENT_CREDITS',
      required: '0.166',
      available: '0',
    });
  });

  it('of 20 at once is as many as the balance is worth, and exactly those are called and charged', async () => {
    const workspace = await server.createWorkspace({ plan: 'scale' });
    await server.database.query('UPDATE accounts SET overage_rate = NULL WHERE workspace_id = $1', [
      workspace.workspaceId,
    ]);
    await leaveCredits(server, workspace.workspaceId, '15');
    const { calls } = server.stub;
    const answers = await Promise.all(Array.from({ length: 20 }, () => synthesize(workspace, worth(3))));
    expect(answers.filter(({ errors }) => !errors)).toHaveLength(5);
    expect(answers.filter(({ code }) => code === 'INSUFFICIENT_CREDITS')).toHaveLength(15);
    expect(server.stub.calls).toBe(calls + 5);
    expect(await balanceOf(workspace)).toMatchObject({ remaining: '0', held: '0' });
  });

  it('beyond the grants is overage at the rate of the plan: Pro, 1 credit left, an operation of 3 costs USD 0.0026', async () => {
    const workspace = await server.createWorkspace({ plan: 'pro' });
    await leaveCredits(server, workspace.workspaceId, '1');
    const { usage } = await speak(workspace, worth(3));
    expect(usage).toMatchObject({ credits: '3', overageCredits: '2', costUsd: '0.0026', remainingBalance: '0' });
    expect(await fullBalance(workspace)).toMatchObject({
      state: 'OVERAGE',
      remaining: '0',
      overageCredits: '2',
      overageUsd: '0.0016',
    });
  });

  it.each([
    ['starter', '0.005'],
    ['pro', '0.004'],
    ['scale', '0.003'],
  ])('5 credits of overage on %s cost USD %s', async (plan, costUsd) => {
    const workspace = await server.createWorkspace({ plan });
    await leaveCredits(server, workspace.workspaceId, '0');
    expect((await speak(workspace, worth(5))).usage).toMatchObject({ credits: '5', overageCredits: '5', costUsd });
  });

  it('is bounded by maxCredits, to the micro-credit', async () => {
    const workspace = await server.createWorkspace({ plan: 'free' });
    const before = await standing(server, workspace);
    const refused = await refusalOf(workspace, { ...HELLO, maxCredits: '1.991999' });
    expect(refused.extensions).toMatchObject({
      code: 'MAX_CREDITS_EXCEEDED',
      maxCredits: '1.991999',
      required: HELLO_CREDITS,
    });
    expect(await standing(server, workspace)).toEqual(before);
    expect((await speak(workspace, { ...HELLO, maxCredits: HELLO_CREDITS })).usage).toMatchObject({
      credits: HELLO_CREDITS,
    });
    expect((await speak(workspace, { ...HELLO, maxCredits: 2 })).usage!.status).toBe('SUCCEEDED');
    expect((await refusalOf(workspace, { ...HELLO, maxCredits: 0 })).extensions.code).toBe('MAX_CREDITS_EXCEEDED');
  });
});

describe('grantCredits', () => {
  it('gives credits of a kind, once for each idempotency key', async () => {
    const workspace = await server.createWorkspace({ plan: 'free' });
    const { workspaceId } = workspace;
    const first = await grantCredits(workspaceId, { kind: 'PROMOTION', credits: '10.5', idempotencyKey: 'promotion' });
    expect(first.data!.grantCredits).toMatchObject({
      grant: { kind: 'PROMOTION', credits: '10.5', remaining: '10.5', expiresAt: null },
      balance: { remaining: '2510.5' },
    });
    const again = await grantCredits(workspaceId, { kind: 'PROMOTION', credits: '10.5', idempotencyKey: 'promotion' });
    expect(again.data!.grantCredits.grant.id).toBe(first.data!.grantCredits.grant.id);
    const other = await grantCredits(workspaceId, { kind: 'PROMOTION', credits: '11', idempotencyKey: 'promotion' });
    expect(other.code).toBe('CONFLICT');
    const topUp = await grantCredits(workspaceId, { kind: 'TOP_UP', credits: 5_000, idempotencyKey: 'top-up' });
    const months = (Date.parse(topUp.data!.grantCredits.grant.expiresAt!) - Date.now()) / (30.44 * 86_400_000);
    expect(months).toBeGreaterThan(11.9);
    expect(months).toBeLessThan(12.1);
    expect(await fullBalance(workspace)).toMatchObject({
      remaining: '7510.5',
      included: '2500',
      promotional: '10.5',
      toppedUp: '5000',
    });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['nothing', { credits: '0' }, 'credits'],
    ['less than nothing', { credits: '-1' }, 'credits'],
    ['a part of a micro-credit', { credits: '0.0000001' }, 'credits'],
    ['more than any balance', { credits: '99999999999999' }, 'credits'],
    ['a monthly grant', { kind: 'MONTHLY' }, 'kind'],
    ['without a reason', { reason: '  ' }, 'reason'],
    ['what has expired already', { expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt'],
    ['without a key', { idempotencyKey: '' }, 'idempotencyKey'],
  ])('refuses %s', async (_name, change, field) => {
    const { workspaceId } = server.client;
    const before = await standing(server, server.client);
    const answer = await grantCredits(workspaceId, {
      kind: 'PROMOTION',
      credits: '1',
      idempotencyKey: 'bad',
      ...change,
    });
    expect(answer.errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field });
    expect(await standing(server, server.client)).toEqual(before);
  });

  it('what expires first is spent first, and what is not spent by then is lost', async () => {
    const workspace = await server.createWorkspace({ plan: 'free' });
    const { workspaceId } = workspace;
    const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
    await grantCredits(workspaceId, { kind: 'PROMOTION', credits: '5', idempotencyKey: 'hour', expiresAt: inAnHour });
    await speak(workspace, worth(2));
    expect((await fullBalance(workspace)).grants).toMatchObject([
      { kind: 'PROMOTION', credits: '5', remaining: '3', expiresAt: inAnHour },
      { kind: 'MONTHLY', remaining: '2500' },
    ]);
    await moveClock(server.database, 3_700_000);
    try {
      expect(await fullBalance(workspace)).toMatchObject({ remaining: '2500', expired: '3', used: '2' });
    } finally {
      await moveClock(server.database, -3_700_000);
    }
  });
});

describe('a month later', () => {
  it('credits that were not used are carried over as the plan says, and the next grant is there', async () => {
    const [free, starter] = [
      await server.createWorkspace({ plan: 'free' }),
      await server.createWorkspace({ plan: 'starter' }),
    ];
    for (const workspace of [free, starter]) await speak(workspace, worth(5));
    const month = 31 * 86_400_000 + 3_600_000;
    await moveClock(server.database, month);
    try {
      expect(await fullBalance(free)).toMatchObject({ remaining: '2500', carriedOver: '0', expired: '0', used: '0' });
      expect(await fullBalance(starter)).toMatchObject({
        remaining: '99995',
        included: '50000',
        carriedOver: '49995',
        expired: '0',
        used: '0',
      });
    } finally {
      await moveClock(server.database, -month);
    }
  });
});

it('every balance agrees with its ledger in the end', async () => {
  expect(await server.verifyLedger()).toMatchObject({ findings: [], openHolds: 0 });
});
