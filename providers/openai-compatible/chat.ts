import type { Credential } from '../contract/credential';
import type { ChatCall, ChatDeclaration, ChatMessage, ChatModel, ChatTool, HttpChatAdapter } from '../contract/llm';
import type { HttpEndpoint } from '../contract/provider';
import { closedAnswerSchema, isStrictAnswerSchema } from '../http/answer-schema';
import type { JsonObject } from '../http/wire';
import { CompletionReader, piecesOfCompletion } from './chat-answer';

/** A model with what its requests need beyond what every model's do. */
export interface CompletionModel extends ChatModel {
  /** Role under which instructions go out; models that reason know `developer`. */
  readonly systemRole: 'system' | 'developer';
  /** Whether answers in the form of a schema can be enforced, token by token, rather than asked for. */
  readonly strictSchema: boolean;
  /** Sent with every request. */
  readonly fixed?: JsonObject;
}

/** How a server departs from `POST /v1/chat/completions`; nothing that a profile does not name is ever sent. */
export interface OpenAiCompatibleChatProfile extends HttpEndpoint, ChatDeclaration {
  readonly models: readonly [CompletionModel, ...CompletionModel[]];
  readonly path: string;
  keyHeaders(credential: Credential): Record<string, string>;
  /** Whether figures of usage have to be asked for in a stream. */
  readonly asksForUsage: boolean;
  /** Whether an answer in the form of a schema can be streamed; if not, it comes whole. */
  readonly streamsSchemas: boolean;
  answerIdOf?(document: unknown): string | null;
}

/** Name of an answer's schema, which the API wants and nobody sees. */
const SCHEMA_NAME = 'answer';

/** The shared base of the providers that speak OpenAI's chat completions. */
export function openAiCompatibleChat(profile: OpenAiCompatibleChatProfile): HttpChatAdapter {
  const { path, keyHeaders, asksForUsage, streamsSchemas, ...declaration } = profile;
  const models = new Map(profile.models.map((model) => [model.name, model]));
  return {
    ...declaration,
    transport: 'http',
    request(call, credential) {
      const model = models.get(call.model.name);
      const streamed = call.streaming && (streamsSchemas || call.responseSchema === null);
      const json: JsonObject = {
        model: call.model.upstreamId,
        messages: call.messages.map((message) => messageOf(message, model?.systemRole ?? 'system')),
        // Of every limit this one holds for reasoning too; `max_tokens` is deprecated, and newer models refuse it.
        max_completion_tokens: call.maxOutputTokens,
        ...(call.temperature === null ? {} : { temperature: call.temperature }),
        ...(call.tools.length === 0 ? {} : { tools: call.tools.map(toolOf) }),
        ...(call.responseSchema === null ? {} : { response_format: formatOf(call.responseSchema, model) }),
        ...(streamed ? { stream: true } : {}),
        ...(streamed && asksForUsage ? { stream_options: { include_usage: true } } : {}),
        ...model?.fixed,
      };
      return { method: 'POST', path, headers: keyHeaders(credential), json };
    },
    answer: (body) => piecesOfCompletion(profile, body),
    stream: () => new CompletionReader(profile),
  };
}

function messageOf(message: ChatMessage, systemRole: CompletionModel['systemRole']): JsonObject {
  switch (message.role) {
    case 'SYSTEM':
      return { role: systemRole, content: message.content };
    case 'USER':
      return { role: 'user', content: message.content };
    case 'TOOL':
      return { role: 'tool', tool_call_id: message.toolCallId, content: message.content };
    case 'ASSISTANT':
      if (message.toolCalls.length === 0) return { role: 'assistant', content: message.content };
      return {
        role: 'assistant',
        content: message.content === '' ? null : message.content,
        tool_calls: message.toolCalls.map(({ id, name, arguments: written }) => ({
          id,
          type: 'function',
          function: { name, arguments: written },
        })),
      };
  }
}

function toolOf({ name, description, parameters }: ChatTool): JsonObject {
  return { type: 'function', function: { name, ...(description === null ? {} : { description }), parameters } };
}

/** Enforced where the schema allows it and the model can; else the model is shown the schema as it was written. */
function formatOf(schema: NonNullable<ChatCall['responseSchema']>, model: CompletionModel | undefined): JsonObject {
  const closed = model?.strictSchema === true ? closedAnswerSchema(schema) : null;
  const strict = closed !== null && isStrictAnswerSchema(closed);
  return { type: 'json_schema', json_schema: { name: SCHEMA_NAME, schema: strict ? closed : schema, strict } };
}
