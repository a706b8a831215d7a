import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { GraphqlClient } from '../test/support/graphql-client';
import { type ServerProcess, startServerProcess } from '../test/support/server-process';
import type { BenchDatabase } from './bench-database';
import { HelperProcess } from './helper-process';

/** Every process that takes part, and the way to end them all. */
export interface BenchSurroundings {
  readonly database: string;
  readonly stub: HelperProcess;
  readonly stubUrl: string;
  readonly load: HelperProcess;
  readonly subscribers: HelperProcess;
  readonly metered: ServerProcess;
  readonly unmetered: ServerProcess;
  /** Key of the one workspace that is measured. */
  readonly key: string;
  readonly admin: GraphqlClient;
  close(): Promise<void>;
}

export const PRICE_BOOK = path.join(__dirname, '..', '..', 'test', 'fixtures', 'price-books', 'storm.json');
/** More than any machine spends meanwhile. */
const CREDITS = '1000000000';

export async function openSurroundings(
  openDatabase: () => Promise<BenchDatabase>,
  profileDirectory: string | null,
): Promise<BenchSurroundings> {
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
    const stubUrl = await stub.ask<string>('start');
    const key = `bench-${randomBytes(16).toString('hex')}`;
    const adminKey = `bench-${randomBytes(16).toString('hex')}`;
    const env = {
      PORT: '0',
      DATA_DIR: directory,
      DATABASE_URL: database.url ?? undefined,
      ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      PRICE_BOOK,
      BOOTSTRAP_API_KEY: key,
      BOOTSTRAP_ADMIN_KEY: adminKey,
      BOOTSTRAP_PLAN: 'storm',
      ELEVENLABS_API_KEY: 'stub',
      ELEVENLABS_BASE_URL: stubUrl,
    };
    const start = async (name: string, program?: string): Promise<ServerProcess> => {
      const server = await startServerProcess({ env, program, nodeOptions: profiling(profileDirectory, name) });
      closers.push(() => server.stop());
      return server;
    };
    const metered = await start('metered');
    const unmetered = await start('unmetered', path.join(__dirname, 'unmetered-server'));
    const admin = new GraphqlClient(metered.url, adminKey);
    closers.push(() => admin.close());
    await grant(admin, await workspaceOf(admin.as(key)));
    return {
      database: database.description,
      stub,
      stubUrl,
      load: helper('load'),
      subscribers: helper('subscribers'),
      metered,
      unmetered,
      key,
      admin,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A further workspace with credits; answers its key. */
export async function createWorkspace(admin: GraphqlClient): Promise<string> {
  const { createWorkspace: made } = await admin.data<{
    createWorkspace: { workspace: { id: string }; secret: string };
  }>('mutation { createWorkspace(input: { name: "Bench", plan: "storm" }) { workspace { id } secret } }');
  await grant(admin, made.workspace.id);
  return made.secret;
}

async function workspaceOf(client: GraphqlClient): Promise<string> {
  return (await client.data<{ workspace: { id: string } }>('{ workspace { id } }')).workspace.id;
}

async function grant(admin: GraphqlClient, workspaceId: string): Promise<void> {
  await admin.data('mutation Grant($input: GrantCreditsInput!) { grantCredits(input: $input) { grant { id } } }', {
    input: { workspaceId, kind: 'ADJUSTMENT', credits: CREDITS, reason: 'benchmark', idempotencyKey: 'bench' },
  });
}

function profiling(directory: string | null, name: string): string[] {
  if (directory === null) return [];
  const place = path.resolve(directory);
  mkdirSync(place, { recursive: true });
  return ['--cpu-prof', `--cpu-prof-dir=${place}`, `--cpu-prof-name=${name}.cpuprofile`];
}
