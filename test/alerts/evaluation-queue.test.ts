import { EvaluationQueue } from '../../src/alerts/evaluation-queue';
import { TestClock } from '../support/test-clock';

interface Run {
  readonly workspaceId: string;
  readonly at: number;
  finish(more?: boolean): void;
  fail(error: Error): void;
}

function start() {
  const clock = new TestClock();
  const runs: Run[] = [];
  const errors: unknown[] = [];
  const queue = new EvaluationQueue({
    clock,
    onError: (error) => errors.push(error),
    evaluate: (workspaceId) =>
      new Promise((resolve, reject) => {
        runs.push({ workspaceId, at: clock.monotonic(), finish: (more = false) => resolve(more), fail: reject });
      }),
  });
  const next = async (ms: number): Promise<string[]> => {
    const before = runs.length;
    // What has just finished is noticed before time moves on.
    await clock.advanceAsync(0);
    await clock.advanceAsync(ms);
    return runs.slice(before).map(({ workspaceId }) => workspaceId);
  };
  return { clock, queue, runs, errors, next };
}

it('looks once at what came together, and at most once a second at what goes on', async () => {
  const { queue, runs, clock, next } = start();
  for (let count = 0; count < 100; count++) queue.add('a');
  expect(await next(100)).toEqual(['a']);
  runs[0]!.finish();
  for (let turns = 0; turns < 200; turns++) {
    queue.add('a');
    await clock.advanceAsync(25);
    for (const run of runs) run.finish();
  }
  expect(runs.length).toBeGreaterThanOrEqual(5);
  for (const [index, { at }] of runs.entries()) {
    if (index > 0) expect(at - runs[index - 1]!.at).toBeGreaterThanOrEqual(1_000);
  }
});

it('looks again after what came while it looked, and not without', async () => {
  const { queue, runs, next } = start();
  queue.add('a');
  expect(await next(100)).toEqual(['a']);
  queue.add('a');
  runs[0]!.finish();
  expect(await next(2_000)).toEqual(['a']);
  runs[1]!.finish();
  expect(await next(60_000)).toEqual([]);
  queue.add('a');
  expect(await next(100)).toEqual(['a']);
});

it('looks again where more was left', async () => {
  const { queue, runs, next } = start();
  queue.add('a');
  await next(50);
  runs[0]!.finish(true);
  expect(await next(2_000)).toEqual(['a']);
});

it('gives a workspace that takes long a twentieth of the time', async () => {
  const { queue, runs, next } = start();
  queue.add('a');
  expect(await next(50)).toEqual(['a']);
  await next(500);
  queue.add('a');
  runs[0]!.finish();
  expect(await next(9_499)).toEqual([]);
  expect(await next(1)).toEqual(['a']);
});

it('runs two at a time, and the others in their turn', async () => {
  const { queue, runs, next } = start();
  for (const workspace of ['a', 'b', 'c', 'd']) queue.add(workspace);
  expect(await next(100)).toEqual(['a', 'b']);
  runs[1]!.finish();
  expect(await next(0)).toEqual(['c']);
  runs[0]!.finish();
  runs[2]!.finish();
  expect(await next(0)).toEqual(['d']);
});

it('tells of a look that failed and goes on with the next', async () => {
  const { queue, runs, errors, next } = start();
  queue.add('a');
  await next(100);
  runs[0]!.fail(new Error('the database is gone'));
  await next(0);
  expect(errors).toEqual([new Error('the database is gone')]);
  queue.add('a');
  expect(await next(2_000)).toEqual(['a']);
});

it('closes when the last look has ended, and begins none after', async () => {
  const { queue, runs, next, clock } = start();
  for (const workspace of ['a', 'b', 'c']) queue.add(workspace);
  await next(100);
  queue.add('a');
  let closed = false;
  const closing = queue.close().then(() => {
    closed = true;
  });
  await next(0);
  expect(closed).toBe(false);
  for (const run of runs) run.finish();
  await closing;
  queue.add('d');
  expect(await next(60_000)).toEqual([]);
  expect(clock.waiting).toBe(0);
});
