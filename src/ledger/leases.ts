import type { Database } from '../db/database';
import type { Clock } from '../lib/clock';

/** A hold whose owner has not renewed it for this long is given up. */
export const LEASE_SECONDS = 60;
const RENEW_EVERY_MS = 20_000;
const SWEEP_EVERY_MS = 10_000;
const SWEEP_AT_MOST = 500;

export interface ExpiredHold {
  readonly operationId: string;
  readonly workspaceId: string;
  readonly sequence: bigint;
}

/**
 * Keeps the holds of living operations alive and turns those that a crash left behind into UNKNOWN events. Both go by
 * the database's clock; a process that cannot renew loses its holds, and its late settles are then refused.
 */
export class Leases {
  private readonly live = new Set<string>();
  private stopped = false;
  private readonly timers = new Map<string, () => void>();

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly owner: string,
  ) {}

  add(operationId: string): void {
    this.live.add(operationId);
  }

  remove(operationId: string): void {
    this.live.delete(operationId);
  }

  get liveCount(): number {
    return this.live.size;
  }

  /** Renews and sweeps until `stop`; failures are reported and tried again next time. */
  start(onExpired: (holds: readonly ExpiredHold[]) => void, onError: (error: unknown) => void): void {
    const repeat = (name: string, task: () => Promise<void>, everyMs: number): void => {
      const tick = (): void => {
        if (this.stopped) return;
        task()
          .catch(onError)
          .finally(() => {
            if (!this.stopped) this.timers.set(name, this.clock.schedule(tick, everyMs));
          });
      };
      tick();
    };
    repeat('renew', () => this.renew(), RENEW_EVERY_MS);
    repeat(
      'sweep',
      async () => {
        const expired = await this.sweep();
        if (expired.length > 0) onExpired(expired);
      },
      SWEEP_EVERY_MS,
    );
  }

  stop(): void {
    this.stopped = true;
    for (const cancel of this.timers.values()) cancel();
    this.timers.clear();
  }

  async renew(): Promise<void> {
    if (this.live.size === 0) return;
    // A row that is locked is being settled, or counted anew for its end user. Waiting for it while others are locked
    // here could become a deadlock; it is left to the next time, which comes long before its lease runs out.
    await this.database.query(
      `UPDATE holds SET lease_until = ledger_now() + make_interval(secs => $1)
       WHERE operation_id IN (SELECT operation_id FROM holds WHERE operation_id = ANY ($2::uuid[]) AND owner = $3
         AND lease_until >= ledger_now() FOR UPDATE SKIP LOCKED)`,
      [LEASE_SECONDS, [...this.live], this.owner],
    );
  }

  async sweep(): Promise<ExpiredHold[]> {
    const answer = await this.database.query<{ o_operation: string; o_workspace: string; o_sequence: string }>(
      'SELECT * FROM ledger_expire($1)',
      [SWEEP_AT_MOST],
    );
    return answer.rows.map((row) => ({
      operationId: row.o_operation,
      workspaceId: row.o_workspace,
      sequence: BigInt(row.o_sequence),
    }));
  }
}
