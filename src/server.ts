import type { AddressInfo } from 'node:net';
import pino, { type Logger } from 'pino';
import { buildPolyphonySchema } from '../schema/build-schema';
import type { Settings } from './config';
import { buildContainer, type Container, type Replacements } from './container';
import { pendingMigrations } from './db/migrate';
import { type Clock, systemClock } from './lib/clock';
import { planOf } from './metering/agreed-terms';
import { resolvers } from './resolvers';
import { Admission } from './transport/admission';
import { GraphqlHttp } from './transport/graphql-http';
import { GraphqlWebsocket } from './transport/graphql-websocket';
import { buildHttpServer } from './transport/http-server';
import { Intake } from './transport/intake';
import { SignIn } from './transport/sign-in';

export interface ServerOptions {
  readonly log?: Logger;
  readonly clock?: Clock;
  readonly replacements?: Replacements;
  /** Told as the start goes on, for people who wait. */
  readonly onProgress?: (step: string) => void;
}

export interface RunningServer {
  /** Where it listens, without a trailing slash. */
  readonly url: string;
  /** Secrets that were made at this start; they are nowhere else. */
  readonly bootstrap: { readonly apiKey: string | null; readonly adminKey: string | null };
  readonly container: Container;
  /** Lets running operations finish and settle, closes sockets politely, then everything else. */
  stop(): Promise<void>;
}

/** Running operations may take this long to finish when the server stops. */
const DRAIN_MS = 30_000;
/** What was ended then has this long to settle. */
const SETTLE_MS = 10_000;
/** Answers that are still being read have this long. */
const CLOSE_MS = 5_000;

const REDACTED = [
  'authorization',
  '*.authorization',
  'headers.authorization',
  'headers["x-provider-key-*"]',
  'apiKey',
  '*.apiKey',
  'secret',
  '*.secret',
  'token',
  '*.token',
  'text',
  '*.text',
];

/** The log of a server: JSON lines on standard error, with whatever could be a secret taken out. */
export const createLog = (level: string): Logger =>
  pino(
    { level, redact: { paths: REDACTED, censor: '[redacted]' }, base: undefined },
    pino.destination({ fd: 2, sync: false }),
  );

export async function startServer(settings: Settings, options: ServerOptions = {}): Promise<RunningServer> {
  const { clock = systemClock, replacements, onProgress = () => {} } = options;
  const log = options.log ?? createLog(settings.logLevel);
  let url = settings.publicUrl;
  onProgress('opening the database');
  const container = await buildContainer(settings, { log, clock, replacements, publicUrl: () => url });
  try {
    const { services, authenticator, windows, keyHeaders, core } = container;
    const made = await core.bootstrap();
    onProgress('building the schema');
    const schema = buildPolyphonySchema(resolvers);
    const signIn = new SignIn({ authenticator, windows, keyHeaders });
    const admission = new Admission(
      windows,
      (planId, agreed) => planOf(core.priceBook, planId, agreed)?.requestsPerMinute ?? null,
    );
    const intake = new Intake();
    const graphql = new GraphqlHttp({ schema, services, signIn, admission, intake, log });
    const sockets = new GraphqlWebsocket({
      schema,
      services,
      signIn,
      authenticator,
      admission,
      intake,
      clock,
      log,
      socketsOfAWorkspaceMax: replacements?.socketsOfAWorkspaceMax,
      eventsBehindMax: replacements?.eventsBehindMax,
    });
    const app = await buildHttpServer({
      graphql,
      audio: container.audio,
      uploads: container.uploads,
      exports: container.exports,
      intake,
      stripeEvents: container.stripeEvents,
      health: {
        checks: {
          database: async () => void (await core.database.query('SELECT 1')),
          migrations: async () => {
            if ((await pendingMigrations(core.database)).length > 0) throw new Error('migrations are pending');
          },
          ...(container.network.check && { redis: container.network.check }),
        },
        metrics: container.metrics.registry,
        isStopping: () => intake.isShut,
      },
      log,
      corsOrigins: settings.corsOrigins === 'any' ? null : settings.corsOrigins,
      keyHeaders: [...keyHeaders.keys()],
    });
    await graphql.start();
    sockets.attach(app.server);
    container.metrics.watch({
      liveOperations: () => container.live.count,
      sockets: () => sockets.socketCount,
      openLeases: () => container.ledger.leases.liveCount,
    });
    await app.listen({ port: settings.port, host: settings.host });
    const { port } = app.server.address() as AddressInfo;
    if (settings.publicUrlIsDefault) url = `http://localhost:${port}`;
    container.startUpkeep();

    const stop = async (): Promise<void> => {
      log.info({}, 'stopping');
      // Nothing new is begun, and /readyz says so; what runs goes on, and its audio and events are still delivered.
      intake.close();
      await drain(container, intake, clock, log);
      const closing = app.close();
      await sockets.close();
      await within(clock, CLOSE_MS, closing);
      app.server.closeAllConnections();
      await closing;
      await graphql.stop();
      container.stopUpkeep();
      await container.close();
    };
    let stopping: Promise<void> | null = null;
    return {
      url,
      bootstrap: { apiKey: made.apiKey.newSecret, adminKey: made.adminKey.newSecret },
      container,
      stop() {
        stopping ??= stop();
        return stopping;
      },
    };
  } catch (error) {
    await container.close();
    throw error;
  }
}

/** Waits for running operations; those that take too long are ended, at no cost to their callers, and settled. */
async function drain(container: Container, intake: Intake, clock: Clock, log: Logger): Promise<void> {
  const { live } = container;
  const finished = async (): Promise<void> => {
    // A request that was let in may still begin an operation.
    await intake.empty();
    while (live.count > 0) {
      await Promise.allSettled(live.all().map((operation) => operation.settled));
    }
  };
  await within(clock, DRAIN_MS, finished());
  const left = live.all();
  if (left.length === 0) return;
  log.warn({ operations: left.length }, 'operations were ended because the server stops');
  for (const operation of left) operation.end('STOPPING');
  await within(clock, SETTLE_MS, finished());
}

/** Waits for work, but no longer than this. */
async function within(clock: Clock, ms: number, work: Promise<unknown>): Promise<void> {
  let cancel = (): void => {};
  const late = new Promise<void>((resolve) => {
    cancel = clock.schedule(resolve, ms);
  });
  await Promise.race([work, late]);
  cancel();
}
