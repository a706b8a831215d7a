import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What was written down of recordings, and files that clients send under signed addresses. */
export class Transcriptions1763856000000 implements MigrationInterface {
  name = 'Transcriptions1763856000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
-- The text of a transcription. Written before its operation settles, so that a charged one is always there; one whose
-- operation never settles is shown to nobody and ends with its time. Who, what and how much is in its usage event.
CREATE TABLE transcriptions (
  id uuid PRIMARY KEY,
  workspace_id uuid NOT NULL REFERENCES workspaces (id),
  -- JSON in UTF-8: text, language, segments, words. Not jsonb, which takes neither NUL nor half a surrogate pair.
  transcript bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT ledger_now()
);
CREATE INDEX transcriptions_by_age ON transcriptions (created_at);

-- A file that a client may send, has sent, or has used. The bytes lie in the data directory, never here.
CREATE TABLE uploads (
  id uuid PRIMARY KEY,
  workspace_id uuid NOT NULL REFERENCES workspaces (id),
  -- The client token that asked for it; null: an API key. A token uses its own alone.
  client_token_id uuid,
  purpose text NOT NULL CHECK (purpose IN ('AUDIO', 'DOCUMENT', 'VOICE_REFERENCE')),
  content_type text NOT NULL,
  size_bytes bigint NOT NULL CHECK (size_bytes > 0),
  created_at timestamptz NOT NULL DEFAULT ledger_now(),
  -- Until then it may be sent.
  expires_at timestamptz NOT NULL,
  received_at timestamptz,
  -- SHA-256 in hexadecimal. It outlives the bytes, so that a repeated idempotency key still finds its operation.
  sha256 text,
  -- What the probe found, once somebody asked; null: not probed, or no recording.
  recording_format text,
  recording_ms bigint CHECK (recording_ms > 0),
  -- Name of the file; null before it came and after it was removed.
  file_name uuid,
  -- When an operation that used it succeeded, and the bytes were removed.
  used_at timestamptz,
  CHECK ((received_at IS NULL) = (sha256 IS NULL)),
  CHECK (file_name IS NULL OR (received_at IS NOT NULL AND used_at IS NULL)),
  CHECK ((recording_format IS NULL) = (recording_ms IS NULL))
);
CREATE INDEX uploads_by_workspace ON uploads (workspace_id);
CREATE INDEX uploads_by_age ON uploads (created_at);
`);
  }

  async down(): Promise<void> {
    throw new Error('Migrations run forward only: restore a backup to go back.');
  }
}
