import type { EventBus } from '../../src/events/event-bus';
import { InProcessBus } from '../../src/events/in-process-bus';
import { openPostgresBus } from '../../src/events/postgres-bus';
import { KeyService } from '../../src/identity/api-keys';
import { Authenticator } from '../../src/identity/authenticator';
import { ClientTokenService } from '../../src/identity/client-tokens';
import { LastUse } from '../../src/identity/last-use';
import { IdentityNotices } from '../../src/identity/notices';
import { systemClock } from '../../src/lib/clock';
import { describeOnPostgres } from '../support/database';
import { IdentityHarness, refusalOf } from './support/identity-harness';

const log = { warn: () => {} };
const TOKEN = { ttlSeconds: 600, capabilities: ['TEXT_TO_SPEECH'], maxCredits: '1' };

let harness: IdentityHarness;
beforeAll(async () => {
  harness = await IdentityHarness.open();
});
afterAll(() => harness?.close());

function nodeOn(bus: EventBus) {
  const { database } = harness;
  const notices = new IdentityNotices(bus);
  const lastUse = new LastUse(database, systemClock, log);
  return {
    authenticator: new Authenticator({ database, clock: systemClock, notices, lastUse }),
    keys: new KeyService({ database, clock: systemClock, notices, maxApiKeys: () => null }),
    tokens: new ClientTokenService(database, notices),
    stop: () => lastUse.stop(),
  };
}

test('in one process a revocation is in force when revoke has answered', async () => {
  const bus = new InProcessBus(log);
  const node = nodeOn(bus);
  const { secret } = await harness.workspaces.create({ name: 'Acme', planId: 'open' });
  const principal = await node.authenticator.authenticate(secret);
  await node.keys.revoke(principal, principal.apiKeyId);
  expect((await refusalOf(node.authenticator.authenticate(secret))).message).toContain('revoked');
  await node.stop();
  await bus.close();
});

describeOnPostgres('over LISTEN and NOTIFY', () => {
  test('a key and a token revoked on one process end on another, which is told whose sockets to close', async () => {
    const buses = await Promise.all(
      ['one', 'two'].map((processId) => openPostgresBus(harness.database, { processId, clock: systemClock, log })),
    );
    const [one, two] = [nodeOn(buses[0]!), nodeOn(buses[1]!)];
    const { secret, workspace } = await harness.workspaces.create({ name: 'Acme', planId: 'open' });
    const principal = await one.authenticator.authenticate(secret);
    const { token, id } = await one.tokens.create(principal, TOKEN);
    await Promise.all([secret, token].map((item) => two.authenticator.authenticate(item)));
    const told = () => new Promise((resolve) => two.authenticator.onRevoked(resolve));

    const first = told();
    await one.tokens.revoke(principal, id);
    const who = { workspaceId: workspace.id, apiKeyId: principal.apiKeyId };
    expect(await first).toEqual({ ...who, clientTokenId: id });
    expect((await refusalOf(two.authenticator.authenticate(token))).message).toContain('revoked');
    await two.authenticator.authenticate(secret);

    const second = told();
    await one.keys.revoke(principal, principal.apiKeyId);
    expect(await second).toEqual(who);
    expect((await refusalOf(two.authenticator.authenticate(secret))).message).toContain('revoked');

    await Promise.all([one.stop(), two.stop(), ...buses.map((bus) => bus.close())]);
  });
});
