import { Field, ID, InputType } from '../decorators';
import { DecimalScalar } from '../scalars/decimal';

const SUCCESS = 'Where the browser goes once it is paid: an http or https address.';
const CANCEL = 'Where the browser goes when people turn back: an http or https address.';
const KEY =
  'The same key with the same input leads to the same page for 24 hours; with another input it is a CONFLICT. 1 to 255 characters.';

@InputType({ description: 'A plan that a workspace begins to pay for.' })
export class CreateCheckoutSessionInput {
  @Field(() => ID, { description: 'Plan.id of a plan with a price.' })
  readonly plan!: string;

  @Field(() => String, { description: SUCCESS })
  readonly successUrl!: string;

  @Field(() => String, { description: CANCEL })
  readonly cancelUrl!: string;

  @Field(() => String, { nullable: true, description: KEY })
  readonly idempotencyKey?: string | null;
}

@InputType({ description: 'Credits that a workspace buys beside its plan.' })
export class CreateTopUpSessionInput {
  @Field(() => DecimalScalar, {
    description: 'Whole credits, at USD 0.001 each; 5,000 or more where the price book says nothing else.',
  })
  readonly credits!: string;

  @Field(() => String, { description: SUCCESS })
  readonly successUrl!: string;

  @Field(() => String, { description: CANCEL })
  readonly cancelUrl!: string;

  @Field(() => String, { nullable: true, description: KEY })
  readonly idempotencyKey?: string | null;
}

@InputType({ description: 'A visit to the page on which people see their invoices and change how they pay.' })
export class CreateBillingPortalSessionInput {
  @Field(() => String, {
    nullable: true,
    description:
      'Where the page leads back to: an http or https address; what is set at the payment provider, when left out.',
  })
  readonly returnUrl?: string | null;
}
