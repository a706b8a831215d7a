import { Arg, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from '../../schema/decorators';
import {
  DeleteTranscriptionInput,
  EstimateTranscriptionInput,
  TranscribeInput,
} from '../../schema/inputs/transcription-inputs';
import { DeletePayload } from '../../schema/types/delete-payload';
import type { Provider } from '../../schema/types/provider';
import { TranscribePayload, Transcription } from '../../schema/types/transcription';
import { UsageEstimate } from '../../schema/types/usage-estimate';
import type { RequestContext } from './context';
import { requireCapability, requireScope } from './rights';

@Resolver(() => Transcription)
export class TranscriptionResolver {
  @Query(() => Transcription, { nullable: true, description: 'A transcription of this workspace, with its text.' })
  transcription(@Ctx() context: RequestContext, @Arg('id', () => ID, { description: 'Transcription.id.' }) id: string) {
    requireScope(context, 'READ');
    return context.services.transcription.find(context, id);
  }

  @Query(() => UsageEstimate, {
    nullable: true,
    description:
      'Free: deducts nothing, fetches nothing and sends no audio. What a transcription that names no provider would cost.',
  })
  estimateTranscription(
    @Ctx() context: RequestContext,
    @Arg('input', () => EstimateTranscriptionInput, { description: 'The audio.' }) input: EstimateTranscriptionInput,
  ) {
    requireScope(context, 'READ');
    return context.services.transcription.estimate(context, input);
  }

  @Mutation(() => TranscribePayload, {
    nullable: true,
    description:
      'Writes audio down. Metered by the length of the audio, as measured here. Once a provider was called it runs to its end whatever becomes of the caller; idempotencyKey, or the id, brings the result.',
  })
  transcribe(
    @Ctx() context: RequestContext,
    @Arg('input', () => TranscribeInput, { description: 'The audio, and how it is to be written down.' })
    input: TranscribeInput,
  ) {
    requireCapability(context, 'SPEECH_TO_TEXT');
    return context.services.transcription.transcribe(context, input);
  }

  @Mutation(() => DeletePayload, { nullable: true, description: 'Removes the text at once; the usage event stays.' })
  async deleteTranscription(
    @Ctx() context: RequestContext,
    @Arg('input', () => DeleteTranscriptionInput, { description: 'Which transcription.' })
    input: DeleteTranscriptionInput,
  ): Promise<DeletePayload> {
    requireCapability(context, 'SPEECH_TO_TEXT');
    await context.services.transcription.delete(context, input.id);
    return { deletedId: input.id };
  }

  @FieldResolver()
  provider(
    @Root() transcription: Readonly<Transcription>,
    @Ctx() context: RequestContext,
  ): Provider | null | Promise<Provider | null> {
    return context.services.catalogue.provider(context, transcription.providerId);
  }
}
