import type { Database } from '../../db/database';
import type { Clock } from '../../lib/clock';
import type { PriceBook } from '../../metering/price-book';
import type { BillingAccounts } from '../accounts';
import type { PaymentGateway } from '../payment-gateway';
import type { Subscriptions } from '../subscriptions';
import { collectOverage } from './overage-collector';
import { OverageReporter } from './overage-reporter';
import { StripeCheckout } from './stripe-checkout';
import { openStripeClient, type StripeConnection } from './stripe-client';
import { StripeCustomers } from './stripe-customers';
import { forgetOldEvents } from './stripe-events';
import { StripeGateway } from './stripe-gateway';
import { StripePrices } from './stripe-prices';
import { StripeSubscriptions } from './stripe-subscriptions';
import { StripeWebhooks } from './stripe-webhooks';
import { TopUpPayments } from './top-up-payments';

export interface StripeBillingDependencies {
  readonly database: Database;
  readonly clock: Clock;
  readonly book: PriceBook;
  readonly accounts: BillingAccounts;
  readonly subscriptions: Subscriptions;
  /** Told of what failed in the background and is tried again. */
  readonly onError: (fields: Readonly<Record<string, string>>, error: unknown, message: string) => void;
}

/** What came of bringing everything in line with Stripe. */
export interface StripeSyncReport {
  readonly workspaces: number;
  readonly failedWorkspaces: number;
  readonly overageEvents: number;
  readonly acknowledged: number;
  readonly failedEvents: number;
}

const PAGE = 100;

/** Everything that has to do with Stripe, built once. */
export class StripeBilling {
  readonly gateway: PaymentGateway;
  readonly checkout: StripeCheckout;
  readonly webhooks: StripeWebhooks;
  private readonly customers: StripeCustomers;
  private readonly states: StripeSubscriptions;
  private readonly reporter: OverageReporter;
  private readonly closeClient: () => void;

  constructor(
    connection: StripeConnection,
    private readonly dependencies: StripeBillingDependencies,
  ) {
    const { database, clock, book, accounts, subscriptions, onError } = dependencies;
    const { stripe, livemode, close } = openStripeClient(connection);
    const customers = new StripeCustomers(database, stripe);
    const prices = new StripePrices(database, stripe, book);
    const states = new StripeSubscriptions({ database, stripe, customers, prices, subscriptions });
    const shared = { stripe, book, customers, prices, subscriptions: states };
    this.closeClient = close;
    this.customers = customers;
    this.states = states;
    this.gateway = new StripeGateway(shared);
    this.checkout = new StripeCheckout(shared);
    this.webhooks = new StripeWebhooks({
      database,
      stripe,
      webhookSecret: connection.webhookSecret,
      livemode,
      clock,
      customers,
      subscriptions: states,
      topUps: new TopUpPayments({ database, stripe, customers, accounts }),
    });
    this.reporter = new OverageReporter({
      database,
      stripe,
      prices,
      subscriptions: states,
      logFailure: (identifier, error) =>
        onError({ identifier }, error, 'overage could not be reported and is tried again'),
    });
  }

  /** What the server does now and then: reports the overage of closed hours, and forgets events that are long past. */
  async upkeep(): Promise<void> {
    await collectOverage(this.dependencies.database);
    await this.reporter.send();
    await forgetOldEvents(this.dependencies.database);
  }

  /**
   * Brings every workspace in line with Stripe, whatever webhooks were missed, and reports all overage of closed hours,
   * whatever failed before.
   */
  async synchronize(): Promise<StripeSyncReport> {
    const { database, onError } = this.dependencies;
    let workspaces = 0;
    let failedWorkspaces = 0;
    let after: string | null = null;
    for (;;) {
      const page = await this.customers.list(after, PAGE);
      for (const workspaceId of page) {
        workspaces += 1;
        await this.states.refresh(workspaceId).catch((error) => {
          failedWorkspaces += 1;
          onError({ workspaceId }, error, 'a workspace could not be brought in line with the payment provider');
        });
      }
      after = page.at(-1) ?? null;
      if (page.length < PAGE) break;
    }
    const overageEvents = await collectOverage(database, true);
    await this.reporter.hurry();
    const { acknowledged, failed } = await this.reporter.send();
    return { workspaces, failedWorkspaces, overageEvents, acknowledged, failedEvents: failed };
  }

  close(): void {
    this.closeClient();
  }
}
