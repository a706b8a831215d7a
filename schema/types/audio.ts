import { Field, Float, Int, ObjectType } from '../decorators';
import { AudioFormat } from '../enums/audio-format';
import { DateTimeScalar } from '../scalars/date-time';
import { SafeIntScalar } from '../scalars/safe-int';
import type { Lazy } from './lazy';

@ObjectType({ description: 'Audio, and where to fetch it.', simpleResolvers: true })
export class Audio {
  @Field(() => String, {
    description:
      'Needs no key until expiresAt; ask speech(id) for a fresh one. Takes ranges, and plays while the audio is being made.',
  })
  readonly url!: string;

  @Field(() => DateTimeScalar, { description: 'When the URL stops working.' })
  readonly expiresAt!: Date;

  @Field(() => String, { description: 'Media type, as "audio/mpeg".' })
  readonly contentType!: string;

  @Field(() => AudioFormat, { description: 'Encoding.' })
  readonly format!: AudioFormat;

  @Field(() => Int, { nullable: true, description: 'Samples a second (hertz); null where it is not known.' })
  readonly sampleRate!: number | null;

  @Field(() => Int, { nullable: true, description: 'Number of channels; null where it is not known.' })
  readonly channels!: number | null;

  @Field(() => SafeIntScalar, { nullable: true, description: 'Bytes; null while it is being made.' })
  readonly sizeBytes!: number | null;

  @Field(() => Float, { nullable: true, description: 'Length in seconds; null while it is being made.' })
  readonly durationSeconds!: number | null;

  @Field(() => String, {
    nullable: true,
    description: 'The bytes in base64, only for COMPLETE results up to 1 MB; else null.',
  })
  readonly base64!: Lazy<string | null>;
}
