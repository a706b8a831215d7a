import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { runCommandLine } from '../../src/cli/program';
import { openTestDatabase, type TestDatabase } from '../support/database';

let test: TestDatabase;
beforeAll(async () => {
  test = await openTestDatabase();
});
afterAll(() => test.close());

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** Runs one command beside the open database, as a shell would. */
async function run(...args: string[]): Promise<Ran> {
  let out = '';
  let error = '';
  const { databaseUrl, dataDirectory } = test.settings;
  const environment = {
    DATA_DIR: dataDirectory,
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    ...(databaseUrl && { DATABASE_URL: databaseUrl.reveal() }),
  };
  const code = await runCommandLine(args, {
    environment,
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

const json = async <T>(...args: string[]): Promise<T> => {
  const ran = await run(...args, '--json');
  expect({ code: ran.code, error: ran.error }).toEqual({ code: 0, error: '' });
  return JSON.parse(ran.out) as T;
};

const createWorkspace = (plan = 'pro'): Promise<{ id: string; key: string; secret?: string }> =>
  json('workspaces', 'create', '--name', 'Acme', '--plan', plan);

it.each([
  [['--help'], 'Usage: polyphony'],
  [['serve', '--help'], 'polyphony serve'],
  [['migrate', '--help'], 'polyphony migrate'],
  [['workspaces', 'create', '--help'], '--plan'],
  [['workspaces', 'set-plan', '--help'], 'plan'],
  [['keys', 'create', '--help'], '--workspace'],
  [['grants', 'add', '--help'], '--credits'],
  [['credentials', 'reencrypt', '--help'], '<new>,<old>'],
  [['ledger', 'verify', '--help'], '--json'],
])('%j shows help with examples or exit codes and ends with 0', async (args, expected) => {
  const { code, out } = await run(...args);
  expect(code).toBe(0);
  expect(out).toContain(expected);
});

const SOMEBODY = '01a1fc2a-c448-7db6-8cf9-9578b6f53d08';
it.each([
  ['an unknown command', ['frobnicate']],
  ['no name', ['workspaces', 'create', '--plan', 'pro']],
  ['an unknown option', ['ledger', 'verify', '--fast']],
  [
    'credits that are no decimal',
    ['grants', 'add', '--workspace', SOMEBODY, '--kind', 'PROMOTION', '--credits', '1e3', '--reason', 'x'],
  ],
  [
    'negative credits',
    ['grants', 'add', '--workspace', SOMEBODY, '--kind', 'PROMOTION', '--credits', '-5', '--reason', 'x'],
  ],
  ['an unknown kind', ['grants', 'add', '--workspace', SOMEBODY, '--kind', 'GIFT', '--credits', '5', '--reason', 'x']],
])('%s ends with 2 and one line that says what to do', async (_name, args) => {
  const { code, out, error } = await run(...args);
  expect(code).toBe(2);
  expect(out).toBe('');
  expect(error).not.toMatch(/\n\s+at /);
  expect(error.trim().length).toBeGreaterThan(10);
});

it.each([
  ['a workspace that is not there', ['workspaces', 'set-plan', SOMEBODY, 'pro']],
  [
    'a grant to a workspace that is not there',
    ['grants', 'add', '--workspace', SOMEBODY, '--kind', 'PROMOTION', '--credits', '5', '--reason', 'x'],
  ],
  ['a key for a workspace that is not there', ['keys', 'create', '--workspace', SOMEBODY, '--name', 'x']],
])('%s ends with 1', async (_name, args) => {
  const { code, error } = await run(...args);
  expect(code).toBe(1);
  expect(error.trim()).not.toBe('');
});

it('a workspace is created with its grant, moved to a plan, granted credits once, and its books are clean', async () => {
  const made = await createWorkspace('starter');
  const account = async () => {
    const { rows } = await test.database.query<{ plan_id: string; spendable: string }>(
      'SELECT plan_id, spendable FROM accounts WHERE workspace_id = $1',
      [made.id],
    );
    return rows[0];
  };
  expect(await account()).toEqual({ plan_id: 'starter', spendable: '50000000000' });
  const grant = [
    'grants',
    'add',
    '--workspace',
    made.id,
    '--kind',
    'PROMOTION',
    '--credits',
    '12.5',
    '--reason',
    'welcome',
    '--idempotency-key',
    'once',
  ];
  const [first, second] = [await json<{ id: string }>(...grant), await json<{ id: string }>(...grant)];
  expect(second.id).toBe(first.id);
  expect((await account())!.spendable).toBe('50012500000');
  expect((await run('workspaces', 'set-plan', made.id, 'scale')).code).toBe(0);
  expect((await account())!.plan_id).toBe('scale');
  expect(await json('ledger', 'verify')).toMatchObject({ findings: [] });
});

it('a plan by agreement takes its numbers from a file, faults in it change nothing, and a move can wait', async () => {
  const made = await createWorkspace('starter');
  const directory = mkdtempSync(path.join(os.tmpdir(), 'polyphony-terms-'));
  const file = path.join(directory, 'terms.json');
  const terms = {
    priceUsd: '2500',
    monthlyCredits: '6000000',
    hardCap: false,
    overageUsdPerCredit: '0.0005',
    carryoverMonths: 2,
    monthlyCharacters: 60_000_000,
    maxCharactersPerRequest: null,
    qualities: ['STANDARD'],
    requestsPerMinute: null,
    maxApiKeys: null,
  };
  const setPlan = (...args: string[]) => run('workspaces', 'set-plan', made.id, ...args);
  try {
    for (const [content, complaint] of [
      ['{', 'no JSON'],
      [JSON.stringify({ ...terms, monthlyCredits: '-1', hardCap: 'no' }), 'monthlyCredits is negative'],
    ]) {
      writeFileSync(file, content!);
      const refused = await setPlan('enterprise', '--terms', file);
      expect(refused).toMatchObject({ code: 2, out: '' });
      expect(refused.error).toContain(complaint);
    }
    expect((await setPlan('enterprise')).error).toContain('by agreement');
    expect((await setPlan('enterprise', '--terms', path.join(directory, 'none.json'))).error).toContain(
      'cannot be read',
    );
    writeFileSync(file, JSON.stringify(terms));
    expect(await json('workspaces', 'set-plan', made.id, 'enterprise', '--terms', file)).toMatchObject({
      plan: 'enterprise',
      agreedTerms: terms,
    });
    expect((await setPlan('free', '--at-period-end')).out).toContain('on the plan enterprise, and on free');
    expect(await json('ledger', 'verify')).toMatchObject({ findings: [] });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

it('a created key opens the workspace, is shown once, and is stored only as a hash', async () => {
  const made = await createWorkspace();
  const { out } = await run('keys', 'create', '--workspace', made.id, '--name', 'ci', '--json');
  const secret = /poly_key_[A-Za-z0-9]{40,}/.exec(out)?.[0];
  expect(secret).toBeDefined();
  const { rows } = await test.database.query('SELECT row_to_json(api_keys)::text AS row FROM api_keys');
  expect(JSON.stringify(rows)).not.toContain(secret);
});

it('ledger verify names what is wrong and ends with 1', async () => {
  const made = await createWorkspace();
  await test.database.query('UPDATE accounts SET spendable = spendable + 1 WHERE workspace_id = $1', [made.id]);
  const { code, out } = await run('ledger', 'verify', '--json');
  expect(code).toBe(1);
  expect(JSON.parse(out).findings).toContainEqual(
    expect.objectContaining({ workspaceId: made.id, invariant: 'the balance is the sum of the journal' }),
  );
  await test.database.query('UPDATE accounts SET spendable = spendable - 1 WHERE workspace_id = $1', [made.id]);
  expect((await run('ledger', 'verify')).code).toBe(0);
});

it('migrate runs any number of times', async () => {
  expect((await run('migrate')).code).toBe(0);
  expect((await run('migrate', '--json')).code).toBe(0);
});
