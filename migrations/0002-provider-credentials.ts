import type { MigrationInterface, QueryRunner } from 'typeorm';
import { PROVIDER_CREDENTIALS } from './sql/provider-credentials';

/** Stored provider keys. */
export class ProviderCredentials1763769600000 implements MigrationInterface {
  name = 'ProviderCredentials1763769600000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(PROVIDER_CREDENTIALS);
  }

  async down(): Promise<void> {
    throw new Error('Migrations run forward only: restore a backup to go back.');
  }
}
