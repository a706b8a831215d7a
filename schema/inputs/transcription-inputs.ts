import { Field, ID, InputType } from '../decorators';
import { TimestampGranularity } from '../enums/timestamp-granularity';
import { DecimalScalar } from '../scalars/decimal';
import { MeteredInput } from './metered-input';

@InputType({
  description:
    'Where audio comes from: exactly one of the three. It is taken by what its bytes are, whatever its name or media type says: WAV, MP3, Ogg (Opus, Vorbis), FLAC, MP4/M4A, WebM/Matroska or AAC, at most 100 MiB and 4 hours.',
})
export class AudioSourceInput {
  @Field(() => String, {
    nullable: true,
    description:
      'An http or https address on the public Internet that answers with the bytes. Redirects are not followed, and addresses inside private networks are refused.',
  })
  readonly url?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The bytes in standard base64, at most 6 MiB once decoded; send more with createUpload.',
  })
  readonly base64?: string | null;

  @Field(() => ID, {
    nullable: true,
    description:
      'Upload.id of an upload for AUDIO that has arrived. Its bytes are removed when a transcription of it has succeeded, or after 24 hours.',
  })
  readonly uploadId?: string | null;
}

@InputType({ description: 'Audio that is to be written down. Only audio is required.' })
export class TranscribeInput extends MeteredInput {
  @Field(() => AudioSourceInput, {
    description: 'The audio. Its length is measured before anything is held or charged.',
  })
  readonly audio!: AudioSourceInput;

  @Field(() => ID, {
    nullable: true,
    description:
      'Provider.id; when left out, the one that model begins with, else the first in the order of providers that has a key and takes the request.',
  })
  readonly provider?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "Model.id, or the bare name beside provider; the provider's default model, when left out.",
  })
  readonly model?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'BCP 47 tag of the language that is spoken, as "en" or "pt-BR"; the provider decides, when left out.',
  })
  readonly language?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    description:
      'Whether speakers are told apart; no, when left out. UNSUPPORTED names the models that can. It costs nothing extra.',
  })
  readonly diarize?: boolean | null;

  @Field(() => TimestampGranularity, {
    nullable: true,
    description: 'How finely times are told; NONE, when left out. UNSUPPORTED names what the model takes.',
  })
  readonly timestamps?: TimestampGranularity | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Words that guide the transcription, such as names, at most 2000 characters; for models that take them.',
  })
  readonly prompt?: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'The same key with the same input and the same bytes of audio is done and charged once in 24 hours; with another it is a CONFLICT.',
  })
  readonly idempotencyKey?: string | null;
}

@InputType({ description: 'A transcription whose text is to be removed.' })
export class DeleteTranscriptionInput {
  @Field(() => ID, { description: 'Transcription.id.' })
  readonly id!: string;
}

@InputType({
  description: 'Audio whose cost is asked for: exactly one of the two. Nothing is fetched and no audio is sent.',
})
export class EstimateTranscriptionInput {
  @Field(() => DecimalScalar, { nullable: true, description: 'Length of the audio in seconds, as "61.5".' })
  readonly audioSeconds?: string | null;

  @Field(() => ID, {
    nullable: true,
    description: 'Upload.id of an upload for AUDIO that has arrived; it is measured.',
  })
  readonly uploadId?: string | null;
}
