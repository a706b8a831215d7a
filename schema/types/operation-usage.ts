import { Field, Float, ID, Int, ObjectType } from '../decorators';
import { Capability } from '../enums/capability';
import { CredentialSource } from '../enums/credential-source';
import { ErrorCode } from '../enums/error-code';
import { UsageStatus } from '../enums/usage-status';
import { VoiceQuality } from '../enums/voice-quality';
import { DateTimeScalar } from '../scalars/date-time';
import { DecimalScalar } from '../scalars/decimal';
import { type JsonObject, JsonObjectScalar } from '../scalars/json-object';
import { SafeIntScalar } from '../scalars/safe-int';
import type { Lazy } from './lazy';
import { Provider } from './provider';
import { ProviderAttempt } from './provider-attempt';

@ObjectType({
  description:
    'What one metered operation used and cost. Written once, in the commit that charged it, and never changed.',
  simpleResolvers: true,
})
export class OperationUsage {
  @Field(() => ID, { description: 'Id of the usage event.' })
  readonly id!: string;

  @Field(() => Capability, { description: 'What was done.' })
  readonly capability!: Capability;

  @Field(() => UsageStatus, { description: 'How it ended.' })
  readonly status!: UsageStatus;

  @Field(() => ErrorCode, { nullable: true, description: 'Why it did not succeed; null when it did.' })
  readonly errorCode!: ErrorCode | null;

  /** Left out by those who make a usage: whether a provider is available depends on who asks, so a resolver answers. */
  @Field(() => Provider, {
    nullable: true,
    description: 'null where no provider is asked (RETRIEVAL) or its adapter is no longer loaded; providerId stays.',
  })
  readonly provider?: Provider | null;

  @Field(() => ID, { nullable: true, description: 'Id of the provider that served it; null where none is asked.' })
  readonly providerId!: string | null;

  @Field(() => ID, { nullable: true, description: 'Model.id of the model that served it; null where none is asked.' })
  readonly model!: string | null;

  @Field(() => Boolean, { description: "Whether the caller's own key paid the provider, so that it cost no credits." })
  readonly byok!: boolean;

  @Field(() => CredentialSource, { description: 'Whose key paid the provider.' })
  readonly credential!: CredentialSource;

  @Field(() => ID, { nullable: true, description: 'Voice.id of the voice that spoke; null where none did.' })
  readonly voiceId!: string | null;

  @Field(() => String, { nullable: true, description: 'Name of that voice at the time; null where it is not known.' })
  readonly voiceName!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'BCP 47 tag of the language; null where none was given or found.',
  })
  readonly language!: string | null;

  @Field(() => String, { nullable: true, description: 'Speaking style that was asked for; null: none.' })
  readonly style!: string | null;

  @Field(() => VoiceQuality, {
    nullable: true,
    description: 'Quality of a first-party voice; null for other providers.',
  })
  readonly quality!: VoiceQuality | null;

  @Field(() => ID, {
    nullable: true,
    description: 'API key that was used, or that made the client token; null: none is on record.',
  })
  readonly apiKeyId!: string | null;

  @Field(() => String, {
    nullable: true,
    description: "The caller's own user, as the input or the client token named it; null: none.",
  })
  readonly endUserId!: string | null;

  @Field(() => JsonObjectScalar, { nullable: true, description: 'What the input carried along; null: nothing.' })
  readonly metadata!: JsonObject | null;

  @Field(() => SafeIntScalar, {
    description:
      'Characters of the text: Unicode code points after NFC and trimming, without the tags of SSML. 0 where no text is spoken.',
  })
  readonly characters!: number;

  @Field(() => SafeIntScalar, { description: 'Tokens in. For speech: characters / 4, rounded up.' })
  readonly inputTokens!: number;

  @Field(() => SafeIntScalar, { description: 'Tokens out. 0 for speech.' })
  readonly outputTokens!: number;

  @Field(() => SafeIntScalar, { description: 'inputTokens + outputTokens.' })
  readonly totalTokens!: number;

  @Field(() => SafeIntScalar, {
    description: 'totalTokens that were charged: 0 with an own key, after a failure, and where the outcome is unknown.',
  })
  readonly billableTokens!: number;

  @Field(() => SafeIntScalar, {
    description: 'Length of the audio in whole milliseconds, rounded up: the billed length.',
  })
  readonly audioMilliseconds!: number;

  @Field(() => Float, { description: 'The same length in seconds, for display.' })
  readonly audioSeconds!: number;

  @Field(() => Int, { description: 'Requests sent to providers, failed attempts included.' })
  readonly requests!: number;

  @Field(() => SafeIntScalar, { description: "First-party characters that the plan's allowance paid for." })
  readonly allowanceCharacters!: number;

  @Field(() => DecimalScalar, { description: 'Credits that were expected before the call, for comparison.' })
  readonly estimatedCredits!: string;

  @Field(() => Float, {
    nullable: true,
    description: 'Seconds of audio that were expected before the call; null where no audio is made.',
  })
  readonly estimatedAudioSeconds!: number | null;

  @Field(() => DecimalScalar, { description: 'Credits that were held while it ran: the most that it could cost.' })
  readonly heldCredits!: string;

  @Field(() => DecimalScalar, { description: 'Credits that it cost, overage included.' })
  readonly credits!: string;

  @Field(() => DecimalScalar, { description: 'Those of its credits that went beyond the grants.' })
  readonly overageCredits!: string;

  @Field(() => DecimalScalar, {
    description:
      "What it cost in USD, exact: (credits - overageCredits) x creditUsd + overageCredits x the plan's overage rate.",
  })
  readonly costUsd!: string;

  @Field(() => DecimalScalar, {
    description: 'Credits left when it was settled: of the workspace; for a client token, of its own budget.',
  })
  readonly remainingBalance!: string;

  @Field(() => String, {
    description: 'One sentence for people: "Preview completed. 327 billable tokens used. 12,404 credits remaining."',
  })
  readonly summary!: string;

  @Field(() => [ProviderAttempt], {
    description: 'Each request to a provider, in order; each names the key that it used.',
  })
  readonly attempts!: Lazy<readonly ProviderAttempt[]>;

  @Field(() => Float, {
    nullable: true,
    description: 'Milliseconds from the request to its end; null where the end was lost.',
  })
  readonly latencyMs!: number | null;

  @Field(() => String, { description: 'Version of the price book that priced it.' })
  readonly rateCardVersion!: string;

  @Field(() => DateTimeScalar, { description: 'When it was asked for.' })
  readonly createdAt!: Date;

  @Field(() => DateTimeScalar, {
    nullable: true,
    description: 'When it was charged; null while the outcome is unknown.',
  })
  readonly settledAt!: Date | null;
}
