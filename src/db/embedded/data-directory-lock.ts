import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { socketPathIn } from './socket-directory';

/** Who owns a data directory, as the lock file says it. */
export interface LockOwner {
  readonly pid: number;
  /** When that process began, in the system's own words; null where the system does not tell. Guards against reused pids. */
  readonly processStart: string | null;
  readonly socketDirectory: string;
  /** Different for every lock that was ever taken. */
  readonly token: string;
}

export type LockAnswer =
  | { readonly taken: true; release(): void }
  /** Another process has the directory. `accepting`: its socket takes connections; otherwise it is still starting. */
  | { readonly taken: false; readonly owner: LockOwner; readonly accepting: boolean };

export const lockFileOf = (dataDirectory: string): string => path.join(dataDirectory, 'postgres.lock');

/**
 * Takes the data directory for this process, or says who has it. The lock of a dead process is taken over. A lock is
 * alive when its socket accepts connections (which holds across containers that see different pids), or while its
 * process still runs and has not got there yet.
 */
export async function takeLock(dataDirectory: string, socketDirectory: string): Promise<LockAnswer> {
  const file = lockFileOf(dataDirectory);
  const own: LockOwner = {
    pid: process.pid,
    processStart: processStartOf(process.pid),
    socketDirectory,
    token: randomUUID(),
  };
  for (;;) {
    if (create(file, own)) return { taken: true, release: () => release(file, own.token) };
    const owner = read(file);
    if (owner === 'gone') continue;
    if (owner !== 'unreadable') {
      const accepting = await accepts(socketPathIn(owner.socketDirectory));
      if (accepting || isRunning(owner)) return { taken: false, owner, accepting };
    }
    removeStale(file, owner === 'unreadable' ? null : owner.token);
  }
}

/** Written elsewhere and linked into place, so that the lock appears whole or not at all, and only one can win. */
function create(file: string, own: LockOwner): boolean {
  const draft = `${file}.${own.token}`;
  writeFileSync(draft, JSON.stringify(own), { mode: 0o600 });
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    rmSync(draft, { force: true });
  }
}

function read(file: string): LockOwner | 'gone' | 'unreadable' {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone';
    throw error;
  }
  try {
    const owner = JSON.parse(text) as LockOwner;
    const whole =
      Number.isSafeInteger(owner.pid) &&
      owner.pid > 0 &&
      typeof owner.socketDirectory === 'string' &&
      typeof owner.token === 'string';
    return whole ? owner : 'unreadable';
  } catch {
    return 'unreadable';
  }
}

/** Between reading a stale lock and removing it another process may have taken it over: that one is put back. */
function removeStale(file: string, token: string | null): void {
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  const removed = read(aside);
  const isOther = typeof removed === 'object' && removed.token !== token;
  if (isOther) {
    try {
      linkSync(aside, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  rmSync(aside, { force: true });
}

function release(file: string, token: string): void {
  const owner = read(file);
  if (typeof owner === 'object' && owner.token === token) rmSync(file, { force: true });
}

/** Whether anybody accepts connections on a Unix socket. */
export function accepts(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'EAGAIN'));
  });
}

/** Whether the very process that took the lock still runs, not merely one of the same pid. */
function isRunning(owner: LockOwner): boolean {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    // EPERM: it runs, under another user.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const processStart = processStartOf(owner.pid);
  // In a container every start may have the same pid.
  if (processStart === null || owner.processStart === null) return owner.pid !== process.pid;
  return owner.processStart === processStart;
}

function processStartOf(pid: number): string | null {
  try {
    if (process.platform === 'linux') {
      // The command, second, is in parentheses and may hold anything; the start time is the twentieth field after it.
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
    }
    return (
      execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim() || null
    );
  } catch {
    return null;
  }
}
