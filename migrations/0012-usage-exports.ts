import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Exports of usage that can be fetched under a signed address: what they list, for as long as the address is good. */
export class UsageExports1764633600000 implements MigrationInterface {
  name = 'UsageExports1764633600000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE usage_exports (
        id uuid PRIMARY KEY,
        workspace_id uuid NOT NULL REFERENCES workspaces (id),
        format text NOT NULL CHECK (format IN ('CSV', 'JSONL')),
        -- Which list, and its filter, as they were checked.
        list jsonb NOT NULL,
        created_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL CHECK (expires_at > created_at)
      );
      CREATE INDEX usage_exports_by_workspace ON usage_exports (workspace_id, expires_at);
      CREATE INDEX usage_exports_by_age ON usage_exports (expires_at);
    `);
  }

  async down(): Promise<void> {
    throw new Error('Migrations run forward only: restore a backup to go back.');
  }
}
