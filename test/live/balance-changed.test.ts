import { describeOnPostgres } from '../support/database';
import type { GraphqlSocket, SocketSubscription } from '../support/graphql-socket';
import { TestClock } from '../support/test-clock';
import { type GraphqlClient, startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { faultSpeech, newKey } from './support/speech-stream';
import { speak, speakTimes, startBeside } from './support/usage-feed';

const FIELDS = `id state remaining remainingUsd included carriedOver toppedUp promotional expired used held overageCredits
  overageUsd overageLimit message grants { id kind credits remaining } periodStart periodEnd`;

type Balance = Readonly<Record<string, string>> & { readonly grants: readonly { kind: string; credits: string }[] };
interface BalanceChanged extends Record<string, unknown> {
  readonly balanceChanged: Balance;
}

const follow = (socket: GraphqlSocket): SocketSubscription<BalanceChanged> =>
  socket.subscribe<BalanceChanged>(`subscription { balanceChanged { ${FIELDS} } }`);

async function next(subscription: SocketSubscription<BalanceChanged>): Promise<Balance> {
  const { data, errors } = await subscription.next();
  if (!data || errors) throw new Error(`expected a balance, got ${JSON.stringify(errors)}`);
  return data.balanceChanged;
}

const balanceOf = async (client: GraphqlClient): Promise<Balance> =>
  (await client.data<{ balance: Balance }>(`{ balance { ${FIELDS} } }`)).balance;

const GRANT = `mutation Grant($input: GrantCreditsInput!) { grantCredits(input: $input) { balance { remaining } } }`;
const grant = (operator: GraphqlClient, workspaceId: string, credits: string, idempotencyKey = newKey()) =>
  operator.data(GRANT, { input: { workspaceId, kind: 'PROMOTION', credits, reason: 'thanks', idempotencyKey } });

describe('balanceChanged', () => {
  let server: TestServer;
  let client: TestWorkspace;

  beforeAll(async () => {
    // On the embedded database accounts are looked at now and then as well; here only what is told counts.
    server = await startTestServer({ clock: new TestClock() });
  });
  beforeEach(async () => {
    server.stub.fault(null);
    client = await server.createWorkspace({ plan: 'starter' });
  });
  afterAll(() => server?.close());

  it('tells the present balance at once, as the query does', async () => {
    const first = await next(follow(await client.socket()));
    expect(first).toEqual(await balanceOf(client));
    expect(first).toMatchObject({ id: client.workspaceId, state: 'HEALTHY', remaining: '50000', used: '0' });
  });

  it('tells what an operation left', async () => {
    const subscription = follow(await client.socket());
    await next(subscription);
    await speak(client);
    const after = await next(subscription);
    expect(after).toMatchObject({ remaining: '49998.008', used: '1.992', held: '0' });
    expect(after).toEqual(await balanceOf(client));
  });

  it('tells of a grant, once for its idempotency key', async () => {
    const subscription = follow(await client.socket());
    await next(subscription);
    const key = newKey();
    for (let times = 0; times < 3; times++) await grant(server.admin, client.workspaceId, '12.5', key);
    expect(await next(subscription)).toMatchObject({ remaining: '50012.5', promotional: '12.5' });
    await grant(server.admin, client.workspaceId, '1');
    expect(await next(subscription)).toMatchObject({ remaining: '50013.5', promotional: '13.5' });
  });

  it('tells of another plan', async () => {
    const subscription = follow(await client.socket());
    await next(subscription);
    await server.admin.data(
      `mutation ($input: SetWorkspacePlanInput!) { setWorkspacePlan(input: $input) { workspace { plan { id } } } }`,
      { input: { workspaceId: client.workspaceId, plan: 'pro' } },
    );
    const after = await next(subscription);
    expect(Number(after.remaining)).toBeGreaterThan(190_000);
    expect(after).toMatchObject({ overageLimit: '200000' });
    expect(after.grants).toHaveLength(2);
  });

  it('is silent where nothing changed, whatever happened', async () => {
    const other = await server.createWorkspace();
    const subscription = follow(await client.socket());
    const first = await next(subscription);
    await speak(other);
    await client.data('{ estimateSpeech(input: { provider: "elevenlabs", text: "Hello." }) { credits } }');
    await client.graphql('mutation { synthesizeSpeech(input: { text: "" }) { usage { id } } }');
    faultSpeech(server.stub, { kind: 'malformed' });
    await client.graphql('mutation { synthesizeSpeech(input: { provider: "kokoro", text: "Hi." }) { usage { id } } }');
    await grant(server.admin, client.workspaceId, '7');
    const second = await next(subscription);
    expect(second).toMatchObject({ used: '0', held: '0', promotional: '7', remaining: '50007' });
    expect({ ...second, ...pick(first, ['remaining', 'remainingUsd', 'promotional', 'grants']) }).toEqual(first);
  });

  it('never tells the same balance twice in a row, and ends a burst with what is true', async () => {
    const sockets = await Promise.all([client.socket(), client.socket(), client.socket()]);
    const subscriptions = sockets.map(follow);
    await Promise.all(subscriptions.map(next));
    await Promise.all([
      speakTimes(client, 20),
      ...Array.from({ length: 5 }, () => grant(server.admin, client.workspaceId, '2')),
    ]);
    const last = await balanceOf(client);
    expect(last).toMatchObject({ used: '39.84', promotional: '10', held: '0' });
    for (const subscription of subscriptions) {
      let before: Balance | null = null;
      for (;;) {
        const balance = await next(subscription);
        expect(balance).not.toEqual(before);
        before = balance;
        if (balance.remaining === last.remaining && balance.held === '0') break;
      }
      expect(before).toEqual(last);
    }
  });

  it("tells a client token of its own budget, and not of the workspace's", async () => {
    const { createClientToken } = await client.data<{ createClientToken: { token: string } }>(
      `mutation { createClientToken(input: {
        ttlSeconds: 600, capabilities: [TEXT_TO_SPEECH], maxCredits: "5", requestsPerMinute: 100
      }) { token } }`,
    );
    const token = client.as(createClientToken.token);
    const subscription = follow(await token.socket());
    expect(await next(subscription)).toMatchObject({ included: '5', remaining: '5', grants: [] });
    await speak(client);
    await speak(token);
    expect(await next(subscription)).toMatchObject({ included: '5', used: '1.992', remaining: '3.008' });
  });

  it('leaves the ledger clean', async () => {
    expect((await server.verifyLedger()).findings).toEqual([]);
  });
});

describeOnPostgres('balanceChanged over two server processes', () => {
  let server: TestServer;
  let beside: TestServer;
  beforeAll(async () => {
    server = await startTestServer();
    beside = await startBeside(server);
  });
  afterAll(async () => {
    await beside?.close();
    await server?.close();
  });

  it('tells what the other process has changed', async () => {
    const client = await server.createWorkspace({ plan: 'starter' });
    const subscription = follow(await client.socket());
    await next(subscription);
    await speak(beside.anonymous.as(client.key));
    expect(await next(subscription)).toMatchObject({ used: '1.992' });
    await grant(beside.admin, client.workspaceId, '3');
    expect(await next(subscription)).toMatchObject({ promotional: '3', used: '1.992' });
  });
});

function pick(balance: Balance, names: readonly string[]): Partial<Balance> {
  return Object.fromEntries(names.map((name) => [name, balance[name]])) as Partial<Balance>;
}
