import { type CompletionModel, openAiCompatibleChat } from '../openai-compatible/chat';
import { openAi, openAiHeaders } from './vendor';

/**
 * What the API adds to a prompt is not documented as a figure. Seen are three tokens for the start of the answer, a heading for
 * the tools, a dozen tokens for each tool and a heading for the schema; the bytes of tools and schemas, which are counted as a
 * token each, cover several times what they are rewritten to. This is a bound for the headings, with room.
 */
const OVERHEAD_TOKENS = 256;

const COMMON = {
  defaultMaxOutputTokens: 4_096,
  overheadTokens: OVERHEAD_TOKENS,
  tools: true,
  responseSchema: true,
  temperature: { min: 0, max: 2 },
  strictSchema: true,
} as const;

/**
 * Models that reason are asked not to. Only then do they take `temperature`, and tools on this endpoint; GPT-5.6 must be told,
 * as it reasons by default. It is also what a spoken conversation wants: words at once, and a limit that words alone use up.
 * https://developers.openai.com/api/docs/guides/reasoning
 */
const WITHOUT_REASONING = { systemRole: 'developer', fixed: { reasoning_effort: 'none' } } as const;
const GPT_4_1 = { ...COMMON, systemRole: 'system', contextTokens: 1_047_576, maxOutputTokens: 32_768 } as const;

/**
 * Limits: https://developers.openai.com/api/docs/models. Dates: https://developers.openai.com/api/docs/deprecations. OpenAI's
 * own replacement for each GPT-4.1 model is UNCONFIRMED; these are the nearest by size that have a price.
 */
const MODELS: readonly [CompletionModel, ...CompletionModel[]] = [
  {
    ...COMMON,
    ...WITHOUT_REASONING,
    name: 'gpt-5.2',
    upstreamId: 'gpt-5.2',
    contextTokens: 400_000,
    maxOutputTokens: 128_000,
  },
  { ...GPT_4_1, name: 'gpt-4.1', upstreamId: 'gpt-4.1', retiredAt: '2027-01-14', successor: 'gpt-5.2' },
  { ...GPT_4_1, name: 'gpt-4.1-mini', upstreamId: 'gpt-4.1-mini', retiredAt: '2027-01-14', successor: 'gpt-5.6-luna' },
  { ...GPT_4_1, name: 'gpt-4.1-nano', upstreamId: 'gpt-4.1-nano', retiredAt: '2026-10-23', successor: 'gpt-5.6-luna' },
  {
    ...COMMON,
    ...WITHOUT_REASONING,
    name: 'gpt-5.6-luna',
    upstreamId: 'gpt-5.6-luna',
    contextTokens: 1_050_000,
    maxOutputTokens: 128_000,
  },
];

/** OpenAI chat completions. https://developers.openai.com/api/reference/resources/chat */
export const openAiChat = openAiCompatibleChat({
  ...openAi,
  path: '/v1/chat/completions',
  keyHeaders: openAiHeaders,
  models: MODELS,
  defaultModel: 'gpt-5.2',
  asksForUsage: true,
  streamsSchemas: true,
});
