import { Redis } from 'ioredis';
import { backoffMs } from '../lib/backoff';

const CONNECT_MS = 5_000;
const COMMAND_MS = 5_000;
/** How long a server may take to close its side before the socket is destroyed. */
const GOODBYE_MS = 500;
const KEEP_ALIVE_MS = 15_000;

/**
 * A Redis or Valkey client that is honest about its connection: while it is down commands fail at once instead of
 * waiting in a queue, and no command is ever sent twice (a count would be taken twice). It connects on `connect()` and
 * from then on reconnects by itself, with back-off from 100 ms to 5 s, until `disconnect()`.
 *
 * @param url redis:// or rediss://, with user, password and database as needed.
 * @param name shown in CLIENT LIST.
 * @param onFault told of every connection fault, without credentials.
 */
export function createRedisClient(url: string, name: string, onFault: (reason: string) => void): Redis {
  const client = new Redis(url, {
    connectionName: name,
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    commandTimeout: COMMAND_MS,
    disconnectTimeout: GOODBYE_MS,
    keepAlive: KEEP_ALIVE_MS,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    // Whoever subscribes does so again itself, and so knows from when on it hears everything.
    autoResubscribe: false,
    retryStrategy: (attempts) => backoffMs(attempts),
  });
  // The error's own fields may hold the arguments of AUTH; its message does not.
  client.on('error', (error: Error) => onFault(error.message));
  return client;
}
