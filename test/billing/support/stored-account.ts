import { BillingAccounts } from '../../../src/billing/accounts';
import { Invoices } from '../../../src/billing/invoices';
import type { SubscriptionSnapshot } from '../../../src/billing/subscription';
import { Subscriptions } from '../../../src/billing/subscriptions';
import type { Database } from '../../../src/db/database';
import { PostgresLedger } from '../../../src/ledger/ledger';
import { systemClock } from '../../../src/lib/clock';
import { micro } from '../../../src/lib/credits';
import { newId } from '../../../src/lib/ids';
import { DRAFT, reserveOf, SUCCEEDED } from '../../ledger/support/ledger-harness';
import { stopClock } from '../../support/database';
import type { Account } from './billing-script';
import { MODEL_PLANS } from './model-plans';

/** What works on accounts, over one database whose clock a test sets. */
export class StoredBilling {
  readonly accounts: BillingAccounts;
  readonly subscriptions: Subscriptions;
  readonly invoices: Invoices;
  readonly ledger: PostgresLedger;

  constructor(readonly database: Database) {
    this.accounts = new BillingAccounts(
      database,
      (planId) => MODEL_PLANS[planId] ?? null,
      () => {},
    );
    this.subscriptions = new Subscriptions({ database, accounts: this.accounts, defaultPlanId: () => 'free' });
    this.invoices = new Invoices(database);
    this.ledger = new PostgresLedger({
      database,
      clock: systemClock,
      owner: newId(),
      roll: (workspaceId) => this.accounts.roll(workspaceId),
    });
  }

  /** The database's time stands still at this moment. */
  setClock(now: number): Promise<void> {
    return stopClock(this.database, now);
  }

  async open(planId: string): Promise<StoredAccount> {
    const workspaceId = newId();
    await this.database.transaction(async (tx) => {
      await tx.query('INSERT INTO workspaces (id, name) VALUES ($1, $2)', [workspaceId, 'Acme']);
      await this.accounts.open(tx, workspaceId, planId);
    });
    return new StoredAccount(this, workspaceId);
  }
}

const REFUSALS: readonly string[] = ['BLOCKED', 'INSUFFICIENT', 'OVERAGE_LIMIT'];

/** One account in the database; answers as the model does. */
export class StoredAccount implements Account {
  private orders: string[] = [];

  constructor(
    readonly billing: StoredBilling,
    readonly workspaceId: string,
  ) {}

  /** Two at once, as two processes would. */
  async roll(): Promise<void> {
    const { accounts } = this.billing;
    await Promise.all([accounts.roll(this.workspaceId), accounts.roll(this.workspaceId)]);
  }

  async spend(amount: bigint): Promise<string | null> {
    const { ledger } = this.billing;
    const { workspaceId } = this;
    const operationId = newId();
    const held = await ledger.reserve({ ...reserveOf(workspaceId, operationId, micro(amount)), details: DRAFT });
    if (held.outcome !== 'HELD') {
      if (REFUSALS.includes(held.outcome)) return held.outcome;
      throw new Error(`a reserve answered ${held.outcome}`);
    }
    const event = SUCCEEDED;
    await ledger.settle({
      operationId,
      workspaceId,
      credits: micro(amount),
      allowance: 0,
      listCredits: micro(0),
      event,
    });
    return null;
  }

  async grant(kind: 'TOP_UP' | 'PROMOTION', credits: bigint, expiresAt: number | null): Promise<void> {
    const idempotencyKey = newId();
    await this.billing.accounts.grant({
      workspaceId: this.workspaceId,
      kind,
      credits: micro(credits),
      reason: 'test',
      expiresAt: expiresAt === null ? null : new Date(expiresAt),
      idempotencyKey,
    });
    this.orders.push(idempotencyKey);
  }

  async revoke(place: number): Promise<void> {
    const key = this.orders[place];
    if (key === undefined) return;
    await this.billing.database.transaction((tx) => this.billing.accounts.revokeIn(tx, this.workspaceId, key));
  }

  setLimit(limit: bigint | null): Promise<boolean> {
    const set = this.billing.accounts.setOverageLimit(this.workspaceId, limit === null ? null : micro(limit));
    return answered(set, 'BAD_USER_INPUT');
  }

  setPlan(planId: string, atPeriodEnd: boolean): Promise<boolean> {
    return answered(this.billing.accounts.setPlan(this.workspaceId, { planId, atPeriodEnd }), 'CONFLICT');
  }

  /** Two deliveries at once. */
  async apply(snapshot: SubscriptionSnapshot): Promise<void> {
    const { database, subscriptions } = this.billing;
    const deliver = () => database.transaction((tx) => subscriptions.applySnapshot(tx, this.workspaceId, snapshot));
    await Promise.all([deliver(), deliver()]);
  }
}

/** Whether it was done; false for the one refusal that is meant. */
const answered = (work: Promise<void>, code: string): Promise<boolean> =>
  work.then(
    () => true,
    (error: { code?: string }) => {
      if (error.code === code) return false;
      throw error;
    },
  );
