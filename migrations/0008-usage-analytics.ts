import type { MigrationInterface, QueryRunner } from 'typeorm';
import { LEDGER_COMMIT } from './sql/ledger-commit';
import { END_USER_LIMITS, USAGE_EVENT_MONTHS, USAGE_SUMS } from './sql/usage-analytics';

/** Usage summed as it settles, events that can be dropped by the month, and limits of end users. */
export class UsageAnalytics1764288000000 implements MigrationInterface {
  name = 'UsageAnalytics1764288000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(USAGE_SUMS);
    await runner.query(USAGE_EVENT_MONTHS);
    await runner.query(END_USER_LIMITS);
    await runner.query(LEDGER_COMMIT);
  }

  async down(): Promise<void> {
    throw new Error('Migrations run forward only: restore a backup to go back.');
  }
}
