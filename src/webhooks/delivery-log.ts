import type { Database } from '../db/database';
import { decodeCursor, encodeCursor, foreignCursor, type Page, pageOf } from '../lib/cursors';
import { isId } from '../lib/ids';
import type { WebhookEvent } from './webhook-event';

/** One attempt to deliver a message. */
export interface WebhookDelivery {
  readonly id: string;
  /** What the header webhook-id said: the same at each attempt. */
  readonly messageId: string;
  readonly event: WebhookEvent;
  /** 1 for the first. */
  readonly attempt: number;
  readonly responseStatus: number | null;
  /** null: it was delivered. */
  readonly error: string | null;
  readonly createdAt: Date;
  /** null: there is no further attempt. */
  readonly nextAttemptAt: Date | null;
}

interface Row {
  id: string;
  message_id: string;
  event: WebhookEvent;
  attempt: number;
  response_status: number | null;
  error: string | null;
  created_at: Date;
  next_attempt_at: Date | null;
  /** Of created_at since 1970, all of them: a cursor must not lose any. */
  microseconds: string;
}

const KEPT_DAYS = 30;
/** Rows that one statement removes, so that none takes long. */
const REMOVED_AT_ONCE = 2_000;
const STATEMENTS_MAX = 100;

/** What was tried and what came of it, for 30 days. */
export class DeliveryLog {
  constructor(private readonly database: Database) {}

  /** Newest first. The endpoint is the workspace's own, which the caller has made sure of. */
  async list(
    workspaceId: string,
    endpointId: string,
    { first, after }: { readonly first: number; readonly after: string | null },
  ): Promise<Page<WebhookDelivery>> {
    const binding = { workspaceId, query: 'webhookDeliveries', filter: { endpointId } };
    const [microseconds = null, id = null] = decodeCursor(binding, after) ?? [];
    if (microseconds !== null && !(/^\d{1,17}$/.test(microseconds) && id !== null && isId(id))) throw foreignCursor();
    const { rows } = await this.database.query<Row>(
      `SELECT id, message_id, event, attempt, response_status, error, created_at, next_attempt_at,
         (extract(epoch FROM created_at) * 1000000)::bigint AS microseconds
       FROM webhook_deliveries WHERE endpoint_id = $1 AND ($2::bigint IS NULL
         OR (created_at, id) < (timestamptz 'epoch' + $2::bigint * interval '1 microsecond', $3::uuid))
       ORDER BY created_at DESC, id DESC LIMIT $4`,
      [endpointId, microseconds, id, first + 1],
    );
    const page = pageOf(rows, first, after, (row) => encodeCursor(binding, [row.microseconds, row.id]));
    return { ...page, edges: page.edges.map(({ cursor, node }) => ({ cursor, node: deliveryOf(node) })) };
  }

  /** Removes what is older than 30 days, and what is left of endpoints that were deleted. */
  async removeOld(): Promise<void> {
    await this.repeat(
      `DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries
         WHERE created_at < (SELECT ledger_now()) - make_interval(days => $2) ORDER BY created_at LIMIT $1)`,
      [REMOVED_AT_ONCE, KEPT_DAYS],
    );
    const { rows } = await this.database.query<{ endpoint_id: string }>('SELECT endpoint_id FROM webhook_removals');
    for (const { endpoint_id: id } of rows) {
      let done = true;
      for (const table of ['webhook_messages', 'webhook_deliveries']) {
        done &&= await this.repeat(
          `DELETE FROM ${table} WHERE id IN (SELECT id FROM ${table} WHERE endpoint_id = $2 LIMIT $1)`,
          [REMOVED_AT_ONCE, id],
        );
      }
      if (done) await this.database.query('DELETE FROM webhook_removals WHERE endpoint_id = $1', [id]);
    }
  }

  /** Answers whether nothing is left; otherwise the rest is for the next time. */
  private async repeat(statement: string, parameters: readonly unknown[]): Promise<boolean> {
    for (let at = 0; at < STATEMENTS_MAX; at += 1) {
      const { rowCount } = await this.database.query(statement, parameters);
      if (rowCount < REMOVED_AT_ONCE) return true;
    }
    return false;
  }
}

const deliveryOf = (row: Row): WebhookDelivery => ({
  id: row.id,
  messageId: row.message_id,
  event: row.event,
  attempt: row.attempt,
  responseStatus: row.response_status,
  error: row.error,
  createdAt: row.created_at,
  nextAttemptAt: row.next_attempt_at,
});
