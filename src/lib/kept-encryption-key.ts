import { randomBytes, randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT_KEY_BYTES } from './keys';
import { isKeyText } from './setting-values';

const FILE = 'encryption.key';

/**
 * The key that belongs to a data directory, as base64: made at the first call (mode 0600), the same ever after. Two
 * processes that start together get the same one.
 *
 * @throws Error when it cannot be written or read, or is damaged; a damaged key is never replaced, as everything that
 *   was encrypted with it would be lost.
 */
export function keptEncryptionKey(dataDirectory: string): string {
  const file = path.join(dataDirectory, FILE);
  const kept = read(file);
  if (kept !== undefined) return kept;
  mkdirSync(dataDirectory, { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomUUID()}`;
  try {
    write(draft, `${randomBytes(ROOT_KEY_BYTES).toString('base64')}\n`);
    // A link appears whole and fails when the name is taken; a rename would overwrite another process's key.
    linkSync(draft, file);
    sync(dataDirectory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
  return read(file)!;
}

function read(file: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  if (!isKeyText(text))
    throw new Error(`${file} does not hold ${ROOT_KEY_BYTES} bytes as base64; restore it from a backup`);
  return text;
}

function write(file: string, text: string): void {
  const descriptor = openSync(file, 'wx', 0o600);
  try {
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function sync(directory: string): void {
  const descriptor = openSync(directory, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
