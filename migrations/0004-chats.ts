import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Answers of language models, kept while their idempotency keys are. */
export class Chats1763942400000 implements MigrationInterface {
  name = 'Chats1763942400000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(/* sql */ `
-- Written before the operation settles, so that a settled one is always there; one that never settles ends with its
-- time. Only operations with an idempotency key are here: nothing else brings an answer again.
CREATE TABLE chats (
  operation_id uuid PRIMARY KEY,
  workspace_id uuid NOT NULL,
  -- JSON in UTF-8. Not jsonb, which takes neither NUL nor half a surrogate pair, and a model may write both.
  answer bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT ledger_now()
);
CREATE INDEX chats_by_age ON chats (created_at);
`);
  }

  async down(): Promise<void> {
    throw new Error('Migrations run forward only: restore a backup to go back.');
  }
}
