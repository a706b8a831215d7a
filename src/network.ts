import type { Logger } from 'pino';
import type { Settings } from './config';
import type { Database } from './db/database';
import { createRedisClient } from './db/redis-client';
import type { Clock } from './lib/clock';
import { InProcessWindows } from './limits/in-process-windows';
import { PostgresWindows } from './limits/postgres-windows';
import { RedisWindows } from './limits/redis-windows';
import type { RequestWindows } from './limits/request-windows';

/** What server processes share beside the database: the windows of requests. */
export interface Network {
  readonly windows: RequestWindows;
  /** Answers or throws; null where nothing but the database is shared. */
  readonly check: (() => Promise<void>) | null;
  close(): Promise<void>;
}

/** In Redis where it is set, else in PostgreSQL; the embedded database serves one process, which counts for itself. */
export function openNetwork(
  settings: Settings,
  { database, clock, log }: { readonly database: Database; readonly clock: Clock; readonly log: Logger },
): Network {
  if (settings.redisUrl) {
    const client = createRedisClient(settings.redisUrl.reveal(), 'windows', (reason) =>
      log.warn({ reason }, 'Redis does not answer'),
    );
    // It keeps trying; until it is there, limited requests are refused as UNAVAILABLE.
    client.connect().catch(() => {});
    return {
      windows: new RedisWindows(client),
      check: async () => void (await client.ping()),
      close: async () => client.disconnect(),
    };
  }
  const windows =
    database.engine === 'postgres' ? new PostgresWindows(database, clock, log) : new InProcessWindows(clock);
  return { windows, check: null, close: async () => {} };
}
