import { Field, ID, Int, ObjectType } from '../decorators';
import { VoiceQuality } from '../enums/voice-quality';
import { DecimalScalar } from '../scalars/decimal';
import { SafeIntScalar } from '../scalars/safe-int';

@ObjectType({
  description:
    'A plan of the price book. On a custom plan null means by agreement; otherwise each field says what null means.',
  simpleResolvers: true,
})
export class Plan {
  @Field(() => ID, { description: 'Its id in the price book, as "starter".' })
  readonly id!: string;

  @Field(() => String, { description: 'Its name, for people.' })
  readonly name!: string;

  @Field(() => Boolean, { description: 'By agreement: a null below then means agreed, not absent.' })
  readonly custom!: boolean;

  @Field(() => DecimalScalar, {
    nullable: true,
    description: 'Price a month in USD; null: the plan is not sold by the month.',
  })
  readonly priceUsd!: string | null;

  @Field(() => DecimalScalar, { nullable: true, description: 'Credits granted each period; null: none.' })
  readonly monthlyCredits!: string | null;

  @Field(() => Boolean, { description: 'Nothing past the grants is served; overageUsdPerCredit is null.' })
  readonly hardCap!: boolean;

  @Field(() => DecimalScalar, {
    nullable: true,
    description: 'Price in USD of a credit beyond the grants; null: there is no overage.',
  })
  readonly overageUsdPerCredit!: string | null;

  @Field(() => Int, { description: 'Further periods in which unused monthly credits can be spent; 0: none.' })
  readonly carryoverMonths!: number;

  @Field(() => SafeIntScalar, {
    nullable: true,
    description: 'Characters of the allowance each period, free of credits and never carried over; null: none.',
  })
  readonly monthlyCharacters!: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Most characters of one request for speech that the allowance counts; null: no limit.',
  })
  readonly maxCharactersPerRequest!: number | null;

  @Field(() => [VoiceQuality], { description: 'Qualities of first-party voices that it offers.' })
  readonly qualities!: readonly VoiceQuality[];

  @Field(() => Int, {
    nullable: true,
    description: 'Metered requests a minute, over all keys together; null: no limit.',
  })
  readonly requestsPerMinute!: number | null;

  @Field(() => Int, { nullable: true, description: 'Most active API keys; null: no limit.' })
  readonly maxApiKeys!: number | null;
}
