import type { MigrationInterface, QueryRunner } from 'typeorm';
import { STRIPE_TABLES } from './sql/stripe-tables';

/** What is known of Stripe: customers, events that were handled, prices, top-ups, and the overage that was reported. */
export class Stripe1764201600000 implements MigrationInterface {
  name = 'Stripe1764201600000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(STRIPE_TABLES);
  }

  async down(): Promise<void> {
    throw new Error('Migrations run forward only: restore a backup to go back.');
  }
}
