import type { Database, Queryable } from '../db/database';
import { addGrant, expireGrants, type GrantKind, type GrantRow } from '../ledger/grants';
import { type MicroCredits, micro } from '../lib/credits';
import { AppError, badInput, notFound } from '../lib/errors';
import { type AccountState, lockAccount, refreshNextChange } from './account-state';
import { periodEnd, periodStart, proratedShare } from './periods';
import type { FindPlan, PlanTerms } from './plan-terms';

const TOP_UP_MONTHS = 12;

export interface GrantOrder {
  readonly workspaceId: string;
  readonly kind: Exclude<GrantKind, 'MONTHLY'>;
  readonly credits: MicroCredits;
  readonly reason: string;
  /** null: a top-up lasts 12 months, anything else does not run out. */
  readonly expiresAt: Date | null;
  readonly idempotencyKey: string;
}

/** Accounts over their life: opened, rolled into new periods, moved between plans, topped up. */
export class BillingAccounts {
  constructor(
    private readonly database: Database,
    private readonly findPlan: FindPlan,
    /** Told after each commit that changed a balance. */
    private readonly onChanged: (workspaceId: string) => void,
    /** Told after each commit that put a workspace on another plan. */
    private readonly onPlanChanged: (workspaceId: string) => void = () => {},
  ) {}

  /** A plan that a workspace can be put on, or the error that says why not. */
  requirePlan(planId: string): PlanTerms {
    const plan = this.findPlan(planId);
    if (!plan) throw badInput('plan', `There is no plan "${planId.slice(0, 60)}"; the query plans lists them.`);
    if (plan.custom) {
      throw badInput(
        'plan',
        `The plan ${plan.name} is by agreement: its numbers must be agreed before a workspace can be put on it.`,
      );
    }
    return plan;
  }

  /** Opens the account of a new workspace within the caller's transaction and gives the first period's grant. */
  async open(tx: Queryable, workspaceId: string, planId: string): Promise<void> {
    const plan = this.requirePlan(planId);
    const { rows } = await tx.query<{ now: Date }>(`SELECT date_trunc('milliseconds', ledger_now()) AS now`);
    const now = rows[0]!.now;
    await tx.query(
      `INSERT INTO accounts (workspace_id, plan_id, billing_anchor, period_start, period_end, next_change_at,
         overage_rate, overage_limit, allowance_limit)
       VALUES ($1, $2, $3, $3, $4, $4, $5, $6, $7)`,
      [workspaceId, plan.id, now, periodEnd(now, 0), plan.overageRate, overageLimitOf(plan), plan.monthlyCharacters],
    );
    await this.grantPeriod(tx, workspaceId, plan, now, 0, now);
    await refreshNextChange(tx, workspaceId);
  }

  /**
   * Brings an account up to the present: grants that ran out are expired, and each period that began since gets its
   * grant and its allowance. Two processes that roll at once do it once: the account is locked.
   */
  async roll(workspaceId: string): Promise<void> {
    const changed = await this.database.transaction(async (tx) => {
      const account = await lockAccount(tx, workspaceId);
      if (!account) return false;
      let number = account.periodNumber;
      let start = account.periodStart;
      let end = account.periodEnd;
      const plan = this.findPlan(account.planId);
      while (end <= account.now) {
        await expireGrants(tx, workspaceId, end, number);
        number += 1;
        start = periodStart(account.anchor, number);
        end = periodEnd(account.anchor, number);
        await tx.query(
          `UPDATE accounts SET period_number = $2, period_start = $3, period_end = $4, overage_used = 0, allowance_used = 0
           WHERE workspace_id = $1`,
          [workspaceId, number, start, end],
        );
        await tx.query(
          'UPDATE grants SET period_opening = remaining WHERE workspace_id = $1 AND period_opening <> remaining',
          [workspaceId],
        );
        if (plan) await this.grantPeriod(tx, workspaceId, plan, account.anchor, number, start);
      }
      await expireGrants(tx, workspaceId, account.now, number);
      await refreshNextChange(tx, workspaceId);
      return true;
    });
    if (changed) this.onChanged(workspaceId);
  }

  /** Rolls every account whose time has come; called now and then, so that idle workspaces get their grants on the day. */
  async rollDue(limit = 200): Promise<number> {
    const due = await this.database.query<{ workspace_id: string }>(
      'SELECT workspace_id FROM accounts WHERE next_change_at <= ledger_now() ORDER BY next_change_at LIMIT $1',
      [limit],
    );
    for (const row of due.rows) await this.roll(row.workspace_id);
    return due.rows.length;
  }

  /**
   * Moves a workspace to a plan at once. More credits than before come as a grant for the share of the period that is
   * left; what was granted stays as it was.
   */
  async setPlan(workspaceId: string, planId: string): Promise<void> {
    const plan = this.requirePlan(planId);
    await this.roll(workspaceId);
    await this.database.transaction(async (tx) => {
      const account = await lockAccount(tx, workspaceId);
      if (!account) throw notFound('workspace');
      if (account.planId === plan.id) return;
      const before = this.findPlan(account.planId);
      const gain = (plan.monthlyCredits ?? 0n) - (before?.monthlyCredits ?? 0n);
      const open = await tx.query<{ overage_held: string }>(
        'SELECT overage_held FROM accounts WHERE workspace_id = $1',
        [workspaceId],
      );
      if (plan.overageRate === null && BigInt(open.rows[0]!.overage_held) > 0n) {
        throw new AppError('CONFLICT', 'Operations are running on overage; try again when they have ended.');
      }
      const floor = account.allowanceUsed + account.allowanceHeld;
      const allowance = plan.monthlyCharacters === null ? null : maxOf(BigInt(plan.monthlyCharacters), floor);
      await tx.query(
        `UPDATE accounts SET plan_id = $2, overage_rate = $3, overage_limit = $4, allowance_limit = $5 WHERE workspace_id = $1`,
        [workspaceId, plan.id, plan.overageRate, overageLimitOf(plan), allowance?.toString() ?? null],
      );
      const credits = gain > 0n ? proratedShare(gain, account.periodStart, account.periodEnd, account.now) : 0n;
      if (credits > 0n) {
        await addGrant(tx, {
          workspaceId,
          kind: 'MONTHLY',
          credits: micro(credits),
          reason: `upgrade to ${plan.name}, for the rest of the period`,
          idempotencyKey: null,
          periodNumber: account.periodNumber,
          effectiveAt: account.now,
          expiresAt: periodEnd(account.anchor, account.periodNumber + plan.carryoverMonths),
          createdAt: account.now,
        });
      }
      await refreshNextChange(tx, workspaceId);
    });
    this.onPlanChanged(workspaceId);
    this.onChanged(workspaceId);
  }

  /** A top-up, promotion or adjustment. The same key and content give the same grant; other content is a conflict. */
  async grant(order: GrantOrder): Promise<GrantRow> {
    await this.roll(order.workspaceId);
    const grant = await this.database.transaction(async (tx) => {
      const account = await lockAccount(tx, order.workspaceId);
      if (!account) throw notFound('workspace');
      const earlier = await tx.query<GrantRow>(
        'SELECT * FROM grants WHERE workspace_id = $1 AND idempotency_key = $2',
        [order.workspaceId, order.idempotencyKey],
      );
      const known = earlier.rows[0];
      if (known) {
        if (BigInt(known.credits) === order.credits && known.kind === order.kind && known.reason === order.reason)
          return known;
        throw new AppError(
          'CONFLICT',
          'This idempotency key was used for another grant; use a new key for a new grant.',
        );
      }
      const expiresAt = order.expiresAt ?? (order.kind === 'TOP_UP' ? periodStart(account.now, TOP_UP_MONTHS) : null);
      if (expiresAt && expiresAt <= account.now) throw badInput('expiresAt', 'expiresAt must lie in the future.');
      const added = await addGrant(tx, { ...order, ...placeOf(account), expiresAt });
      await refreshNextChange(tx, order.workspaceId);
      return added;
    });
    this.onChanged(order.workspaceId);
    return grant;
  }

  private async grantPeriod(
    tx: Queryable,
    workspaceId: string,
    plan: PlanTerms,
    anchor: Date,
    number: number,
    at: Date,
  ): Promise<void> {
    if (plan.monthlyCredits === null || plan.monthlyCredits <= 0n) return;
    await addGrant(tx, {
      workspaceId,
      kind: 'MONTHLY',
      credits: plan.monthlyCredits,
      reason: `monthly grant of ${plan.name}`,
      idempotencyKey: `period-${number}`,
      periodNumber: number,
      effectiveAt: at,
      expiresAt: periodEnd(anchor, number + plan.carryoverMonths),
      createdAt: at,
    });
  }
}

const placeOf = (account: AccountState) => ({
  periodNumber: account.periodNumber,
  effectiveAt: account.now,
  createdAt: account.now,
});

const maxOf = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** Overage starts with a limit of one monthly grant. */
const overageLimitOf = (plan: PlanTerms): string | null =>
  plan.overageRate === null ? null : (plan.monthlyCredits ?? 0n).toString();
