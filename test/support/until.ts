import { setTimeout as pause } from 'node:timers/promises';

const LOOK_EVERY_MS = 50;

/**
 * Looks again and again at what tells nobody when it changes, such as a table that other processes write.
 * @throws Error that names what was waited for, when it has not come in time
 */
export async function until(what: string, withinMs: number, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${withinMs / 1_000} s`);
    await pause(LOOK_EVERY_MS);
  }
}
