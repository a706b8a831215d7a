import type { Database } from '../db/database';
import type { Clock } from '../lib/clock';

/** What identity needs of a logger; a pino logger is one. */
export interface IdentityLog {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** A key's last use is written at most this often by one process. */
const WRITE_EVERY_MS = 60_000;
/** Uses of all keys gather this long and are written by one statement. */
const GATHER_MS = 1_000;

/** Whose last use is written, and what a log calls them. */
const KINDS = { api_keys: 'API keys', provider_credentials: 'stored provider keys' } as const;

/**
 * Writes when keys were last used, beside the path of requests: a use is noted in memory, and what gathers is written
 * in the background. A failed write is logged, and the next use tries again.
 */
export class LastUse {
  private readonly noted = new Set<string>();
  private readonly writtenAt = new Map<string, number>();
  private cancelTimer: (() => void) | null = null;
  private writing: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    private readonly database: Pick<Database, 'query'>,
    private readonly clock: Clock,
    private readonly log: IdentityLog,
    private readonly table: keyof typeof KINDS = 'api_keys',
  ) {}

  note(keyId: string): void {
    if (this.stopped || this.noted.has(keyId)) return;
    const writtenAt = this.writtenAt.get(keyId);
    if (writtenAt !== undefined && this.clock.monotonic() - writtenAt < WRITE_EVERY_MS) return;
    this.noted.add(keyId);
    this.cancelTimer ??= this.clock.schedule(() => void this.flush(), GATHER_MS);
  }

  /** Writes what has gathered. Never rejects. */
  flush(): Promise<void> {
    this.cancelTimer?.();
    this.cancelTimer = null;
    const ids = [...this.noted];
    this.noted.clear();
    this.forgetOld();
    if (ids.length === 0) return this.writing;
    const now = this.clock.monotonic();
    for (const id of ids) this.writtenAt.set(id, now);
    this.writing = this.writing.then(() => this.write(ids));
    return this.writing;
  }

  /** Writes what has gathered and takes no more. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.flush();
  }

  private async write(ids: readonly string[]): Promise<void> {
    try {
      // Locked in one order, so that two processes that write at once do not wait for each other.
      await this.database.query(
        `UPDATE ${this.table} SET last_used_at = ledger_now()
         WHERE id IN (SELECT id FROM ${this.table} WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE)`,
        [ids],
      );
    } catch (error) {
      for (const id of ids) this.writtenAt.delete(id);
      this.log.warn({ err: error, keys: ids.length }, `the last use of ${KINDS[this.table]} could not be written`);
    }
  }

  private forgetOld(): void {
    const now = this.clock.monotonic();
    for (const [id, writtenAt] of this.writtenAt) {
      if (now - writtenAt >= WRITE_EVERY_MS) this.writtenAt.delete(id);
    }
  }
}
