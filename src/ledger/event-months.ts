import type { Database, Queryable } from '../db/database';
import { AppError } from '../lib/errors';

/** Months kept beside the present one, so that no settle ever waits for a partition to be made. */
const MONTHS_AHEAD = 3;
/** Days from a month's end on which what may still be asked of its events (prices, limits, cursors) is over. */
export const KEPT_DAYS = 62;
const LOCK_MS = 5_000;

/** One partition of the usage events. */
export interface EventMonth {
  readonly name: string;
  /** Not included; null: it holds events of times that no month was made for. */
  readonly end: Date | null;
  readonly events: number;
  readonly bytes: number;
}

/** Makes the partitions that the next months need; answers how many there were to make. */
export async function openEventMonths(database: Queryable): Promise<number> {
  const { rows } = await database.query<{ made: number }>(
    'SELECT open_usage_event_months(ledger_now(), $1) AS made',
    [MONTHS_AHEAD],
    'open_usage_event_months',
  );
  return rows[0]!.made;
}

/** The partitions that there are, oldest first. Counting reads all of them. */
export async function eventMonths(database: Queryable): Promise<EventMonth[]> {
  const partitions = await database.query<{ name: string; end_ms: string | null; bytes: string }>(
    `SELECT c.relname AS name, ${MILLISECONDS} AS end_ms, pg_total_relation_size(c.oid) AS bytes
     FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid LEFT JOIN usage_event_months m ON m.name = c.relname
     WHERE i.inhparent = 'usage_events'::regclass ORDER BY m.end_id NULLS LAST`,
  );
  const months: EventMonth[] = [];
  for (const { name, end_ms, bytes } of partitions.rows) {
    const counted = await database.query<{ events: string }>(`SELECT count(*) AS events FROM ${quoted(name)}`);
    months.push({
      name,
      end: end_ms === null ? null : new Date(Number(end_ms)),
      events: Number(counted.rows[0]!.events),
      bytes: Number(bytes),
    });
  }
  return months;
}

/** Months that end at a moment or before it, and may be dropped. */
export async function droppableMonths(database: Queryable, before: Date): Promise<EventMonth[]> {
  return (await eventMonths(database)).filter(({ end }) => end !== null && end <= before);
}

/**
 * Drops the events of one month. Sums, journal and invoices stay as they are, and what the events added is kept, so that
 * `ledger verify` still proves the rest. Settles wait for a moment.
 * @throws AppError CONFLICT while an operation of that month has not ended, or others hold the table for 5 s
 */
export async function dropEventMonth(database: Database, name: string): Promise<void> {
  await database.transaction(async (tx) => {
    const found = await tx.query<{ end_id: string }>(
      'SELECT end_id FROM usage_event_months WHERE name = $1 AND dropped_at IS NULL FOR UPDATE',
      [name],
    );
    if (!found.rows[0]) return;
    const held = await tx.query('SELECT 1 FROM holds WHERE operation_id < $1 LIMIT 1', [found.rows[0].end_id]);
    if (held.rowCount > 0)
      throw new AppError('CONFLICT', 'An operation of that time has not ended yet; try again in some minutes.');
    await tx.query(`SET LOCAL lock_timeout = '${LOCK_MS}ms'`);
    try {
      await tx.query(`LOCK TABLE ${quoted(name)} IN SHARE MODE`);
      await tx.query(
        `INSERT INTO dropped_usage (name, workspace_id, period_number, capability, events, last_sequence, requests,
           credits)
         SELECT $1, workspace_id, period_number, capability, count(*), max(sequence),
           count(*) FILTER (WHERE status <> 'UNKNOWN'), sum(credits)
         FROM ${quoted(name)} GROUP BY workspace_id, period_number, capability`,
        [name],
      );
      await tx.query(`DROP TABLE ${quoted(name)}`);
    } catch (error) {
      if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE) throw error;
      throw new AppError(
        'CONFLICT',
        'The events are in use; nothing was dropped. Try again in some minutes.',
        {},
        error,
      );
    }
    await tx.query('UPDATE usage_event_months SET dropped_at = ledger_now() WHERE name = $1', [name]);
  });
}

/** From when on every event is still there; null: none was ever dropped. */
export async function eventsKeptFrom(database: Queryable): Promise<Date | null> {
  const { rows } = await database.query<{ end_ms: string }>(
    `SELECT ${MILLISECONDS} AS end_ms FROM usage_event_months m WHERE dropped_at IS NOT NULL
     ORDER BY end_id DESC LIMIT 1`,
  );
  return rows[0] ? new Date(Number(rows[0].end_ms)) : null;
}

const LOCK_NOT_AVAILABLE = '55P03';
/** Of the time that the end of a month's ids begins with. */
const MILLISECONDS = `('x' || lpad(substr(replace(m.end_id::text, '-', ''), 1, 12), 16, '0'))::bit(64)::bigint`;
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
