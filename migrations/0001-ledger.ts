import type { MigrationInterface, QueryRunner } from 'typeorm';
import { LEDGER_COMMIT, LEDGER_EXPIRE } from './sql/ledger-commit';
import { LEDGER_TABLES } from './sql/ledger-tables';
import { RATE_WINDOWS_ADMIT } from './sql/rate-windows';

/** Workspaces, keys, the ledger, usage and request windows. Forward only: a released migration is never edited. */
export class Ledger1763683200000 implements MigrationInterface {
  name = 'Ledger1763683200000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(LEDGER_TABLES);
    await runner.query(LEDGER_COMMIT);
    await runner.query(LEDGER_EXPIRE);
    await runner.query(RATE_WINDOWS_ADMIT);
  }

  async down(): Promise<void> {
    throw new Error('Migrations run forward only: restore a backup to go back.');
  }
}
