import { Field, ID, InputType } from '../decorators';
import { AlertKind } from '../enums/alert-kind';
import { DecimalScalar } from '../scalars/decimal';

@InputType({ description: 'What is to be watched for.' })
export class AlertRuleInput {
  @Field(() => AlertKind, { description: 'What the rule watches for; it stays the same.' })
  readonly kind!: AlertKind;

  @Field(() => DecimalScalar, {
    nullable: true,
    description:
      'At most 6 decimals. LOW_BALANCE: credits, 0 or more, which must be given. SPEND_SPIKE: factor over the median of the last 7 days, over 1 (3 when left out). PROVIDER_ERRORS: share of requests, over 0 and at most 1 (0.1 when left out). NEW_VOICE takes none.',
  })
  readonly threshold?: string | null;

  @Field(() => [ID], {
    nullable: true,
    description:
      'NEW_VOICE alone: the voices that are expected, at most 1,000 of Voice.id; every voice used before, when left out.',
  })
  readonly expectedVoiceIds?: readonly string[] | null;
}

@InputType({ description: 'What is to be changed of an alert rule; what is left out or null stays as it is.' })
export class UpdateAlertRuleInput {
  @Field(() => ID, { description: 'AlertRule.id.' })
  readonly id!: string;

  @Field(() => DecimalScalar, {
    nullable: true,
    description:
      "A threshold that the rule's kind takes. With another one the rule looks anew: what is across it is raised, also when it was before.",
  })
  readonly threshold?: string | null;

  @Field(() => [ID], {
    nullable: true,
    description: 'The voices that a NEW_VOICE rule expects from now on, in the place of those before; at most 1,000.',
  })
  readonly expectedVoiceIds?: readonly string[] | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'false: the rule raises nothing until it is enabled again, when it looks anew from then on.',
  })
  readonly enabled?: boolean | null;
}

@InputType({ description: 'A rule that is no longer needed.' })
export class DeleteAlertRuleInput {
  @Field(() => ID, { description: 'AlertRule.id.' })
  readonly id!: string;
}
