import { randomBytes } from 'node:crypto';
import { workspacesWithUsage } from '../../src/cli/past-usage';
import defaultBook from '../../src/metering/price-books/default.json';
import { BookFiles, startServerWithBook } from '../api/support/book-servers';
import { refusalOf, speak } from '../api/support/speech-api';
import type { TestServer, TestWorkspace } from '../support/test-server';
import { type RanCommand, runCommand } from './support/run-command';

interface Line {
  readonly workspaceId: string;
  readonly capability: string;
  readonly provider: string | null;
  readonly model: string | null;
  readonly events: number;
  readonly charged: string;
  readonly repriced: string;
  readonly difference: string;
  readonly withoutPrice: number;
  readonly refused: number;
  readonly leftOut: string;
}
interface Answer {
  readonly lines: readonly Line[];
  readonly total: Omit<Line, 'workspaceId' | 'capability' | 'provider' | 'model'>;
}

const files = new BookFiles();
const own = { capability: 'TEXT_TO_SPEECH', model: null, quality: null, unit: 'CHARACTER', per: 1_000 };
const book = {
  ...defaultBook,
  plans: defaultBook.plans.map((plan) => (plan.id === 'free' ? { ...plan, monthlyCharacters: 400 } : plan)),
  rates: [...defaultBook.rates, { ...own, provider: 'xtts', credits: '6' }],
};
const bookFile = files.write(book);
const raised = files.write({
  ...book,
  version: 'raised',
  plans: book.plans.map((plan) => ({
    ...plan,
    monthlyCharacters: plan.id === 'free' ? 1_100 : plan.monthlyCharacters,
  })),
  rates: book.rates.map((rate) => (rate.provider === 'kokoro' ? { ...rate, credits: '5' } : rate)),
});

let server: TestServer;
let first: TestWorkspace;
let second: TestWorkspace;
let before: unknown;

const tables = async () => {
  const names = ['usage_events', 'accounts', 'journal', 'grants', 'usage_totals', 'holds'];
  const sums = names.map(async (name) => {
    const { rows } = await server.database.query<{ sum: string }>(
      `SELECT md5(string_agg(t::text, ';' ORDER BY t::text)) AS sum FROM ${name} t`,
    );
    return rows[0]!.sum;
  });
  return Promise.all(sums);
};

function run(...options: string[]): Promise<RanCommand> {
  const { databaseUrl, dataDirectory } = server.data.database.settings;
  const environment = {
    DATA_DIR: dataDirectory,
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    PRICE_BOOK: bookFile,
    XTTS_COMMERCIAL_USE: 'confirmed',
    ...(databaseUrl && { DATABASE_URL: databaseUrl.reveal() }),
  };
  const range = ['--from', '2020-01-01', '--to', '2999-01-01'];
  return runCommand(['ledger', 'rerate', ...range, ...options], environment, '/');
}
const answer = async (...options: string[]): Promise<Answer> =>
  JSON.parse((await run(...options, '--json')).out) as Answer;
const lineOf = ({ lines }: Answer, workspace: TestWorkspace, provider: string) =>
  lines.find((line) => line.workspaceId === workspace.workspaceId && line.provider === provider);

beforeAll(async () => {
  server = await startServerWithBook(bookFile, { plan: 'pro', env: { BOOTSTRAP_PLAN: 'pro' } });
  first = await server.createWorkspace({ plan: 'free' });
  second = await server.createWorkspace({ plan: 'pro' });
  const text = (count: number) => 'a'.repeat(count);
  // 300 and 100 + 300 characters of the allowance, then none of it.
  await speak(first, { provider: 'xtts', text: text(300) });
  await speak(first, { provider: 'xtts', text: text(400) });
  await speak(first, { provider: 'xtts', text: text(500) });
  await speak(first, { provider: 'kokoro', text: text(1_001) });
  await speak(second, { provider: 'kokoro', text: text(333) });
  await speak(second, { provider: 'elevenlabs', text: text(7) });
  await speak(second, { provider: 'elevenlabs', text: text(7) }, { 'x-provider-key-elevenlabs': 'own-key' });
  server.stub.fault(() => ({ kind: 'answer', status: 422, body: { detail: 'no' } }));
  await refusalOf(second, { provider: 'kokoro', text: text(50) });
  server.stub.fault(null);
  before = await tables();
});
afterAll(async () => {
  expect(await tables()).toEqual(before);
  await server?.close();
  files.remove();
});

test('under the book that it was charged with, usage comes out as it was', async () => {
  const { lines, total } = await answer('--book', bookFile);
  expect(lines).toHaveLength(4);
  for (const { charged, repriced, difference } of lines) expect([difference, repriced]).toEqual(['0', charged]);
  expect(total).toMatchObject({ events: 8, charged: '11.298', difference: '0', withoutPrice: 0, refused: 0 });
});

test('under another book the difference is told by workspace, capability, provider and model, to the micro-credit', async () => {
  const { lines, total } = await answer('--book', raised);
  expect(lineOf({ lines, total }, first, 'kokoro')).toEqual({
    workspaceId: first.workspaceId,
    capability: 'TEXT_TO_SPEECH',
    provider: 'kokoro',
    model: 'kokoro',
    events: 1,
    charged: '4.004',
    repriced: '5.005',
    difference: '1.001',
    withoutPrice: 0,
    refused: 0,
    leftOut: '0',
    cut: 0,
  });
  expect(lineOf({ lines, total }, second, 'kokoro')).toMatchObject({
    events: 2,
    charged: '1.332',
    difference: '0.333',
  });
  expect(lineOf({ lines, total }, second, 'elevenlabs')).toMatchObject({
    events: 2,
    charged: '1.162',
    difference: '0',
  });
  // 700 characters more reach the first that ran short: 300 of the second, 400 of the third.
  expect(lineOf({ lines, total }, first, 'xtts')).toMatchObject({
    charged: '4.8',
    repriced: '0.6',
    difference: '-4.2',
  });
  expect(total).toMatchObject({ events: 8, difference: '-2.866' });
});

test('the range and the workspace are those that were asked for, and the allowance is known from before the range', async () => {
  const { rows } = await server.database.query<{ at: string }>(
    `SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at FROM usage_events
     WHERE workspace_id = $1 ORDER BY created_at OFFSET 2 LIMIT 1`,
    [first.workspaceId],
  );
  const third = rows[0]!.at;
  const { lines } = await answer('--book', raised, '--workspace', first.workspaceId, '--from', third);
  expect(lines.map(({ provider, events, difference }) => [provider, events, difference])).toEqual([
    ['kokoro', 1, '1.001'],
    ['xtts', 1, '-2.4'],
  ]);
  const none = await answer('--book', raised, '--to', '2020-01-02');
  expect([none.lines, none.total.events]).toEqual([[], 0]);
});

test('events are read in pages of any size, each once and in the order in which they were held', async () => {
  const read = async (pageSize: number) => {
    const range = { from: new Date(0), to: new Date('2999-01-01'), workspaceId: null };
    const seen: [string, string[]][] = [];
    for await (const { workspaceId, usage } of workspacesWithUsage(server.database, range, pageSize)) {
      const quantities: string[] = [];
      for await (const { event } of usage) quantities.push(`${event.provider} ${event.quantities.CHARACTER}`);
      seen.push([workspaceId, quantities]);
    }
    return seen;
  };
  const whole = await read(1_000);
  expect(new Map(whole)).toEqual(
    new Map([
      [first.workspaceId, ['xtts 300', 'xtts 400', 'xtts 500', 'kokoro 1001']],
      [second.workspaceId, ['kokoro 333', 'elevenlabs 7', 'elevenlabs 7', 'kokoro 50']],
    ]),
  );
  for (const pageSize of [1, 2, 3, 4]) expect(await read(pageSize)).toEqual(whole);
});

test('what has no price in the other book is counted apart, and the exit code says so', async () => {
  const ran = await run('--book', 'characters', '--json');
  expect(ran.code).toBe(1);
  const { total } = JSON.parse(ran.out) as Answer;
  // A free plan of 1,000 characters, for all speech: 300, 400 and then no 500, no 1,001.
  expect(total).toMatchObject({ events: 8, refused: 2, withoutPrice: 0, repriced: '0', leftOut: '7.004' });
});

test('people get a table that ends with the total, and progress on the other channel', async () => {
  const { code, out, error } = await run('--book', raised);
  expect(code).toBe(0);
  const lines = out.trimEnd().split('\n');
  expect(lines[0]).toMatch(/^WORKSPACE +CAPABILITY +PROVIDER +MODEL +EVENTS +CHARGED +REPRICED +DIFFERENCE$/);
  expect(lines).toHaveLength(6);
  expect(lines[5]).toMatch(/^TOTAL +8 +11\.298 +8\.432 +-2\.866$/);
  expect(error).toContain('8 events of 2 workspaces priced');
});

test.each([
  ['a range that is none', ['--book', 'default', '--to', '2019-01-01'], 2, /--from must lie before --to/],
  ['a workspace that is none', ['--book', 'default', '--workspace', 'acme'], 1, /no workspace with this id/],
  [
    'a workspace that is not there',
    ['--book', 'default', '--workspace', '01a1fc2a-c448-7db6-8cf9-9578b6f53d08'],
    1,
    /no workspace with this id/,
  ],
  ['a book that is not there', ['--book', 'none.json'], 2, /none\.json has 1 fault/],
  [
    'a version that is not there',
    ['--book', 'default', '--book-version', 'x'],
    2,
    /no version "x"; its versions are default-1/,
  ],
  ['no book', [], 2, /--book/],
])('%s is refused and says what to do', async (_name, options, code, message) => {
  const ran = await run(...options);
  expect(ran.code).toBe(code);
  expect(ran.out).toBe('');
  expect(ran.error).toMatch(message);
});
