import { randomBytes } from 'node:crypto';
import os from 'node:os';
import { runCommandLine } from '../../src/cli/program';
import { ProviderCredentials } from '../../src/identity/provider-credentials/provider-credentials';
import { CredentialSealer } from '../../src/identity/provider-credentials/sealer';
import { newId } from '../../src/lib/ids';
import { KeyRing } from '../../src/lib/keys';
import { makeWebhookSecret, WebhookSecretSealer } from '../../src/webhooks/webhook-secret';
import { openTestDatabase, type TestDatabase } from '../support/database';

const [OLD, NEW] = [randomBytes(32), randomBytes(32)].map((key) => key.toString('base64')) as [string, string];
const SECRET = 'canary-stored-before-the-rotation';

let test: TestDatabase;
beforeAll(async () => {
  test = await openTestDatabase();
});
afterAll(() => test.close());

/** Runs one command beside the open database, as a shell would. */
async function run(encryptionKey: string, ...args: string[]): Promise<{ code: number; out: string; error: string }> {
  let out = '';
  let error = '';
  const { databaseUrl, dataDirectory } = test.settings;
  const code = await runCommandLine(args, {
    environment: {
      DATA_DIR: dataDirectory,
      ENCRYPTION_KEY: encryptionKey,
      ...(databaseUrl && { DATABASE_URL: databaseUrl.reveal() }),
    },
    directory: os.tmpdir(),
    writeOut: (text) => {
      out += text;
    },
    writeError: (text) => {
      error += text;
    },
    onEndSignal: () => () => {},
    exit: () => {},
  });
  return { code, out, error };
}

const REENCRYPT = ['credentials', 'reencrypt'];

/** A key as a server with this ENCRYPTION_KEY stores it. */
async function store(encryptionKey: string): Promise<string> {
  const made = await run(encryptionKey, 'workspaces', 'create', '--name', 'Acme', '--plan', 'pro', '--json');
  const { id: workspaceId } = JSON.parse(made.out) as { id: string };
  const { rows } = await test.database.query<{ id: string }>('SELECT id FROM api_keys WHERE workspace_id = $1', [
    workspaceId,
  ]);
  const credentials = new ProviderCredentials({
    database: test.database,
    notices: { tell: () => {} } as unknown as ConstructorParameters<typeof ProviderCredentials>[0]['notices'],
    sealer: new CredentialSealer(KeyRing.fromBase64(encryptionKey)),
    providers: new Map([['openai', { name: 'OpenAI', keyHeader: 'X-Provider-Key-OpenAI' }]]),
  });
  const principal = { kind: 'api-key', workspaceId, apiKeyId: rows[0]!.id, scopes: ['MANAGE'] };
  await credentials.set(principal as unknown as Parameters<typeof credentials.set>[0], {
    provider: 'openai',
    secret: SECRET,
  });
  return workspaceId;
}

it('without any stored key there is nothing to do', async () => {
  const { code, out } = await run(NEW, ...REENCRYPT, '--json');
  expect([code, JSON.parse(out)]).toEqual([0, { reencrypted: 0, upToDate: 0, unreadable: [] }]);
});

it('a rotation is finished by one command, after which the old key may go', async () => {
  await store(OLD);
  const unable = await run(NEW, ...REENCRYPT, '--json');
  expect([unable.code, JSON.parse(unable.out)]).toMatchObject([
    1,
    { reencrypted: 0, unreadable: [{ provider: 'openai', why: 'unknown-key' }] },
  ]);
  const done = await run(`${NEW},${OLD}`, ...REENCRYPT, '--json');
  expect([done.code, JSON.parse(done.out)]).toEqual([0, { reencrypted: 1, upToDate: 0, unreadable: [] }]);
  const again = await run(NEW, ...REENCRYPT);
  expect(again).toMatchObject({ code: 0, error: '' });
  expect(again.out).toContain('Up to date before: 1');
  expect((await run(OLD, ...REENCRYPT)).code).toBe(1);
  for (const { out } of [unable, done, again]) expect(out).not.toContain('canary');
});

it('a key that cannot be read is named by its workspace and provider', async () => {
  const workspaceId = await store(randomBytes(32).toString('base64'));
  const { code, out } = await run(NEW, ...REENCRYPT);
  expect(code).toBe(1);
  expect(out).toContain(`workspace ${workspaceId}, openai: sealed with a key that ENCRYPTION_KEY does not name`);
});

it('secrets of webhook endpoints are sealed anew beside the keys, and named where they cannot be read', async () => {
  const workspaceId = await store(OLD);
  const id = newId();
  const secret = makeWebhookSecret();
  const sealed = new WebhookSecretSealer(KeyRing.fromBase64(OLD)).seal({ workspaceId, endpointId: id }, secret);
  await test.database.query(
    `INSERT INTO webhook_endpoints (id, workspace_id, url, sealed_by, sealed, created_at)
     VALUES ($1, $2, 'https://example.com/', $3, $4, ledger_now())`,
    [id, workspaceId, sealed.sealedBy, sealed.sealed],
  );
  const unable = await run(NEW, ...REENCRYPT);
  expect(unable.code).toBe(1);
  expect(unable.out).toContain(`workspace ${workspaceId}, webhook endpoint ${id}: sealed with a key`);
  expect(JSON.parse((await run(`${NEW},${OLD}`, ...REENCRYPT, '--json')).out)).toMatchObject({ reencrypted: 2 });
  expect((await run(NEW, ...REENCRYPT)).out).not.toContain(workspaceId);
  expect(unable.out).not.toContain(secret);
});

it('help tells the steps of a rotation', async () => {
  const { code, out } = await run(NEW, ...REENCRYPT, '--help');
  expect(code).toBe(0);
  for (const text of ['<old>,<new>', '<new>,<old>', 'Exit codes']) expect(out).toContain(text);
});
