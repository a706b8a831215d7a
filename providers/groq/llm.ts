import { asObject, asText } from '../http/wire';
import { type CompletionModel, openAiCompatibleChat } from '../openai-compatible/chat';
import { groq, groqHeaders } from './vendor';

const COMMON = {
  contextTokens: 131_072,
  defaultMaxOutputTokens: 4_096,
  tools: true,
  temperature: { min: 0, max: 2 },
  systemRole: 'system',
} as const;

/**
 * The chat templates of these open models are public: gpt-oss writes a system message of its own of some 90 tokens, Qwen and
 * Llama instructions of up to 300 on how tools are called. Twice that, as Groq's own figures are not documented.
 */
const OVERHEAD_TOKENS_GPT_OSS = 256;
const OVERHEAD_TOKENS_TEMPLATE = 640;

const LLAMA_4 = {
  ...COMMON,
  maxOutputTokens: 8_192,
  overheadTokens: OVERHEAD_TOKENS_TEMPLATE,
  responseSchema: true,
  strictSchema: false,
} as const;

/**
 * Limits: https://console.groq.com/docs/models. Dates and successors: https://console.groq.com/docs/deprecations; Maverick's
 * date is UNCONFIRMED. Groq's OpenAPI file still lists the Llama models: it lags. Reasoning is kept low or off and never sent,
 * as its words would reach the text. https://console.groq.com/docs/reasoning
 */
const MODELS: readonly [CompletionModel, ...CompletionModel[]] = [
  {
    ...COMMON,
    name: 'gpt-oss-120b',
    upstreamId: 'openai/gpt-oss-120b',
    maxOutputTokens: 65_536,
    overheadTokens: OVERHEAD_TOKENS_GPT_OSS,
    responseSchema: true,
    strictSchema: true,
    fixed: { reasoning_effort: 'low', include_reasoning: false },
  },
  {
    ...COMMON,
    name: 'qwen3.6-27b',
    upstreamId: 'qwen/qwen3.6-27b',
    maxOutputTokens: 16_384,
    overheadTokens: OVERHEAD_TOKENS_TEMPLATE,
    // Not on the list of https://console.groq.com/docs/structured-outputs#supported-models
    responseSchema: false,
    strictSchema: false,
    fixed: { reasoning_effort: 'none' },
  },
  {
    ...LLAMA_4,
    name: 'llama-4-maverick',
    upstreamId: 'meta-llama/llama-4-maverick-17b-128e-instruct',
    retiredAt: '2026-03-09',
    successor: 'gpt-oss-120b',
  },
  {
    ...LLAMA_4,
    name: 'llama-4-scout',
    upstreamId: 'meta-llama/llama-4-scout-17b-16e-instruct',
    retiredAt: '2026-07-17',
    successor: 'qwen3.6-27b',
  },
];

/**
 * Groq chat completions. https://console.groq.com/docs/api-reference#chat-create
 * Its OpenAPI file has no `stream_options`, and its streams end with figures unasked: `x_groq.usage`, repeated as `usage` in
 * recent captures (UNCONFIRMED), so both are read. Structured outputs cannot be streamed: they are asked for whole.
 */
export const groqChat = openAiCompatibleChat({
  ...groq,
  path: '/openai/v1/chat/completions',
  keyHeaders: groqHeaders,
  models: MODELS,
  defaultModel: 'gpt-oss-120b',
  asksForUsage: false,
  streamsSchemas: false,
  answerIdOf: (document) => asText(asObject(asObject(document)?.x_groq)?.id),
});
