import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import pino from 'pino';
import { readSettings } from '../../src/config';
import type { Container, Replacements } from '../../src/container';
import type { Database } from '../../src/db/database';
import { type VerifyReport, verifyLedger } from '../../src/ledger/verify';
import type { Clock } from '../../src/lib/clock';
import { parseCredits } from '../../src/lib/credits';
import { newId } from '../../src/lib/ids';
import { type RunningServer, startServer } from '../../src/server';
import { openTestDatabase, type TestDatabase } from './database';
import { GraphqlClient } from './graphql-client';
import { ProviderStub } from './provider-stub';

export { GraphqlClient, GraphqlFailure } from './graphql-client';

/** A plan without requests a minute and a hard cap, grants and allowance of zero: a balance is what a test grants. */
export const STORM_PRICE_BOOK = path.join(__dirname, '..', 'fixtures', 'price-books', 'storm.json');

export interface TestServerOptions {
  /** Settings on top of the test's own, as environment variables; undefined removes one. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Plan of the first workspace; `pro` by default, whose limits few tests reach. */
  readonly plan?: string;
  /** The price book for storms, and its plan `storm` for the first workspace unless `plan` says otherwise. */
  readonly storm?: boolean;
  readonly clock?: Clock;
  readonly replacements?: Replacements;
  /** Data that another server of the test works on too; its owner closes it. Otherwise the server has its own. */
  readonly database?: TestDatabase;
  /** Where another server of the test keeps its audio. */
  readonly dataDirectory?: string;
  /** Stands in for ElevenLabs and Kokoro. Otherwise the server has its own. */
  readonly stub?: ProviderStub;
}

/** A customer's workspace and a client that has its key. */
export interface TestWorkspace extends GraphqlClient {
  readonly workspaceId: string;
  readonly key: string;
}

export interface TestServer {
  readonly url: string;
  /** The first workspace, with a key that may do all but administer. */
  readonly client: TestWorkspace;
  /** The operator, with the admin key. */
  readonly admin: GraphqlClient;
  /** Nobody: requests without a credential. */
  readonly anonymous: GraphqlClient;
  readonly stub: ProviderStub;
  readonly database: Database;
  /** For `startTestServer({ database, dataDirectory })`: a second server on the same data. */
  readonly data: { readonly database: TestDatabase; readonly dataDirectory: string };
  readonly container: Container;
  readonly server: RunningServer;
  /** Every line that the server has logged. */
  readonly logged: readonly string[];
  /** A further workspace. `credits` are granted on top of the plan's. */
  createWorkspace(options?: { readonly plan?: string; readonly credits?: string }): Promise<TestWorkspace>;
  /** Credits for a workspace, as an adjustment that does not run out. */
  grant(workspaceId: string, credits: string): Promise<void>;
  verifyLedger(): Promise<VerifyReport>;
  /** Stops the server as a signal does, and keeps its data. */
  stop(): Promise<void>;
  /** Stops everything that this server started and removes its data. */
  close(): Promise<void>;
}

const secret = (): string => `test-${randomBytes(16).toString('hex')}`;
/** One key for all servers, so that two on the same data sign the same addresses. */
const ENCRYPTION_KEY = Buffer.alloc(32, 7).toString('base64');

/**
 * A whole server in this process, on a free port: real HTTP, real sockets, a real database (TEST_DATABASE_URL, else the
 * embedded one), and a stand-in for the providers that need a network.
 */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const closers: (() => Promise<void> | void)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    return await assemble(options, closers, closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function assemble(
  options: TestServerOptions,
  closers: (() => Promise<void> | void)[],
  closeAll: () => Promise<void>,
): Promise<TestServer> {
  const database = options.database ?? (await openTestDatabase());
  if (!options.database) closers.push(() => database.close());
  const dataDirectory = options.dataDirectory ?? ownDirectory(database, closers);
  const stub = options.stub ?? new ProviderStub();
  if (!options.stub) {
    await stub.listen();
    closers.push(() => stub.close());
  }
  const apiKey = secret();
  const adminKey = secret();
  const settings = readSettings({
    PORT: '0',
    DATA_DIR: dataDirectory,
    DATABASE_URL: database.settings.databaseUrl?.reveal(),
    ENCRYPTION_KEY,
    BOOTSTRAP_API_KEY: apiKey,
    BOOTSTRAP_ADMIN_KEY: adminKey,
    BOOTSTRAP_PLAN: options.plan ?? (options.storm ? 'storm' : 'pro'),
    PRICE_BOOK: options.storm ? STORM_PRICE_BOOK : undefined,
    ELEVENLABS_BASE_URL: stub.url,
    ELEVENLABS_API_KEY: 'stub-key',
    KOKORO_BASE_URL: stub.url,
    LOG_LEVEL: 'debug',
    ...options.env,
  });
  const logged: string[] = [];
  const log = pino(
    { level: settings.logLevel, base: undefined },
    new Writable({
      write(line, _encoding, done) {
        logged.push(String(line));
        done();
      },
    }),
  );
  const { clock, replacements } = options;
  const server = await startServer(settings, { log, clock, replacements });
  closers.push(() => server.stop());
  // A test that failed may leave something hanging, on a clock that nobody moves any more.
  closers.push(() => {
    for (const operation of server.container.live.all()) operation.end('CANCELLED');
  });
  // Given keys other than ours, the clients speak with those.
  const anonymous = new GraphqlClient(server.url, null);
  closers.push(() => anonymous.close());
  const admin = anonymous.as(settings.bootstrap.adminKey?.reveal() ?? adminKey);
  const { core } = server.container;

  const workspaceOf = async (key: string): Promise<TestWorkspace> => {
    const client = anonymous.as(key);
    const { workspace } = await client.data<{ workspace: { id: string } }>('{ workspace { id } }');
    return Object.assign(client, { workspaceId: workspace.id }) as TestWorkspace;
  };
  const grant = async (workspaceId: string, credits: string): Promise<void> => {
    const amount = parseCredits(credits);
    if (amount === null) throw new RangeError(`${credits} is no amount of credits`);
    await core.accounts.grant({
      workspaceId,
      kind: 'ADJUSTMENT',
      credits: amount,
      reason: 'test',
      expiresAt: null,
      idempotencyKey: newId(),
    });
  };
  return {
    url: server.url,
    client: await workspaceOf(settings.bootstrap.apiKey?.reveal() ?? apiKey),
    admin,
    anonymous,
    stub,
    database: core.database,
    data: { database, dataDirectory },
    container: server.container,
    server,
    logged,
    async createWorkspace({ plan = settings.bootstrap.plan, credits } = {}) {
      const made = await core.workspaces.create({ name: 'Test', planId: plan });
      if (credits !== undefined) await grant(made.workspace.id, credits);
      return Object.assign(anonymous.as(made.secret), { workspaceId: made.workspace.id }) as TestWorkspace;
    },
    grant,
    verifyLedger: () => core.database.transaction(verifyLedger),
    stop: () => server.stop(),
    close: closeAll,
  };
}

/** On the embedded engine audio lies beside the database, as it does for everybody. */
function ownDirectory(database: TestDatabase, closers: (() => void)[]): string {
  if (database.settings.databaseUrl === null) return database.settings.dataDirectory;
  const directory = mkdtempSync(path.join(os.tmpdir(), 'polyphony-test-'));
  closers.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
