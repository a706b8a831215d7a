import { InProcessWindows } from '../../src/limits/in-process-windows';
import type { GraphqlAnswer, GraphqlClient } from '../support/graphql-client';
import { TestClock } from '../support/test-clock';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import { expectWellFormedErrors, HELLO, speak, standing, synthesize } from './support/speech-api';

/** Ten seconds into a minute, so that no test runs over its end. */
const BEGAN = Math.floor(Date.now() / 60_000) * 60_000 + 10_000;
const clock = new TestClock(BEGAN);
let server: TestServer;
beforeAll(async () => {
  // The windows of a process of its own, whichever database there is: their minute is the test's.
  server = await startTestServer({ plan: 'free', clock, replacements: { windows: new InProcessWindows(clock) } });
  await speak(server.client, HELLO);
});
beforeEach(() => server.stub.fault(null));
afterAll(() => server?.close());

const FIELD = 'synthesizeSpeech(input: $input) { replayed }';
const fields = (count: number): string => Array.from({ length: count }, (_, index) => `f${index}: ${FIELD}`).join(' ');
const document = (selections: string, variables = ''): string =>
  `mutation ($input: SynthesizeSpeechInput!${variables}) { ${selections} }`;
const send = (client: GraphqlClient, count: number, input: Record<string, unknown> = HELLO) =>
  client.graphql<Record<string, unknown>>(document(fields(count)), { input });

interface Window {
  readonly limit: number;
  readonly remaining: number;
  readonly reset: number;
}
function windowOf({ headers }: GraphqlAnswer<unknown>): Window | null {
  const names = ['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset'];
  const values = names.map((name) => headers[name]);
  if (values.every((value) => value === undefined)) return null;
  for (const value of values) expect(value).toMatch(/^\d+$/);
  return { limit: Number(values[0]), remaining: Number(values[1]), reset: Number(values[2]) };
}
/** Unix seconds of the next whole minute. */
const reset = (): number => Math.floor(clock.now() / 60_000) * 60 + 60;
const remainingOf = (answer: GraphqlAnswer<unknown>): number | undefined => windowOf(answer)?.remaining;

describe('the requests a minute of a plan', () => {
  let workspace: TestWorkspace;
  beforeEach(async () => {
    workspace = await server.createWorkspace({ plan: 'free' });
  });

  it('a document with 3 metered fields on Free leaves 7', async () => {
    const answer = await send(workspace, 3);
    expect(answer.errors).toBeUndefined();
    expect(windowOf(answer)).toEqual({ limit: 10, remaining: 7, reset: reset() });
    expect(await workspace.data('{ workspace { rateLimit { limit remaining currentMinute resetAt } } }')).toEqual({
      workspace: {
        rateLimit: { limit: 10, remaining: 7, currentMinute: 3, resetAt: new Date(reset() * 1_000).toISOString() },
      },
    });
  });

  it('a document that does not fit is refused whole, counts nothing, and a smaller one still fits', async () => {
    await send(workspace, 3);
    const before = await standing(server, workspace);
    const refused = await send(workspace, 8);
    expectWellFormedErrors(refused);
    const wait = 60 - (Math.floor(clock.now() / 1_000) % 60);
    expect(refused).toMatchObject({
      status: 429,
      errors: [{ extensions: { code: 'RATE_LIMITED', retryAfterSeconds: wait } }],
    });
    expect(refused.data ?? null).toBeNull();
    expect(refused.headers['retry-after']).toBe(String(wait));
    expect(windowOf(refused)).toEqual({ limit: 10, remaining: 7, reset: reset() });
    expect(await standing(server, workspace)).toEqual(before);

    expect(remainingOf(await send(workspace, 7))).toBe(0);
    expect((await send(workspace, 1)).status).toBe(429);
  });

  it('begins anew with the minute', async () => {
    expect(remainingOf(await send(workspace, 10))).toBe(0);
    const full = await send(workspace, 1);
    clock.advance(Number(full.headers['retry-after']) * 1_000);
    const answer = await send(workspace, 1);
    expect(answer.errors).toBeUndefined();
    expect(windowOf(answer)).toEqual({ limit: 10, remaining: 9, reset: reset() });
  });

  it.each<[string, string, Record<string, unknown>, number]>([
    ['fields that are skipped', `a: ${FIELD} b: synthesizeSpeech(input: $input) @skip(if: true) { replayed }`, {}, 1],
    [
      'fields that a variable leaves out',
      `a: ${FIELD} b: synthesizeSpeech(input: $input) @include(if: $on) { replayed }`,
      { on: false },
      1,
    ],
    [
      'fields that a variable lets in',
      `a: ${FIELD} b: synthesizeSpeech(input: $input) @include(if: $on) { replayed }`,
      { on: true },
      2,
    ],
    ['fields of a fragment', `...F ... { b: ${FIELD} }`, {}, 2],
    ['the same field twice, which runs once', `${FIELD} ${FIELD}`, {}, 1],
    ['fields beside metered ones', `${FIELD} createApiKey(input: { name: "a" }) { secret }`, {}, 1],
  ])('%s count as they run', async (_name, selections, variables, cost) => {
    const source =
      document(selections, 'on' in variables ? ', $on: Boolean!' : '') +
      (selections.includes('...F') ? ` fragment F on Mutation { ${FIELD} }` : '');
    const { calls } = server.stub;
    const answer = await workspace.graphql(source, { input: HELLO, ...variables });
    expect(answer.errors).toBeUndefined();
    expect([10 - remainingOf(answer)!, server.stub.calls - calls]).toEqual([cost, cost]);
  });

  it('what was admitted stays counted, however it ends', async () => {
    const input = { ...HELLO, idempotencyKey: 'counted' };
    expect(remainingOf(await send(workspace, 1, input))).toBe(9);
    expect(remainingOf(await send(workspace, 1, input))).toBe(8);
    expect(remainingOf(await send(workspace, 1, { text: '' }))).toBe(7);
    expect(remainingOf(await send(workspace, 1, { ...HELLO, maxCredits: '0' }))).toBe(6);
    server.stub.fault(() => ({ kind: 'answer', status: 422 }));
    expect(remainingOf(await send(workspace, 1))).toBe(5);
  });

  it('is one for all keys and tokens of a workspace, and another one for another workspace', async () => {
    const made = await workspace.data<{ createApiKey: { secret: string }; createClientToken: { token: string } }>(
      `mutation {
        createApiKey(input: { name: "Other" }) { secret }
        createClientToken(input: { ttlSeconds: 600, capabilities: [TEXT_TO_SPEECH], maxCredits: 100 }) { token }
      }`,
    );
    expect(remainingOf(await send(workspace, 2))).toBe(8);
    expect(remainingOf(await send(server.anonymous.as(made.createApiKey.secret), 2))).toBe(6);
    expect(remainingOf(await send(server.anonymous.as(made.createClientToken.token), 2))).toBe(4);
    expect(remainingOf(await send(await server.createWorkspace({ plan: 'free' }), 1))).toBe(9);
  });

  it('a client token has a number of its own beside that of the account', async () => {
    const { createClientToken } = await workspace.data<{ createClientToken: { token: string } }>(
      `mutation { createClientToken(input: {
        ttlSeconds: 600, capabilities: [TEXT_TO_SPEECH], maxCredits: 100, requestsPerMinute: 2
      }) { token } }`,
    );
    const token = server.anonymous.as(createClientToken.token);
    expect((await send(token, 3)).status).toBe(429);
    expect(remainingOf(await send(token, 2))).toBe(8);
    const refused = await send(token, 1);
    expect([refused.status, refused.code, remainingOf(refused)]).toEqual([429, 'RATE_LIMITED', 8]);
    expect(remainingOf(await send(workspace, 1))).toBe(7);
  });

  it('does not stop reads, which have a window of their own: ten times as many, and at least 120', async () => {
    await send(workspace, 10);
    const read = () => workspace.graphql('{ balance { id } estimateSpeech(input: { text: "Hi." }) { credits } }');
    for (let count = 0; count < 120; count++) {
      const answer = await read();
      if (answer.errors || remainingOf(answer) !== 0) throw new Error(`read ${count}: ${JSON.stringify(answer)}`);
    }
    const refused = await read();
    expectWellFormedErrors(refused);
    expect(refused).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(windowOf(refused)).toMatchObject({ limit: 10, remaining: 0 });
  });

  it('a full window of reads does not stop metered work', async () => {
    for (let count = 0; count < 121; count++) await workspace.graphql('{ balance { id } }');
    expect(remainingOf(await send(workspace, 1))).toBe(9);
  });

  it('follows the plan at once when it changes', async () => {
    expect(windowOf(await send(workspace, 1))).toMatchObject({ limit: 10, remaining: 9 });
    await server.admin.data(
      'mutation ($id: ID!) { setWorkspacePlan(input: { workspaceId: $id, plan: "starter" }) { workspace { id } } }',
      {
        id: workspace.workspaceId,
      },
    );
    expect(windowOf(await send(workspace, 1))).toMatchObject({ limit: 60, remaining: 58 });
  });
});

describe('the headers of limits and usage', () => {
  it('are on every answer to an authenticated request, and on no other', async () => {
    const workspace = await server.createWorkspace({ plan: 'free' });
    const raw = (body: string) =>
      workspace.send('/graphql', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    const answers = [
      await workspace.graphql('{ balance { id } }'),
      await workspace.graphql('{ plans { id } }'),
      await workspace.graphql('{ nothing }'),
      await workspace.graphql('{ balance {'),
      await workspace.graphql(document(fields(21)), { input: HELLO }),
      await workspace.graphql(`{ ${'balance { '.repeat(30)} id ${'}'.repeat(31)}`),
      await workspace.graphql('{ balance { id } }', {}, { 'x-provider-key-nobody': 'key' }),
      await raw('[]'),
      await raw('{}'),
    ];
    for (const answer of answers) {
      expect(windowOf(answer as GraphqlAnswer)).toEqual({ limit: 10, remaining: 10, reset: reset() });
      expect(answer.headers).toMatchObject({
        'x-usage-input-tokens': '0',
        'x-usage-output-seconds': '0',
        'x-usage-total-tokens': '0',
        'cache-control': 'no-store',
      });
    }
    for (const answer of [
      await server.anonymous.graphql('{ plans { id } }'),
      await server.anonymous.graphql('{ balance { id } }'),
      await server.anonymous.as('test-a-key-that-opens-nothing').graphql('{ plans { id } }'),
    ]) {
      expect(windowOf(answer)).toBeNull();
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('x-usage'))).toEqual([]);
    }
  });

  it('sum what the operations of the document used that had settled when the answer left', async () => {
    const workspace = await server.createWorkspace({ plan: 'starter' });
    const { data, headers } = await workspace.graphql<Record<string, { usage: { audioMilliseconds: number } }>>(
      document(
        ['a', 'b', 'c']
          .map((name) => `${name}: synthesizeSpeech(input: $input) { usage { audioMilliseconds } }`)
          .join(' '),
      ),
      { input: HELLO },
    );
    const milliseconds = Object.values(data!).reduce((sum, { usage }) => sum + usage.audioMilliseconds, 0);
    expect(headers).toMatchObject({
      'x-usage-input-tokens': '9',
      'x-usage-total-tokens': '9',
      'x-usage-output-seconds': String(milliseconds / 1_000),
    });
    const none = { 'x-usage-input-tokens': '0', 'x-usage-total-tokens': '0', 'x-usage-output-seconds': '0' };
    const input = { ...HELLO, idempotencyKey: 'once' };
    expect((await synthesize(workspace, input)).headers).toMatchObject({ 'x-usage-input-tokens': '3' });
    expect((await synthesize(workspace, input)).headers).toMatchObject(none);
    expect((await synthesize(workspace, { ...HELLO, delivery: 'STREAM' })).headers).toMatchObject(none);
    server.stub.fault(() => ({ kind: 'answer', status: 422 }));
    expect((await synthesize(workspace, HELLO)).headers).toMatchObject(none);
  });
});

it('30 failed sign-ins a minute from one address are answered, more are refused, and a good key still works', async () => {
  const guess = (count: number) =>
    server.anonymous.as(`test-guess-${String(count).padStart(20, '0')}`).graphql('{ plans { id } }');
  clock.advance(60_000);
  for (let count = 0; count < 30; count++) expect((await guess(count)).status).toBe(401);
  const refused = await guess(30);
  expectWellFormedErrors(refused);
  expect(refused).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect((await server.client.graphql('{ balance { id } }')).status).toBe(200);
  clock.advance(60_000);
  expect((await guess(31)).status).toBe(401);
});

describe('a plan without requests a minute', () => {
  let unlimited: TestServer;
  beforeAll(async () => {
    unlimited = await startTestServer({ storm: true });
    await unlimited.grant(unlimited.client.workspaceId, '1000');
  });
  afterAll(() => unlimited?.close());

  it('has no such headers and no limit, on reads either', async () => {
    const answer = await send(unlimited.client, 20);
    expect([answer.errors, windowOf(answer)]).toEqual([undefined, null]);
    for (let count = 0; count < 130; count++) {
      const read = await unlimited.client.graphql('{ balance { id } }');
      if (read.errors) throw new Error(JSON.stringify(read));
    }
    expect(
      await unlimited.client.data('{ workspace { rateLimit { limit remaining } } usage { requests { rateLimit } } }'),
    ).toEqual({ workspace: { rateLimit: { limit: null, remaining: null } }, usage: { requests: { rateLimit: null } } });
  });
});
