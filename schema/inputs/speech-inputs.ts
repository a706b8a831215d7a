import { Field, Float, ID, InputType, Int } from '../decorators';
import { AudioFormat } from '../enums/audio-format';
import { Delivery } from '../enums/delivery';
import { TextType } from '../enums/text-type';
import { VoiceQuality } from '../enums/voice-quality';
import { MeteredInput } from './metered-input';

@InputType({
  description: 'A text that is to be spoken. Only text is required; the rest has defaults of the provider.',
})
export class SynthesizeSpeechInput extends MeteredInput {
  @Field(() => String, {
    description:
      'What is to be said. Not empty; long texts are split at sentences and joined again, and are charged as one.',
  })
  readonly text!: string;

  @Field(() => TextType, { nullable: true, description: 'How the text is read; TEXT when left out.' })
  readonly textType?: TextType | null;

  @Field(() => ID, {
    nullable: true,
    description: 'Provider.id; when left out, the one that model or voice begins with, else the built-in local.',
  })
  readonly provider?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "Model.id, or the bare name beside provider; the provider's default model, when left out.",
  })
  readonly model?: string | null;

  @Field(() => ID, {
    nullable: true,
    description:
      "Voice.id (provider/voice), or the provider's own id beside provider; its default voice, when left out.",
  })
  readonly voice?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'BCP 47 tag, as "en" or "pt-BR"; the provider decides, when left out.',
  })
  readonly language?: string | null;

  @Field(() => VoiceQuality, {
    nullable: true,
    description: 'Quality of a first-party voice; STANDARD when left out. UNSUPPORTED with other providers.',
  })
  readonly quality?: VoiceQuality | null;

  @Field(() => Float, {
    nullable: true,
    description:
      'Factor on the natural speed, more than 0; 1 when left out. UNSUPPORTED names the range of the provider.',
  })
  readonly speed?: number | null;

  @Field(() => String, {
    nullable: true,
    description: 'Speaking style, for providers that have styles; UNSUPPORTED names them.',
  })
  readonly style?: string | null;

  @Field(() => AudioFormat, {
    nullable: true,
    description: "Encoding of the audio; the provider's default, when left out.",
  })
  readonly format?: AudioFormat | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Samples a second (hertz); the default of provider and format, when left out.',
  })
  readonly sampleRate?: number | null;

  @Field(() => Delivery, {
    nullable: true,
    description: 'When it is answered; COMPLETE when left out. speechStream ignores it.',
  })
  readonly delivery?: Delivery | null;

  @Field(() => String, {
    nullable: true,
    description:
      'The same key with the same input is done and charged once in 24 hours; with another input it is a CONFLICT. Required by speechStream.',
  })
  readonly idempotencyKey?: string | null;
}

@InputType({ description: 'A speech that is to be stopped.' })
export class CancelSpeechInput {
  @Field(() => ID, { description: 'Speech.id.' })
  readonly id!: string;
}

@InputType({ description: 'A speech whose audio and text are to be removed.' })
export class DeleteSpeechInput {
  @Field(() => ID, { description: 'Speech.id.' })
  readonly id!: string;
}
