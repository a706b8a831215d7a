import { randomBytes } from 'node:crypto';
import { Client } from 'pg';

/** A PostgreSQL whose user may create databases; the tests that need one are skipped by name without it. */
export const TEST_DATABASE_URL = process.env.TEST_DATABASE_URL || null;

async function onServer(sql: string): Promise<void> {
  const client = new Client({ connectionString: TEST_DATABASE_URL! });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** Makes an empty database beside the one of TEST_DATABASE_URL; `drop` throws it away with whoever is still in it. */
export async function createScratchDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `polyphony_test_${randomBytes(8).toString('hex')}`;
  await onServer(`CREATE DATABASE ${name}`);
  const url = new URL(TEST_DATABASE_URL!);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) };
}
