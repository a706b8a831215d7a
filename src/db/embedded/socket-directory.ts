import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** The driver makes the socket's name out of the port, as PostgreSQL does. */
export const SOCKET_PORT = 5432;
const SOCKET_NAME = `.s.PGSQL.${SOCKET_PORT}`;

/** sun_path holds 104 bytes on macOS and the BSDs, 108 on Linux, its final zero among them. */
const SOCKET_PATH_BYTES_MAX = 103;

export const socketPathIn = (directory: string): string => path.join(directory, SOCKET_NAME);

const fits = (directory: string): boolean => Buffer.byteLength(socketPathIn(directory)) <= SOCKET_PATH_BYTES_MAX;

/**
 * A directory that only this user can enter, for the socket: who can open it can read the whole database. Inside the
 * data directory, or under the system's temporary one when that path is too long for a socket.
 *
 * @param temporary where to go when the data directory's path is too long.
 * @throws Error when the directory exists and others may enter it, or no path is short enough.
 */
export function makeSocketDirectory(dataDirectory: string, temporary: string = os.tmpdir()): string {
  const inside = path.join(dataDirectory, 'run');
  if (fits(inside)) return makePrivate(inside);
  const key = createHash('sha256').update(path.resolve(dataDirectory)).digest('hex').slice(0, 16);
  const outside = path.join(temporary, `polyphony-${process.getuid?.() ?? 'user'}-${key}`);
  if (fits(outside)) return makePrivate(outside);
  throw new Error(
    `DATA_DIR ${dataDirectory} is too long for a Unix socket, and so is ${temporary}. Set a shorter DATA_DIR.`,
  );
}

function makePrivate(directory: string): string {
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  // lstat: under a shared temporary directory somebody else may have put a link or a directory of theirs here.
  const found = lstatSync(directory);
  const own = process.getuid === undefined || found.uid === process.getuid();
  if (!found.isDirectory() || !own || (found.mode & 0o077) !== 0) {
    throw new Error(
      `${directory} must be a directory of your own with mode 0700, as the database's socket lies in it. Remove it and start again.`,
    );
  }
  return directory;
}
