import type { Cluster } from './cluster';

/** Write-ahead log that a crash would have to replay; about a second's work. */
const CHECKPOINT_WAL_BYTES = 16 * 1024 * 1024;

/** PostgreSQL's own rule (autovacuum_*_threshold and *_scale_factor), worst table first. */
const DUE_TABLE = `
  SELECT format('%I.%I', stat.schemaname, stat.relname) AS name
  FROM pg_stat_user_tables stat JOIN pg_class class ON class.oid = stat.relid
  WHERE stat.n_dead_tup > 50 + 0.2 * greatest(class.reltuples, 0)
     OR stat.n_ins_since_vacuum > 1000 + 0.2 * greatest(class.reltuples, 0)
     OR stat.n_mod_since_analyze > 50 + 0.1 * greatest(class.reltuples, 0)
  ORDER BY stat.n_dead_tup DESC LIMIT 1`;

const WAL_TO_REPLAY = `SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), redo_lsn)::float8 AS bytes FROM pg_control_checkpoint()`;

/**
 * The background processes that a single-process PostgreSQL lacks. Without a checkpointer its log, and the recovery
 * after a crash, grow for ever; without autovacuum its tables do. At most one table each time, to keep pauses short.
 */
export async function upkeep(cluster: Cluster): Promise<void> {
  const [table] = await cluster.rows<{ name: string }>(DUE_TABLE);
  if (table) await cluster.run(`VACUUM (ANALYZE) ${table.name}`);
  const [wal] = await cluster.rows<{ bytes: number }>(WAL_TO_REPLAY);
  if (wal && wal.bytes >= CHECKPOINT_WAL_BYTES) await cluster.run('CHECKPOINT');
}
