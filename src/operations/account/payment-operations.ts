import type {
  CreateBillingPortalSessionInput,
  CreateCheckoutSessionInput,
  CreateTopUpSessionInput,
} from '../../../schema/inputs/payment-inputs';
import type { RedirectSessionPayload } from '../../../schema/types/redirect-session-payload';
import type { StripeCheckout } from '../../billing/stripe/stripe-checkout';
import type { PrincipalContext } from '../../identity/caller';
import { AppError, badInput } from '../../lib/errors';
import { checkCredits, checkIdempotencyKey } from '../input-rules';

/** Longer addresses are refused by some browsers. */
const ADDRESS_MAX = 2_000;

/** The pages on which people pay. */
export class PaymentOperations {
  /** @param configured null: no payment provider is configured */
  constructor(private readonly configured: StripeCheckout | null) {}

  /** @throws AppError BILLING_NOT_CONFIGURED, BAD_USER_INPUT, CONFLICT, UNAVAILABLE */
  checkout(context: PrincipalContext, input: CreateCheckoutSessionInput): Promise<RedirectSessionPayload> {
    const checkout = this.requireCheckout();
    const key = checkIdempotencyKey(input.idempotencyKey);
    return checkout.subscribe(context.principal.workspaceId, input.plan, addressesOf(input), key);
  }

  /** @throws AppError BILLING_NOT_CONFIGURED, BAD_USER_INPUT, CONFLICT, UNAVAILABLE */
  topUp(context: PrincipalContext, input: CreateTopUpSessionInput): Promise<RedirectSessionPayload> {
    const checkout = this.requireCheckout();
    const credits = checkCredits('credits', input.credits)!;
    const key = checkIdempotencyKey(input.idempotencyKey);
    return checkout.topUp(context.principal.workspaceId, credits, addressesOf(input), key);
  }

  /** @throws AppError BILLING_NOT_CONFIGURED, BAD_USER_INPUT, UNAVAILABLE */
  portal(context: PrincipalContext, input: CreateBillingPortalSessionInput): Promise<RedirectSessionPayload> {
    const checkout = this.requireCheckout();
    const returnUrl = input.returnUrl == null ? null : checkAddress('returnUrl', input.returnUrl);
    return checkout.portal(context.principal.workspaceId, returnUrl);
  }

  private requireCheckout(): StripeCheckout {
    if (this.configured) return this.configured;
    throw new AppError(
      'BILLING_NOT_CONFIGURED',
      'No payment provider is set up here, so nothing can be bought; the operator gives plans and credits. Everything else works.',
    );
  }
}

const addressesOf = (input: { readonly successUrl: string; readonly cancelUrl: string }) => ({
  successUrl: checkAddress('successUrl', input.successUrl),
  cancelUrl: checkAddress('cancelUrl', input.cancelUrl),
});

/** An address to which a browser may be sent: it would run a `javascript:` one, and read a `file:` one. */
function checkAddress(field: string, value: string): string {
  const url = URL.canParse(value) ? new URL(value) : null;
  const web = url !== null && (url.protocol === 'http:' || url.protocol === 'https:');
  if (!web || url.username !== '' || url.password !== '' || value.length > ADDRESS_MAX || /[\s\p{Cc}]/u.test(value)) {
    throw badInput(
      field,
      `${field} takes an http:// or https:// address of at most ${ADDRESS_MAX} characters, without user and password.`,
    );
  }
  return value;
}
