import type { Clock } from './lib/clock';

const EVERY_MS = 60_000;

/** What a server process does once a minute, beside what it is asked for: one thing after the other. */
export class Upkeep {
  private cancel: () => void = () => {};
  private stopped = false;

  constructor(
    private readonly tasks: Readonly<Record<string, () => Promise<unknown>>>,
    private readonly clock: Clock,
    private readonly onError: (task: string, error: unknown) => void,
  ) {}

  /** Begins at once and goes on until `stop`. */
  start(): void {
    if (this.stopped) return;
    void this.round((task, error) => this.onError(task, error)).finally(() => {
      if (!this.stopped) this.cancel = this.clock.schedule(() => this.start(), EVERY_MS);
    });
  }

  stop(): void {
    this.stopped = true;
    this.cancel();
  }

  /** One round. What fails keeps nothing else from being done; the first failure is thrown in the end. */
  async run(): Promise<void> {
    const failures: unknown[] = [];
    await this.round((_task, error) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }

  private async round(onError: (task: string, error: unknown) => void): Promise<void> {
    for (const [name, task] of Object.entries(this.tasks)) {
      try {
        await task();
      } catch (error) {
        onError(name, error);
      }
    }
  }
}
