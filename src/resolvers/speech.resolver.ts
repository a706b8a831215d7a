import {
  Arg,
  Ctx,
  FieldResolver,
  ID,
  Int,
  Mutation,
  Query,
  Resolver,
  Root,
  Subscription,
} from '../../schema/decorators';
import { CancelSpeechInput, DeleteSpeechInput, SynthesizeSpeechInput } from '../../schema/inputs/speech-inputs';
import { DeletePayload } from '../../schema/types/delete-payload';
import type { Provider } from '../../schema/types/provider';
import { CancelSpeechPayload, Speech, SynthesizeSpeechPayload } from '../../schema/types/speech';
import { SpeechStreamEvent } from '../../schema/types/speech-stream';
import { UsageEstimate } from '../../schema/types/usage-estimate';
import type { Voice } from '../../schema/types/voice';
import type { RequestContext } from './context';
import { eventOf, withFailureAsEvent } from './live-events';
import { requireCapability, requireScope } from './rights';

interface SpeechStreamCall {
  readonly args: { readonly input: SynthesizeSpeechInput; readonly after?: number | null };
  readonly context: RequestContext;
}

async function openSpeechStream({ args, context }: SpeechStreamCall) {
  requireCapability(context, 'TEXT_TO_SPEECH');
  return withFailureAsEvent(await context.services.speech.stream(context, args.input, args.after ?? null));
}

@Resolver(() => Speech)
export class SpeechResolver {
  @Query(() => Speech, { nullable: true, description: 'A speech of this workspace, with a fresh URL of its audio.' })
  speech(@Ctx() context: RequestContext, @Arg('id', () => ID, { description: 'Speech.id.' }) id: string) {
    requireScope(context, 'READ');
    return context.services.speech.find(context, id);
  }

  @Query(() => UsageEstimate, {
    nullable: true,
    description:
      'Free: deducts nothing, aware of provider, model, quality, language and speed; format, delivery and idempotencyKey are ignored. Covers the whole text, however it will be split.',
  })
  estimateSpeech(
    @Ctx() context: RequestContext,
    @Arg('input', () => SynthesizeSpeechInput, { description: 'The speech as it would be asked for.' })
    input: SynthesizeSpeechInput,
  ) {
    requireScope(context, 'READ');
    return context.services.speech.estimate(context, input);
  }

  @Query(() => [UsageEstimate], {
    nullable: true,
    description:
      'The same text at every provider that could speak it, cheapest first. provider, model and voice of the input are ignored.',
  })
  compareSpeechCost(
    @Ctx() context: RequestContext,
    @Arg('input', () => SynthesizeSpeechInput, { description: 'The speech as it would be asked for.' })
    input: SynthesizeSpeechInput,
  ) {
    requireScope(context, 'READ');
    return context.services.speech.compare(context, input);
  }

  @Mutation(() => SynthesizeSpeechPayload, {
    nullable: true,
    description:
      'Speaks a text. Metered: the most that it can cost is held, and what it did cost is charged at its end.',
  })
  synthesizeSpeech(
    @Ctx() context: RequestContext,
    @Arg('input', () => SynthesizeSpeechInput, { description: 'What is to be said, and how.' })
    input: SynthesizeSpeechInput,
  ) {
    requireCapability(context, 'TEXT_TO_SPEECH');
    return context.services.speech.synthesize(context, input);
  }

  @Mutation(() => CancelSpeechPayload, {
    nullable: true,
    description: 'Stops a speech that is being generated; it is charged as broken off.',
  })
  cancelSpeech(
    @Ctx() context: RequestContext,
    @Arg('input', () => CancelSpeechInput, { description: 'Which speech.' }) input: CancelSpeechInput,
  ) {
    requireCapability(context, 'TEXT_TO_SPEECH');
    return context.services.speech.cancel(context, input.id);
  }

  @Mutation(() => DeletePayload, {
    nullable: true,
    description: 'Removes the audio and the text; the usage event stays.',
  })
  async deleteSpeech(
    @Ctx() context: RequestContext,
    @Arg('input', () => DeleteSpeechInput, { description: 'Which speech.' }) input: DeleteSpeechInput,
  ): Promise<DeletePayload> {
    requireCapability(context, 'TEXT_TO_SPEECH');
    await context.services.speech.delete(context, input.id);
    return { deletedId: input.id };
  }

  @Subscription(() => SpeechStreamEvent, {
    subscribe: openSpeechStream,
    description:
      'Speaks a text and delivers the audio as it is made. Metered. Clients subscribe again by themselves when a socket drops, so idempotencyKey is required here (BAD_USER_INPUT without it) and a key never starts a second operation: it joins the one that runs, replays the one that finished, and answers ABORTED for the one that was broken off. It ends with its subscription.',
  })
  speechStream(
    @Root() event: Readonly<SpeechStreamEvent>,
    @Arg('input', () => SynthesizeSpeechInput, { description: 'What is to be said, and how; delivery is ignored.' })
    _input: SynthesizeSpeechInput,
    @Arg('after', () => Int, {
      nullable: true,
      description: 'The last sequence seen; what came before it is not sent again. From the start, when left out.',
    })
    _after?: number | null,
  ) {
    return eventOf(event);
  }

  @FieldResolver()
  provider(
    @Root() speech: Readonly<Speech>,
    @Ctx() context: RequestContext,
  ): Provider | null | Promise<Provider | null> {
    return context.services.catalogue.provider(context, speech.providerId);
  }

  @FieldResolver()
  voice(@Root() speech: Readonly<Speech>, @Ctx() context: RequestContext): Promise<Voice | null> | null {
    // Whoever has a speech was let in with a principal.
    if (speech.voiceId === null || context.principal === null) return null;
    return context.services.voices.known({ ...context, principal: context.principal }, speech.voiceId);
  }
}
