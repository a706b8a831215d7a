import type { MigrationInterface, QueryRunner } from 'typeorm';
import { WEBHOOK_TABLES } from './sql/webhook-tables';

/** Webhook endpoints, their messages and the log of deliveries. */
export class Webhooks1764460800000 implements MigrationInterface {
  name = 'Webhooks1764460800000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(WEBHOOK_TABLES);
  }

  async down(): Promise<void> {
    throw new Error('Migrations run forward only: restore a backup to go back.');
  }
}
