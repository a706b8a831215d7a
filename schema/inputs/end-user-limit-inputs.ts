import { Field, InputType, Int } from '../decorators';
import { DecimalScalar } from '../scalars/decimal';

@InputType({
  description:
    'What one end user of the workspace may use at most. It takes the place of the limits that the end user had: one that is null or left out is lifted. At least one is given.',
})
export class SetEndUserLimitInput {
  @Field(() => String, {
    description:
      "The workspace's own name for the end user, as operations and client tokens carry it. 1 to 128 characters without control characters.",
  })
  readonly endUserId!: string;

  @Field(() => DecimalScalar, {
    nullable: true,
    description:
      'Most credits in a UTC day, 0 or more with at most 6 decimals. An operation counts on the day on which it began; one that costs no credits is not refused by it. No such limit, when left out.',
  })
  readonly creditsPerDay?: string | null;

  @Field(() => DecimalScalar, {
    nullable: true,
    description:
      'Most credits in a billing period, 0 or more with at most 6 decimals. An operation counts in the period in which it began; one that costs no credits is not refused by it. No such limit, when left out.',
  })
  readonly creditsPerPeriod?: string | null;

  @Field(() => Int, {
    nullable: true,
    description:
      'Most operations that begin in a UTC minute, 1 to 100,000. Those on an own provider key and those that fail count too; what is refused, and an answer that is replayed, does not. No such limit, when left out.',
  })
  readonly requestsPerMinute?: number | null;
}

@InputType({ description: 'An end user whose limits are lifted.' })
export class DeleteEndUserLimitInput {
  @Field(() => String, { description: 'EndUserLimit.endUserId.' })
  readonly endUserId!: string;
}
