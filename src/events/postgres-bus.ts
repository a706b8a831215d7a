import type { Database } from '../db/database';
import type { EventBus } from './event-bus';
import { type BusTransport, NetworkedBus, type NetworkedBusOptions } from './networked-bus';

/** One channel for all: the database's name space of channels is shared by whatever else lives in it. */
const CHANNEL = 'polyphony_events';
/** PostgreSQL refuses payloads of 8,000 bytes. https://www.postgresql.org/docs/15/sql-notify.html */
const PAYLOAD_BYTES_MOST = 7_900;

/**
 * The bus over LISTEN and NOTIFY: nothing but the database is needed. One NOTIFY at a time is under way, as the
 * database takes one lock for all notifying commits anyway.
 *
 * Throws TypeError on the embedded database, which serves one process: use InProcessBus there.
 */
export function openPostgresBus(
  database: Pick<Database, 'query' | 'listen'>,
  options: NetworkedBusOptions,
): Promise<EventBus> {
  const { listen } = database;
  if (!listen) throw new TypeError('This database does not deliver notifications; use InProcessBus.');
  let stop: () => Promise<void> = async () => {};
  const transport: BusTransport = {
    payloadBytesMost: PAYLOAD_BYTES_MOST,
    async start(onPayload, onState) {
      stop = await listen({ [CHANNEL]: onPayload }, onState);
    },
    async send(payload) {
      // A crash that loses this commit loses the connections it would have told as well: no flush of the log is awaited.
      await database.query(
        `SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, $2)`,
        [CHANNEL, payload],
        'events_notify',
      );
    },
    stop: () => stop(),
  };
  return NetworkedBus.open(transport, options);
}
