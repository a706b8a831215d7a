import { Field, ID, Int, ObjectType } from '../decorators';
import { Capability } from '../enums/capability';
import { UnitOfMeasure } from '../enums/unit-of-measure';
import { VoiceQuality } from '../enums/voice-quality';
import { DecimalScalar } from '../scalars/decimal';

@ObjectType({
  description:
    'What one unit costs: units x credits / per, exact, rounded up once for each operation to 0.000001 credits.',
  simpleResolvers: true,
})
export class Rate {
  @Field(() => Capability, { description: 'What is charged for.' })
  readonly capability!: Capability;

  @Field(() => ID, { nullable: true, description: 'Id of the provider; null where no provider is asked (RETRIEVAL).' })
  readonly provider!: string | null;

  @Field(() => ID, { nullable: true, description: 'Model.id; null: every model of the provider.' })
  readonly model!: string | null;

  @Field(() => VoiceQuality, {
    nullable: true,
    description: 'Quality of a first-party voice; null: whatever the quality.',
  })
  readonly quality!: VoiceQuality | null;

  @Field(() => UnitOfMeasure, { description: 'What is counted.' })
  readonly unit!: UnitOfMeasure;

  @Field(() => Int, { description: 'Number of units that credits pays for, as 1000 characters.' })
  readonly per!: number;

  @Field(() => DecimalScalar, { description: 'Credits for that number of units; 0 is free.' })
  readonly credits!: string;
}

@ObjectType({ description: 'The prices in force.', simpleResolvers: true })
export class RateCard {
  @Field(() => String, { description: 'Version of the price book; each usage names the version that priced it.' })
  readonly version!: string;

  @Field(() => DecimalScalar, { description: 'Price of one credit in USD.' })
  readonly creditUsd!: string;

  @Field(() => [Rate], { description: 'Every rate. What has none is not served.' })
  readonly rates!: readonly Rate[];
}
