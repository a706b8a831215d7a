import { Field, ID, ObjectType } from '../decorators';
import { ErrorCode } from '../enums/error-code';
import { SpeechStatus } from '../enums/speech-status';
import { DateTimeScalar } from '../scalars/date-time';
import { type JsonObject, JsonObjectScalar } from '../scalars/json-object';
import { SafeIntScalar } from '../scalars/safe-int';
import { Audio } from './audio';
import type { Lazy } from './lazy';
import { OperationUsage } from './operation-usage';
import { Provider } from './provider';
import { Voice } from './voice';

@ObjectType({ description: 'A text that was spoken, or is being spoken.', simpleResolvers: true })
export class Speech {
  @Field(() => ID, { description: 'Id of the speech.' })
  readonly id!: string;

  @Field(() => SpeechStatus, { description: 'Where it stands.' })
  readonly status!: SpeechStatus;

  @Field(() => ErrorCode, { nullable: true, description: 'Why it was not completed; null otherwise.' })
  readonly errorCode!: ErrorCode | null;

  @Field(() => Audio, {
    nullable: true,
    description: 'null when it failed, was deleted, or is older than the retention.',
  })
  readonly audio!: Lazy<Audio | null>;

  /** Left out by those who make a speech: whether a provider is available depends on who asks, so a resolver answers. */
  @Field(() => Provider, { nullable: true, description: 'Who spoke it; null where its adapter is no longer loaded.' })
  readonly provider?: Provider | null;

  @Field(() => ID, { description: 'Id of the provider, also where provider is null.' })
  readonly providerId!: string;

  @Field(() => ID, { description: 'Model.id of the model that spoke.' })
  readonly model!: string;

  @Field(() => ID, { nullable: true, description: 'Voice.id of the voice that spoke; null where it is not known.' })
  readonly voiceId!: string | null;

  /** Left out by those who make a speech: which voices are known depends on who asks, so a resolver answers. */
  @Field(() => Voice, {
    nullable: true,
    description: 'The voice that spoke, as far as this server knows it; null where only voiceId is known.',
  })
  readonly voice?: Voice | null;

  @Field(() => SafeIntScalar, { description: 'Characters that count, of the whole text.' })
  readonly characters!: number;

  @Field(() => String, {
    nullable: true,
    description: "The caller's own user, as the input or the client token named it; null: none.",
  })
  readonly endUserId!: string | null;

  @Field(() => JsonObjectScalar, { nullable: true, description: 'What the input carried along; null: nothing.' })
  readonly metadata!: JsonObject | null;

  @Field(() => OperationUsage, { nullable: true, description: 'What it used and cost; null until it is settled.' })
  readonly usage!: Lazy<OperationUsage | null>;

  @Field(() => DateTimeScalar, { description: 'When it was asked for.' })
  readonly createdAt!: Date;
}

@ObjectType({ description: 'A speech and what it cost.', simpleResolvers: true })
export class SynthesizeSpeechPayload {
  @Field(() => Speech, { description: 'The speech; with STREAM it may still be GENERATING.' })
  readonly speech!: Speech;

  @Field(() => OperationUsage, {
    nullable: true,
    description: 'null for STREAM, until it is settled: usageUpdated and speech(id) bring it.',
  })
  readonly usage!: OperationUsage | null;

  @Field(() => Boolean, {
    description: 'true when the idempotency key had been used: nothing was done or charged again.',
  })
  readonly replayed!: boolean;
}

@ObjectType({ description: 'A speech that was stopped.', simpleResolvers: true })
export class CancelSpeechPayload {
  @Field(() => Speech, { description: 'The speech as it is now; one that had ended before is unchanged.' })
  readonly speech!: Speech;

  @Field(() => OperationUsage, { nullable: true, description: 'What was charged; null until it is settled.' })
  readonly usage!: OperationUsage | null;
}
