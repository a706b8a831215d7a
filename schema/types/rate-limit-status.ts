import { Field, Int, ObjectType } from '../decorators';
import { DateTimeScalar } from '../scalars/date-time';

@ObjectType({
  description: "The workspace's metered requests in this minute of UTC, over all keys and tokens together.",
  simpleResolvers: true,
})
export class RateLimitStatus {
  @Field(() => Int, { nullable: true, description: 'Metered requests a minute; null: no limit.' })
  readonly limit!: number | null;

  @Field(() => Int, { nullable: true, description: 'Requests left in this minute; null: no limit.' })
  readonly remaining!: number | null;

  @Field(() => DateTimeScalar, { description: 'When the next minute begins and the count starts over.' })
  readonly resetAt!: Date;

  @Field(() => Int, { description: 'Metered requests admitted in this minute, however they ended.' })
  readonly currentMinute!: number;
}
