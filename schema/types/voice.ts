import { Field, ID, Int, ObjectType } from '../decorators';
import { VoiceQuality } from '../enums/voice-quality';
import { VoiceStatus } from '../enums/voice-status';
import { DateTimeScalar } from '../scalars/date-time';
import type { Connection, Edge } from './connection';
import { EngineVersion } from './engine-version';
import { PageInfo } from './page-info';
import { Provider } from './provider';
import { VoiceConsent } from './voice-consent';

@ObjectType({ description: 'A voice of a provider, as its list tells it.', simpleResolvers: true })
export class Voice {
  @Field(() => ID, {
    description:
      "Unique over all providers: provider/voice. Inputs named voice take it, or the provider's own id beside provider.",
  })
  readonly id!: string;

  @Field(() => String, { description: "The provider's own id of it." })
  readonly providerVoiceId!: string;

  @Field(() => String, { description: 'Its name, for people.' })
  readonly name!: string;

  /** Left out by those who make a voice: whether a provider is available depends on who asks, so a resolver answers. */
  @Field(() => Provider, { description: 'Who speaks with it.' })
  readonly provider?: Provider;

  /** Not part of the schema: what `provider` is found by. */
  readonly providerId!: string;

  @Field(() => [String], {
    description: 'BCP 47 tags of the languages that it is made for; empty where the provider does not say.',
  })
  readonly languages!: readonly string[];

  @Field(() => String, { nullable: true, description: 'As the provider says it, as "female"; null: it does not.' })
  readonly gender!: string | null;

  @Field(() => String, { nullable: true, description: "The provider's words about it; null: none." })
  readonly description!: string | null;

  @Field(() => String, { nullable: true, description: 'Where a sample can be heard; null: nowhere.' })
  readonly previewUrl!: string | null;

  @Field(() => VoiceQuality, {
    nullable: true,
    description: 'Of a first-party voice; null where there is none to choose.',
  })
  readonly quality!: VoiceQuality | null;

  @Field(() => VoiceStatus, { description: "Whether it can be used; a provider's own voices always are ENABLED." })
  readonly status!: VoiceStatus;

  @Field(() => EngineVersion, { nullable: true, description: 'What speaks a first-party voice; null for any other.' })
  readonly engineVersion!: EngineVersion | null;

  @Field(() => Int, { description: 'Recordings that it was made from, as far as they are kept here.' })
  readonly referenceCount!: number;

  @Field(() => VoiceConsent, {
    nullable: true,
    description: 'Who agreed to its being cloned. Admin only; null for everyone else and for voices not made here.',
  })
  readonly consent!: VoiceConsent | null;

  @Field(() => DateTimeScalar, { nullable: true, description: 'When it was made here; null: it was not.' })
  readonly createdAt!: Date | null;
}

@ObjectType({ description: 'One voice in a page of voices.', simpleResolvers: true })
export class VoiceEdge implements Edge<Voice> {
  @Field(() => String, { description: 'Opaque place of this item in the list.' })
  readonly cursor!: string;

  @Field(() => Voice, { description: 'The voice.' })
  readonly node!: Voice;
}

@ObjectType({ description: 'A page of voices, by provider and name.', simpleResolvers: true })
export class VoiceConnection implements Connection<Voice> {
  @Field(() => [VoiceEdge], { description: 'The items of this page.' })
  readonly edges!: readonly VoiceEdge[];

  @Field(() => PageInfo, { description: 'Where this page stands in the list.' })
  readonly pageInfo!: PageInfo;
}
