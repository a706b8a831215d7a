import { bootstrap } from '../../src/identity/bootstrap';
import { hashSecret } from '../../src/identity/secrets';
import { IdentityHarness } from './support/identity-harness';

let harness: IdentityHarness;
beforeAll(async () => {
  harness = await IdentityHarness.open();
});
afterAll(() => harness?.close());

/** Every value of every column of every table, as text; bytes also as what they would spell. */
async function everythingStored(): Promise<string> {
  const { rows: tables } = await harness.database.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  );
  let all = '';
  for (const { name } of tables) {
    const { rows } = await harness.database.query(`SELECT * FROM ${name}`);
    for (const row of rows) {
      for (const value of Object.values(row)) {
        all += `${Buffer.isBuffer(value) ? `${value.toString('latin1')} ${value.toString('hex')}` : JSON.stringify(value)}\n`;
      }
    }
  }
  return all;
}

test('no secret is in the database, whole or in part, however it came to be', async () => {
  const node = harness.node();
  const chosen = { apiKey: 'zebra-quilt-9471-lantern', adminKey: 'walrus-ember-2280-violin' };
  await bootstrap(harness.database, harness.workspaces, { ...chosen, planId: 'open' });
  const given = 'otter-saddle-6613-compass';
  await harness.workspaces.create({ name: 'given', planId: 'open', secret: given });
  const { secret: first, principal } = await harness.workspace(node);
  const { secret: created, apiKey } = await node.keys.create(principal, { name: 'x' });
  const { secret: rotated } = await node.keys.rotate(principal, { id: apiKey.id, graceSeconds: 60 });
  const { token } = await node.tokens.create(principal, {
    ttlSeconds: 60,
    capabilities: ['TEXT_TO_SPEECH'],
    maxCredits: '1',
  });
  const secrets = [...Object.values(chosen), given, first, created, rotated, token];
  await Promise.all(secrets.map((secret) => node.authenticator.authenticate(secret)));
  await node.lastUse.flush();

  const all = await everythingStored();
  for (const secret of secrets) {
    // The scan does see what is stored.
    expect(all).toContain(hashSecret(secret).toString('hex'));
    // Beyond the characters that people are shown, no eight in a row.
    const hidden = secret.replace(/^poly_(key|token)_.{6}/, '');
    for (let at = 0; at + 8 <= hidden.length; at += 1) expect(all).not.toContain(hidden.slice(at, at + 8));
  }
});

test('a principal and an API key hold neither a secret nor its hash', async () => {
  const node = harness.node();
  const { secret, principal, id } = await harness.workspace(node);
  const page = await node.keys.list(id, 10);
  const shown = JSON.stringify([principal, page]);
  expect(shown).not.toContain(secret.slice(15));
  for (const encoding of ['hex', 'base64', 'base64url'] as const) {
    expect(shown).not.toContain(hashSecret(secret).toString(encoding));
  }
});
