import type { Database } from '../db/database';
import type { Clock } from '../lib/clock';
import { newId } from '../lib/ids';
import type { AttemptOutcome } from './message-post';
import type { LogEvent, StateEvent, WebhookEvent } from './webhook-event';

/** A message that is due. */
export interface WaitingMessage {
  readonly id: string;
  readonly event: WebhookEvent;
  readonly body: string;
  /** That were made already. */
  readonly attempts: number;
}

/** Messages between the commit that made them and the end of their last attempt. */
export class WaitingMessages {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** How many wait for an endpoint; counted up to `most`. */
  async count(endpointId: string, most: number): Promise<number> {
    const { rows } = await this.database.query<{ count: number }>(
      `SELECT count(*)::integer AS count FROM (SELECT FROM webhook_messages WHERE endpoint_id = $1 LIMIT $2) m`,
      [endpointId, most],
    );
    return rows[0]!.count;
  }

  /** Those whose time has come, the longest due first; without those that are under way. */
  async due(endpointId: string, most: number, underWay: readonly string[]): Promise<WaitingMessage[]> {
    const { rows } = await this.database.query<{ id: string; event: WebhookEvent; body: string; attempts: number }>(
      `SELECT id, event, body, attempts FROM webhook_messages
       WHERE endpoint_id = $1 AND next_attempt_at <= (SELECT ledger_now()) AND id <> ALL ($3::uuid[])
       ORDER BY next_attempt_at, id LIMIT $2`,
      [endpointId, most, underWay],
    );
    return rows;
  }

  /**
   * Moves an endpoint's place in a log and makes the messages of what lies between, in one step.
   * @returns whether it did: false when the place was moved by another, or is gone
   */
  async addLogged(
    endpointId: string,
    event: LogEvent,
    from: bigint,
    to: bigint,
    bodies: readonly string[],
  ): Promise<boolean> {
    const ids = bodies.map(() => newId(this.clock.now()));
    const { rows } = await this.database.query<{ moved: boolean }>(
      `WITH moved AS (
         UPDATE webhook_places SET sequence = $4 WHERE endpoint_id = $1 AND event = $2 AND sequence = $3
         RETURNING ledger_now() AS now
       ), made AS (
         INSERT INTO webhook_messages (id, endpoint_id, event, body, created_at, next_attempt_at)
         -- A microsecond apart, so that they are begun in their order; the last is due now, also by a coarse clock.
         SELECT m.id, $1, $2, m.body, now,
           now - make_interval(secs => (cardinality($5::uuid[]) - m.n) * 0.000001)
         FROM moved, unnest($5::uuid[], $6::text[]) WITH ORDINALITY AS m (id, body, n)
       )
       SELECT EXISTS (SELECT FROM moved) AS moved`,
      [endpointId, event, from.toString(), to.toString(), ids, bodies],
    );
    return rows[0]!.moved;
  }

  /**
   * Notes which version of a state was looked at, and makes the message of it, in one step. What still waits of an
   * earlier state is taken back: the last one is told, no sooner than the earlier one would have been tried again.
   * @param told the message's body and a digest of its data; null: it says what was told before
   * @returns by how many messages more wait than before; null when the place was moved by another, or is gone
   */
  async addState(
    endpointId: string,
    event: StateEvent,
    from: string,
    to: string,
    told: { readonly body: string; readonly content: Buffer } | null,
  ): Promise<number | null> {
    if (told === null) {
      const { rowCount } = await this.database.query(
        'UPDATE webhook_places SET version = $4 WHERE endpoint_id = $1 AND event = $2 AND version = $3',
        [endpointId, event, from, to],
      );
      return rowCount > 0 ? 0 : null;
    }
    const { rows } = await this.database.query<{ moved: boolean; superseded: number }>(
      `WITH moved AS (
         UPDATE webhook_places SET version = $4, content = $5, told_at = ledger_now()
         WHERE endpoint_id = $1 AND event = $2 AND version = $3 RETURNING told_at AS now
       ), superseded AS (
         DELETE FROM webhook_messages m USING moved
         WHERE m.endpoint_id = $1 AND m.event = $2 AND m.event IN ('BALANCE_CHANGED', 'SUBSCRIPTION_CHANGED')
         RETURNING m.next_attempt_at
       ), made AS (
         INSERT INTO webhook_messages (id, endpoint_id, event, body, created_at, next_attempt_at)
         SELECT $6::uuid, $1, $2, $7::text, now, GREATEST(now, (SELECT max(next_attempt_at) FROM superseded)) FROM moved
       )
       SELECT EXISTS (SELECT FROM moved) AS moved, (SELECT count(*)::integer FROM superseded) AS superseded`,
      [endpointId, event, from, to, told.content, newId(this.clock.now()), told.body],
    );
    return rows[0]!.moved ? 1 - rows[0]!.superseded : null;
  }

  /**
   * Writes down an attempt and what follows from it, in one step: the message is gone, or waits for its next attempt.
   * @param retryMs until the next attempt; null: there is none
   * @returns false when the message is not what it was before the attempt, or its endpoint is gone: nothing is written
   */
  async record(
    endpointId: string,
    message: WaitingMessage,
    outcome: AttemptOutcome,
    retryMs: number | null,
  ): Promise<boolean> {
    const change =
      retryMs === null
        ? `DELETE FROM webhook_messages m USING webhook_endpoints e
           WHERE m.id = $2 AND m.attempts = $3 - 1 AND e.id = $1 AND $4::double precision IS NULL
           RETURNING m.event, NULL::timestamptz AS next_attempt_at`
        : `UPDATE webhook_messages m SET attempts = $3,
             next_attempt_at = ledger_now() + make_interval(secs => $4::double precision / 1000)
           FROM webhook_endpoints e WHERE m.id = $2 AND m.attempts = $3 - 1 AND e.id = $1
           RETURNING m.event, m.next_attempt_at`;
    const { rowCount } = await this.database.query(
      `WITH changed AS (${change})
       INSERT INTO webhook_deliveries (id, endpoint_id, message_id, event, attempt, response_status, error, created_at,
         next_attempt_at)
       SELECT $5::uuid, $1, $2, event, $3, $6::integer, $7::text, ledger_now(), next_attempt_at FROM changed`,
      [endpointId, message.id, message.attempts + 1, retryMs, newId(this.clock.now()), outcome.status, outcome.error],
    );
    return rowCount > 0;
  }
}
