import { Field, ID, InputType } from '../decorators';
import { DecimalScalar } from '../scalars/decimal';

@InputType({ description: 'Which plan a workspace that pays already moves to.' })
export class ChangePlanInput {
  @Field(() => ID, { description: 'Plan.id.' })
  readonly plan!: string;

  @Field(() => String, {
    nullable: true,
    description: 'The same key with the same plan acts once; with another plan it is a CONFLICT. 1 to 255 characters.',
  })
  readonly idempotencyKey?: string | null;
}

@InputType({ description: 'Whether a subscription ends with its period, or goes on after all.' })
export class CancelSubscriptionInput {
  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description: 'true takes a cancellation, or a move to a cheaper plan, back.',
  })
  readonly resume?: boolean | null;
}

@InputType({
  description:
    'Exactly one of limit and unlimited: true; leaving both out is BAD_USER_INPUT, so that a forgotten variable never removes the limit.',
})
export class SetOverageLimitInput {
  @Field(() => DecimalScalar, {
    nullable: true,
    description:
      'Most credits of overage in a period, 0 or more. One below what this period has used stops overage; what was used is still billed.',
  })
  readonly limit?: string | null;

  @Field(() => Boolean, { nullable: true, description: 'true: overage without a limit.' })
  readonly unlimited?: boolean | null;
}
