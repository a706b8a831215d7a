import { Arg, Ctx, Mutation, Resolver } from '../../schema/decorators';
import {
  CreateBillingPortalSessionInput,
  CreateCheckoutSessionInput,
  CreateTopUpSessionInput,
} from '../../schema/inputs/payment-inputs';
import { RedirectSessionPayload } from '../../schema/types/redirect-session-payload';
import type { RequestContext } from './context';
import { requireApiKey } from './rights';

/** Pages of the payment provider. */
@Resolver()
export class PaymentResolver {
  @Mutation(() => RedirectSessionPayload, {
    nullable: true,
    description:
      'A page on which the workspace begins to pay for a plan. CONFLICT where it pays already: changePlan moves it. BILLING_NOT_CONFIGURED where no payment provider is set up.',
  })
  createCheckoutSession(
    @Ctx() context: RequestContext,
    @Arg('input', () => CreateCheckoutSessionInput, { description: 'Which plan, and where to return.' })
    input: CreateCheckoutSessionInput,
  ) {
    requireApiKey(context, 'BILLING');
    return context.services.payments.checkout(context, input);
  }

  @Mutation(() => RedirectSessionPayload, {
    nullable: true,
    description:
      'A page on which credits are bought, on any plan; they are granted when they are paid and usable for 12 months.',
  })
  createTopUpSession(
    @Ctx() context: RequestContext,
    @Arg('input', () => CreateTopUpSessionInput, { description: 'How many, and where to return.' })
    input: CreateTopUpSessionInput,
  ) {
    requireApiKey(context, 'BILLING');
    return context.services.payments.topUp(context, input);
  }

  @Mutation(() => RedirectSessionPayload, {
    nullable: true,
    description: 'The page on which people see their invoices, change how they pay, and cancel.',
  })
  createBillingPortalSession(
    @Ctx() context: RequestContext,
    @Arg('input', () => CreateBillingPortalSessionInput, { description: 'Where to return.' })
    input: CreateBillingPortalSessionInput,
  ) {
    requireApiKey(context, 'BILLING');
    return context.services.payments.portal(context, input);
  }
}
