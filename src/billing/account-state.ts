import type { Queryable } from '../db/database';
import type { AgreedTerms } from './plan-terms';

/** A locked account, as the transactions of billing read it. Amounts are micro-credits, the rate USD x 10^4 a credit. */
export interface AccountState {
  readonly workspaceId: string;
  readonly planId: string;
  readonly agreed: AgreedTerms | null;
  /** The plan from the next period on; null: the same. */
  readonly pendingPlanId: string | null;
  /** Start of the period `anchorPeriod`, from which periods are counted. */
  readonly anchor: Date;
  readonly anchorPeriod: number;
  readonly periodNumber: number;
  readonly periodStart: Date;
  readonly periodEnd: Date;
  readonly spendable: bigint;
  readonly held: bigint;
  readonly overageRate: number | null;
  readonly overageLimit: bigint | null;
  readonly overageUsed: bigint;
  readonly overageHeld: bigint;
  readonly allowanceLimit: bigint | null;
  readonly allowanceUsed: bigint;
  readonly allowanceHeld: bigint;
  readonly blocked: boolean;
  /** undefined: the workspace has chosen no limit of its own; null: unlimited. */
  readonly ownOverageLimit: bigint | null | undefined;
  readonly overageStopped: boolean;
  readonly grantsStopped: boolean;
  /** The database's clock at the time of the lock. */
  readonly now: Date;
}

interface AccountRow {
  workspace_id: string;
  plan_id: string;
  agreed_terms: AgreedTerms | null;
  pending_plan_id: string | null;
  billing_anchor: Date;
  anchor_period: number;
  period_number: number;
  period_start: Date;
  period_end: Date;
  spendable: string;
  held: string;
  overage_rate: number | null;
  overage_limit: string | null;
  overage_used: string;
  overage_held: string;
  allowance_limit: string | null;
  allowance_used: string;
  allowance_held: string;
  blocked: boolean;
  own_overage_limit_set: boolean;
  own_overage_limit: string | null;
  overage_stopped: boolean;
  grants_stopped: boolean;
}

const big = (text: string | null): bigint | null => (text === null ? null : BigInt(text));

/**
 * Locks the account first and reads the time after, so that no admission falls between. The time is in whole
 * milliseconds, as everything that is written with it. null: there is no such account.
 */
export async function lockAccount(tx: Queryable, workspaceId: string): Promise<AccountState | null> {
  const locked = await tx.query<AccountRow>('SELECT * FROM accounts WHERE workspace_id = $1 FOR UPDATE', [workspaceId]);
  const row = locked.rows[0];
  if (!row) return null;
  return stateOf(row, await ledgerNow(tx));
}

/** The database's clock, in whole milliseconds. */
export async function ledgerNow(tx: Queryable): Promise<Date> {
  const { rows } = await tx.query<{ now: Date }>(`SELECT date_trunc('milliseconds', ledger_now()) AS now`);
  return rows[0]!.now;
}

/** The account that the caller has locked, as it is after the caller's own changes, at the same moment. */
export async function readLocked(tx: Queryable, { workspaceId, now }: AccountState): Promise<AccountState> {
  const { rows } = await tx.query<AccountRow>('SELECT * FROM accounts WHERE workspace_id = $1', [workspaceId]);
  return stateOf(rows[0]!, now);
}

function stateOf(row: AccountRow, now: Date): AccountState {
  return {
    workspaceId: row.workspace_id,
    planId: row.plan_id,
    agreed: row.agreed_terms,
    pendingPlanId: row.pending_plan_id,
    anchor: row.billing_anchor,
    anchorPeriod: row.anchor_period,
    periodNumber: row.period_number,
    periodStart: row.period_start,
    periodEnd: row.period_end,
    spendable: BigInt(row.spendable),
    held: BigInt(row.held),
    overageRate: row.overage_rate,
    overageLimit: big(row.overage_limit),
    overageUsed: BigInt(row.overage_used),
    overageHeld: BigInt(row.overage_held),
    allowanceLimit: big(row.allowance_limit),
    allowanceUsed: BigInt(row.allowance_used),
    allowanceHeld: BigInt(row.allowance_held),
    blocked: row.blocked,
    ownOverageLimit: row.own_overage_limit_set ? big(row.own_overage_limit) : undefined,
    overageStopped: row.overage_stopped,
    grantsStopped: row.grants_stopped,
    now,
  };
}
