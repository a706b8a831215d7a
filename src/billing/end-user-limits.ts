import type { Database, Queryable } from '../db/database';
import type { MicroCredits } from '../lib/credits';
import { decodeCursor, encodeCursor, foreignCursor, type Page, pageOf } from '../lib/cursors';
import { isEndUserId } from '../lib/end-user-id';
import { AppError, notFound } from '../lib/errors';
import { type AccountState, ledgerNow, lockAccount } from './account-state';
import type { AccountBalance, Balances } from './balances';
import {
  countHolds,
  type EndUserSpan,
  type EndUserUse,
  type SettledUse,
  sameSums,
  settledUse,
  spanOf,
} from './end-user-usage';

/** What one end user may use at most; null: no such limit. At least one is given. */
export interface EndUserBounds {
  readonly creditsPerDay: MicroCredits | null;
  readonly creditsPerPeriod: MicroCredits | null;
  readonly requestsPerMinute: number | null;
}

/** The limits of an end user, with what was charged for what began today (UTC) and in this period. Micro-credits. */
export interface EndUserLimit {
  readonly endUserId: string;
  readonly creditsPerDay: bigint | null;
  readonly creditsPerPeriod: bigint | null;
  readonly requestsPerMinute: number | null;
  readonly usedToday: bigint;
  readonly usedThisPeriod: bigint;
  readonly updatedAt: Date;
}

/** Of one workspace: they are counted while its account is locked, which must stay short. */
export const END_USER_LIMITS_MAX = 10_000;

/** What had settled in a span when it was counted, with no lock. */
interface Counted {
  readonly span: EndUserSpan;
  readonly use: SettledUse;
}

interface Row {
  end_user_id: string;
  credits_per_day: string | null;
  credits_per_period: string | null;
  requests_per_minute: number | null;
  used_today: string;
  used_this_period: string;
  updated_at: Date;
}

/** The sums of a day or a period that is over stay as they are until the next operation, and count no more. */
const COLUMNS = `l.end_user_id, l.credits_per_day, l.credits_per_period, l.requests_per_minute, l.updated_at,
  CASE WHEN l.day = (ledger_now() AT TIME ZONE 'UTC')::date THEN l.day_spent ELSE 0 END AS used_today,
  CASE WHEN l.period_number = a.period_number THEN l.period_spent ELSE 0 END AS used_this_period`;

/**
 * Limits of single end users. `ledger_commit` checks and holds them in the commit that holds the credits. What changes
 * them here locks the account, so that no admission falls between.
 */
export class EndUserLimits {
  constructor(
    private readonly database: Database,
    private readonly balances: Balances,
  ) {}

  /**
   * Puts limits in the place of those that the end user had, which go on from what was counted. The first ones start
   * from what was charged in this day, period and minute before they were set, and what is held at the moment.
   * @throws AppError PLAN_LIMIT (limit, max, actual, plan) where the workspace has 10,000 already, NOT_FOUND for an
   *   unknown workspace
   */
  async set(workspaceId: string, endUserId: string, bounds: EndUserBounds): Promise<EndUserLimit> {
    // All operations of the workspace wait for the lock. So what has settled is summed before it is taken, and under it
    // only what settled since; where a day or a period began in between, it is done again.
    for (let counted: Counted | null = null; ; ) {
      const account = await this.present(workspaceId);
      const limit = await this.database.transaction((tx) => setLocked(tx, workspaceId, endUserId, bounds, counted));
      if (limit) return limit;
      const span = spanOf(await ledgerNow(this.database), endUserId, account);
      counted = { span, use: await settledUse(this.database, span, null) };
    }
  }

  /** In the order of the ids of the end users. */
  async list(
    workspaceId: string,
    { first, after }: { first: number; after: string | null },
  ): Promise<Page<EndUserLimit>> {
    const binding = { workspaceId, query: 'endUserLimits' };
    const [place = null] = decodeCursor(binding, after) ?? [];
    if (place !== null && !isEndUserId(place)) throw foreignCursor();
    await this.present(workspaceId);
    const { rows } = await this.database.query<Row>(
      `SELECT ${COLUMNS} FROM end_user_limits l JOIN accounts a ON a.workspace_id = l.workspace_id
       WHERE l.workspace_id = $1 AND ($2::text IS NULL OR l.end_user_id > $2)
       ORDER BY l.end_user_id LIMIT $3`,
      [workspaceId, place, first + 1],
    );
    return pageOf(rows.map(limitOf), first, after, ({ endUserId }) => encodeCursor(binding, [endUserId]));
  }

  /** @throws AppError NOT_FOUND where the end user has none, or is another workspace's */
  async delete(workspaceId: string, endUserId: string): Promise<void> {
    const deleted = await this.database.transaction(async (tx) => {
      await lockAccount(tx, workspaceId);
      return tx.query('DELETE FROM end_user_limits WHERE workspace_id = $1 AND end_user_id = $2', [
        workspaceId,
        endUserId,
      ]);
    });
    if (deleted.rowCount === 0) throw notFound('end-user limit');
  }

  /** The account in its present period. */
  private async present(workspaceId: string): Promise<AccountBalance> {
    const account = await this.balances.read(workspaceId);
    if (!account) throw notFound('workspace');
    return account;
  }
}

/** Under the account's lock. null: what settled before is not counted yet, or was in an earlier day or period. */
async function setLocked(
  tx: Queryable,
  workspaceId: string,
  endUserId: string,
  bounds: EndUserBounds,
  counted: Counted | null,
): Promise<EndUserLimit | null> {
  const account = await lockAccount(tx, workspaceId);
  if (!account || account.periodEnd <= account.now) return null;
  const changed = await tx.query<Row>(
    `UPDATE end_user_limits l SET credits_per_day = $3, credits_per_period = $4, requests_per_minute = $5,
       updated_at = ledger_now()
     FROM accounts a WHERE l.workspace_id = $1 AND l.end_user_id = $2 AND a.workspace_id = l.workspace_id
     RETURNING ${COLUMNS}`,
    [workspaceId, endUserId, ...columnsOf(bounds)],
  );
  if (changed.rows[0]) return limitOf(changed.rows[0]);
  const span = spanOf(account.now, endUserId, account);
  if (!counted || !sameSums(counted.span, span)) return null;
  await requireRoom(tx, account);
  const since = await settledUse(tx, span, counted.use.sequence);
  const sameMinute = counted.span.minuteStart.getTime() === span.minuteStart.getTime();
  const settled = {
    day: counted.use.day + since.day,
    period: counted.use.period + since.period,
    // What settled before a minute began is none of it.
    requests: (sameMinute ? counted.use.requests : 0) + since.requests,
  };
  return begin(tx, span, bounds, settled, await countHolds(tx, span));
}

/** The first limits of an end user, with what counts against them already. */
async function begin(
  tx: Queryable,
  span: EndUserSpan,
  bounds: EndUserBounds,
  settled: EndUserUse,
  held: EndUserUse,
): Promise<EndUserLimit> {
  const { rows } = await tx.query<Row>(
    `WITH l AS (
       INSERT INTO end_user_limits (workspace_id, end_user_id, credits_per_day, credits_per_period,
         requests_per_minute, day, day_spent, day_held, period_number, period_spent, period_held, minute,
         minute_requests, created_at, updated_at)
       VALUES ($1, $2, $3, $4, $5, ($6::timestamptz AT TIME ZONE 'UTC')::date, $7, $8, $9, $10, $11,
         extract(epoch FROM $12::timestamptz)::bigint / 60, $13, ledger_now(), ledger_now())
       RETURNING *
     )
     SELECT ${COLUMNS} FROM l JOIN accounts a ON a.workspace_id = l.workspace_id`,
    [
      span.workspaceId,
      span.endUserId,
      ...columnsOf(bounds),
      span.dayStart,
      settled.day.toString(),
      held.day.toString(),
      span.periodNumber,
      settled.period.toString(),
      held.period.toString(),
      span.minuteStart,
      settled.requests + held.requests,
    ],
  );
  return limitOf(rows[0]!);
}

async function requireRoom(tx: Queryable, { workspaceId, planId }: AccountState): Promise<void> {
  const { rows } = await tx.query<{ actual: number }>(
    'SELECT count(*)::integer AS actual FROM end_user_limits WHERE workspace_id = $1',
    [workspaceId],
  );
  const actual = rows[0]!.actual;
  if (actual < END_USER_LIMITS_MAX) return;
  throw new AppError(
    'PLAN_LIMIT',
    `A workspace keeps limits of at most ${END_USER_LIMITS_MAX} end users: remove those of some with deleteEndUserLimit first.`,
    { limit: 'END_USER_LIMITS', max: END_USER_LIMITS_MAX, actual, plan: planId },
  );
}

const columnsOf = ({ creditsPerDay, creditsPerPeriod, requestsPerMinute }: EndUserBounds): unknown[] => [
  creditsPerDay?.toString() ?? null,
  creditsPerPeriod?.toString() ?? null,
  requestsPerMinute,
];

const big = (text: string | null): bigint | null => (text === null ? null : BigInt(text));

const limitOf = (row: Row): EndUserLimit => ({
  endUserId: row.end_user_id,
  creditsPerDay: big(row.credits_per_day),
  creditsPerPeriod: big(row.credits_per_period),
  requestsPerMinute: row.requests_per_minute,
  usedToday: BigInt(row.used_today),
  usedThisPeriod: BigInt(row.used_this_period),
  updatedAt: row.updated_at,
});
