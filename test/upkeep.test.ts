import { Upkeep } from '../src/upkeep';
import { TestClock } from './support/test-clock';

function upkeepOf(tasks: Record<string, () => Promise<unknown>>) {
  const clock = new TestClock();
  const failed: [string, unknown][] = [];
  return { clock, failed, upkeep: new Upkeep(tasks, clock, (task, error) => failed.push([task, error])) };
}
const fails = (): Promise<never> => Promise.reject(new Error('out of order'));

it('a task that fails keeps no other from being done, and one round tells of it', async () => {
  const done: string[] = [];
  const { upkeep } = upkeepOf({
    first: fails,
    second: async () => done.push('second'),
  });
  await expect(upkeep.run()).rejects.toThrow('out of order');
  expect(done).toEqual(['second']);
});

it('comes back every minute, reports what failed by name, and ends with stop', async () => {
  let rounds = 0;
  const { upkeep, clock, failed } = upkeepOf({
    broken: fails,
    counted: async () => {
      rounds += 1;
    },
  });
  upkeep.start();
  for (const expected of [1, 2, 3]) {
    await clock.advanceAsync(expected === 1 ? 0 : 60_000);
    expect(rounds).toBe(expected);
  }
  expect(failed.map(([task]) => task)).toEqual(['broken', 'broken', 'broken']);
  upkeep.stop();
  await clock.advanceAsync(600_000);
  expect(rounds).toBe(3);
});
