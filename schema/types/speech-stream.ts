import { createUnionType, Field, Int, ObjectType } from '../decorators';
import { AudioFormat } from '../enums/audio-format';
import { OperationUsage } from './operation-usage';
import { Speech } from './speech';

@ObjectType({ description: 'First event: what a player needs before the first byte.', simpleResolvers: true })
export class SpeechStarted {
  readonly __typename!: 'SpeechStarted';

  @Field(() => Int, { description: 'Place in the stream, counted from 0.' })
  readonly sequence!: number;

  @Field(() => Speech, { description: 'The speech, GENERATING.' })
  readonly speech!: Speech;

  @Field(() => String, { description: 'Media type, as "audio/mpeg".' })
  readonly contentType!: string;

  @Field(() => AudioFormat, { description: 'Encoding.' })
  readonly format!: AudioFormat;

  @Field(() => Int, { nullable: true, description: 'Samples a second (hertz); null where it is not known.' })
  readonly sampleRate!: number | null;

  @Field(() => Int, { nullable: true, description: 'Number of channels; null where it is not known.' })
  readonly channels!: number | null;
}

@ObjectType({
  description: 'The next bytes of the audio. All chunks in order, joined, are the file.',
  simpleResolvers: true,
})
export class SpeechChunk {
  readonly __typename!: 'SpeechChunk';

  @Field(() => Int, { description: 'Place in the stream; sent as after, the stream goes on behind it.' })
  readonly sequence!: number;

  @Field(() => String, { description: 'The bytes in base64, never empty.' })
  readonly audioBase64!: string;

  @Field(() => String, { description: 'Media type of the whole, as "audio/mpeg".' })
  readonly contentType!: string;
}

@ObjectType({ description: 'Last event: the speech is complete and charged.', simpleResolvers: true })
export class SpeechCompleted {
  readonly __typename!: 'SpeechCompleted';

  @Field(() => Int, { description: 'Place in the stream: the last.' })
  readonly sequence!: number;

  @Field(() => Speech, { description: 'The speech, COMPLETED, with the URL of its audio.' })
  readonly speech!: Speech;

  @Field(() => OperationUsage, { description: 'What it used and cost.' })
  readonly usage!: OperationUsage;
}

/** Events name their type in `__typename`, which the executor reads at once; see build-schema. */
export const SpeechStreamEvent = createUnionType({
  name: 'SpeechStreamEvent',
  description:
    'One event of speechStream: first SpeechStarted, then SpeechChunk as often as it takes, last SpeechCompleted.',
  types: () => [SpeechStarted, SpeechChunk, SpeechCompleted] as const,
});
export type SpeechStreamEvent = SpeechStarted | SpeechChunk | SpeechCompleted;
