import type { Database, Queryable } from '../../db/database';

/** An event of Stripe as it is remembered. */
export interface EventRecord {
  readonly id: string;
  readonly type: string;
}

/** Stripe sends an event again for 3 days, and by hand for 30; what it tells is read anew anyway. */
const KEPT_DAYS = 45;

/** Whether the effect of an event is committed. */
export async function isHandled(database: Queryable, id: string): Promise<boolean> {
  const { rows } = await database.query('SELECT 1 FROM stripe_events WHERE id = $1', [id]);
  return rows.length > 0;
}

/** Writes an event down within the transaction of its effect; false: another delivery of it was faster. */
export async function recordEvent(tx: Queryable, event: EventRecord): Promise<boolean> {
  const { rowCount } = await tx.query(
    'INSERT INTO stripe_events (id, type) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING',
    [event.id, event.type],
  );
  return rowCount === 1;
}

/** Forgets events that do not come again. */
export async function forgetOldEvents(database: Database): Promise<void> {
  await database.query('DELETE FROM stripe_events WHERE recorded_at < ledger_now() - make_interval(days => $1)', [
    KEPT_DAYS,
  ]);
}
