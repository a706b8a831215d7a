import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';

export interface Child {
  readonly process: ChildProcess;
  /** The next line of its standard output; rejects when it ends without one. */
  nextLine(): Promise<string>;
  /** Every line so far and to come, until it ends. */
  rest(): Promise<string[]>;
  kill(): Promise<void>;
}

/** Runs a TypeScript module of this repository in a process of its own. */
export function startChild(module: string, parameters: readonly string[] = []): Child {
  const child = spawn(process.execPath, ['-r', path.join(__dirname, 'register-typescript.js'), module, ...parameters], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let complaints = '';
  child.stderr.on('data', (chunk) => {
    complaints += chunk;
  });
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const lines: string[] = [];
  let wake: () => void = () => {};
  let ended = false;
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    wake();
  });
  void exited.then(() => {
    ended = true;
    wake();
  });
  return {
    process: child,
    async nextLine() {
      while (lines.length === 0) {
        if (ended) throw new Error(`The child ended without a line. ${complaints}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return lines.shift()!;
    },
    async rest() {
      await exited;
      return lines.splice(0);
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
