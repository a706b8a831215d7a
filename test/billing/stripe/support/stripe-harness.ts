import { BillingAccounts } from '../../../../src/billing/accounts';
import { StripeBilling } from '../../../../src/billing/stripe/stripe-billing';
import type { WebhookOutcome } from '../../../../src/billing/stripe/stripe-webhooks';
import { Subscriptions } from '../../../../src/billing/subscriptions';
import type { Database, Queryable } from '../../../../src/db/database';
import { PostgresLedger } from '../../../../src/ledger/ledger';
import { verifyLedger } from '../../../../src/ledger/verify';
import { type Clock, systemClock } from '../../../../src/lib/clock';
import { MICRO_PER_CREDIT, micro, parseCredits } from '../../../../src/lib/credits';
import { newId } from '../../../../src/lib/ids';
import { Secret } from '../../../../src/lib/secret';
import { planOf } from '../../../../src/metering/agreed-terms';
import { loadPriceBook } from '../../../../src/metering/load-price-book';
import { planTerms } from '../../../../src/operations/account/plan-view';
import { reserveOf, SUCCEEDED } from '../../../ledger/support/ledger-harness';
import { openTestDatabase, type TestDatabase } from '../../../support/database';
import { STRIPE_KEY, StripeDouble, type StripeEvent, WEBHOOK_SECRET } from '../../../support/stripe-double';

/** A moment in the middle of an hour, so that hours are not begun by chance. */
export const START = Date.UTC(2026, 2, 15, 9, 30, 0);
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

const ADDRESSES = { successUrl: 'https://shop.example/done', cancelUrl: 'https://shop.example/back' };

/** Billing over a real database and the double of Stripe, whose clocks stand still together until a test moves them. */
export class StripeHarness {
  readonly accounts: BillingAccounts;
  readonly subscriptions: Subscriptions;
  readonly ledger: PostgresLedger;
  billing: StripeBilling;
  /** What failed in the background. */
  readonly failures: string[] = [];
  private readonly book = loadPriceBook(null);
  private readonly clock: Clock;

  private constructor(
    readonly database: Database,
    public double: StripeDouble,
    private readonly test: TestDatabase,
  ) {
    const { book } = this;
    this.clock = { ...systemClock, now: () => this.double.store.nowMs };
    this.accounts = new BillingAccounts(
      database,
      (planId, agreed) => {
        const plan = planOf(book, planId, agreed);
        return plan && planTerms(plan, agreed !== null);
      },
      () => {},
    );
    this.subscriptions = new Subscriptions({
      database,
      accounts: this.accounts,
      defaultPlanId: () => book.defaultPlan.id,
    });
    this.ledger = new PostgresLedger({
      database,
      clock: systemClock,
      owner: newId(),
      roll: (id) => this.accounts.roll(id),
    });
    this.billing = this.another();
  }

  static async open(): Promise<StripeHarness> {
    const test = await openTestDatabase();
    const double = await openDouble();
    const harness = new StripeHarness(test.database, double, test);
    await harness.setClock();
    return harness;
  }

  /** What another server process would have; `database` may fail where the test wants it to. */
  another(database: Database = this.database): StripeBilling {
    return new StripeBilling(
      { secretKey: new Secret(STRIPE_KEY), webhookSecret: new Secret(WEBHOOK_SECRET), baseUrl: this.double.url },
      {
        database,
        clock: this.clock,
        book: this.book,
        accounts: this.accounts,
        subscriptions: this.subscriptions,
        onError: (_fields, error) => this.failures.push(String(error)),
      },
    );
  }

  async close(): Promise<void> {
    this.billing.close();
    await this.double.close();
    await this.test.close();
  }

  /** Another Stripe, at the same time as the first one began; what is kept of other workspaces does not matter to it. */
  async beginAgain(): Promise<void> {
    this.billing.close();
    await this.double.close();
    this.double = await openDouble();
    this.billing = this.another();
    await this.setClock();
    // Time went back, which it never does, and that Stripe is gone: what is known of them is forgotten.
    for (const table of ['overage_events', 'subscriptions', 'top_ups', 'customers']) {
      await this.database.query(`DELETE FROM stripe_${table}`);
    }
    await this.database.query(`UPDATE stripe_overage_progress SET collected_until = '-infinity'`);
    this.failures.length = 0;
  }

  /** Moves Stripe's clock and ours. */
  async advance(ms: number): Promise<void> {
    this.double.advance(ms);
    await this.setClock();
  }

  async workspace(plan = 'free'): Promise<string> {
    const id = newId();
    await this.database.transaction(async (tx) => {
      await tx.query('INSERT INTO workspaces (id, name) VALUES ($1, $2)', [id, 'Test']);
      await this.accounts.open(tx, id, plan);
    });
    return id;
  }

  async customerOf(workspaceId: string): Promise<string> {
    const { rows } = await this.database.query<{ customer_id: string }>(
      'SELECT customer_id FROM stripe_customers WHERE workspace_id = $1',
      [workspaceId],
    );
    return rows[0]!.customer_id;
  }

  checkout(workspaceId: string, plan: string, key: string | null = null) {
    return this.billing.checkout.subscribe(workspaceId, plan, ADDRESSES, key);
  }

  topUp(workspaceId: string, credits: string, key: string | null = null) {
    return this.billing.checkout.topUp(workspaceId, parseCredits(credits)!, ADDRESSES, key);
  }

  /** A workspace that pays for a plan, its events delivered. */
  async paying(plan: string): Promise<string> {
    const workspaceId = await this.workspace();
    const { url } = await this.checkout(workspaceId, plan);
    const seen = this.double.store.events.length;
    this.double.shop.complete(this.double.shop.sessionOf(url));
    await this.deliverAll(this.double.store.events.slice(seen));
    return workspaceId;
  }

  deliver(event: StripeEvent, billing = this.billing): Promise<WebhookOutcome> {
    const { body, signature } = this.double.sign(event);
    return billing.webhooks.receive(Buffer.from(body), signature);
  }

  async deliverAll(events: readonly StripeEvent[], billing = this.billing): Promise<void> {
    for (const event of events) await this.deliver(event, billing);
  }

  /** The events that a test's own actions cause. */
  eventsOf(actions: () => void): readonly StripeEvent[] {
    const seen = this.double.store.events.length;
    actions();
    return this.double.store.events.slice(seen);
  }

  /** Spends credits as an operation does, first the grants, then overage. */
  async spend(workspaceId: string, credits: number | bigint): Promise<void> {
    const amount = typeof credits === 'bigint' ? micro(credits) : micro(BigInt(credits) * MICRO_PER_CREDIT);
    const operationId = newId();
    const held = await this.ledger.reserve(reserveOf(workspaceId, operationId, amount));
    if (held.outcome !== 'HELD') throw new Error(`refused: ${JSON.stringify(held.outcome)}`);
    await this.ledger.settle({
      operationId,
      workspaceId,
      credits: amount,
      allowance: 0,
      listCredits: amount,
      event: SUCCEEDED,
    });
  }

  /** Everything that a workspace's billing amounts to, without ids and without what only tells how it came to be. */
  async stateOf(workspaceId: string): Promise<unknown> {
    const one = async (sql: string): Promise<unknown[]> => (await this.database.query(sql, [workspaceId])).rows;
    return {
      account: await one(
        `SELECT plan_id, spendable, held, overage_rate, overage_limit, overage_used, allowance_limit, blocked, period_start,
           period_end, pending_plan_id, overage_stopped, grants_stopped FROM accounts WHERE workspace_id = $1`,
      ),
      grants: await one(
        `SELECT kind, credits, remaining, revoked, expired, reason, effective_at, expires_at FROM grants
         WHERE workspace_id = $1 ORDER BY kind, credits, remaining, reason, effective_at, expires_at`,
      ),
      charges: await one(
        `SELECT kind, plan_id, price_usd_e10, seconds FROM plan_charges WHERE workspace_id = $1
           ORDER BY price_usd_e10, kind, plan_id, seconds`,
      ),
      subscription: await one(
        `SELECT plan_id, status, period_start, period_end, trial_end, cancel_at_period_end, pending_plan_id FROM subscriptions
         WHERE workspace_id = $1`,
      ),
    };
  }

  /** What is not as the ledger promises. */
  async findings(): Promise<readonly unknown[]> {
    return (await this.database.transaction((tx) => verifyLedger(tx))).findings;
  }

  /** Both clocks stand still, so that states can be compared to the second. */
  private async setClock(): Promise<void> {
    await this.database.query(
      `CREATE OR REPLACE FUNCTION ledger_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS
       $body$ SELECT '${new Date(this.double.store.nowMs).toISOString()}'::timestamptz $body$`,
    );
  }
}

let doubles = 0;

async function openDouble(): Promise<StripeDouble> {
  doubles += 1;
  const double = new StripeDouble(START, `d${doubles}`);
  await double.listen();
  double.addPlanPrices();
  return double;
}

/** A database that fails at the next statement that matches, within a transaction or beside one, once for each arming. */
export class FailingDatabase {
  private statement: RegExp | null = null;
  readonly database: Database;

  constructor(whole: Database) {
    const guard =
      (query: Queryable['query']): Queryable['query'] =>
      (sql, parameters, name) => {
        if (!this.statement?.test(sql)) return query(sql, parameters, name);
        this.statement = null;
        return Promise.reject(new Error('the database failed'));
      };
    this.database = new Proxy(whole, {
      get(target, property) {
        if (property === 'query') return guard(target.query.bind(target));
        if (property === 'transaction') {
          return <T>(work: (tx: Queryable) => Promise<T>): Promise<T> =>
            target.transaction((tx) => work({ query: guard(tx.query.bind(tx)) }));
        }
        return Reflect.get(target, property);
      },
    });
  }

  arm(statement: RegExp | null): void {
    this.statement = statement;
  }
}
