import { type ChildProcess, fork } from 'node:child_process';

interface Question {
  readonly id: number;
  readonly command: string;
  readonly parameters: unknown;
}
type Answer = { readonly id: number } & ({ readonly value: unknown } | { readonly error: string });

/** What a helper process can be asked, by name. */
export type Commands = Readonly<Record<string, (parameters: never) => Promise<unknown> | unknown>>;

/** In the helper process: answers the questions of its parent, and ends with it. */
export function answerCommands(commands: Commands): void {
  process.on('message', (question: Question) => {
    const command = commands[question.command] as ((parameters: unknown) => unknown) | undefined;
    Promise.resolve()
      .then(() => {
        if (!command) throw new Error(`there is no command ${question.command}`);
        return command(question.parameters);
      })
      .then(
        (value) => process.send?.({ id: question.id, value } satisfies Answer),
        (error: Error) => process.send?.({ id: question.id, error: error.stack ?? String(error) } satisfies Answer),
      );
  });
  process.once('disconnect', () => process.exit());
}

/** In the parent: a process of this directory that answers questions one by one. */
export class HelperProcess {
  private readonly child: ChildProcess;
  private readonly waiting = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();
  private count = 0;

  constructor(private readonly module: string) {
    this.child = fork(module, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.child.on('message', (answer: Answer) => {
      const asked = this.waiting.get(answer.id);
      this.waiting.delete(answer.id);
      if ('error' in answer) asked?.reject(new Error(answer.error));
      else asked?.resolve(answer.value as never);
    });
    this.child.once('exit', (code, signal) => {
      const error = new Error(`${this.module} ended (${signal ?? code})`);
      for (const asked of this.waiting.values()) asked.reject(error);
      this.waiting.clear();
    });
  }

  ask<Answer>(command: string, parameters: unknown = null): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.count += 1;
      this.waiting.set(this.count, { resolve, reject });
      this.child.send({ id: this.count, command, parameters } satisfies Question);
    });
  }

  async close(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => this.child.once('exit', () => resolve()));
    this.child.kill('SIGKILL');
    await ended;
  }
}
