import { Field, Float, ID, InputType, Int } from '../decorators';
import { ChatRole } from '../enums/chat-role';
import { type JsonObject, JsonObjectScalar } from '../scalars/json-object';
import { MeteredInput } from './metered-input';

@InputType({ description: 'A tool that an assistant message called, as ToolCall gave it.' })
export class ToolCallInput {
  @Field(() => String, { description: 'ToolCall.id.' })
  readonly id!: string;

  @Field(() => String, { description: 'ToolCall.name.' })
  readonly name!: string;

  @Field(() => String, { description: 'ToolCall.arguments: a JSON object as text.' })
  readonly arguments!: string;
}

@InputType({ description: 'One message of a conversation.' })
export class ChatMessageInput {
  @Field(() => ChatRole, { description: 'Who wrote it.' })
  readonly role!: ChatRole;

  @Field(() => String, {
    description: 'Its text. It may be empty only beside toolCalls, and in the result of a tool.',
  })
  readonly content!: string;

  @Field(() => String, {
    nullable: true,
    description: 'The call that this TOOL message answers; required there, and for no other role.',
  })
  readonly toolCallId?: string | null;

  @Field(() => [ToolCallInput], {
    nullable: true,
    description: 'Tools that this ASSISTANT message called; for no other role.',
  })
  readonly toolCalls?: readonly ToolCallInput[] | null;
}

@InputType({ description: 'A tool that the model may ask to be called. Calling it is for the client.' })
export class ToolInput {
  @Field(() => String, { description: 'Name: 1 to 64 letters, digits, underscores and hyphens, each name once.' })
  readonly name!: string;

  @Field(() => String, { nullable: true, description: 'What it does, for the model.' })
  readonly description?: string | null;

  @Field(() => JsonObjectScalar, { description: 'JSON schema of its arguments, an object, at most 64 kB.' })
  readonly parameters!: JsonObject;
}

@InputType({
  description: 'A conversation that a language model is to go on with. Only messages is required.',
})
export class ChatInput extends MeteredInput {
  @Field(() => [ChatMessageInput], {
    description: 'The conversation so far, oldest first: 1 to 1000 messages that take 2 MB together.',
  })
  readonly messages!: readonly ChatMessageInput[];

  @Field(() => ID, {
    nullable: true,
    description: 'Provider.id; when left out, the one that model begins with, else the first that is set up here.',
  })
  readonly provider?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "Model.id, or the bare name beside provider; the provider's default model, when left out.",
  })
  readonly model?: string | null;

  @Field(() => Float, {
    nullable: true,
    description:
      "How freely it writes, within the model's range, 0 the least; the model's own, when left out. UNSUPPORTED where a model has none.",
  })
  readonly temperature?: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Most tokens of the answer, 1 to Model.maxOutputTokens; Model.defaultMaxOutputTokens, when left out.',
  })
  readonly maxOutputTokens?: number | null;

  @Field(() => [ToolInput], {
    nullable: true,
    description: 'Tools that the model may ask for, at most 128; UNSUPPORTED with models that call none.',
  })
  readonly tools?: readonly ToolInput[] | null;

  @Field(() => JsonObjectScalar, {
    nullable: true,
    description:
      'JSON schema of an object, at most 64 kB, that the answer is to follow; UNSUPPORTED with models that follow none.',
  })
  readonly responseSchema?: JsonObject | null;

  @Field(() => String, {
    nullable: true,
    description:
      'The same key with the same input is done and charged once in 24 hours; with another input it is a CONFLICT. Required by chatStream.',
  })
  readonly idempotencyKey?: string | null;
}
