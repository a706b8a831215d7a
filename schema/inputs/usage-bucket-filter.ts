import { Field, ID, InputType } from '../decorators';
import { BucketWidth } from '../enums/bucket-width';
import { Capability } from '../enums/capability';
import { UsageDimension } from '../enums/usage-dimension';
import { DateTimeScalar } from '../scalars/date-time';

@InputType({
  description:
    'Which usage is summed up, and how. An operation counts in the bucket in which it settled. Lists narrow, and take at most 100 values each; what is left out does not narrow.',
})
export class UsageBucketFilter {
  @Field(() => DateTimeScalar, {
    description: 'Beginning of the time asked for, 1970 or later; moved back to where its bucket begins.',
  })
  readonly start!: Date;

  @Field(() => DateTimeScalar, {
    description:
      'End of the time asked for, which is not part of it; moved forward to where its bucket ends. At most 31 days after start for HOUR and 400 for DAY; an hour by which the clocks are set does not count.',
  })
  readonly end!: Date;

  @Field(() => BucketWidth, { description: 'How long each bucket is.' })
  readonly width!: BucketWidth;

  @Field(() => [UsageDimension], {
    description:
      'One row for each combination of these that was used; an empty list: one row for each bucket. Their order does not matter, nor that one is named twice. VOICE_ID together with VOICE_NAME is BAD_USER_INPUT.',
  })
  readonly groupBy!: readonly UsageDimension[];

  @Field(() => String, {
    nullable: true,
    description: 'IANA time zone of the bucket edges, as "America/New_York"; UTC when left out.',
  })
  readonly timeZone?: string | null;

  @Field(() => [ID], { nullable: true, description: 'Served by one of these providers (Provider.id).' })
  readonly providers?: readonly string[] | null;

  @Field(() => [Capability], { nullable: true, description: 'One of these capabilities.' })
  readonly capabilities?: readonly Capability[] | null;

  @Field(() => [ID], {
    nullable: true,
    description: 'With one of these API keys (ApiKey.id), or with a client token that it made.',
  })
  readonly apiKeyIds?: readonly string[] | null;

  @Field(() => [String], {
    nullable: true,
    description: "For one of these users of the caller's, of 1 to 128 characters each.",
  })
  readonly endUserIds?: readonly string[] | null;
}
