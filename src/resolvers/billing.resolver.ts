import { Arg, Ctx, Int, Mutation, Query, Resolver } from '../../schema/decorators';
import { CancelSubscriptionInput, ChangePlanInput, SetOverageLimitInput } from '../../schema/inputs/billing-inputs';
import { BalancePayload } from '../../schema/types/balance-payload';
import { BillingSubscription } from '../../schema/types/billing-subscription';
import { InvoiceConnection } from '../../schema/types/invoice';
import { SubscriptionPayload } from '../../schema/types/subscription-payload';
import type { RequestContext } from './context';
import { After, pageOf } from './page';
import { requireApiKey } from './rights';

const INVOICES_DEFAULT = 20;

/** Plan, overage and invoices of the workspace; a client token has no part in them. */
@Resolver()
export class BillingResolver {
  @Query(() => BillingSubscription, {
    nullable: true,
    description:
      "The workspace's paid subscription, one that has ended included; null where nothing was ever paid for.",
  })
  subscription(@Ctx() context: RequestContext) {
    requireApiKey(context, 'READ');
    return context.services.billing.subscription(context);
  }

  @Query(() => InvoiceConnection, { nullable: true, description: 'What the periods cost, newest first.' })
  invoices(
    @Ctx() context: RequestContext,
    @Arg('first', () => Int, {
      nullable: true,
      defaultValue: INVOICES_DEFAULT,
      description: 'Items of the page, 1 to 100; more is BAD_USER_INPUT.',
    })
    first?: number | null,
    @After()
    after?: string | null,
  ) {
    requireApiKey(context, 'BILLING');
    return context.services.billing.invoices(context, pageOf(first ?? INVOICES_DEFAULT, after));
  }

  @Mutation(() => SubscriptionPayload, {
    nullable: true,
    description:
      'Of a workspace that pays already: up at once and prorated, down at the end of the period. CONFLICT where a checkout is needed first.',
  })
  changePlan(
    @Ctx() context: RequestContext,
    @Arg('input', () => ChangePlanInput, { description: 'Which plan.' }) input: ChangePlanInput,
  ) {
    requireApiKey(context, 'BILLING');
    return context.services.billing.changePlan(context, input);
  }

  @Mutation(() => SubscriptionPayload, {
    nullable: true,
    description: 'At the end of the period; resume: true takes it back.',
  })
  cancelSubscription(
    @Ctx() context: RequestContext,
    @Arg('input', () => CancelSubscriptionInput, { description: 'To end it, or to go on.' })
    input: CancelSubscriptionInput,
  ) {
    requireApiKey(context, 'BILLING');
    return context.services.billing.cancel(context, input.resume ?? false);
  }

  @Mutation(() => BalancePayload, {
    nullable: true,
    description:
      "Sets the workspace's own limit of overage, which stays over periods and plans. Refused on a plan without overage.",
  })
  setOverageLimit(
    @Ctx() context: RequestContext,
    @Arg('input', () => SetOverageLimitInput, { description: 'The limit, or that there is none.' })
    input: SetOverageLimitInput,
  ) {
    requireApiKey(context, 'BILLING');
    return context.services.billing.setOverageLimit(context, input);
  }
}
