import type { Clock } from '../../../src/lib/clock';

interface Task {
  readonly at: number;
  readonly ms: number;
  readonly run: () => void;
}

/** Time that moves only by `advance` and `set`. */
export class ManualClock implements Clock {
  private tasks = new Set<Task>();
  private watchers: { ms: number; resolve: () => void }[] = [];
  private elapsed = 0;

  constructor(private wall = Date.UTC(2026, 0, 1)) {}

  now(): number {
    return this.wall;
  }

  monotonic(): number {
    return this.elapsed;
  }

  schedule(run: () => void, ms: number): () => void {
    const task = { at: this.elapsed + ms, ms, run };
    this.tasks.add(task);
    for (const watcher of this.watchers.filter((waiting) => waiting.ms === ms)) watcher.resolve();
    return () => void this.tasks.delete(task);
  }

  /** Once a task of exactly this delay waits. */
  async scheduled(ms: number): Promise<void> {
    if ([...this.tasks].some((task) => task.ms === ms)) return;
    await new Promise<void>((resolve) => this.watchers.push({ ms, resolve }));
  }

  advance(ms: number): void {
    this.elapsed += ms;
    this.wall += ms;
    const due = [...this.tasks].filter((task) => task.at <= this.elapsed).sort((a, b) => a.at - b.at);
    for (const task of due) if (this.tasks.delete(task)) task.run();
  }

  /** Moves the wall clock alone, back as well. */
  set(wall: number): void {
    this.wall = wall;
  }
}
