import { Field, ID, Int, ObjectType } from '../decorators';
import { DateTimeScalar } from '../scalars/date-time';
import { DecimalScalar } from '../scalars/decimal';
import { SafeIntScalar } from '../scalars/safe-int';
import type { Lazy } from './lazy';
import { Plan } from './plan';

@ObjectType({ description: 'An amount against its limit.', simpleResolvers: true })
export class UsageAmount {
  @Field(() => DecimalScalar, { description: 'Used in the period.' })
  readonly used!: string;

  @Field(() => DecimalScalar, { nullable: true, description: 'What there is for the period; null: no limit.' })
  readonly limit!: string | null;

  @Field(() => DecimalScalar, { nullable: true, description: 'limit - used, never below 0; null: no limit.' })
  readonly remaining!: string | null;
}

@ObjectType({ description: 'Credits of the period by kind of work.', simpleResolvers: true })
export class UsageBreakdown {
  @Field(() => DecimalScalar, { description: 'Credits for text to speech.' })
  readonly tts!: string;

  @Field(() => DecimalScalar, { description: 'Credits for speech to text.' })
  readonly stt!: string;

  @Field(() => DecimalScalar, { description: 'Credits for language models.' })
  readonly llm!: string;

  @Field(() => DecimalScalar, { description: 'Credits for retrieval and embeddings.' })
  readonly rag!: string;
}

@ObjectType({ description: 'Metered requests in this minute.', simpleResolvers: true })
export class RequestUsage {
  @Field(() => Int, { nullable: true, description: 'Metered requests a minute; null: no limit.' })
  readonly rateLimit!: number | null;

  @Field(() => Int, { description: 'Metered requests admitted in this minute of UTC.' })
  readonly currentMinute!: number;
}

@ObjectType({ description: 'API keys against the limit of the plan.', simpleResolvers: true })
export class ApiKeyUsage {
  @Field(() => Int, { description: 'Keys that work at present; a rotated key counts once.' })
  readonly active!: number;

  @Field(() => Int, { nullable: true, description: 'Most active keys; null: no limit.' })
  readonly max!: number | null;
}

@ObjectType({ description: 'One period of use: credits, characters, requests and keys.', simpleResolvers: true })
export class UsageSummary {
  @Field(() => ID, { description: 'Id of the period in this workspace.' })
  readonly id!: string;

  @Field(() => Plan, { description: 'The plan of the period.' })
  readonly plan!: Plan;

  @Field(() => DateTimeScalar, { description: 'Beginning of the period.' })
  readonly periodStart!: Date;

  @Field(() => DateTimeScalar, { description: 'End of the period, which is not part of it.' })
  readonly periodEnd!: Date;

  @Field(() => UsageAmount, { description: 'Credits; the limit is included + carriedOver + toppedUp.' })
  readonly credits!: UsageAmount;

  @Field(() => UsageBreakdown, { description: 'The same credits by kind of work.' })
  readonly breakdown!: UsageBreakdown;

  @Field(() => SafeIntScalar, { description: 'Metered operations of the period, failed ones included.' })
  readonly requestCount!: number;

  @Field(() => UsageAmount, { description: "Characters that the plan's character allowance counts." })
  readonly characters!: UsageAmount;

  @Field(() => RequestUsage, { description: 'Requests in this minute, whatever the period.' })
  readonly requests!: Lazy<RequestUsage>;

  @Field(() => ApiKeyUsage, { description: 'Keys at present, whatever the period.' })
  readonly apiKeys!: Lazy<ApiKeyUsage>;
}
