import type { Database } from '../db/database';
import { newId } from '../lib/ids';

export interface ExportRecord {
  readonly id: string;
  readonly workspaceId: string;
  readonly format: 'CSV' | 'JSONL';
  /** What is listed, as it was asked for and checked: plain JSON, read again by those who wrote it. */
  readonly list: object;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/** Exports of one workspace whose addresses are good at a time. */
const OPEN_MAX = 1_000;
const LIFE_SECONDS = 3_600;

/** Exports that can be fetched: what they list, never the list itself. */
export class ExportRecords {
  constructor(private readonly database: Database) {}

  /** null: the workspace has as many open exports as it may; `retryAfterSeconds` says when the oldest ends. */
  async create(
    workspaceId: string,
    format: ExportRecord['format'],
    list: object,
  ): Promise<{ readonly id: string; readonly expiresAt: Date } | { readonly retryAfterSeconds: number }> {
    return this.database.transaction(async (tx) => {
      // Two that ask at the same time must not both find room for one.
      await tx.query('SELECT 1 FROM workspaces WHERE id = $1 FOR NO KEY UPDATE', [workspaceId]);
      const open = await tx.query<{ exports: string; seconds: string | null }>(
        `SELECT count(*) AS exports, ceil(extract(epoch FROM min(expires_at) - ledger_now())) AS seconds
         FROM usage_exports WHERE workspace_id = $1 AND expires_at > ledger_now()`,
        [workspaceId],
      );
      const { exports, seconds } = open.rows[0]!;
      if (Number(exports) >= OPEN_MAX) return { retryAfterSeconds: Math.max(1, Number(seconds ?? 1)) };
      const id = newId();
      const { rows } = await tx.query<{ expires_at: Date }>(
        `INSERT INTO usage_exports (id, workspace_id, format, list, created_at, expires_at)
         VALUES ($1, $2, $3, $4, ledger_now(), date_trunc('second', ledger_now()) + make_interval(secs => $5))
         RETURNING expires_at`,
        [id, workspaceId, format, JSON.stringify(list), LIFE_SECONDS],
      );
      return { id, expiresAt: rows[0]!.expires_at };
    });
  }

  /** For an address that carries its own proof. */
  async findSigned(id: string): Promise<ExportRecord | null> {
    const { rows } = await this.database.query<{
      workspace_id: string;
      format: ExportRecord['format'];
      list: object;
      created_at: Date;
      expires_at: Date;
    }>('SELECT workspace_id, format, list, created_at, expires_at FROM usage_exports WHERE id = $1', [id]);
    const row = rows[0];
    return row
      ? {
          id,
          workspaceId: row.workspace_id,
          format: row.format,
          list: row.list,
          createdAt: row.created_at,
          expiresAt: row.expires_at,
        }
      : null;
  }

  /** Forgets those whose addresses are no longer good. */
  async removeOld(): Promise<void> {
    await this.database.query('DELETE FROM usage_exports WHERE expires_at < ledger_now()');
  }
}
