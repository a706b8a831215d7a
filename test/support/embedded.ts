import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { DatabaseLog } from '../../src/db/database-log';
import { type EmbeddedDatabase, openEmbedded } from '../../src/db/embedded/open-embedded';
import { systemClock } from '../../src/lib/clock';

function engineVersion(): string {
  const manifest = path.join(path.dirname(require.resolve('@electric-sql/pglite')), '..', 'package.json');
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

/** A fresh cluster that all tests of this user copy, as making one takes seconds. */
export const CLUSTER_TEMPLATE = path.join(
  realpathSync(os.tmpdir()),
  `polyphony-test-cluster-${process.getuid?.() ?? 'user'}-${engineVersion()}`,
);

export const silentLog: DatabaseLog = { info: () => {}, warn: () => {}, error: () => {} };

const directories: string[] = [];

/** An empty directory of its own; `removeDirectories` in afterAll takes it away. */
export function newDirectory(prefix = 'polyphony-test-'): string {
  const directory = mkdtempSync(path.join(realpathSync(os.tmpdir()), prefix));
  directories.push(directory);
  return directory;
}

export function removeDirectories(): void {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
}

/** The embedded database of a directory, from the template when it is new. */
export const openTestEmbedded = (dataDirectory: string, log: DatabaseLog = silentLog): Promise<EmbeddedDatabase> =>
  openEmbedded({ dataDirectory, templateDirectory: CLUSTER_TEMPLATE, log, clock: systemClock });
