import { Arg, Ctx, Int, Mutation, Query, Resolver, Root, Subscription } from '../../schema/decorators';
import { ChatInput } from '../../schema/inputs/chat-inputs';
import { ChatPayload } from '../../schema/types/chat';
import { ChatStreamEvent } from '../../schema/types/chat-stream';
import { UsageEstimate } from '../../schema/types/usage-estimate';
import type { RequestContext } from './context';
import { eventOf, withFailureAsEvent } from './live-events';
import { requireCapability, requireScope } from './rights';

interface ChatStreamCall {
  readonly args: { readonly input: ChatInput; readonly after?: number | null };
  readonly context: RequestContext;
}

async function openChatStream({ args, context }: ChatStreamCall) {
  requireCapability(context, 'LANGUAGE_MODEL');
  return withFailureAsEvent(await context.services.chat.stream(context, args.input, args.after ?? null));
}

@Resolver(() => ChatPayload)
export class ChatResolver {
  @Query(() => UsageEstimate, {
    nullable: true,
    description:
      'Free: deducts nothing, calls nobody, and is aware of provider and model. How long the answer will be is a guess; creditsAtMost is not.',
  })
  estimateChat(
    @Ctx() context: RequestContext,
    @Arg('input', () => ChatInput, { description: 'The chat as it would be asked for.' }) input: ChatInput,
  ) {
    requireScope(context, 'READ');
    return context.services.chat.estimate(context, input);
  }

  @Mutation(() => ChatPayload, {
    nullable: true,
    description:
      'Asks a language model. Metered: the most that it can cost is held, and the tokens that the provider counted are charged. It runs to its end whatever becomes of the caller; the idempotency key brings the answer again for 24 hours.',
  })
  chat(
    @Ctx() context: RequestContext,
    @Arg('input', () => ChatInput, { description: 'The conversation, and how to go on with it.' }) input: ChatInput,
  ) {
    requireCapability(context, 'LANGUAGE_MODEL');
    return context.services.chat.chat(context, input);
  }

  @Subscription(() => ChatStreamEvent, {
    subscribe: openChatStream,
    description:
      'Asks a language model and delivers the answer as it is written. Metered. Clients subscribe again by themselves when a socket drops, so idempotencyKey is required here (BAD_USER_INPUT without it) and a key never starts a second operation: it joins the one that runs, replays the one that finished, and answers ABORTED for the one that was broken off. It ends with its subscription.',
  })
  chatStream(
    @Root() event: Readonly<ChatStreamEvent>,
    @Arg('input', () => ChatInput, { description: 'The conversation, and how to go on with it.' }) _input: ChatInput,
    @Arg('after', () => Int, {
      nullable: true,
      description: 'The last sequence seen; what came before it is not sent again. From the start, when left out.',
    })
    _after?: number | null,
  ) {
    return eventOf(event);
  }
}
