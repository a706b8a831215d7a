import os from 'node:os';
import { runCommandLine } from '../../src/cli/program';
import { openTestDatabase, type TestDatabase } from '../support/database';
import { StripeDouble } from '../support/stripe-double';

const ENCRYPTION_KEY = Buffer.alloc(32, 7).toString('base64');

let test: TestDatabase;
let double: StripeDouble;
beforeAll(async () => {
  test = await openTestDatabase();
  double = new StripeDouble();
  await double.listen();
});
afterAll(async () => {
  await double?.close();
  await test?.close();
});

async function run(args: readonly string[], more: Readonly<Record<string, string>> = {}) {
  let out = '';
  let error = '';
  const { databaseUrl, dataDirectory } = test.settings;
  const code = await runCommandLine(args, {
    environment: {
      DATA_DIR: dataDirectory,
      ENCRYPTION_KEY,
      ...(databaseUrl && { DATABASE_URL: databaseUrl.reveal() }),
      ...more,
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

it('billing sync says what it has done', async () => {
  const { code, out } = await run(['billing', 'sync', '--json'], double.env);
  expect([code, JSON.parse(out)]).toEqual([
    0,
    { workspaces: 0, failedWorkspaces: 0, overageEvents: 0, acknowledged: 0, failedEvents: 0 },
  ]);
});

it('billing sync exits 1 when a workspace could not be brought in line, and says how many', async () => {
  await run(['workspaces', 'create', '--name', 'Acme', '--plan', 'free']);
  await test.database.query(
    `INSERT INTO stripe_customers (workspace_id, customer_id) SELECT id, 'cus_gone' FROM workspaces LIMIT 1`,
  );
  const { code, out } = await run(['billing', 'sync'], { ...double.env, LOG_LEVEL: 'silent' });
  expect(code).toBe(1);
  expect(out).toContain('1 workspaces were looked at, 1 of them');
});

it('billing sync without Stripe exits 2 and names the settings', async () => {
  const { code, error } = await run(['billing', 'sync']);
  expect(code).toBe(2);
  expect(error).toContain('STRIPE_SECRET_KEY');
});
