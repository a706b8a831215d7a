import { Field, ObjectType } from '../decorators';
import { ChatRole } from '../enums/chat-role';
import { FinishReason } from '../enums/finish-reason';
import { OperationUsage } from './operation-usage';
import { SearchResult } from './search-result';

@ObjectType({ description: 'A tool that the model wants to be called.', simpleResolvers: true })
export class ToolCall {
  @Field(() => String, { description: 'Id of the call; the TOOL message with its result names it.' })
  readonly id!: string;

  @Field(() => String, { description: 'ToolInput.name of the tool.' })
  readonly name!: string;

  @Field(() => String, { description: 'Arguments as JSON text, as the model wrote it. It is JSON: that is checked.' })
  readonly arguments!: string;
}

@ObjectType({ description: 'What a language model answered.', simpleResolvers: true })
export class ChatMessage {
  @Field(() => ChatRole, { description: 'ASSISTANT.' })
  readonly role!: ChatRole;

  @Field(() => String, { description: 'Text of the answer; empty where it is tool calls alone.' })
  readonly content!: string;

  @Field(() => [ToolCall], { description: 'Tools that it wants to be called; empty when none.' })
  readonly toolCalls!: readonly ToolCall[];
}

@ObjectType({ description: 'An answer and what it cost.', simpleResolvers: true })
export class ChatPayload {
  @Field(() => ChatMessage, { description: 'The answer.' })
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
