import type { Database } from '../../../src/db/database';
import { checkBooks, checkSums } from '../../support/books';
import { describeOnPostgres } from '../../support/database';
import { migratedTemplate } from '../../support/embedded-template';
import { GraphqlClient } from '../../support/graphql-client';
import { ProviderStub } from '../../support/provider-stub';
import { createScratchDatabase } from '../../support/scratch-database';
import { ServerPlace } from '../../support/server-place';
import type { ServerProcess } from '../../support/server-process';
import { createStormWorkspace, grantCredits, priceOf } from '../../support/storm-credits';

/** A workspace as its owner reaches it: a client for each server process. */
export interface StormWorkspace {
  readonly id: string;
  readonly clients: readonly GraphqlClient[];
  /** Any of the processes, in turn. */
  client(turn: number): GraphqlClient;
}

/** Server processes on one database, and the stand-in that all of them call. */
export interface StormServers {
  readonly stub: ProviderStub;
  /** A workspace whose balance is worth exactly so many characters. */
  workspaceFor(characters: number): Promise<StormWorkspace>;
  withDatabase<T>(work: (database: Database) => Promise<T>): Promise<T>;
  /** What is wrong in the books of all, and in the sums of a workspace. */
  findings(workspaceId: string): Promise<string[]>;
  /** Stops the servers as a signal does; answers their exit codes. */
  stop(): Promise<(number | null)[]>;
  close(): Promise<void>;
}

const SERVERS_START_WITHIN_MS = 120_000;

/** The same storm over two server processes on one PostgreSQL without Redis, and over one on the embedded engine. */
export function describeStorm(name: string, tests: (servers: () => StormServers) => void): void {
  const variant = (start: () => Promise<StormServers>) => (): void => {
    let servers: StormServers;
    beforeAll(async () => {
      servers = await start();
    }, SERVERS_START_WITHIN_MS);
    afterAll(() => servers?.close());
    tests(() => servers);
  };
  describe(
    `${name}: a server process on the embedded engine`,
    variant(() => startStormServers(1, false)),
  );
  describeOnPostgres(
    `${name}: two server processes on one PostgreSQL`,
    variant(() => startStormServers(2, true)),
  );
}

async function startStormServers(processes: number, onPostgres: boolean): Promise<StormServers> {
  const closers: (() => Promise<unknown> | unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const database = onPostgres ? await createScratchDatabase() : null;
    if (database) closers.push(() => database.drop());
    const stub = new ProviderStub();
    await stub.listen();
    closers.push(() => stub.close());
    const place = new ServerPlace({
      databaseUrl: database?.url ?? null,
      stubUrl: stub.url,
      clusterTemplate: database ? undefined : await migratedTemplate(),
    });
    closers.push(() => place.close());
    // The first one migrates; the others find it done.
    const servers: ServerProcess[] = [];
    closers.push(() => Promise.all(servers.map((server) => server.kill())));
    while (servers.length < processes) servers.push(await place.start());
    const admins = servers.map((server) => new GraphqlClient(server.url, place.adminKey));
    closers.push(() => Promise.all(admins.map((admin) => admin.close())));
    return {
      stub,
      async workspaceFor(characters) {
        const { id, key } = await createStormWorkspace(admins[0]!);
        await grantCredits(admins[0]!, id, priceOf(characters));
        const clients = admins.map((admin) => admin.as(key));
        return { id, clients, client: (turn) => clients[turn % clients.length]! };
      },
      withDatabase: (work) => place.withDatabase(work),
      findings: (workspaceId) =>
        place.withDatabase(async (database) => [
          ...(await checkBooks(database)).findings,
          ...(await checkSums(database, workspaceId)),
        ]),
      async stop() {
        await Promise.all(admins.map((admin) => admin.close()));
        return Promise.all(servers.map((server) => server.stop()));
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
