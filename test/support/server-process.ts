import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** A server in a process of its own, which can be killed. */
export interface ServerProcess {
  readonly url: string;
  readonly pid: number;
  /** Asks it to stop and waits until it has; answers its exit code. */
  stop(): Promise<number | null>;
  /** kill -9. Resolves when it is gone. */
  kill(): Promise<void>;
  /** Resolves when it ended, for whatever reason. */
  readonly ended: Promise<void>;
}

export interface ServerProcessOptions {
  /** Every setting of the server; nothing else of this process's environment but what a program needs to run. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Another program than `polyphony serve --json`, without its ending; it must say where it listens in the same way. */
  readonly program?: string;
  /** What node is given besides. */
  readonly nodeOptions?: readonly string[];
  readonly workingDirectory?: string;
}

const ROOT = path.join(__dirname, '..', '..');
/** Built code runs as it is; TypeScript is compiled as it is loaded. */
const ENDING = path.extname(__filename);
const LOADER = ENDING === '.ts' ? ['-r', path.join(__dirname, 'register-typescript.js')] : [];
const SERVE = path.join(ROOT, 'src', 'cli', 'main');
const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ'];
/** Of its standard error, for the message when it does not start. */
const COMPLAINTS_KEPT = 20_000;

/** Starts a server and waits until it listens. */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const { program = SERVE, nodeOptions = [], workingDirectory, env } = options;
  const parameters = program === SERVE ? ['serve', '--json'] : [];
  const child = spawn(process.execPath, [...nodeOptions, ...LOADER, program + ENDING, ...parameters], {
    cwd: workingDirectory,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...Object.fromEntries(INHERITED.map((name) => [name, process.env[name]])), LOG_LEVEL: 'warn', ...env },
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let complaints = '';
  child.stderr.on('data', (chunk) => {
    complaints = (complaints + chunk).slice(-COMPLAINTS_KEPT);
  });
  const url = await firstAddress(child, ended, () => complaints);
  return {
    url,
    pid: child.pid!,
    ended,
    async stop() {
      child.kill('SIGTERM');
      await ended;
      return child.exitCode;
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function firstAddress(child: ChildProcess, ended: Promise<void>, complaints: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: child.stdout! });
    lines.on('line', (line) => {
      try {
        const { url } = JSON.parse(line) as { url?: string };
        if (url) resolve(url);
      } catch {
        // Not the line that is waited for.
      }
    });
    child.once('error', reject);
    void ended.then(() => reject(new Error(`The server ended before it listened. ${complaints()}`)));
  });
}
