import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { GraphqlClient } from '../test/support/graphql-client';
import { type ServerProcess, startServerProcess } from '../test/support/server-process';
import type { BenchDatabase } from './bench-database';
import { HelperProcess } from './helper-process';
import { createWorkspace } from './surroundings';

/** One server, the stand-in for the provider, and the process of those who listen. */
export interface SocketsSurroundings {
  readonly database: string;
  readonly server: ServerProcess;
  readonly crowd: HelperProcess;
  readonly admin: GraphqlClient;
  /** One for each workspace. */
  readonly keys: readonly string[];
  close(): Promise<void>;
}

const PRICE_BOOK = path.join(__dirname, '..', '..', 'test', 'fixtures', 'price-books', 'storm.json');
/** Files that a process of Node has open besides its sockets, with room to spare. */
const FILES_BESIDES = 500;

export async function openSocketsSurroundings(
  openDatabase: () => Promise<BenchDatabase>,
  options: { readonly sockets: number; readonly workspaces: number; readonly profileDirectory: string | null },
): Promise<SocketsSurroundings> {
  checkOpenFiles(options.sockets);
  const closers: (() => Promise<unknown> | unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const database = await openDatabase();
    closers.push(() => database.close());
    const directory = mkdtempSync(path.join(os.tmpdir(), 'polyphony-bench-'));
    closers.push(() => rmSync(directory, { recursive: true, force: true }));
    const helper = (module: string): HelperProcess => {
      const started = new HelperProcess(path.join(__dirname, module));
      closers.push(() => started.close());
      return started;
    };
    const stub = helper('stub');
    const adminKey = `bench-${randomBytes(16).toString('hex')}`;
    const server = await startServerProcess({
      env: {
        PORT: '0',
        DATA_DIR: directory,
        DATABASE_URL: database.url ?? undefined,
        ENCRYPTION_KEY: randomBytes(32).toString('base64'),
        PRICE_BOOK,
        BOOTSTRAP_ADMIN_KEY: adminKey,
        BOOTSTRAP_PLAN: 'storm',
        ELEVENLABS_API_KEY: 'stub',
        ELEVENLABS_BASE_URL: await stub.ask<string>('start'),
      },
      nodeOptions: profiling(options.profileDirectory),
    });
    closers.push(() => server.stop());
    const admin = new GraphqlClient(server.url, adminKey);
    closers.push(() => admin.close());
    const keys: string[] = [];
    for (let n = 0; n < options.workspaces; n++) keys.push(await createWorkspace(admin));
    return { database: database.description, server, crowd: helper('socket-crowd'), admin, keys, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Memory that a process has in use at present, in bytes. */
export function residentBytes(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kibibytes === undefined) throw new Error(`/proc/${pid}/status has no VmRSS.`);
  return Number(kibibytes) * 1_024;
}

/** Node raises its own limit as far as the system lets it, so that the hard limit is what counts. */
function checkOpenFiles(sockets: number): void {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  const needed = sockets + FILES_BESIDES;
  if (hard === undefined || hard === 'unlimited' || Number(hard) >= needed) return;
  throw new Error(
    `${sockets} sockets take ${needed} open files in one process, and this system allows ${hard}: ` +
      `raise it (ulimit -Hn ${needed}, as root, or LimitNOFILE) or take fewer with --sockets.`,
  );
}

const profiling = (directory: string | null): string[] =>
  directory === null
    ? []
    : ['--cpu-prof', `--cpu-prof-dir=${path.resolve(directory)}`, '--cpu-prof-name=server.cpuprofile'];
