import type { MigrationInterface, QueryRunner } from 'typeorm';
import { RECONCILIATION_TABLES } from './sql/reconciliation-tables';

/** What providers counted, and the lost operations that were found in their records. */
export class Reconciliation1764547200000 implements MigrationInterface {
  name = 'Reconciliation1764547200000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(RECONCILIATION_TABLES);
  }

  async down(): Promise<void> {
    throw new Error('Migrations run forward only: restore a backup to go back.');
  }
}
