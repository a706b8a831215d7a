import { Field, Float, ID, ObjectType } from '../decorators';
import { Capability } from '../enums/capability';
import { CredentialSource } from '../enums/credential-source';
import { DateTimeScalar } from '../scalars/date-time';
import { DecimalScalar } from '../scalars/decimal';
import { SafeIntScalar } from '../scalars/safe-int';
import type { Connection, Edge } from './connection';
import { PageInfo } from './page-info';

@ObjectType({
  description:
    'Usage of one bucket of time, for one combination of the dimensions that were asked for; fields of the others are null. Operations whose outcome is unknown are left out.',
  simpleResolvers: true,
})
export class UsageBucket {
  @Field(() => DateTimeScalar, { description: 'Beginning of the bucket.' })
  readonly start!: Date;

  @Field(() => DateTimeScalar, { description: 'End of the bucket, which is not part of it.' })
  readonly end!: Date;

  @Field(() => ID, { nullable: true, description: 'Provider.id; null: not grouped by it, or no provider was asked.' })
  readonly provider!: string | null;

  @Field(() => Capability, { nullable: true, description: 'What was done; null: not grouped by it.' })
  readonly capability!: Capability | null;

  @Field(() => ID, { nullable: true, description: 'Model.id; null: not grouped by it, or no model was asked.' })
  readonly model!: string | null;

  @Field(() => ID, { nullable: true, description: 'Voice.id; null: not grouped by it, or no voice spoke.' })
  readonly voiceId!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Name of the voice at the time; null: not grouped by it, or it is not known.',
  })
  readonly voiceName!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'BCP 47 tag of the language; null: not grouped by it, or it is not known.',
  })
  readonly language!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Speaking style; null: not grouped by it, or none was asked for.',
  })
  readonly style!: string | null;

  @Field(() => ID, { nullable: true, description: 'ApiKey.id; null: not grouped by it, or none is on record.' })
  readonly apiKeyId!: string | null;

  @Field(() => String, {
    nullable: true,
    description: "The caller's own user; null: not grouped by it, or none was named.",
  })
  readonly endUserId!: string | null;

  @Field(() => CredentialSource, {
    nullable: true,
    description: 'Whose key paid the provider; null: not grouped by it.',
  })
  readonly credential!: CredentialSource | null;

  @Field(() => SafeIntScalar, { description: 'Operations that ended, failed ones included.' })
  readonly requests!: number;

  @Field(() => SafeIntScalar, { description: 'Those of them that failed.' })
  readonly failures!: number;

  @Field(() => DecimalScalar, { description: 'Credits that they cost, overage included.' })
  readonly credits!: string;

  @Field(() => DecimalScalar, { description: 'What they cost in USD, exact.' })
  readonly costUsd!: string;

  @Field(() => SafeIntScalar, { description: 'Characters of the texts that were to be spoken.' })
  readonly characters!: number;

  @Field(() => SafeIntScalar, { description: 'Length of the audio in milliseconds.' })
  readonly audioMilliseconds!: number;

  @Field(() => Float, { description: 'The same length in seconds, for display.' })
  readonly audioSeconds!: number;

  @Field(() => SafeIntScalar, { description: 'Tokens in.' })
  readonly inputTokens!: number;

  @Field(() => SafeIntScalar, { description: 'Tokens out.' })
  readonly outputTokens!: number;
}

@ObjectType({ description: 'One bucket in a page of buckets.', simpleResolvers: true })
export class UsageBucketEdge implements Edge<UsageBucket> {
  @Field(() => String, { description: 'Opaque place of this item in the list.' })
  readonly cursor!: string;

  @Field(() => UsageBucket, { description: 'The bucket.' })
  readonly node!: UsageBucket;
}

@ObjectType({
  description:
    'A page of buckets, in the order of time, then of the dimensions as UsageDimension lists them, by code points, null last. Buckets without usage are left out.',
  simpleResolvers: true,
})
export class UsageBucketConnection implements Connection<UsageBucket> {
  @Field(() => [UsageBucketEdge], { description: 'The items of this page.' })
  readonly edges!: readonly UsageBucketEdge[];

  @Field(() => PageInfo, { description: 'Where this page stands in the list.' })
  readonly pageInfo!: PageInfo;
}
