import { openCluster } from '../../../src/db/embedded/cluster';
import { upkeep } from '../../../src/db/embedded/upkeep';

/** Runs two loads on the cluster in a directory and prints what upkeep made of them. Jest itself cannot run PGlite. */
async function main(): Promise<void> {
  const cluster = await openCluster(process.argv[2]!, (reason) => {
    throw new Error(reason);
  });
  const number = async (sql: string): Promise<number> => (await cluster.rows<{ value: number }>(sql))[0]!.value;
  const walToReplay = (): Promise<number> =>
    number(
      'SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), redo_lsn)::float8 AS value FROM pg_control_checkpoint()',
    );

  await cluster.run(`CREATE TABLE bulk AS SELECT n, repeat('x', 500) AS filler FROM generate_series(1, 10000) n`);
  for (let round = 0; round < 4; round += 1) await cluster.run('UPDATE bulk SET n = n + 1');
  const before = await walToReplay();
  await upkeep(cluster);
  const after = await walToReplay();
  await cluster.run('DROP TABLE bulk');

  await cluster.run(
    `CREATE TABLE "Hot ""row""" AS SELECT n, repeat('x', 500) AS filler FROM generate_series(1, 2000) n`,
  );
  const sizes: number[] = [];
  for (let round = 0; round < 6; round += 1) {
    await cluster.run('UPDATE "Hot ""row""" SET n = n + 1');
    // Statistics are written at most once a second; this loop is faster.
    await cluster.run('SELECT pg_stat_force_next_flush()');
    await upkeep(cluster);
    sizes.push(await number(`SELECT pg_relation_size('"Hot ""row"""')::float8 AS value`));
  }
  await cluster.close();
  process.stdout.write(`${JSON.stringify({ before, after, sizes })}\n`);
  process.exit(0);
}

void main();
