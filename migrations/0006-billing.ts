import type { MigrationInterface, QueryRunner } from 'typeorm';
import { BILLING_TABLES } from './sql/billing-tables';

/** Periods as rows, prices of plans, subscriptions, agreed numbers and the workspace's own limit of overage. */
export class Billing1764115200000 implements MigrationInterface {
  name = 'Billing1764115200000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(BILLING_TABLES);
  }

  async down(): Promise<void> {
    throw new Error('Migrations run forward only: restore a backup to go back.');
  }
}
