import type { Database, Queryable } from '../db/database';
import { addGrant, type GrantKind, type GrantRow, revokeGrant } from '../ledger/grants';
import type { MicroCredits } from '../lib/credits';
import { AppError, badInput, notFound } from '../lib/errors';
import { type AccountState, ledgerNow, lockAccount, readLocked } from './account-state';
import { applyTerms, refreshNextChange } from './account-terms';
import { periodEnd, periodStart } from './periods';
import { grantPeriod, recordPeriod, upgradePeriod } from './plan-periods';
import type { AgreedTerms, FindPlan, PlanTerms } from './plan-terms';
import { rollAccount } from './roll';

export interface GrantOrder {
  readonly workspaceId: string;
  readonly kind: Exclude<GrantKind, 'MONTHLY'>;
  readonly credits: MicroCredits;
  readonly reason: string;
  /** null: a top-up lasts as long as the price book says, anything else does not run out. */
  readonly expiresAt: Date | null;
  readonly idempotencyKey: string;
}

export interface PlanChange {
  readonly planId: string;
  /** What was agreed with the workspace: needed by a plan by agreement, refused by any other. */
  readonly agreed?: AgreedTerms | null;
  /** Only from the next period on. */
  readonly atPeriodEnd?: boolean;
}

/** Accounts over their life: opened, rolled into new periods, moved between plans, topped up. */
export class BillingAccounts {
  constructor(
    private readonly database: Database,
    readonly findPlan: FindPlan,
    /** Told after each commit that changed a balance. */
    private readonly onChanged: (workspaceId: string) => void,
    /** Told after each commit that put a workspace on another plan. */
    private readonly onPlanChanged: (workspaceId: string) => void = () => {},
    /** How long a top-up is usable, whatever the plan becomes: the price book's number. */
    private readonly topUpMonths: () => number = () => 12,
  ) {}

  /** A plan that a workspace can be put on, or the error that says why not. */
  requirePlan(planId: string, agreed: AgreedTerms | null = null): PlanTerms {
    const plan = this.findPlan(planId, agreed);
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
    const now = await ledgerNow(tx);
    await tx.query(
      `INSERT INTO accounts (workspace_id, plan_id, billing_anchor, period_start, period_end, next_change_at,
         allowance_limit)
       VALUES ($1, $2, $3, $3, $4, $4, 0)`,
      [workspaceId, plan.id, now, periodEnd(now, 0)],
    );
    const account = (await lockAccount(tx, workspaceId))!;
    await recordPeriod(tx, account);
    await applyTerms(tx, await grantPeriod(tx, account, plan), plan, true);
  }

  /**
   * Brings an account up to the present: grants that ran out are expired, and each period that began since gets its
   * grant and its allowance. Two processes that roll at once do it once: the account is locked.
   */
  async roll(workspaceId: string): Promise<void> {
    const rolled = await this.database.transaction(async (tx) => {
      const account = await lockAccount(tx, workspaceId);
      return account && { before: account, after: await rollAccount(tx, account, this.findPlan) };
    });
    if (rolled) this.announce(workspaceId, rolled.before.planId !== rolled.after.planId);
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

  /** Tells whoever follows a workspace that its balance, or its plan too, is another; after the commit. */
  announce(workspaceId: string, planChanged: boolean): void {
    if (planChanged) this.onPlanChanged(workspaceId);
    this.onChanged(workspaceId);
  }

  /**
   * Moves a workspace to a plan, by the operator's word: at once, or at the end of its period. At once, more credits
   * than before come as a grant for the share of the period that is left and a higher price is charged for it; what was
   * granted stays as it was, and the characters of the period do not become fewer.
   * @throws AppError CONFLICT while the workspace pays through a provider, whose word would undo this one
   */
  async setPlan(workspaceId: string, change: PlanChange): Promise<void> {
    const agreed = change.agreed ?? null;
    const plan = this.requirePlan(change.planId, agreed);
    if (agreed && this.findPlan(change.planId, null)?.custom !== true)
      throw badInput('plan', `The plan ${plan.name} has its own numbers; only a plan by agreement takes terms.`);
    if (agreed && change.atPeriodEnd) throw badInput('plan', 'A plan by agreement begins at once.');
    const planChanged = await this.database.transaction(async (tx) => {
      const account = await this.lockRolled(tx, workspaceId);
      const paying = await tx.query<{ payment_provider: string }>(
        `SELECT payment_provider FROM subscriptions WHERE workspace_id = $1 AND status NOT IN ('CANCELED', 'INCOMPLETE')`,
        [workspaceId],
      );
      if (paying.rows[0]) {
        throw new AppError(
          'CONFLICT',
          `This workspace pays for its plan through ${paying.rows[0].payment_provider}: change or cancel its subscription there.`,
        );
      }
      await this.moveTo(tx, account, plan, agreed, change.atPeriodEnd ?? false);
      return account.planId !== plan.id || agreed !== null;
    });
    this.announce(workspaceId, planChanged);
  }

  /** Sets the workspace's own limit of overage; it stays over periods and plans. null: unlimited. */
  async setOverageLimit(workspaceId: string, limit: MicroCredits | null): Promise<void> {
    await this.database.transaction(async (tx) => {
      const account = await this.lockRolled(tx, workspaceId);
      const plan = this.findPlan(account.planId, account.agreed);
      if (!plan || plan.overageRate === null) {
        throw badInput(
          'limit',
          `The plan ${plan?.name ?? account.planId} has no overage: nothing past its credits is served, so there is no limit to set. Change the plan first.`,
        );
      }
      await tx.query(
        'UPDATE accounts SET own_overage_limit_set = true, own_overage_limit = $2 WHERE workspace_id = $1',
        [workspaceId, limit?.toString() ?? null],
      );
      await applyTerms(tx, account, plan, false);
    });
    this.onChanged(workspaceId);
  }

  /** A top-up, promotion or adjustment. The same key and content give the same grant; other content is a conflict. */
  async grant(order: GrantOrder): Promise<GrantRow> {
    const grant = await this.database.transaction((tx) => this.grantIn(tx, order));
    this.onChanged(order.workspaceId);
    return grant;
  }

  /** The same within the caller's transaction, which announces it after its commit. */
  async grantIn(tx: Queryable, order: GrantOrder): Promise<GrantRow> {
    const account = await this.lockRolled(tx, order.workspaceId);
    const earlier = await tx.query<GrantRow>('SELECT * FROM grants WHERE workspace_id = $1 AND idempotency_key = $2', [
      order.workspaceId,
      order.idempotencyKey,
    ]);
    const known = earlier.rows[0];
    if (known) {
      if (BigInt(known.credits) === order.credits && known.kind === order.kind && known.reason === order.reason)
        return known;
      throw new AppError('CONFLICT', 'This idempotency key was used for another grant; use a new key for a new grant.');
    }
    const expiresAt =
      order.expiresAt ?? (order.kind === 'TOP_UP' ? periodStart(account.now, this.topUpMonths()) : null);
    if (expiresAt && expiresAt <= account.now) throw badInput('expiresAt', 'expiresAt must lie in the future.');
    const added = await addGrant(tx, { ...order, ...placeOf(account), expiresAt });
    await refreshNextChange(tx, order.workspaceId);
    return added;
  }

  /**
   * Takes back what is left of a grant (a payment that was refunded or never came), but what operations that run now
   * still need, and no more than `most`. Answers the micro-credits that were taken; again, 0.
   */
  async revokeIn(
    tx: Queryable,
    workspaceId: string,
    idempotencyKey: string,
    most: bigint | null = null,
  ): Promise<bigint> {
    const account = await this.lockRolled(tx, workspaceId);
    const { rows } = await tx.query<{ id: string }>(
      'SELECT id FROM grants WHERE workspace_id = $1 AND idempotency_key = $2',
      [workspaceId, idempotencyKey],
    );
    const revoked = rows[0] ? await revokeGrant(tx, account, rows[0].id, most) : 0n;
    await refreshNextChange(tx, workspaceId);
    return revoked;
  }

  /**
   * Puts a locked and rolled account on a plan, at once (upgrades prorated from `at`) or from the next period on. A move
   * to the plan that it is on takes a waiting one back.
   */
  async moveTo(
    tx: Queryable,
    account: AccountState,
    plan: PlanTerms,
    agreed: AgreedTerms | null,
    atPeriodEnd: boolean,
    at: Date = account.now,
  ): Promise<AccountState> {
    const { workspaceId } = account;
    if (atPeriodEnd) {
      await tx.query('UPDATE accounts SET pending_plan_id = $2 WHERE workspace_id = $1', [
        workspaceId,
        plan.id === account.planId ? null : plan.id,
      ]);
      return readLocked(tx, account);
    }
    await tx.query(
      'UPDATE accounts SET plan_id = $2, agreed_terms = $3, pending_plan_id = NULL WHERE workspace_id = $1',
      [workspaceId, plan.id, agreed && JSON.stringify(agreed)],
    );
    await tx.query('UPDATE billing_periods SET plan_id = $3 WHERE workspace_id = $1 AND number = $2', [
      workspaceId,
      account.periodNumber,
      plan.id,
    ]);
    const moved = await upgradePeriod(tx, await readLocked(tx, account), plan, at);
    await applyTerms(tx, moved, plan, false);
    return readLocked(tx, moved);
  }

  /** @throws AppError NOT_FOUND */
  async lockRolled(tx: Queryable, workspaceId: string): Promise<AccountState> {
    const account = await lockAccount(tx, workspaceId);
    if (!account) throw notFound('workspace');
    return account.periodEnd <= account.now || (await hasDueGrants(tx, account))
      ? rollAccount(tx, account, this.findPlan)
      : account;
  }
}

const placeOf = (account: AccountState) => ({
  periodNumber: account.periodNumber,
  effectiveAt: account.now,
  createdAt: account.now,
});

async function hasDueGrants(tx: Queryable, { workspaceId, now }: AccountState): Promise<boolean> {
  const { rows } = await tx.query(
    'SELECT 1 FROM grants WHERE workspace_id = $1 AND remaining > 0 AND expires_at <= $2 LIMIT 1',
    [workspaceId, now],
  );
  return rows.length > 0;
}
