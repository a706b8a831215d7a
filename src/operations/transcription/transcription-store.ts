import type { TranscriptPiece } from '../../../providers/contract/stt';
import type { Database } from '../../db/database';

/** What a provider wrote down, as it is kept. */
export interface KeptTranscript {
  readonly text: string;
  readonly language: string | null;
  readonly segments: readonly TranscriptPiece[];
  readonly words: readonly TranscriptPiece[];
}

/** Texts of transcriptions, kept as long as audio is. */
export class TranscriptionStore {
  constructor(private readonly database: Database) {}

  /** Durable when it resolves. */
  async keep(operationId: string, workspaceId: string, transcript: KeptTranscript): Promise<void> {
    const { text, language, segments, words } = transcript;
    await this.database.query(
      'INSERT INTO transcriptions (id, workspace_id, transcript) VALUES ($1, $2, $3)',
      [operationId, workspaceId, Buffer.from(JSON.stringify({ text, language, segments, words }))],
      'transcription_keep',
    );
  }

  /** null where it was deleted, or is no longer kept. */
  async find(operationId: string, workspaceId: string): Promise<KeptTranscript | null> {
    const { rows } = await this.database.query<{ transcript: Buffer }>(
      'SELECT transcript FROM transcriptions WHERE id = $1 AND workspace_id = $2',
      [operationId, workspaceId],
      'transcription_find',
    );
    return rows[0] ? (JSON.parse(rows[0].transcript.toString('utf8')) as KeptTranscript) : null;
  }

  async delete(operationId: string, workspaceId: string): Promise<void> {
    await this.database.query('DELETE FROM transcriptions WHERE id = $1 AND workspace_id = $2', [
      operationId,
      workspaceId,
    ]);
  }

  /** Removes what has been kept for its time. */
  async removeOlderThan(days: number): Promise<void> {
    await this.database.query(
      'DELETE FROM transcriptions WHERE created_at < ledger_now() - make_interval(days => $1)',
      [days],
    );
  }
}
