import type { Queryable } from '../db/database';

/** A locked account, as the transactions of billing read it. Amounts are micro-credits, the rate USD x 10^4 a credit. */
export interface AccountState {
  readonly workspaceId: string;
  readonly planId: string;
  readonly anchor: Date;
  readonly periodNumber: number;
  readonly periodStart: Date;
  readonly periodEnd: Date;
  readonly spendable: bigint;
  readonly held: bigint;
  readonly allowanceUsed: bigint;
  readonly allowanceHeld: bigint;
  /** The database's clock at the time of the lock. */
  readonly now: Date;
}

interface AccountRow {
  workspace_id: string;
  plan_id: string;
  billing_anchor: Date;
  period_number: number;
  period_start: Date;
  period_end: Date;
  spendable: string;
  held: string;
  allowance_used: string;
  allowance_held: string;
}

/** Locks the account first and reads the time after, so that no admission falls between. null: there is none. */
export async function lockAccount(tx: Queryable, workspaceId: string): Promise<AccountState | null> {
  const locked = await tx.query<AccountRow>('SELECT * FROM accounts WHERE workspace_id = $1 FOR UPDATE', [workspaceId]);
  const row = locked.rows[0];
  if (!row) return null;
  const time = await tx.query<{ now: Date }>('SELECT ledger_now() AS now');
  return {
    workspaceId: row.workspace_id,
    planId: row.plan_id,
    anchor: row.billing_anchor,
    periodNumber: row.period_number,
    periodStart: row.period_start,
    periodEnd: row.period_end,
    spendable: BigInt(row.spendable),
    held: BigInt(row.held),
    allowanceUsed: BigInt(row.allowance_used),
    allowanceHeld: BigInt(row.allowance_held),
    now: time.rows[0]!.now,
  };
}

/** Sets when admission must next stop for billing: the period's end or the first expiry of a grant with a remainder. */
export async function refreshNextChange(tx: Queryable, workspaceId: string): Promise<void> {
  await tx.query(
    `UPDATE accounts SET next_change_at = LEAST(period_end,
       (SELECT min(expires_at) FROM grants WHERE grants.workspace_id = $1 AND remaining > 0))
     WHERE workspace_id = $1`,
    [workspaceId],
  );
}
