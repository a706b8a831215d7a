import type { RecordingFormat } from '../../providers/contract/stt';
import type { Database } from '../db/database';
import type { ProbedRecording } from './probe/probe-recording';
import type { StoredBytes } from './recording-files';
import type { UploadPurpose } from './upload-purposes';

/** Whose an upload is. */
export interface UploadOwner {
  readonly workspaceId: string;
  /** null: an API key, which sees all of its workspace. */
  readonly clientTokenId: string | null;
}

export interface UploadRecord extends UploadOwner {
  readonly id: string;
  readonly purpose: UploadPurpose;
  readonly contentType: string;
  readonly sizeBytes: number;
  readonly expiresAt: Date;
  /** null until it has arrived. */
  readonly sha256: string | null;
  /** null before it arrived and once it was used. */
  readonly fileName: string | null;
  readonly used: boolean;
  readonly probed: ProbedRecording | null;
}

interface UploadRow {
  id: string;
  workspace_id: string;
  client_token_id: string | null;
  purpose: UploadPurpose;
  content_type: string;
  size_bytes: string;
  expires_at: Date;
  sha256: string | null;
  file_name: string | null;
  used_at: Date | null;
  recording_format: RecordingFormat | null;
  recording_ms: string | null;
}

const COLUMNS =
  'id, workspace_id, client_token_id, purpose, content_type, size_bytes, expires_at, sha256, file_name, used_at, recording_format, recording_ms';

/** How long an address takes its file. */
const UPLOAD_URL_SECONDS = 900;

/** What of one workspace may be on its way or wait for its use at a time. */
const OPEN_UPLOADS_MAX = 100;
const OPEN_BYTES_MAX = 2 * 1_073_741_824;

/** Hours for which a file that came waits for its use, and for which what is known of a used one is kept. */
export const UPLOAD_KEPT_HOURS = 24;
const USED_KEPT_HOURS = 25;

/** Queries over uploads. */
export class UploadRecords {
  constructor(private readonly database: Database) {}

  /** null: the workspace has as many open uploads as it may; `retryAfterSeconds` is in the second form. */
  async create(
    id: string,
    owner: UploadOwner,
    declared: { readonly purpose: UploadPurpose; readonly contentType: string; readonly sizeBytes: number },
  ): Promise<{ readonly expiresAt: Date } | { readonly retryAfterSeconds: number }> {
    return this.database.transaction(async (tx) => {
      // Two that ask at the same time must not both find room for one.
      await tx.query('SELECT 1 FROM workspaces WHERE id = $1 FOR NO KEY UPDATE', [owner.workspaceId]);
      const open = await tx.query<{ uploads: string; bytes: string; seconds: string | null }>(
        `SELECT count(*) AS uploads, COALESCE(sum(size_bytes), 0) AS bytes,
           ceil(extract(epoch FROM min(CASE WHEN received_at IS NULL THEN expires_at
             ELSE received_at + make_interval(hours => $2) END) - ledger_now())) AS seconds
         FROM uploads WHERE workspace_id = $1 AND (
           file_name IS NOT NULL OR (received_at IS NULL AND expires_at > ledger_now()))`,
        [owner.workspaceId, UPLOAD_KEPT_HOURS],
      );
      const { uploads, bytes, seconds } = open.rows[0]!;
      if (Number(uploads) >= OPEN_UPLOADS_MAX || Number(bytes) + declared.sizeBytes > OPEN_BYTES_MAX) {
        return { retryAfterSeconds: Math.max(1, Number(seconds ?? 1)) };
      }
      const { rows } = await tx.query<{ expires_at: Date }>(
        `INSERT INTO uploads (id, workspace_id, client_token_id, purpose, content_type, size_bytes, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, date_trunc('second', ledger_now()) + make_interval(secs => $7))
         RETURNING expires_at`,
        [
          id,
          owner.workspaceId,
          owner.clientTokenId,
          declared.purpose,
          declared.contentType,
          declared.sizeBytes,
          UPLOAD_URL_SECONDS,
        ],
      );
      return { expiresAt: rows[0]!.expires_at };
    });
  }

  /** For an address that carries its own proof. */
  async findSigned(id: string): Promise<UploadRecord | null> {
    const { rows } = await this.database.query<UploadRow>(`SELECT ${COLUMNS} FROM uploads WHERE id = $1`, [id]);
    return rows[0] ? recordOf(rows[0]) : null;
  }

  /** A foreign upload, or for a client token another's, is answered like a missing one. */
  async find(id: string, { workspaceId, clientTokenId }: UploadOwner): Promise<UploadRecord | null> {
    const record = await this.findSigned(id);
    if (record?.workspaceId !== workspaceId) return null;
    return clientTokenId === null || record.clientTokenId === clientTokenId ? record : null;
  }

  /** False where another sending of it was faster. */
  async received(id: string, fileName: string, { sha256 }: StoredBytes): Promise<boolean> {
    const { rowCount } = await this.database.query(
      `UPDATE uploads SET received_at = ledger_now(), file_name = $2, sha256 = $3 WHERE id = $1 AND received_at IS NULL`,
      [id, fileName, sha256],
    );
    return rowCount === 1;
  }

  async probed(id: string, { format, durationMs }: ProbedRecording): Promise<void> {
    await this.database.query('UPDATE uploads SET recording_format = $2, recording_ms = $3 WHERE id = $1', [
      id,
      format,
      durationMs,
    ]);
  }

  async used(id: string): Promise<void> {
    await this.database.query(
      'UPDATE uploads SET used_at = ledger_now(), file_name = NULL WHERE id = $1 AND used_at IS NULL',
      [id],
    );
  }

  /** Removes what is over, and returns the names of files that go with it. */
  async removeOld(): Promise<string[]> {
    const { rows } = await this.database.query<{ file_name: string | null }>(
      `DELETE FROM uploads WHERE (received_at IS NULL AND expires_at < ledger_now() - interval '1 hour')
         OR (used_at IS NULL AND received_at < ledger_now() - make_interval(hours => $1))
         OR used_at < ledger_now() - make_interval(hours => $2)
       RETURNING file_name`,
      [UPLOAD_KEPT_HOURS, USED_KEPT_HOURS],
    );
    return rows.flatMap(({ file_name }) => file_name ?? []);
  }
}

function recordOf(row: UploadRow): UploadRecord {
  return {
    id: row.id,
    workspaceId: row.workspace_id,
    clientTokenId: row.client_token_id,
    purpose: row.purpose,
    contentType: row.content_type,
    sizeBytes: Number(row.size_bytes),
    expiresAt: row.expires_at,
    sha256: row.sha256,
    fileName: row.file_name,
    used: row.used_at !== null,
    probed:
      row.recording_format === null ? null : { format: row.recording_format, durationMs: Number(row.recording_ms) },
  };
}
