import type { Database, Queryable } from '../../db/database';
import { chooseSlot, minuteOf, type Stretch } from './overage-slots';

/** Settled entries become visible with their commit, which follows the time that is written in them. */
const COMMIT_SLACK = '6 hours';
/** After the end of an hour, before it counts as closed. */
const CLOSE_SLACK = '1 minute';
/** Operations that end after their subscription has. */
const END_SLACK = '1 hour';

interface Uncollected {
  workspace_id: string;
  period_number: number;
  hour: Date;
  overage_rate: number;
  period_start: Date;
  period_end: Date;
  present_period_start: Date;
  total: string;
  collected: string;
  events: number;
  now: Date;
}

const UNCOLLECTED = `
SELECT u.*, p.period_start, p.period_end, a.period_start AS present_period_start,
  date_trunc('milliseconds', ledger_now()) AS now, e.collected, e.events
FROM (
  SELECT j.workspace_id, j.period_number, j.overage_rate, date_trunc('hour', j.recorded_at, 'UTC') AS hour,
    -sum(j.amount) AS total
  FROM journal j
  WHERE j.bucket = 'overage' AND j.overage_rate > 0 AND j.recorded_at >= $1 AND EXISTS (
    SELECT 1 FROM stripe_subscriptions s WHERE s.workspace_id = j.workspace_id AND j.recorded_at >= s.started_at
      AND (s.ended_at IS NULL OR j.recorded_at < s.ended_at + $3::interval))
  GROUP BY 1, 2, 3, 4
) u
JOIN billing_periods p ON p.workspace_id = u.workspace_id AND p.number = u.period_number
JOIN accounts a ON a.workspace_id = u.workspace_id
CROSS JOIN LATERAL (
  SELECT COALESCE(sum(micro_credits), 0) AS collected, count(*)::integer AS events FROM stripe_overage_events e
  WHERE e.workspace_id = u.workspace_id AND e.period_number = u.period_number AND e.hour = u.hour
    AND e.overage_rate = u.overage_rate
) e
WHERE u.total > e.collected AND (u.period_number < a.period_number OR u.hour + interval '1 hour' <= $2)
ORDER BY u.hour, u.workspace_id`;

/**
 * Makes the events of every hour that is closed, and of the last stretch of every period that ended: the journal's sum
 * less what earlier events say. Nothing is sent here. Answers how many were made.
 *
 * @param everything look through the whole journal, not only since the last time
 */
export async function collectOverage(database: Database, everything = false): Promise<number> {
  const { rows } = await database.query<{ since: string; closed: Date; next: Date }>(
    `SELECT (CASE WHEN $1 THEN '-infinity'::timestamptz ELSE collected_until - $2::interval END)::text AS since,
       ledger_now() - $3::interval AS closed, date_trunc('hour', ledger_now() - $3::interval, 'UTC') AS next
     FROM stripe_overage_progress`,
    [everything, COMMIT_SLACK, CLOSE_SLACK],
  );
  const { since, closed, next } = rows[0]!;
  const uncollected = await database.query<Uncollected>(UNCOLLECTED, [since, closed, END_SLACK]);
  let made = 0;
  for (const row of uncollected.rows) {
    if (await database.transaction((tx) => addEvent(tx, row))) made += 1;
  }
  await database.query('UPDATE stripe_overage_progress SET collected_until = GREATEST(collected_until, $1)', [next]);
  return made;
}

/** Two processes that collect at once make one event: both number it alike. */
async function addEvent(tx: Queryable, row: Uncollected): Promise<boolean> {
  await tx.query('SELECT 1 FROM stripe_customers WHERE workspace_id = $1 FOR UPDATE', [row.workspace_id]);
  const stretch: Stretch = {
    hour: row.hour,
    periodStart: row.period_start,
    periodEnd: row.period_end,
    presentPeriodStart: row.present_period_start,
    billedSince: null,
    now: row.now,
  };
  const countedAt = chooseSlot(stretch, await takenMinutes(tx, row.workspace_id, row.overage_rate));
  const { rowCount } = await tx.query(
    `INSERT INTO stripe_overage_events (identifier, workspace_id, period_number, hour, overage_rate, adjustment,
       micro_credits, counted_at, minute)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     ON CONFLICT (workspace_id, period_number, hour, overage_rate, adjustment) DO NOTHING`,
    [
      `overage-${row.workspace_id}-${row.period_number}-${row.hour.getTime() / 1000}-${row.overage_rate}-${row.events}`,
      row.workspace_id,
      row.period_number,
      row.hour,
      row.overage_rate,
      row.events,
      (BigInt(row.total) - BigInt(row.collected)).toString(),
      countedAt,
      minuteOf(countedAt),
    ],
  );
  return rowCount === 1;
}

/** Of all events of a workspace at a rate that could stand in the way of a new one. */
export async function takenMinutes(tx: Queryable, workspaceId: string, rate: number): Promise<ReadonlySet<number>> {
  const { rows } = await tx.query<{ minute: Date }>(
    `SELECT minute FROM stripe_overage_events WHERE workspace_id = $1 AND overage_rate = $2
       AND minute > ledger_now() - interval '36 days'`,
    [workspaceId, rate],
  );
  return new Set(rows.map(({ minute }) => minute.getTime()));
}
