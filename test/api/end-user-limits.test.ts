import { END_USER_LIMITS_MAX } from '../../src/billing/end-user-limits';
import { encodeCursor } from '../../src/lib/cursors';
import { Gate } from '../support/provider-stub';
import type { TestServer, TestWorkspace } from '../support/test-server';
import {
  hellos,
  type LimitPage,
  lift,
  limitOf,
  limitTo,
  OWN,
  of,
  page,
  setLimit,
  startLimitServer,
} from './support/end-user-limits-api';
import { expectWellFormedErrors, HELLO, HELLO_CREDITS, refusalOf, speak } from './support/speech-api';

let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startLimitServer();
});
beforeEach(async () => {
  server.stub.fault(null);
  workspace = await server.createWorkspace();
});
afterAll(async () => {
  expect((await server?.verifyLedger())?.findings).toEqual([]);
  await server?.close();
});

describe('setEndUserLimit', () => {
  it('takes the place of the limits that there were, and goes on from what was counted', async () => {
    const first = await limitTo(workspace, {
      creditsPerDay: '10',
      creditsPerPeriod: '20.000001',
      requestsPerMinute: 7,
    });
    expect(first).toEqual({
      endUserId: 'ada',
      creditsPerDay: '10',
      creditsPerPeriod: '20.000001',
      requestsPerMinute: 7,
      usedToday: '0',
      usedThisPeriod: '0',
      updatedAt: expect.stringMatching(/^\d{4}-/),
    });
    await speak(workspace, of('ada'));
    const second = await limitTo(workspace, { creditsPerDay: null, creditsPerPeriod: '0' });
    expect(second).toMatchObject({
      creditsPerDay: null,
      creditsPerPeriod: '0',
      requestsPerMinute: null,
      usedToday: HELLO_CREDITS,
      usedThisPeriod: HELLO_CREDITS,
    });
    expect(Date.parse(second.updatedAt)).toBeGreaterThan(Date.parse(first.updatedAt));
    expect(await limitOf(workspace)).toEqual(second);
  });

  it('counts what the end user used before it had limits, and what others used not', async () => {
    for (const endUserId of ['ada', 'ada', 'bob']) await speak(workspace, of(endUserId));
    await speak(workspace, HELLO);
    await speak(workspace, of('ada'), OWN);
    expect(await limitTo(workspace, { creditsPerDay: hellos(3) })).toMatchObject({
      usedToday: hellos(2),
      usedThisPeriod: hellos(2),
    });
    await speak(workspace, of('ada'));
    expect((await refusalOf(workspace, of('ada'))).extensions).toMatchObject({
      code: 'END_USER_LIMIT_REACHED',
      used: hellos(3),
    });
    // Lifted and set again, it is as it was.
    await lift(workspace, 'ada');
    await speak(workspace, of('ada'));
    expect(await limitTo(workspace, { creditsPerDay: '3' })).toMatchObject({ usedToday: hellos(4) });
  });

  it('counts a call that runs while it is set', async () => {
    const gate = new Gate();
    server.stub.fault(() => ({ kind: 'gated', gate }));
    const running = speak(workspace, of('ada'));
    const calls = server.stub.calls;
    await server.stub.when((it) => it.calls > calls);
    expect(await limitTo(workspace, { creditsPerDay: hellos(1) })).toMatchObject({ usedToday: '0' });
    expect((await refusalOf(workspace, of('ada'))).extensions).toMatchObject({
      code: 'END_USER_LIMIT_REACHED',
      used: HELLO_CREDITS,
    });
    gate.open();
    await running;
    expect(await limitOf(workspace)).toMatchObject({ usedToday: HELLO_CREDITS, usedThisPeriod: HELLO_CREDITS });
  });

  it.each([
    ['no limit at all', {}, 'input'],
    ['nothing but nulls', { creditsPerDay: null, creditsPerPeriod: null, requestsPerMinute: null }, 'input'],
    ['a negative amount', { creditsPerDay: '-1' }, 'creditsPerDay'],
    ['a seventh decimal', { creditsPerPeriod: '1.0000001' }, 'creditsPerPeriod'],
    ['more than any balance', { creditsPerPeriod: '9000000000001' }, 'creditsPerPeriod'],
    ['no request a minute', { requestsPerMinute: 0 }, 'requestsPerMinute'],
    ['a negative number of requests', { requestsPerMinute: -1 }, 'requestsPerMinute'],
    ['too many requests a minute', { requestsPerMinute: 100_001 }, 'requestsPerMinute'],
    ['an empty end user', { endUserId: '', creditsPerDay: 1 }, 'endUserId'],
    ['an end user of 129 characters', { endUserId: 'u'.repeat(129), creditsPerDay: 1 }, 'endUserId'],
    ['an end user of 10 kB', { endUserId: 'u'.repeat(10_000), creditsPerDay: 1 }, 'endUserId'],
    ['an end user with a line end', { endUserId: 'a\nb', creditsPerDay: 1 }, 'endUserId'],
    ['an end user with a NUL', { endUserId: 'a\0b', creditsPerDay: 1 }, 'endUserId'],
    ['half a character', { endUserId: 'a\ud800', creditsPerDay: 1 }, 'endUserId'],
  ])('refuses %s', async (_name, input, field) => {
    const answer = await setLimit(workspace, { endUserId: 'ada', ...input });
    expectWellFormedErrors(answer);
    expect(answer.errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field });
    expect(answer.errors![0]!.message.length).toBeLessThan(250);
    expect((await page(workspace)).data!.endUserLimits!.edges).toEqual([]);
  });

  it('says where no limits are lifted', async () => {
    const { errors } = await setLimit(workspace, { endUserId: 'ada' });
    expect(errors![0]!.message).toContain('deleteEndUserLimit');
  });

  it('takes 128 characters of any kind', async () => {
    const endUserId = `${'🙂'.repeat(127)}'`;
    await limitTo(workspace, { endUserId, creditsPerDay: '0' });
    expect((await refusalOf(workspace, of(endUserId))).extensions.code).toBe('END_USER_LIMIT_REACHED');
    expect((await lift(workspace, endUserId)).data).toEqual({ deleteEndUserLimit: { deletedId: endUserId } });
  });

  it('keeps limits of 10,000 end users, which can still be changed and lifted', async () => {
    await limitTo(workspace, { creditsPerDay: '1' });
    await server.database.query(
      `INSERT INTO end_user_limits (workspace_id, end_user_id, credits_per_day, day, period_number, created_at, updated_at)
       SELECT $1, 'user-' || n, 1, '2026-01-01', 0, ledger_now(), ledger_now() FROM generate_series(2, $2::integer) n`,
      [workspace.workspaceId, END_USER_LIMITS_MAX],
    );
    const refused = await setLimit(workspace, { endUserId: 'one-more', creditsPerDay: '1' });
    expect(refused.errors![0]!.extensions).toMatchObject({
      code: 'PLAN_LIMIT',
      limit: 'END_USER_LIMITS',
      max: 10_000,
      actual: 10_000,
    });
    expect(await limitTo(workspace, { creditsPerDay: '2' })).toMatchObject({ creditsPerDay: '2' });
    await limitTo(await server.createWorkspace(), { creditsPerDay: '1' });
    await lift(workspace, 'user-7');
    await limitTo(workspace, { endUserId: 'one-more', creditsPerDay: '1' });
  });
});

describe('deleteEndUserLimit', () => {
  it('lifts all limits at once', async () => {
    await limitTo(workspace, { creditsPerDay: '0', requestsPerMinute: 1 });
    expect((await refusalOf(workspace, of('ada'))).extensions.code).toBe('END_USER_LIMIT_REACHED');
    expect((await lift(workspace, 'ada')).data).toEqual({ deleteEndUserLimit: { deletedId: 'ada' } });
    expect(await limitOf(workspace)).toBeUndefined();
    await speak(workspace, of('ada'));
    await speak(workspace, of('ada'));
  });

  it("answers another workspace's end user as one without limits, and leaves it as it is", async () => {
    const stranger = await server.createWorkspace();
    const before = await limitTo(workspace, { creditsPerDay: '5' });
    const answers = [await lift(stranger, 'ada'), await lift(stranger, 'nobody')].map(({ data, errors }) => ({
      data,
      message: errors![0]!.message,
      code: errors![0]!.extensions.code,
    }));
    expect(answers[0]).toMatchObject({ code: 'NOT_FOUND' });
    expect(answers[1]).toEqual(answers[0]);
    expect(await limitOf(workspace)).toEqual(before);
    // A limit of the same name is theirs alone.
    await limitTo(stranger, { creditsPerDay: '0' });
    await speak(workspace, of('ada'));
    expect((await refusalOf(stranger, of('ada'))).extensions.code).toBe('END_USER_LIMIT_REACHED');
    expect((await page(stranger)).data!.endUserLimits!.edges).toHaveLength(1);
  });

  it.each(['', 'u'.repeat(129), 'a\0'])('refuses an end user that cannot be', async (endUserId) => {
    const { errors } = await lift(workspace, endUserId);
    expect(errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'endUserId' });
  });
});

describe('endUserLimits', () => {
  it('shows each once, page by page, in one order', async () => {
    const names = ['zoe', 'Ada', 'ada', 'ada ', "O'Hara", '日本', '"quoted"'];
    for (const endUserId of names) await limitTo(workspace, { endUserId, requestsPerMinute: 1 });
    const seen: string[] = [];
    for (let after: string | null = null; ; ) {
      const { data } = await page(workspace, { first: 2, after });
      const { edges, pageInfo }: LimitPage = data!.endUserLimits!;
      expect(pageInfo.hasPreviousPage).toBe(after !== null);
      seen.push(...edges.map(({ node }) => node.endUserId));
      after = pageInfo.endCursor;
      if (!pageInfo.hasNextPage) break;
    }
    expect([...seen].sort()).toEqual([...names].sort());
    const { data } = await page(workspace);
    expect(data!.endUserLimits!.edges.map(({ node }) => node.endUserId)).toEqual(seen);
  });

  it('refuses a page of no size or of 101, and any cursor but its own', async () => {
    const stranger = await server.createWorkspace();
    await limitTo(stranger, { creditsPerDay: '1' });
    const theirs = (await page(stranger)).data!.endUserLimits!.pageInfo.endCursor;
    const { workspaceId } = workspace;
    const refusals: readonly [Readonly<Record<string, unknown>>, string][] = [
      [{ first: 0 }, 'first'],
      [{ first: 101 }, 'first'],
      [{ first: 10_000 }, 'first'],
      [{ after: theirs }, 'after'],
      [{ after: 'ada' }, 'after'],
      [{ after: encodeCursor({ workspaceId, query: 'usageEvents' }, ['ada']) }, 'after'],
      [{ after: encodeCursor({ workspaceId, query: 'endUserLimits' }, ['a\0']) }, 'after'],
    ];
    for (const [variables, field] of refusals) {
      const answer = await page(workspace, variables);
      expectWellFormedErrors(answer);
      expect(answer.errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field });
    }
  });
});
