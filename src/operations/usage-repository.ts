import type { Database } from '../db/database';
import type { EventDraft } from '../ledger/entries';
import type { UsageEventRow } from '../ledger/usage-event';

/** An operation that is under way somewhere: its hold, with what is known of its event. */
export interface HeldOperation {
  readonly details: EventDraft;
  readonly createdAt: Date;
  readonly clientTokenId: string | null;
}

/** Queries over usage events and open holds. A foreign id answers like a missing one. */
export class UsageRepository {
  constructor(private readonly database: Database) {}

  async event(id: string, workspaceId: string): Promise<UsageEventRow | null> {
    const { rows } = await this.database.query<UsageEventRow>(
      'SELECT * FROM usage_events WHERE id = $1 AND workspace_id = $2',
      [id, workspaceId],
      'usage_event',
    );
    return rows[0] ?? null;
  }

  /** For an address that carries its own proof, such as a signed audio URL. */
  async eventById(id: string): Promise<UsageEventRow | null> {
    const { rows } = await this.database.query<UsageEventRow>('SELECT * FROM usage_events WHERE id = $1', [id]);
    return rows[0] ?? null;
  }

  async held(id: string, workspaceId: string): Promise<HeldOperation | null> {
    const { rows } = await this.database.query<{
      details: EventDraft;
      created_at: Date;
      client_token_id: string | null;
    }>('SELECT details, created_at, client_token_id FROM holds WHERE operation_id = $1 AND workspace_id = $2', [
      id,
      workspaceId,
    ]);
    return rows[0]
      ? { details: rows[0].details, createdAt: rows[0].created_at, clientTokenId: rows[0].client_token_id }
      : null;
  }

  async isHeld(id: string): Promise<boolean> {
    const { rowCount } = await this.database.query('SELECT 1 FROM holds WHERE operation_id = $1', [id]);
    return rowCount > 0;
  }

  /** The newest operation under an idempotency key that still holds; null where there is none. */
  async underKey(
    workspaceId: string,
    operation: string,
    key: string,
  ): Promise<{ readonly operationId: string; readonly inputHash: string } | null> {
    const { rows } = await this.database.query<{ operation_id: string; input_hash: string }>(
      `SELECT operation_id, input_hash FROM idempotency_keys WHERE workspace_id = $1 AND operation = $2 AND key = $3
         AND created_at > ledger_now() - interval '24 hours'`,
      [workspaceId, operation, key],
    );
    return rows[0] ? { operationId: rows[0].operation_id, inputHash: rows[0].input_hash } : null;
  }

  /** Media type of what an operation that is under way makes; null where there is no such operation. */
  async heldContentType(id: string): Promise<string | null> {
    const { rows } = await this.database.query<{ content_type: string | null }>(
      `SELECT details -> 'artifact' ->> 'contentType' AS content_type FROM holds WHERE operation_id = $1`,
      [id],
    );
    return rows[0]?.content_type ?? null;
  }

  async isDeleted(id: string): Promise<boolean> {
    const { rowCount } = await this.database.query('SELECT 1 FROM deleted_speeches WHERE id = $1', [id]);
    return rowCount > 0;
  }

  async markDeleted(id: string, workspaceId: string): Promise<void> {
    await this.database.query(
      'INSERT INTO deleted_speeches (id, workspace_id) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING',
      [id, workspaceId],
    );
  }

  /** In order of settlement, after a sequence. */
  async eventsAfter(workspaceId: string, sequence: bigint, limit: number): Promise<UsageEventRow[]> {
    const { rows } = await this.database.query<UsageEventRow>(
      'SELECT * FROM usage_events WHERE workspace_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3',
      [workspaceId, sequence.toString(), limit],
      'usage_events_after',
    );
    return rows;
  }

  /** The first event that settled at most so many seconds ago; null: there is none. */
  async oldestWithin(workspaceId: string, seconds: number): Promise<bigint | null> {
    const { rows } = await this.database.query<{ sequence: string }>(
      `SELECT sequence FROM usage_events
       WHERE workspace_id = $1 AND settled_at >= ledger_now() - make_interval(secs => $2)
       ORDER BY settled_at, sequence LIMIT 1`,
      [workspaceId, seconds],
      'usage_events_oldest_within',
    );
    return rows[0] ? BigInt(rows[0].sequence) : null;
  }

  async lastSequence(workspaceId: string): Promise<bigint> {
    const { rows } = await this.database.query<{ event_sequence: string }>(
      'SELECT event_sequence FROM accounts WHERE workspace_id = $1',
      [workspaceId],
    );
    return BigInt(rows[0]?.event_sequence ?? 0);
  }
}
