import { createUnionType, Field, Int, ObjectType } from '../decorators';
import { FinishReason } from '../enums/finish-reason';
import { ChatMessage } from './chat';
import { OperationUsage } from './operation-usage';
import { SearchResult } from './search-result';

@ObjectType({
  description: 'The next part of a tool call. All parts of one index, joined, are the call.',
  simpleResolvers: true,
})
export class ToolCallDelta {
  @Field(() => Int, { description: 'Which call of the answer, counted from 0.' })
  readonly index!: number;

  @Field(() => String, { nullable: true, description: 'Id of the call, in its first part; null afterwards.' })
  readonly id!: string | null;

  @Field(() => String, { nullable: true, description: 'Name of the tool, in its first part; null afterwards.' })
  readonly name!: string | null;

  @Field(() => String, { nullable: true, description: 'The next piece of the JSON text; null where there is none.' })
  readonly arguments!: string | null;
}

@ObjectType({
  description: 'The next piece of the answer. The content of all, in order and joined, is the message.',
  simpleResolvers: true,
})
export class ChatDelta {
  readonly __typename!: 'ChatDelta';

  @Field(() => Int, {
    description: 'Place in the stream, counted from 0; sent as after, the stream goes on behind it.',
  })
  readonly sequence!: number;

  @Field(() => String, { description: 'The next text; empty in a delta of tool calls.' })
  readonly content!: string;

  @Field(() => [ToolCallDelta], {
    nullable: true,
    description: 'The next parts of tool calls; null where there are none.',
  })
  readonly toolCalls!: readonly ToolCallDelta[] | null;
}

@ObjectType({ description: 'Last event: the answer is complete and charged.', simpleResolvers: true })
export class ChatCompleted {
  readonly __typename!: 'ChatCompleted';

  @Field(() => Int, { description: 'Place in the stream: the last.' })
  readonly sequence!: number;

  @Field(() => ChatMessage, { description: 'The whole answer.' })
  readonly message!: ChatMessage;

  @Field(() => FinishReason, { description: 'Why it ended.' })
  readonly finishReason!: FinishReason;

  @Field(() => [SearchResult], { description: 'Passages that the model was given; empty where none were looked for.' })
  readonly citations!: readonly SearchResult[];

  @Field(() => OperationUsage, { description: 'What the language model used and cost.' })
  readonly usage!: OperationUsage;

  @Field(() => [OperationUsage], { description: 'Every metered step of the operation, usage included.' })
  readonly stages!: readonly OperationUsage[];
}

/** Events name their type in `__typename`, which the executor reads at once; see build-schema. */
export const ChatStreamEvent = createUnionType({
  name: 'ChatStreamEvent',
  description: 'One event of chatStream: ChatDelta as often as it takes, last ChatCompleted.',
  types: () => [ChatDelta, ChatCompleted] as const,
});
export type ChatStreamEvent = ChatDelta | ChatCompleted;
