import { type Client, escapeIdentifier } from 'pg';
import { backoffMs } from '../lib/backoff';
import type { Clock } from '../lib/clock';
import { withDeadline } from '../lib/deadline';

/** A connection that died without a word (a cable, a failover) is noticed within this and ANSWER_MS. */
const HEARTBEAT_MS = 15_000;
/** Longest wait for a connection, for LISTEN and for a heartbeat. */
const ANSWER_MS = 5_000;
const GOODBYE_MS = 2_000;

/**
 * LISTENs on `channels` over a connection of its own and keeps doing so: it is checked every 15 s and made again,
 * with back-off from 100 ms to 5 s, when it breaks.
 *
 * @param connect makes a *connected* client that nobody else uses; called again for every reconnect.
 * @param channels handlers by channel name (at most 63 bytes); they must not throw.
 * @param onState true once every channel is listened to: all that commits from then on is heard. false when the
 *   connection is lost or the first attempt failed. PostgreSQL keeps nothing for those who were away, so whoever
 *   hears `true` again must read anew what it may have missed.
 * @returns after the first attempt, whether it succeeded or not (attempts go on until stopped); the function that
 *   stops listening and closes the connection.
 */
export async function postgresListen(
  connect: () => Promise<Client>,
  channels: Readonly<Record<string, (payload: string) => void>>,
  onState: (up: boolean) => void,
  clock: Clock,
): Promise<() => Promise<void>> {
  const listener = new Listener(connect, new Map(Object.entries(channels)), onState, clock);
  await listener.attempt();
  return () => listener.stop();
}

class Listener {
  private client: Client | null = null;
  private up: boolean | null = null;
  private failures = 0;
  private stopped = false;
  private cancelTimer: () => void = () => {};

  constructor(
    private readonly connect: () => Promise<Client>,
    private readonly channels: ReadonlyMap<string, (payload: string) => void>,
    private readonly onState: (up: boolean) => void,
    private readonly clock: Clock,
  ) {}

  async attempt(): Promise<void> {
    const connecting = this.connect();
    let client: Client;
    try {
      client = await withDeadline(connecting, ANSWER_MS, this.clock, 'Connecting to listen');
    } catch {
      // It may still come after the deadline, and would then be nobody's.
      connecting.then(
        (late) => this.discard(late),
        () => {},
      );
      this.retry();
      return;
    }
    if (this.stopped) return this.discard(client);

    this.client = client;
    const lost = () => this.lose(client);
    client.on('error', lost);
    client.on('end', lost);
    client.on('notification', ({ channel, payload }) => this.channels.get(channel)?.(payload ?? ''));
    const statements = [...this.channels.keys()].map((channel) => `LISTEN ${escapeIdentifier(channel)}`).join('; ');
    try {
      await withDeadline(client.query(statements), ANSWER_MS, this.clock, 'LISTEN');
    } catch {
      this.lose(client);
    }
    if (this.client !== client) return;
    this.failures = 0;
    this.tell(true);
    this.watch(client);
  }

  async stop(): Promise<void> {
    if (this.stopped) return;
    this.stopped = true;
    this.cancelTimer();
    const client = this.client;
    this.client = null;
    if (client) await this.discard(client);
  }

  private watch(client: Client): void {
    this.cancelTimer = this.clock.schedule(() => {
      withDeadline(client.query('SELECT 1'), ANSWER_MS, this.clock, 'The heartbeat').then(
        () => {
          if (this.client === client) this.watch(client);
        },
        () => this.lose(client),
      );
    }, HEARTBEAT_MS);
  }

  private lose(client: Client): void {
    if (this.client !== client) return;
    this.client = null;
    this.cancelTimer();
    void this.discard(client);
    this.retry();
  }

  private retry(): void {
    if (this.stopped) return;
    this.failures += 1;
    this.cancelTimer = this.clock.schedule(() => void this.attempt(), backoffMs(this.failures));
    this.tell(false);
  }

  private tell(up: boolean): void {
    if (this.up === up) return;
    this.up = up;
    this.onState(up);
  }

  private async discard(client: Client): Promise<void> {
    client.removeAllListeners('notification');
    client.removeAllListeners('end');
    // A socket that dies while it is closed still says so, and an 'error' that nobody hears ends the process.
    client.on('error', () => {});
    await withDeadline(client.end(), GOODBYE_MS, this.clock, 'Closing the listening connection').catch(() => {});
  }
}
