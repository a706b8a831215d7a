import type { Database } from '../db/database';
import type { AlertRow } from './alert-kinds';

const COLUMNS = 'workspace_id, sequence, id, rule_id, kind, message, details, raised_at';

/** The alerts of a workspace as they were raised. */
export class AlertLog {
  constructor(private readonly database: Database) {}

  /** Newest first. @param before sequence that the page lies behind; null: from the newest */
  async newest(workspaceId: string, before: bigint | null, limit: number): Promise<AlertRow[]> {
    const { rows } = await this.database.query<AlertRow>(
      `SELECT ${COLUMNS} FROM alerts WHERE workspace_id = $1 AND ($2::bigint IS NULL OR sequence < $2)
       ORDER BY sequence DESC LIMIT $3`,
      [workspaceId, before?.toString() ?? null, limit],
    );
    return rows;
  }

  /** In the order in which they were raised, without gaps, after a sequence. */
  async after(workspaceId: string, sequence: bigint, limit: number): Promise<AlertRow[]> {
    const { rows } = await this.database.query<AlertRow>(
      `SELECT ${COLUMNS} FROM alerts WHERE workspace_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3`,
      [workspaceId, sequence.toString(), limit],
      'alerts_after',
    );
    return rows;
  }

  /** 0 where none was ever raised. */
  async lastSequence(workspaceId: string): Promise<bigint> {
    const { rows } = await this.database.query<{ last_sequence: string }>(
      'SELECT last_sequence FROM alert_watches WHERE workspace_id = $1',
      [workspaceId],
    );
    return BigInt(rows[0]?.last_sequence ?? 0);
  }

  /** Whether the alert of this sequence exists and was raised at most so many seconds ago, by the database's clock. */
  async isWithin(workspaceId: string, sequence: bigint, seconds: number): Promise<boolean> {
    const { rowCount } = await this.database.query(
      `SELECT 1 FROM alerts WHERE workspace_id = $1 AND sequence = $2
         AND raised_at >= ledger_now() - make_interval(secs => $3)`,
      [workspaceId, sequence.toString(), seconds],
    );
    return rowCount > 0;
  }
}
