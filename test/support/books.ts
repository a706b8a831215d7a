import type { Database } from '../../src/db/database';
import { verifyLedger } from '../../src/ledger/verify';

/** Everything that `polyphony ledger verify` finds, and holds whose lease runs for longer than leases do. */
export async function checkBooks(database: Database): Promise<{ findings: string[]; openHolds: number }> {
  const { findings, openHolds } = await database.transaction(verifyLedger);
  const { rows } = await database.query<{ operation_id: string; lease_until: Date }>(
    `SELECT operation_id, lease_until FROM holds WHERE lease_until > ledger_now() + interval '60 seconds'`,
  );
  return {
    openHolds,
    findings: [
      ...findings.map(({ invariant, detail }) => `not true that ${invariant}: ${detail}`),
      ...rows.map((row) => `the hold of ${row.operation_id} lasts until ${row.lease_until.toISOString()}`),
    ],
  };
}

/** What was granted is what was spent and what remains; nothing is held. */
export async function checkSums(database: Database, workspaceId: string): Promise<string[]> {
  const { rows } = await database.query<Record<'granted' | 'spent' | 'remaining' | 'held', string>>(
    `SELECT a.spendable AS remaining, a.held,
       COALESCE((SELECT sum(g.credits) FROM grants g WHERE g.workspace_id = a.workspace_id), 0) AS granted,
       COALESCE((SELECT sum(e.credits) FROM usage_events e WHERE e.workspace_id = a.workspace_id), 0) AS spent
     FROM accounts a WHERE a.workspace_id = $1`,
    [workspaceId],
  );
  const { granted, spent, remaining, held } = rows[0]!;
  const faults: string[] = [];
  if (BigInt(granted) !== BigInt(spent) + BigInt(remaining)) {
    faults.push(`${granted} micro-credits were granted, ${spent} are spent and ${remaining} remain`);
  }
  if (held !== '0') faults.push(`${held} micro-credits are held by nobody`);
  return faults;
}

export async function openHolds(database: Database): Promise<number> {
  const { rows } = await database.query<{ count: number }>('SELECT count(*)::integer AS count FROM holds');
  return rows[0]!.count;
}
