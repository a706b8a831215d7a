import type { MigrationInterface, QueryRunner } from 'typeorm';
import { LEDGER_COMMIT } from './sql/ledger-commit';

/** One hold covers several routes, some of which the allowance can pay and some only credits. */
export class RouteHolds1764028800000 implements MigrationInterface {
  name = 'RouteHolds1764028800000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(LEDGER_COMMIT);
  }

  async down(): Promise<void> {
    throw new Error('Migrations run forward only: restore a backup to go back.');
  }
}
