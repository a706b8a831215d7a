import type { Database } from '../db/database';
import type { GrantKind } from '../ledger/grants';
import type { AgreedTerms } from './plan-terms';

/** An account as a balance is made from it. Amounts are micro-credits. */
export interface AccountBalance {
  readonly workspaceId: string;
  readonly planId: string;
  readonly agreed: AgreedTerms | null;
  readonly periodNumber: number;
  readonly periodStart: Date;
  readonly periodEnd: Date;
  readonly spendable: bigint;
  readonly held: bigint;
  /** USD x 10^4 a credit; null on a hard cap. */
  readonly overageRate: number | null;
  /** null: unlimited. */
  readonly overageLimit: bigint | null;
  readonly overageUsed: bigint;
  readonly overageHeld: bigint;
  /** USD x 10^-10 that the period's overage costs. */
  readonly overageUsdE10: bigint;
  readonly allowanceLimit: bigint | null;
  readonly allowanceUsed: bigint;
  readonly allowanceHeld: bigint;
  readonly blocked: boolean;
  /** Why there is no overage at present although the plan has a rate: a trial, or a payment that failed. */
  readonly overageStopped: 'TRIAL' | 'PAST_DUE' | null;
  /** The highest threshold of the workspace's enabled LOW_BALANCE rules; null: it has none. */
  readonly lowBalanceThreshold: bigint | null;
  /** Of this period. */
  readonly usedCredits: bigint;
  readonly lostCredits: bigint;
  readonly included: bigint;
  readonly carriedOver: bigint;
  readonly toppedUp: bigint;
  readonly promotional: bigint;
  /** Credits of the newest top-up; null when there was none. */
  readonly lastTopUp: bigint | null;
  readonly grants: readonly {
    readonly id: string;
    readonly kind: GrantKind;
    readonly credits: bigint;
    readonly remaining: bigint;
    readonly effectiveAt: Date;
    readonly expiresAt: Date | null;
  }[];
}

/** Reads an account with its grants and this period's sums in one statement, so that they are of one moment. */
const SQL = `
SELECT a.*, ledger_now() >= a.next_change_at AS due,
  COALESCE(t.used, 0) AS used_credits, COALESCE(t.overage_usd, 0) AS overage_usd_e10,
  COALESCE((SELECT -sum(j.amount) FROM journal j WHERE j.workspace_id = a.workspace_id
    AND j.period_number = a.period_number AND j.kind IN ('expire', 'revoke')), 0) AS lost_credits,
  g.*
FROM accounts a
LEFT JOIN LATERAL (SELECT sum(credits) AS used, sum(overage_usd_e10) AS overage_usd FROM usage_totals u
  WHERE u.workspace_id = a.workspace_id AND u.period_number = a.period_number) t ON true
LEFT JOIN LATERAL (
  SELECT
    COALESCE(sum(credits) FILTER (WHERE kind = 'MONTHLY' AND g.period_number = a.period_number), 0) AS included,
    COALESCE(sum(period_opening) FILTER (WHERE kind = 'MONTHLY' AND g.period_number < a.period_number), 0) AS carried_over,
    COALESCE(sum(CASE WHEN g.period_number = a.period_number THEN credits ELSE period_opening END)
      FILTER (WHERE kind = 'TOP_UP'), 0) AS topped_up,
    COALESCE(sum(CASE WHEN g.period_number = a.period_number THEN credits ELSE period_opening END)
      FILTER (WHERE kind IN ('PROMOTION', 'ADJUSTMENT')), 0) AS promotional,
    (SELECT credits FROM grants l WHERE l.workspace_id = a.workspace_id AND l.kind = 'TOP_UP'
      ORDER BY l.created_at DESC LIMIT 1) AS last_top_up,
    COALESCE(jsonb_agg(jsonb_build_object('id', id, 'kind', kind, 'credits', credits::text, 'remaining', remaining::text,
      'effectiveAt', effective_at, 'expiresAt', expires_at) ORDER BY expires_at NULLS LAST, created_at, id)
      FILTER (WHERE remaining > 0), '[]') AS open_grants
  FROM grants g WHERE g.workspace_id = a.workspace_id
    AND (g.remaining > 0 OR g.period_opening > 0 OR g.period_number = a.period_number)
) g ON true
WHERE a.workspace_id = $1`;

type Row = Record<
  | 'plan_id'
  | 'spendable'
  | 'held'
  | 'overage_used'
  | 'overage_held'
  | 'overage_usd_e10'
  | 'allowance_used'
  | 'allowance_held'
  | 'used_credits'
  | 'lost_credits'
  | 'included'
  | 'carried_over'
  | 'topped_up'
  | 'promotional',
  string
> & {
  agreed_terms: AgreedTerms | null;
  period_number: number;
  period_start: Date;
  period_end: Date;
  overage_rate: number | null;
  overage_limit: string | null;
  allowance_limit: string | null;
  last_top_up: string | null;
  low_balance_threshold: string | null;
  blocked: boolean;
  overage_stopped: boolean;
  grants_stopped: boolean;
  due: boolean;
  open_grants: {
    id: string;
    kind: GrantKind;
    credits: string;
    remaining: string;
    effectiveAt: string;
    expiresAt: string | null;
  }[];
};

const big = (text: string | null): bigint | null => (text === null ? null : BigInt(text));

/** Balances as they are now: an account whose period ended or whose grants ran out is brought up to date first. */
export class Balances {
  private readonly reading = new Map<string, Promise<AccountBalance | null>>();

  constructor(
    private readonly database: Database,
    private readonly roll: (workspaceId: string) => Promise<void>,
  ) {}

  read(workspaceId: string): Promise<AccountBalance | null> {
    return this.query(workspaceId, true);
  }

  /** Shares one read among all who ask while it is under way; for answers to a change that was seen before asking. */
  readShared(workspaceId: string, version: number): Promise<AccountBalance | null> {
    const key = `${workspaceId}:${version}`;
    let reading = this.reading.get(key);
    if (!reading) {
      reading = this.query(workspaceId, true).finally(() => this.reading.delete(key));
      this.reading.set(key, reading);
    }
    return reading;
  }

  /** Mean of the last 50 charged operations of a period, in micro-credits; null when there was none. */
  async averageRequest(workspaceId: string, periodNumber: number): Promise<bigint | null> {
    const { rows } = await this.database.query<{ average: string | null }>(
      `SELECT floor(avg(credits))::bigint AS average FROM (
         SELECT credits FROM usage_events WHERE workspace_id = $1 AND period_number = $2 AND credits > 0
         ORDER BY sequence DESC LIMIT 50) last`,
      [workspaceId, periodNumber],
      'average_request',
    );
    return big(rows[0]?.average ?? null);
  }

  private async query(workspaceId: string, mayRoll: boolean): Promise<AccountBalance | null> {
    const { rows } = await this.database.query<Row>(SQL, [workspaceId], 'account_balance');
    const row = rows[0];
    if (!row) return null;
    if (row.due && mayRoll) {
      await this.roll(workspaceId);
      return this.query(workspaceId, false);
    }
    return {
      workspaceId,
      planId: row.plan_id,
      agreed: row.agreed_terms,
      periodNumber: row.period_number,
      periodStart: row.period_start,
      periodEnd: row.period_end,
      spendable: BigInt(row.spendable),
      held: BigInt(row.held),
      overageRate: row.overage_rate,
      overageLimit: big(row.overage_limit),
      overageUsed: BigInt(row.overage_used),
      overageHeld: BigInt(row.overage_held),
      overageUsdE10: BigInt(row.overage_usd_e10),
      allowanceLimit: big(row.allowance_limit),
      allowanceUsed: BigInt(row.allowance_used),
      allowanceHeld: BigInt(row.allowance_held),
      blocked: row.blocked,
      overageStopped: row.overage_stopped ? (row.grants_stopped ? 'TRIAL' : 'PAST_DUE') : null,
      lowBalanceThreshold: big(row.low_balance_threshold),
      usedCredits: BigInt(row.used_credits),
      lostCredits: BigInt(row.lost_credits),
      included: BigInt(row.included),
      carriedOver: BigInt(row.carried_over),
      toppedUp: BigInt(row.topped_up),
      promotional: BigInt(row.promotional),
      lastTopUp: big(row.last_top_up),
      grants: row.open_grants.map((grant) => ({
        ...grant,
        credits: BigInt(grant.credits),
        remaining: BigInt(grant.remaining),
        effectiveAt: new Date(grant.effectiveAt),
        expiresAt: grant.expiresAt === null ? null : new Date(grant.expiresAt),
      })),
    };
  }
}
