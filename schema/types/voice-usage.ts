import { Field, Float, ID, ObjectType } from '../decorators';
import { DateScalar } from '../scalars/date';
import { DecimalScalar } from '../scalars/decimal';
import { SafeIntScalar } from '../scalars/safe-int';
import type { Connection, Edge } from './connection';
import { PageInfo } from './page-info';

@ObjectType({
  description: 'What one voice spoke on one day, in one style, language and model. Only text to speech counts.',
  simpleResolvers: true,
})
export class VoiceUsageRow {
  @Field(() => DateScalar, { description: 'The day, in UTC, on which the operations settled.' })
  readonly date!: string;

  @Field(() => ID, { nullable: true, description: 'Voice.id; null where no voice is on record.' })
  readonly voiceId!: string | null;

  @Field(() => String, { nullable: true, description: 'Name that the voice had last; null where it is not known.' })
  readonly voiceName!: string | null;

  @Field(() => String, { nullable: true, description: 'Speaking style that was asked for; null: none.' })
  readonly style!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'BCP 47 tag of the language; null where none was given or found.',
  })
  readonly language!: string | null;

  @Field(() => ID, { description: 'Provider.id of the provider that served it.' })
  readonly provider!: string;

  @Field(() => ID, { description: 'Model.id of the model that served it.' })
  readonly model!: string;

  @Field(() => Float, { description: 'Minutes of audio: milliseconds / 60,000.' })
  readonly minutes!: number;

  @Field(() => SafeIntScalar, { description: 'Operations that ended, failed ones included.' })
  readonly requests!: number;

  @Field(() => DecimalScalar, { description: 'Credits that they cost, overage included.' })
  readonly credits!: string;
}

@ObjectType({ description: 'One row in a page of voice usage.', simpleResolvers: true })
export class VoiceUsageEdge implements Edge<VoiceUsageRow> {
  @Field(() => String, { description: 'Opaque place of this item in the list.' })
  readonly cursor!: string;

  @Field(() => VoiceUsageRow, { description: 'The row.' })
  readonly node!: VoiceUsageRow;
}

@ObjectType({
  description:
    'A page of voice usage, in the order of days, then of provider, model, voice, language and style, by code points, null last.',
  simpleResolvers: true,
})
export class VoiceUsageConnection implements Connection<VoiceUsageRow> {
  @Field(() => [VoiceUsageEdge], { description: 'The items of this page.' })
  readonly edges!: readonly VoiceUsageEdge[];

  @Field(() => PageInfo, { description: 'Where this page stands in the list.' })
  readonly pageInfo!: PageInfo;
}
