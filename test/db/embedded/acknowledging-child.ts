import { writeSync } from 'node:fs';
import { Pool } from 'pg';
import { openTestEmbedded } from '../../support/embedded';

/** Inserts rows for ever, several at a time, and prints the number of each one that the database acknowledged. */
async function main(): Promise<void> {
  const embedded = await openTestEmbedded(process.argv[2]!);
  const pool = new Pool({ ...embedded.connection, max: 4 });
  await pool.query('CREATE TABLE IF NOT EXISTS acknowledged (n bigserial PRIMARY KEY, filler text)');
  const insertOn = async (): Promise<never> => {
    for (;;) {
      const answer = await pool.query(`INSERT INTO acknowledged (filler) VALUES (repeat('x', 500)) RETURNING n`);
      // Synchronous, so that the line has left the process before it can be killed.
      writeSync(1, `${answer.rows[0].n}\n`);
    }
  };
  await Promise.all([insertOn(), insertOn(), insertOn()]);
}

void main();
