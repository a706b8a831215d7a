import type { ChatModel, HttpChatAdapter } from '../contract/llm';
import { closedAnswerSchema } from '../http/answer-schema';
import type { JsonObject } from '../http/wire';
import { MessageReader, piecesOfMessage } from './chat-answer';
import { conversationOf } from './chat-messages';
import { anthropic } from './vendor';

/**
 * The version of 2026-10-21 knows no sampling parameters at all; the older one is served still, and is for the models that
 * take a temperature. https://platform.claude.com/docs/en/api/versioning
 */
const VERSION = '2026-10-21';
const VERSION_WITH_TEMPERATURE = '2023-06-01';

/**
 * The prompt that goes with tools: up to 346 tokens for the older models, and 804 is the most that is documented for any newer
 * one; no figure is published for the newest, nor for the prompt that goes with a schema.
 * https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview
 */
const OVERHEAD_TOKENS_OLDER = 512;
const OVERHEAD_TOKENS = 1_280;

const OLDER = {
  contextTokens: 200_000,
  defaultMaxOutputTokens: 4_096,
  overheadTokens: OVERHEAD_TOKENS_OLDER,
  tools: true,
  // Structured outputs came with the models of 4.5.
  responseSchema: false,
  temperature: { min: 0, max: 1 },
} as const;

const NEWER = {
  contextTokens: 1_000_000,
  maxOutputTokens: 128_000,
  defaultMaxOutputTokens: 4_096,
  overheadTokens: OVERHEAD_TOKENS,
  tools: true,
  responseSchema: true,
  temperature: null,
} as const;

/** Limits: https://platform.claude.com/docs/en/about-claude/models. Dates: .../about-claude/model-deprecations */
const MODELS: readonly [ChatModel, ...ChatModel[]] = [
  { ...NEWER, name: 'claude-sonnet-5-5', upstreamId: 'claude-sonnet-5-5' },
  { ...NEWER, name: 'claude-haiku-5-5', upstreamId: 'claude-haiku-5-5' },
  {
    ...OLDER,
    name: 'claude-sonnet-4',
    upstreamId: 'claude-sonnet-4-20250514',
    maxOutputTokens: 64_000,
    retiredAt: '2026-06-15',
    successor: 'claude-sonnet-5-5',
  },
  {
    ...OLDER,
    name: 'claude-haiku-3.5',
    upstreamId: 'claude-3-5-haiku-20241022',
    maxOutputTokens: 8_192,
    retiredAt: '2026-02-19',
    successor: 'claude-haiku-5-5',
  },
];

/** Anthropic Messages. https://platform.claude.com/docs/en/api/messages */
export const anthropicChat: HttpChatAdapter = {
  ...anthropic,
  transport: 'http',
  models: MODELS,
  defaultModel: 'claude-sonnet-5-5',

  request(call, { secret }) {
    const { model, responseSchema, tools } = call;
    const { system, messages } = conversationOf(call.messages);
    const takesTemperature = model.temperature !== null;
    const json: JsonObject = {
      model: model.upstreamId,
      max_tokens: call.maxOutputTokens,
      ...(system === undefined ? {} : { system }),
      messages,
      ...(call.temperature !== null && takesTemperature ? { temperature: call.temperature } : {}),
      ...(tools.length === 0
        ? {}
        : {
            tools: tools.map(({ name, description, parameters }) => ({
              name,
              ...(description === null ? {} : { description }),
              input_schema: { type: 'object', ...parameters },
            })),
          }),
      // These models think unless the task is plain, and what they think counts as output: little is what a spoken answer
      // has time for. Switching it off is documented for neither (UNCONFIRMED), so it is not tried.
      ...(takesTemperature ? {} : { output_config: { effort: 'low', ...formatOf(responseSchema) } }),
      ...(call.streaming ? { stream: true } : {}),
    };
    return {
      method: 'POST',
      path: '/v1/messages',
      headers: {
        'anthropic-version': takesTemperature ? VERSION_WITH_TEMPERATURE : VERSION,
        ...(secret === null ? {} : { 'x-api-key': secret }),
      },
      json,
    };
  },

  answer: piecesOfMessage,
  stream: () => new MessageReader(),
};

/** Objects must be closed; a schema that cannot be is sent as it is, for the provider to say what is wrong with it. */
function formatOf(schema: JsonObject | null): JsonObject {
  return schema === null ? {} : { format: { type: 'json_schema', schema: closedAnswerSchema(schema) ?? schema } };
}
