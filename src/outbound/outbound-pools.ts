import { isIP, type LookupFunction } from 'node:net';
import { type Dispatcher, Pool } from 'undici';
import type { Clock } from '../lib/clock';
import type { OutboundTarget } from './outbound-target';

/** A connection that nobody used for so long is closed. */
const IDLE_MS = 4_000;

export interface OutboundPoolsOptions {
  /** Connections of one holder to one target at most. */
  readonly connections: number;
  readonly connectTimeoutMs: number;
}

interface Entry {
  readonly pool: Pool;
  cancel: () => void;
}

/**
 * Connections to targets that were checked. Each goes to one of the target's numbers, with the name in the request, in
 * TLS and in the check of the certificate; nothing resolves the name again. A target whose numbers have changed gets
 * connections of its own.
 */
export class OutboundPools {
  private readonly entries = new Map<string, Entry>();

  constructor(
    private readonly clock: Clock,
    private readonly options: OutboundPoolsOptions,
  ) {}

  /**
   * For requests to this target alone, to be begun at once; no redirect is followed.
   * @param holder whose connections they are: nobody else waits for them, and a slow answer holds up nobody else
   */
  to(target: OutboundTarget, holder: string): Dispatcher {
    const key = [holder, target.url.origin, ...[...target.addresses].sort()].join(' ');
    let entry = this.entries.get(key);
    if (!entry) {
      entry = { pool: this.open(target), cancel: () => {} };
      this.entries.set(key, entry);
    }
    this.closeLater(key, entry);
    return entry.pool;
  }

  /** Breaks off what is under way. */
  async close(): Promise<void> {
    const open = [...this.entries.values()];
    this.entries.clear();
    await Promise.all(
      open.map(({ pool, cancel }) => {
        cancel();
        return pool.destroy();
      }),
    );
  }

  private closeLater(key: string, entry: Entry): void {
    entry.cancel();
    entry.cancel = this.clock.schedule(() => {
      const { stats } = entry.pool;
      if (stats.running + stats.pending + stats.queued > 0) return this.closeLater(key, entry);
      this.entries.delete(key);
      void entry.pool.close();
    }, IDLE_MS);
  }

  private open({ url, addresses }: OutboundTarget): Pool {
    const found = addresses.map((address) => ({ address, family: isIP(address) }));
    const lookup: LookupFunction = (_hostname, { all }, done) =>
      all ? done(null, found) : done(null, found[0]!.address, found[0]!.family);
    const { connections, connectTimeoutMs } = this.options;
    return new Pool(url.origin, {
      connections,
      pipelining: 1,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      headersTimeout: 0,
      bodyTimeout: 0,
      allowH2: false,
      connect: { timeout: connectTimeoutMs, lookup },
    });
  }
}
