import type { ChangePlanInput, SetOverageLimitInput } from '../../../schema/inputs/billing-inputs';
import type { BalancePayload } from '../../../schema/types/balance-payload';
import type { BillingSubscription } from '../../../schema/types/billing-subscription';
import type { Connection } from '../../../schema/types/connection';
import type { Invoice } from '../../../schema/types/invoice';
import type { SubscriptionPayload } from '../../../schema/types/subscription-payload';
import type { BillingAccounts } from '../../billing/accounts';
import type { Balances } from '../../billing/balances';
import type { Invoices } from '../../billing/invoices';
import type { BillingInvoice, PaymentGateway } from '../../billing/payment-gateway';
import type { AgreedTerms } from '../../billing/plan-terms';
import type { Subscription } from '../../billing/subscription';
import type { Subscriptions } from '../../billing/subscriptions';
import type { PrincipalContext } from '../../identity/caller';
import { CREDIT_DECIMALS, formatScaled, formatUsd } from '../../lib/credits';
import { decodeCursor, encodeCursor, pageOf } from '../../lib/cursors';
import { AppError, badInput, notFound } from '../../lib/errors';
import { planOf } from '../../metering/agreed-terms';
import type { PriceBook } from '../../metering/price-book';
import { checkCredits, checkIdempotencyKey } from '../input-rules';
import { balanceView } from '../views/balance-view';
import { planView } from './plan-view';

export interface BillingDependencies {
  readonly book: PriceBook;
  readonly accounts: BillingAccounts;
  readonly balances: Balances;
  readonly subscriptions: Subscriptions;
  readonly invoices: Invoices;
  /** null: no payment provider is configured. */
  readonly gateway: PaymentGateway | null;
}

/** What a workspace does about its own plan, overage and invoices. */
export class BillingOperations {
  constructor(private readonly dependencies: BillingDependencies) {}

  async subscription(context: PrincipalContext): Promise<BillingSubscription | null> {
    const { workspaceId } = context.principal;
    const subscription = await this.dependencies.subscriptions.find(workspaceId);
    return subscription && this.subscriptionView(subscription);
  }

  /** @throws AppError BAD_USER_INPUT for an unknown plan or key, BILLING_NOT_CONFIGURED, CONFLICT */
  async changePlan(context: PrincipalContext, input: ChangePlanInput): Promise<SubscriptionPayload> {
    const key = checkIdempotencyKey(input.idempotencyKey);
    this.dependencies.accounts.requirePlan(input.plan);
    await this.gateway().changePlan(context.principal.workspaceId, input.plan, key);
    return this.subscriptionPayload(context);
  }

  /** @throws AppError BILLING_NOT_CONFIGURED, CONFLICT where there is no subscription */
  async cancel(context: PrincipalContext, resume: boolean): Promise<SubscriptionPayload> {
    const gateway = this.gateway();
    const { workspaceId } = context.principal;
    await (resume ? gateway.resume(workspaceId) : gateway.cancel(workspaceId));
    return this.subscriptionPayload(context);
  }

  /** @throws AppError BAD_USER_INPUT: not exactly one of the two, a negative limit, a plan without overage */
  async setOverageLimit(context: PrincipalContext, input: SetOverageLimitInput): Promise<BalancePayload> {
    const { accounts, balances } = this.dependencies;
    const { workspaceId } = context.principal;
    const limit = checkCredits('limit', input.limit);
    if ((limit !== null) === (input.unlimited === true)) {
      throw badInput('limit', 'Give exactly one of limit and unlimited: true.');
    }
    await accounts.setOverageLimit(workspaceId, limit);
    const balance = await balances.read(workspaceId);
    if (!balance) throw notFound('workspace');
    return { balance: balanceView(balance, balances) };
  }

  /** The payment provider's where the workspace pays through one, else of our own books; newest first. */
  async invoices(
    context: PrincipalContext,
    page: { readonly first: number; readonly after: string | null },
  ): Promise<Connection<Invoice>> {
    const { gateway, invoices, accounts } = this.dependencies;
    const { workspaceId } = context.principal;
    const binding = { workspaceId, query: 'invoices' };
    const [after = null] = decodeCursor(binding, page.after) ?? [];
    // A period that has ended is told as ended, and what ran out of it is not charged to the next.
    await accounts.roll(workspaceId);
    const found =
      (await gateway?.invoices(workspaceId, page.first + 1, after)) ??
      (await invoices.list(workspaceId, page.first + 1, after));
    const { edges, pageInfo } = pageOf(found, page.first, page.after, ({ id }) => encodeCursor(binding, [id]));
    return { pageInfo, edges: edges.map(({ cursor, node }) => ({ cursor, node: invoiceView(node) })) };
  }

  private gateway(): PaymentGateway {
    const { gateway } = this.dependencies;
    if (gateway) return gateway;
    throw new AppError(
      'BILLING_NOT_CONFIGURED',
      'No payment provider is set up here, so plans are changed by the operator; everything else works.',
    );
  }

  private async subscriptionPayload(context: PrincipalContext): Promise<SubscriptionPayload> {
    const subscription = await this.subscription(context);
    if (!subscription) throw notFound('subscription');
    return { subscription };
  }

  private subscriptionView(subscription: Subscription): BillingSubscription {
    const { workspaceId, planId, agreed, pendingPlanId, payment, ...rest } = subscription;
    return {
      id: payment?.subscriptionId ?? workspaceId,
      plan: planView(this.requirePlan(planId, agreed)),
      status: rest.status,
      periodStart: rest.periodStart,
      periodEnd: rest.periodEnd,
      trialEnd: rest.trialEnd,
      cancelAtPeriodEnd: rest.cancelAtPeriodEnd,
      pendingPlan: pendingPlanId === null ? null : planView(this.requirePlan(pendingPlanId, null)),
    };
  }

  private requirePlan(planId: string, agreed: AgreedTerms | null) {
    const plan = planOf(this.dependencies.book, planId, agreed);
    if (plan) return plan;
    throw new AppError('UNAVAILABLE', `The price book has no plan "${planId}" any more; the operator has to add it.`);
  }
}

const invoiceView = (invoice: BillingInvoice): Invoice => ({
  ...invoice,
  lines: invoice.lines.map((line) => ({
    description: line.description,
    quantity: line.quantity === null ? null : formatScaled(line.quantity, CREDIT_DECIMALS),
    unitUsd: line.unitUsd === null ? null : formatUsd(line.unitUsd),
    amountUsd: formatUsd(line.amountUsd),
  })),
  totalUsd: formatUsd(invoice.totalUsd),
});
