import { Field, ID, InputType } from '../decorators';
import { Capability } from '../enums/capability';
import { UsageStatus } from '../enums/usage-status';
import { DateTimeScalar } from '../scalars/date-time';

@InputType({
  description: 'Which usage is listed. Every field that is given has to fit; what is left out does not narrow.',
})
export class UsageEventFilter {
  @Field(() => DateTimeScalar, { nullable: true, description: 'Settled at this time or later; for UNKNOWN, given up.' })
  readonly start?: Date | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'Settled before this time.' })
  readonly end?: Date | null;

  @Field(() => [Capability], { nullable: true, description: 'One of these capabilities.' })
  readonly capabilities?: readonly Capability[] | null;

  @Field(() => [ID], { nullable: true, description: 'Served by one of these providers (Provider.id).' })
  readonly providers?: readonly string[] | null;

  @Field(() => UsageStatus, { nullable: true, description: 'Ended like this.' })
  readonly status?: UsageStatus | null;

  @Field(() => String, { nullable: true, description: "For this user of the caller's." })
  readonly endUserId?: string | null;

  @Field(() => ID, {
    nullable: true,
    description: 'With this API key (ApiKey.id), or with a client token that it made.',
  })
  readonly apiKeyId?: string | null;
}
