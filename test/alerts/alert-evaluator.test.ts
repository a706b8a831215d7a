import fc from 'fast-check';
import { openTestDatabase, stopClock, type TestDatabase } from '../support/database';
import { AlertHarness, type Spend } from './support/alert-harness';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START = Date.parse('2026-03-10T10:07:00Z');

let data: TestDatabase;
let server: AlertHarness;
/** Another process on the same data. */
let beside: AlertHarness;
let now = START;
beforeAll(async () => {
  data = await openTestDatabase();
  server = new AlertHarness(data.database);
  beside = new AlertHarness(await data.openAnother());
});
beforeEach(() => moveTo(START));
afterAll(() => data?.close());

async function moveTo(moment: number): Promise<void> {
  now = moment;
  await stopClock(data.database, moment);
}
const pass = (ms: number): Promise<void> => moveTo(now + ms);
const spendTimes = async (workspaceId: string, times: number, spend: Spend): Promise<void> => {
  for (let count = 0; count < times; count++) await server.spend(workspaceId, spend);
};

describe('LOW_BALANCE', () => {
  it('is raised once for a crossing, again after a top-up, and again in the next period', async () => {
    const workspace = await server.workspace('capped');
    await server.rules.create(workspace, { kind: 'LOW_BALANCE', threshold: '0.00005' });
    const raisedBy = async (work: () => Promise<unknown>): Promise<number> => {
      const before = (await server.raised(workspace)).length;
      await work();
      await server.evaluator.evaluate(workspace);
      await beside.evaluator.evaluate(workspace);
      return (await server.raised(workspace)).length - before;
    };
    expect(await raisedBy(() => server.spend(workspace, { amount: 49 }))).toBe(0);
    expect(await raisedBy(() => server.spend(workspace, { amount: 1 }))).toBe(1);
    expect(await raisedBy(() => server.spend(workspace, { amount: 10 }))).toBe(0);
    expect(await raisedBy(() => server.topUp(workspace, 60))).toBe(0);
    expect(await raisedBy(() => server.spend(workspace, { amount: 50 }))).toBe(1);
    // The new month's 100 lift it above; then it is low once more.
    expect(await raisedBy(() => pass(32 * DAY_MS))).toBe(0);
    expect(await raisedBy(() => server.spend(workspace, { amount: 101 }))).toBe(1);
    expect((await server.alerts(workspace))[0]).toMatchObject({
      sequence: '1',
      kind: 'LOW_BALANCE',
      details: { remaining: '0.00005', threshold: '0.00005', held: '0' },
      raised_at: new Date(START),
    });
  });

  it('counts what runs at this moment', async () => {
    const workspace = await server.workspace('capped');
    await server.rules.create(workspace, { kind: 'LOW_BALANCE', threshold: '0.00005' });
    const { operationId } = await server.reserve(workspace, 60);
    await server.evaluator.evaluate(workspace);
    const [alert] = await server.alerts(workspace);
    expect(alert!.details).toMatchObject({ remaining: '0.00004', held: '0.00006' });
    await server.settle(workspace, operationId, 60);
  });

  it('sets the amount at which the balance is LOW: the highest of the enabled rules, and none without', async () => {
    const workspace = await server.workspace('capped');
    const threshold = async () => (await server.balances.read(workspace))!.lowBalanceThreshold;
    const first = await server.rules.create(workspace, { kind: 'LOW_BALANCE', threshold: '0.00002' });
    expect(await threshold()).toBe(20n);
    const second = await server.rules.create(workspace, { kind: 'LOW_BALANCE', threshold: '0.00004' });
    await server.rules.create(workspace, { kind: 'SPEND_SPIKE', threshold: '90' });
    expect(await threshold()).toBe(40n);
    await server.rules.update(workspace, first.id, { threshold: '0.00007' });
    expect(await threshold()).toBe(70n);
    await server.rules.update(workspace, first.id, { enabled: false });
    expect(await threshold()).toBe(40n);
    await server.rules.remove(workspace, second.id);
    expect(await threshold()).toBeNull();
  });
});

describe('SPEND_SPIKE', () => {
  it('compares today with the seven whole UTC days before, of credits and of audio apart', async () => {
    const workspace = await server.workspace('open');
    await server.topUp(workspace, 10_000);
    await server.rules.create(workspace, { kind: 'SPEND_SPIKE' });
    const midnight = Date.parse('2026-03-11T00:00:00Z');
    // Too early to count, one second before and at the first midnight, and one second before the last.
    await moveTo(midnight - 1_000);
    await server.spend(workspace, { amount: 5_000 });
    for (let day = 0; day < 7; day++) {
      await moveTo(midnight + day * DAY_MS + (day % 2 === 0 ? 0 : DAY_MS - 1_000));
      await server.spend(workspace, { amount: 10, audioMilliseconds: 60_000 });
    }
    const today = midnight + 7 * DAY_MS;
    await moveTo(today);
    await server.spend(workspace, { amount: 30, audioMilliseconds: 180_000 });
    await server.evaluator.evaluate(workspace);
    expect(await server.raised(workspace)).toEqual([]);
    await server.spend(workspace, { credential: 'STORED_KEY', audioMilliseconds: 1 });
    await server.evaluator.evaluate(workspace);
    expect(await server.raised(workspace)).toEqual(['SPEND_SPIKE AUDIO_MINUTES']);
    await server.spend(workspace, { amount: 1, audioMilliseconds: 1 });
    await moveTo(today + DAY_MS - 1);
    for (const process of [server, beside, server]) await process.evaluator.evaluate(workspace);
    expect(await server.raised(workspace)).toEqual(['SPEND_SPIKE AUDIO_MINUTES', 'SPEND_SPIKE CREDITS']);
    expect((await server.alerts(workspace))[1]!.details).toMatchObject({
      measure: 'CREDITS',
      today: '0.000031',
      median: '0.00001',
      threshold: '3',
      date: '2026-03-18',
    });
    // The next day has a baseline of its own and counts from nothing.
    await pass(1);
    await server.spend(workspace, { amount: 30 });
    await server.evaluator.evaluate(workspace);
    expect(await server.raised(workspace)).toHaveLength(2);
    await server.spend(workspace, { amount: 1 });
    await server.evaluator.evaluate(workspace);
    expect(await server.raised(workspace)).toHaveLength(3);
  });

  it('knows each day once it is over, with what was committed a little after its midnight', async () => {
    const workspace = await server.workspace('open');
    const midnight = Date.parse('2026-03-11T00:00:00Z');
    const lastDays = async (moment: number): Promise<bigint[]> => {
      const days = await server.evaluator.spendingDays.before(data.database, workspace, new Date(moment));
      return days.slice(5).map(({ credits }) => credits);
    };
    await moveTo(midnight - 1_000);
    await server.spend(workspace, { amount: 1 });
    expect(await lastDays(midnight)).toEqual([0n, 1n]);
    await server.spend(workspace, { amount: 2 });
    expect(await lastDays(midnight + HOUR_MS)).toEqual([0n, 3n]);
    expect(await lastDays(midnight + DAY_MS - 1)).toEqual([0n, 3n]);
    await moveTo(midnight + DAY_MS - 1);
    await server.spend(workspace, { amount: 5 });
    expect(await lastDays(midnight + DAY_MS)).toEqual([3n, 5n]);
  });

  it('says nothing in the first days of a workspace', async () => {
    const workspace = await server.workspace('open');
    await server.rules.create(workspace, { kind: 'SPEND_SPIKE' });
    for (let day = 0; day < 4; day++) {
      await server.spend(workspace, { amount: day === 3 ? 50 : 1 });
      await server.evaluator.evaluate(workspace);
      await pass(DAY_MS);
    }
    expect(await server.raised(workspace)).toEqual([]);
  });
});

describe('NEW_VOICE', () => {
  it('without a set tells each voice once that the workspace had never used', async () => {
    const workspace = await server.workspace('open');
    await server.spend(workspace, { voice: 'stub/old' });
    await pass(1_000);
    await server.rules.create(workspace, { kind: 'NEW_VOICE' });
    await server.spend(workspace, { voice: 'stub/old' });
    await server.spend(workspace, { voice: 'stub/failed', status: 'FAILED' });
    await server.spend(workspace, { voice: 'stub/left', status: 'ABORTED' });
    await server.spend(workspace, { voice: 'stub/new' });
    await server.spend(workspace, { voice: null });
    for (const process of [server, beside]) await process.evaluator.evaluate(workspace);
    expect(await server.raised(workspace)).toEqual(['NEW_VOICE stub/left', 'NEW_VOICE stub/new']);
    await pass(40 * DAY_MS);
    for (const voice of ['stub/new', 'stub/old']) await server.spend(workspace, { voice });
    await server.upkeep.run();
    expect(await server.raised(workspace)).toHaveLength(2);
    await server.spend(workspace, { voice: 'stub/failed' });
    await server.upkeep.run();
    expect(await server.raised(workspace)).toHaveLength(3);
  });

  it('with a set tells each voice outside of it once a period, by the second at which the period began', async () => {
    const workspace = await server.workspace('open');
    const { id } = await server.rules.create(workspace, { kind: 'NEW_VOICE', expectedVoiceIds: ['stub/kept'] });
    for (const voice of ['stub/kept', 'stub/other', 'stub/other']) await server.spend(workspace, { voice });
    await server.upkeep.run();
    const { periodEnd } = (await server.balances.read(workspace))!;
    await moveTo(periodEnd.getTime() - 1_000);
    await server.spend(workspace, { voice: 'stub/other' });
    await server.upkeep.run();
    expect(await server.raised(workspace)).toEqual(['NEW_VOICE stub/other']);
    // The same quarter of an hour, and another period.
    await pass(2_000);
    await server.spend(workspace, { voice: 'stub/kept' });
    await server.upkeep.run();
    expect(await server.raised(workspace)).toHaveLength(1);
    await server.spend(workspace, { voice: 'stub/other' });
    await server.upkeep.run();
    expect(await server.raised(workspace)).toHaveLength(2);
    // What is no longer expected is looked for in all of the period.
    await pass(5 * DAY_MS);
    await server.spend(workspace);
    await server.upkeep.run();
    await server.rules.update(workspace, id, { expectedVoiceIds: ['stub/other'] });
    await server.upkeep.run();
    expect((await server.raised(workspace)).slice(2)).toEqual(['NEW_VOICE stub/kept']);
  });

  it('enabled again, knows what was used in between', async () => {
    const workspace = await server.workspace('open');
    const { id } = await server.rules.create(workspace, { kind: 'NEW_VOICE' });
    await server.rules.update(workspace, id, { enabled: false });
    await server.spend(workspace, { voice: 'stub/between' });
    await server.upkeep.run();
    await pass(1_000);
    await server.rules.update(workspace, id, { enabled: true });
    await server.spend(workspace, { voice: 'stub/between' });
    await server.spend(workspace, { voice: 'stub/after' });
    await server.evaluator.evaluate(workspace);
    expect(await server.raised(workspace)).toEqual(['NEW_VOICE stub/after']);
  });

  it('tells of more voices than one transaction takes, each once', async () => {
    const workspace = await server.workspace('open');
    await server.rules.create(workspace, { kind: 'NEW_VOICE', expectedVoiceIds: [] });
    await Promise.all(
      Array.from({ length: 130 }, (_, index) => server.spend(workspace, { voice: `stub/${1_000 + index}` })),
    );
    expect(await server.evaluator.evaluate(workspace)).toBe('MORE');
    expect(await server.evaluator.evaluate(workspace)).toBe('DONE');
    const raised = await server.raised(workspace);
    expect(raised).toHaveLength(130);
    expect(new Set(raised).size).toBe(130);
  });
});

describe('PROVIDER_ERRORS', () => {
  it('looks at the present quarter of an hour and the three before, and ends by time alone', async () => {
    const workspace = await server.workspace('open');
    await server.rules.create(workspace, { kind: 'PROVIDER_ERRORS', threshold: '0.5' });
    await spendTimes(workspace, 4, { status: 'SUCCEEDED' });
    await spendTimes(workspace, 5, { status: 'FAILED' });
    await server.evaluator.evaluate(workspace);
    expect(await server.raised(workspace)).toEqual([]);
    await server.spend(workspace, { status: 'FAILED' });
    await server.spend(workspace, { provider: 'other', status: 'SUCCEEDED' });
    await server.spend(workspace, { provider: null, status: 'FAILED' });
    for (const process of [server, beside]) await process.evaluator.evaluate(workspace);
    expect(await server.raised(workspace)).toEqual(['PROVIDER_ERRORS stub']);
    expect((await server.alerts(workspace))[0]!.details).toMatchObject({ requests: 10, failures: 6, share: '0.6' });

    // 10:07 and 10:59 lie in the same hour of quarters, 11:00 begins one without the first.
    await moveTo(Date.parse('2026-03-10T10:59:59Z'));
    await server.upkeep.run();
    await spendTimes(workspace, 1, { status: 'FAILED' });
    await server.evaluator.evaluate(workspace);
    expect(await server.raised(workspace)).toHaveLength(1);
    await server.upkeep.run();
    // Nothing happens but time.
    await moveTo(Date.parse('2026-03-10T12:00:00Z'));
    await server.upkeep.run();
    await spendTimes(workspace, 10, { status: 'FAILED' });
    await server.evaluator.evaluate(workspace);
    expect(await server.raised(workspace)).toHaveLength(2);
  });
});

describe('a rule', () => {
  it('that is disabled or deleted raises nothing, and its alerts stay', async () => {
    const workspace = await server.workspace('capped');
    const { id } = await server.rules.create(workspace, { kind: 'LOW_BALANCE', threshold: '0.0001' });
    await server.evaluator.evaluate(workspace);
    expect(await server.raised(workspace)).toHaveLength(1);
    await server.rules.update(workspace, id, { enabled: false });
    await server.topUp(workspace, 10);
    await server.spend(workspace, { amount: 20 });
    expect(await server.evaluator.evaluate(workspace)).toBe('NO_RULES');
    await server.rules.update(workspace, id, { enabled: true });
    await server.evaluator.evaluate(workspace);
    expect(await server.raised(workspace)).toHaveLength(2);
    await server.rules.remove(workspace, id);
    await server.spend(workspace, { amount: 20 });
    expect(await server.evaluator.evaluate(workspace)).toBe('NO_RULES');
    expect(await server.raised(workspace)).toHaveLength(2);
  });

  it('with another threshold looks anew; with the same it does not', async () => {
    const workspace = await server.workspace('capped');
    const { id } = await server.rules.create(workspace, { kind: 'LOW_BALANCE', threshold: '0.0001' });
    await server.evaluator.evaluate(workspace);
    await server.rules.update(workspace, id, { threshold: '0.000100' });
    await server.evaluator.evaluate(workspace);
    expect(await server.raised(workspace)).toHaveLength(1);
    await server.rules.update(workspace, id, { threshold: '0.0002' });
    await server.evaluator.evaluate(workspace);
    expect(await server.raised(workspace)).toHaveLength(2);
  });

  it('is not the fifty-first, however many are made at once', async () => {
    const workspace = await server.workspace('open');
    const made = await Promise.allSettled(
      Array.from({ length: 60 }, (_, index) =>
        (index % 2 ? server : beside).rules.create(workspace, { kind: 'SPEND_SPIKE' }),
      ),
    );
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(50);
    const refused = made.find((it) => it.status === 'rejected');
    expect((refused as PromiseRejectedResult).reason).toMatchObject({
      code: 'PLAN_LIMIT',
      fields: { limit: 'ALERT_RULES', max: 50, actual: 50 },
    });
    expect(await server.rules.list(workspace)).toHaveLength(50);
  });
});

describe('any number of processes', () => {
  it('raise a crossing once, though all see it at the same time', async () => {
    const workspace = await server.workspace('capped');
    await server.rules.create(workspace, { kind: 'LOW_BALANCE', threshold: '0.0001' });
    await server.rules.create(workspace, { kind: 'NEW_VOICE', expectedVoiceIds: [] });
    await server.spend(workspace, { amount: 1, voice: 'stub/one' });
    const told = server.told.length + beside.told.length;
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 ? server : beside).evaluator.evaluate(workspace)),
    );
    expect(await server.raised(workspace)).toEqual(['LOW_BALANCE', 'NEW_VOICE stub/one']);
    expect(server.told.length + beside.told.length - told).toBe(1);
  });

  it('that look at any time, in any order of what happens, raise what one would', async () => {
    const step = fc.oneof(
      fc.constant({ kind: 'spend' as const, voice: 'stub/a' }),
      fc.constant({ kind: 'spend' as const, voice: 'stub/b' }),
      fc.constant({ kind: 'topUp' as const }),
      fc.constant({ kind: 'look' as const }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
        const workspace = await server.workspace('capped');
        await server.rules.create(workspace, { kind: 'LOW_BALANCE', threshold: '0.00005' });
        await server.rules.create(workspace, { kind: 'NEW_VOICE', expectedVoiceIds: ['stub/b'] });
        // A second workspace lives through the same, looked at by one process alone.
        const model = await server.workspace('capped');
        await server.rules.create(model, { kind: 'LOW_BALANCE', threshold: '0.00005' });
        await server.rules.create(model, { kind: 'NEW_VOICE', expectedVoiceIds: ['stub/b'] });
        for (const { kind, ...more } of steps) {
          for (const id of [workspace, model]) {
            if (kind === 'topUp') await server.topUp(id, 30);
            if (kind === 'spend') await server.spend(id, { amount: 7, ...more });
          }
          if (kind !== 'look') continue;
          await Promise.all([server, beside, beside].map(({ evaluator }) => evaluator.evaluate(workspace)));
          await server.evaluator.evaluate(model);
        }
        await Promise.all([server, beside].map(({ upkeep }) => upkeep.run()));
        expect(await server.raised(workspace)).toEqual(await server.raised(model));
        const sequences = (await server.alerts(workspace)).map(({ sequence }) => Number(sequence));
        expect(sequences).toEqual(sequences.map((_, index) => index + 1));
      }),
      { numRuns: 8 },
    );
  });
});

describe('what a process did not come to', () => {
  it('before it died is found by the upkeep of another, once', async () => {
    const workspaces = await Promise.all(['capped', 'capped', 'open'].map((plan) => server.workspace(plan)));
    for (const workspace of workspaces) {
      await server.rules.create(workspace, { kind: 'LOW_BALANCE', threshold: '0.00005' });
      await server.spend(workspace, { amount: 60 });
    }
    await Promise.all([beside.upkeep.run(), server.upkeep.run()]);
    await beside.upkeep.run();
    for (const workspace of workspaces) expect(await server.raised(workspace)).toEqual(['LOW_BALANCE']);
    expect([...server.errors, ...beside.errors]).toEqual([]);
  });

  it('is not looked for where nothing has changed', async () => {
    const workspace = await server.workspace('capped');
    await server.rules.create(workspace, { kind: 'LOW_BALANCE', threshold: '0.00005' });
    const lookedAt = async () => {
      const { rows } = await data.database.query<{ evaluated_at: Date | null }>(
        'SELECT evaluated_at FROM alert_watches WHERE workspace_id = $1',
        [workspace],
      );
      return rows[0]!.evaluated_at?.getTime() ?? null;
    };
    expect(await lookedAt()).toBeNull();
    await server.upkeep.run();
    const first = now;
    await pass(60_000);
    await server.upkeep.run();
    expect(await lookedAt()).toBe(first);
    await server.spend(workspace, { amount: 1 });
    await server.upkeep.run();
    expect(await lookedAt()).toBe(now);
  });

  it('because its commit failed is raised by the next look, whole', async () => {
    const workspace = await server.workspace('capped');
    await server.rules.create(workspace, { kind: 'LOW_BALANCE', threshold: '0.0001' });
    await data.database.query('ALTER TABLE alerts ADD CONSTRAINT broken CHECK (false) NOT VALID');
    try {
      await expect(server.evaluator.evaluate(workspace)).rejects.toThrow('broken');
    } finally {
      await data.database.query('ALTER TABLE alerts DROP CONSTRAINT broken');
    }
    expect(server.told).not.toContain(workspace);
    await beside.evaluator.evaluate(workspace);
    expect(await server.raised(workspace)).toEqual(['LOW_BALANCE']);
  });
});
