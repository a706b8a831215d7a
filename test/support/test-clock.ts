import type { Clock } from '../../src/lib/clock';

interface Task {
  readonly dueAt: number;
  readonly order: number;
  readonly run: () => void;
}

/** A clock that stands still until a test moves it. It starts at the real time, as the database's clock does. */
export class TestClock implements Clock {
  private readonly tasks = new Set<Task>();
  private elapsed = 0;
  private scheduled = 0;

  constructor(private wall = Date.now()) {}

  now(): number {
    return this.wall;
  }

  monotonic(): number {
    return this.elapsed;
  }

  schedule(run: () => void, ms: number): () => void {
    this.scheduled += 1;
    const task: Task = { dueAt: this.elapsed + Math.max(0, ms), order: this.scheduled, run };
    this.tasks.add(task);
    return () => void this.tasks.delete(task);
  }

  /** How many tasks wait. */
  get waiting(): number {
    return this.tasks.size;
  }

  /**
   * Moves both clocks forward and runs what falls due on the way, each task at its own time and in the order of time;
   * tasks that these schedule run too when they fall due within the same span.
   */
  advance(ms: number): void {
    if (!(ms >= 0)) throw new RangeError('A clock advances by zero or more milliseconds.');
    const end = this.elapsed + ms;
    for (let task = this.nextBy(end); task; task = this.nextBy(end)) {
      this.tasks.delete(task);
      this.moveTo(task.dueAt);
      task.run();
    }
    this.moveTo(end);
  }

  /**
   * The same for tasks that do asynchronous work: after each one, callbacks and promises that are ready run before
   * time moves on. It does not wait for input and output.
   */
  async advanceAsync(ms: number): Promise<void> {
    const end = this.elapsed + ms;
    for (let task = this.nextBy(end); task; task = this.nextBy(end)) {
      this.advance(task.dueAt - this.elapsed);
      await new Promise(setImmediate);
    }
    this.advance(end - this.elapsed);
    await new Promise(setImmediate);
  }

  private moveTo(elapsed: number): void {
    this.wall += elapsed - this.elapsed;
    this.elapsed = elapsed;
  }

  private nextBy(end: number): Task | null {
    let next: Task | null = null;
    for (const task of this.tasks) {
      if (task.dueAt > end) continue;
      if (!next || task.dueAt < next.dueAt || (task.dueAt === next.dueAt && task.order < next.order)) next = task;
    }
    return next;
  }
}
