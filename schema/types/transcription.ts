import { Field, Float, ID, ObjectType } from '../decorators';
import { DateTimeScalar } from '../scalars/date-time';
import { type JsonObject, JsonObjectScalar } from '../scalars/json-object';
import type { Lazy } from './lazy';
import { OperationUsage } from './operation-usage';
import { Provider } from './provider';

@ObjectType({ description: 'A stretch of a transcription, such as a sentence.', simpleResolvers: true })
export class TranscriptSegment {
  @Field(() => Float, { description: 'Where it begins, in seconds from the start of the audio.' })
  readonly startSeconds!: number;

  @Field(() => Float, { description: 'Where it ends, in seconds from the start of the audio.' })
  readonly endSeconds!: number;

  @Field(() => String, { description: 'What was said.' })
  readonly text!: string;

  @Field(() => String, {
    nullable: true,
    description:
      "Who said it, by the provider's label, which is the same for the same speaker within one transcription; null unless diarize was asked for.",
  })
  readonly speaker!: string | null;

  @Field(() => Float, { nullable: true, description: 'How sure the provider is, 0 to 1; null where it does not say.' })
  readonly confidence!: number | null;
}

@ObjectType({ description: 'A word of a transcription.', simpleResolvers: true })
export class TranscriptWord {
  @Field(() => Float, { description: 'Where it begins, in seconds from the start of the audio.' })
  readonly startSeconds!: number;

  @Field(() => Float, { description: 'Where it ends, in seconds from the start of the audio.' })
  readonly endSeconds!: number;

  @Field(() => String, { description: 'The word.' })
  readonly text!: string;

  @Field(() => String, {
    nullable: true,
    description: "Who said it, by the provider's label; null unless diarize was asked for.",
  })
  readonly speaker!: string | null;

  @Field(() => Float, { nullable: true, description: 'How sure the provider is, 0 to 1; null where it does not say.' })
  readonly confidence!: number | null;
}

@ObjectType({
  description: 'Audio that was written down. The text is kept as long as audio is; the audio itself is not kept.',
  simpleResolvers: true,
})
export class Transcription {
  @Field(() => ID, { description: 'Id of the transcription.' })
  readonly id!: string;

  @Field(() => String, { description: 'All that was said; empty where nothing was.' })
  readonly text!: string;

  @Field(() => String, { nullable: true, description: 'BCP 47 tag of the language, as far as the provider says so.' })
  readonly language!: string | null;

  @Field(() => Float, { description: 'Length of the audio in seconds, as measured here; it is what was charged for.' })
  readonly durationSeconds!: number;

  @Field(() => [TranscriptSegment], {
    description: 'In order; empty unless times or speakers were asked for, and where the provider has none.',
  })
  readonly segments!: readonly TranscriptSegment[];

  @Field(() => [TranscriptWord], { description: 'In order; empty unless WORD was asked for.' })
  readonly words!: readonly TranscriptWord[];

  /** Left out by those who make one: whether a provider is available depends on who asks, so a resolver answers. */
  @Field(() => Provider, {
    nullable: true,
    description: 'Who wrote it down; null where its adapter is no longer loaded.',
  })
  readonly provider?: Provider | null;

  @Field(() => ID, { description: 'Id of the provider, also where provider is null.' })
  readonly providerId!: string;

  @Field(() => ID, { description: 'Model.id of the model that wrote it down.' })
  readonly model!: string;

  @Field(() => OperationUsage, { nullable: true, description: 'What it used and cost.' })
  readonly usage!: Lazy<OperationUsage | null>;

  @Field(() => String, {
    nullable: true,
    description: "The caller's own user, as the input or the client token named it; null: none.",
  })
  readonly endUserId!: string | null;

  @Field(() => JsonObjectScalar, { nullable: true, description: 'What the input carried along; null: nothing.' })
  readonly metadata!: JsonObject | null;

  @Field(() => DateTimeScalar, { description: 'When it was asked for.' })
  readonly createdAt!: Date;
}

@ObjectType({ description: 'A transcription and what it cost.', simpleResolvers: true })
export class TranscribePayload {
  @Field(() => Transcription, { description: 'The transcription.' })
  readonly transcription!: Transcription;

  @Field(() => OperationUsage, { description: 'What it used and cost.' })
  readonly usage!: OperationUsage;

  @Field(() => Boolean, {
    description: 'true when the idempotency key had been used: nothing was done or charged again.',
  })
  readonly replayed!: boolean;
}
