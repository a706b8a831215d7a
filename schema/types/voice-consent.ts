import { Field, ID, ObjectType } from '../decorators';
import { DateTimeScalar } from '../scalars/date-time';

@ObjectType({
  description: 'Who agreed to this voice being cloned, to what, when, and where that is on record.',
  simpleResolvers: true,
})
export class VoiceConsent {
  @Field(() => String, { description: 'Whose voice it is.' })
  readonly subjectName!: string;

  @Field(() => String, { description: 'What was agreed to, in words.' })
  readonly statement!: string;

  @Field(() => DateTimeScalar, { description: 'When it was agreed to.' })
  readonly obtainedAt!: Date;

  @Field(() => String, { nullable: true, description: 'Where the record lies; null: not under an address.' })
  readonly recordUrl!: string | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'When the agreement ends; null: it does not.' })
  readonly expiresAt!: Date | null;

  @Field(() => ID, { description: 'ApiKey.id of the key that recorded it.' })
  readonly recordedBy!: string;

  @Field(() => DateTimeScalar, { description: 'When it was recorded.' })
  readonly recordedAt!: Date;
}
