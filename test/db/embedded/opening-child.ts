import { Pool } from 'pg';
import { openTestEmbedded } from '../../support/embedded';

/** Opens a data directory, leaves a row, and says whether it owns it; stays until it is killed or told to stop. */
async function main(): Promise<void> {
  const embedded = await openTestEmbedded(process.argv[2]!);
  const pool = new Pool({ ...embedded.connection, max: 1 });
  await pool.query('CREATE TABLE IF NOT EXISTS visitors (pid int)').catch(() => {});
  await pool.query('INSERT INTO visitors VALUES ($1)', [process.pid]);
  process.stdout.write(`${JSON.stringify({ owned: embedded.owned })}\n`);
  process.once('SIGTERM', async () => {
    await pool.end();
    await embedded.close();
    process.exit(0);
  });
}

void main();
