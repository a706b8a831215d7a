import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ALERT_TABLES } from './sql/alert-tables';

/** Rules that are watched for a workspace, what was raised by them, and what they last found. */
export class Alerts1764374400000 implements MigrationInterface {
  name = 'Alerts1764374400000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(ALERT_TABLES);
  }

  async down(): Promise<void> {
    throw new Error('Migrations run forward only: restore a backup to go back.');
  }
}
