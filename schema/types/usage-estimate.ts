import { Field, Float, ID, ObjectType } from '../decorators';
import { DecimalScalar } from '../scalars/decimal';
import { SafeIntScalar } from '../scalars/safe-int';
import { Provider } from './provider';

@ObjectType({ description: 'What an operation would use and cost. Asking is free.', simpleResolvers: true })
export class UsageEstimate {
  /** For the resolver of `provider`: whether that is available depends on who asks. Not a field of the schema. */
  readonly providerId!: string;

  @Field(() => Provider, { description: 'Who would do it.' })
  readonly provider?: Provider;

  @Field(() => ID, { description: 'Model.id of the model that would serve.' })
  readonly model!: string;

  @Field(() => ID, { nullable: true, description: 'Voice.id of the voice that would speak; null where none would.' })
  readonly voiceId!: string | null;

  @Field(() => Boolean, {
    description: "Whether the caller's own key would pay the provider, so that it costs no credits.",
  })
  readonly byok!: boolean;

  @Field(() => SafeIntScalar, { description: 'Characters that count, of the whole text, however it will be split.' })
  readonly characters!: number;

  @Field(() => SafeIntScalar, { description: "Those that the plan's allowance would pay for at present." })
  readonly allowanceCharacters!: number;

  @Field(() => SafeIntScalar, { description: 'Tokens in. For speech: characters / 4, rounded up.' })
  readonly inputTokens!: number;

  @Field(() => SafeIntScalar, { description: 'Tokens in and the tokens out that are expected.' })
  readonly totalTokens!: number;

  @Field(() => Float, { description: 'Expected length of the audio in seconds, learned from what was really made.' })
  readonly audioSeconds!: number;

  @Field(() => DecimalScalar, { description: 'Expected cost in credits.' })
  readonly credits!: string;

  @Field(() => DecimalScalar, { description: 'The most that it can cost in credits: what would be held.' })
  readonly creditsAtMost!: string;

  @Field(() => DecimalScalar, { description: 'Expected cost in USD.' })
  readonly costUsd!: string;

  @Field(() => DecimalScalar, {
    description: 'remaining - credits, never below 0; for a client token, of its own budget.',
  })
  readonly balanceAfter!: string;

  @Field(() => Boolean, {
    description: 'Whether it would be admitted at present: credits or overage cover creditsAtMost.',
  })
  readonly affordable!: boolean;

  @Field(() => String, {
    description: 'One sentence for people: "This preview will use about 340 tokens and 5.8 seconds of audio."',
  })
  readonly summary!: string;
}
