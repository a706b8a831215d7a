import type { Database } from '../db/database';
import { isConnectionError } from '../db/postgres';
import type { Clock } from '../lib/clock';
import { AppError } from '../lib/errors';

/** One row of `ledger_commit`'s answer. */
export interface CommitRow {
  o_operation: string;
  o_outcome: string;
  o_sequence: string | null;
  o_credits: string;
  o_overage: string;
  o_allowance: string;
  o_balance: string;
  o_cost: string;
  o_required: string | null;
  o_available: string | null;
  o_other: string | null;
  o_settled_at: Date | null;
  o_limit: 'CREDITS_PER_DAY' | 'CREDITS_PER_PERIOD' | 'REQUESTS_PER_MINUTE' | null;
  o_reset_at: Date | null;
}

export interface CommitItem {
  readonly kind: 'settle' | 'reserve';
  readonly operation_id: string;
  readonly workspace_id: string;
}

interface Waiting {
  readonly item: CommitItem;
  readonly deadline: number;
  readonly resolve: (row: CommitRow) => void;
  readonly reject: (error: unknown) => void;
}

interface Lane {
  queue: Waiting[];
  busy: boolean;
}

const SQL = 'SELECT * FROM ledger_commit($1::jsonb, $2::jsonb, $3::uuid, $4::integer, $5::boolean, false)';
/** More lanes let workspaces commit side by side; a workspace always uses the same one, so it never waits for itself. */
const LANES = 4;
const GROUP_MAX = 500;
const RETRY_AFTER_MS = 250;

/** How long an item is tried again while the database does not answer. */
const PATIENCE_MS = { reserve: 5_000, settle: 50_000 } as const;

/**
 * Coalesces reserves and settles: what waits while a commit is under way goes into the next one, so that one flush of
 * the log serves many. Nothing is answered before its commit is durable. A group that fails for its content is sent
 * again one by one, so that a bad item refuses only itself; a group whose answer was lost is sent again whole, and
 * the statement finds what it had done.
 */
export class GroupCommit {
  private readonly lanes: Lane[] = Array.from({ length: LANES }, () => ({ queue: [], busy: false }));

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly owner: string,
    private readonly leaseSeconds: number,
  ) {}

  submit(item: CommitItem): Promise<CommitRow> {
    return new Promise((resolve, reject) => {
      const lane = this.lanes[laneOf(item.workspace_id)]!;
      lane.queue.push({ item, deadline: this.clock.monotonic() + PATIENCE_MS[item.kind], resolve, reject });
      if (!lane.busy) {
        lane.busy = true;
        // After the callbacks of this turn of the loop, so that what arrived together commits together.
        setImmediate(() => void this.drain(lane));
      }
    });
  }

  private async drain(lane: Lane): Promise<void> {
    while (lane.queue.length > 0) {
      const group = lane.queue.length <= GROUP_MAX ? lane.queue : lane.queue.slice(0, GROUP_MAX);
      lane.queue = lane.queue.length <= GROUP_MAX ? [] : lane.queue.slice(GROUP_MAX);
      await this.commit(lane, group, false);
    }
    lane.busy = false;
  }

  private async commit(lane: Lane, group: readonly Waiting[], again: boolean): Promise<void> {
    const settles: CommitItem[] = [];
    const reserves: CommitItem[] = [];
    for (const { item } of group) (item.kind === 'settle' ? settles : reserves).push(item);
    try {
      const answer = await this.database.query<CommitRow>(
        SQL,
        [JSON.stringify(settles), JSON.stringify(reserves), this.owner, this.leaseSeconds, again],
        'ledger_commit',
      );
      // Those that were answered go on at once, each with work of its own. The next group is sent before, so that the
      // database works at the same time.
      if (lane.queue.length > 0) setImmediate(() => this.answer(group, answer.rows));
      else this.answer(group, answer.rows);
    } catch (error) {
      if (isConnectionError(error)) await this.retryLater(lane, group, error);
      else if (group.length === 1) group[0]!.reject(error);
      else for (const waiting of group) await this.commit(lane, [waiting], again);
    }
  }

  private answer(group: readonly Waiting[], rows: readonly CommitRow[]): void {
    const byKey = new Map<string, CommitRow>();
    for (const row of rows) byKey.set(row.o_operation, row);
    for (const waiting of group) {
      const row = byKey.get(waiting.item.operation_id);
      if (row) waiting.resolve(row);
      else waiting.reject(new AppError('INTERNAL_SERVER_ERROR', 'The ledger gave no answer for an operation.'));
    }
  }

  private async retryLater(lane: Lane, group: readonly Waiting[], cause: unknown): Promise<void> {
    const now = this.clock.monotonic();
    const patient = group.filter((waiting) => waiting.deadline > now);
    for (const waiting of group) {
      if (waiting.deadline <= now) {
        waiting.reject(
          new AppError(
            'UNAVAILABLE',
            'The database does not answer, so nothing can be metered; try again shortly.',
            {},
            cause,
          ),
        );
      }
    }
    if (patient.length === 0) return;
    await new Promise<void>((resolve) => setTimeout(resolve, RETRY_AFTER_MS));
    await this.commit(lane, patient, true);
  }
}

/** A stable spread of workspaces over lanes, from the random end of the id. */
function laneOf(workspaceId: string): number {
  return Number.parseInt(workspaceId.slice(-2), 16) % LANES;
}
