import { openApiDocument } from '../openapi';
import { chatScript, eventOf } from './chat-script';
import {
  bearerOf,
  type CompletionRequest,
  completionChunk,
  completionDeltas,
  completionError,
  completionOf,
  completionPrompt,
  DONE_EVENT,
  strayToolResult,
} from './completions';
import type { StubAnswer, StubRequest } from './requests';

interface ServedModel {
  readonly maxOutputTokens: number;
  /** Efforts of reasoning, the default first; none where the model does not reason. */
  readonly efforts: readonly string[];
}

/** Served on 2026-11-20; `gpt-4.1-nano` has been shut down. */
const MODELS: Readonly<Record<string, ServedModel>> = {
  'gpt-5.2': { maxOutputTokens: 128_000, efforts: ['none', 'low', 'medium', 'high', 'xhigh'] },
  'gpt-5.6-luna': { maxOutputTokens: 128_000, efforts: ['medium', 'none', 'low', 'high', 'xhigh', 'max'] },
  'gpt-4.1': { maxOutputTokens: 32_768, efforts: [] },
  'gpt-4.1-mini': { maxOutputTokens: 32_768, efforts: [] },
};

const HEADERS = { 'x-request-id': 'req_stub_openai' };

/** Answers as the chat completions of OpenAI are documented to. */
export function answerAsOpenAiChat(request: StubRequest, refusedKeys: ReadonlySet<string>): StubAnswer {
  if (bearerOf(request, refusedKeys) === null) {
    return completionError(401, 'invalid_request_error', 'invalid_api_key', 'Incorrect API key provided.');
  }
  const faults = openApiDocument('openai.yaml')?.requestFaults('post', '/chat/completions', request.path, request.json);
  if (faults?.[0] !== undefined) return invalid(faults[0], null);
  const body = request.json as CompletionRequest;
  const model = MODELS[body.model];
  if (model === undefined) {
    return completionError(
      404,
      'invalid_request_error',
      'model_not_found',
      `The model \`${body.model}\` does not exist or you do not have access to it.`,
    );
  }
  const refusal = refusalOf(body, model);
  if (refusal !== null) return refusal;

  const script = chatScript(completionPrompt(body));
  const usage = {
    prompt_tokens: script.inputTokens,
    completion_tokens: script.outputTokens,
    total_tokens: script.inputTokens + script.outputTokens,
    prompt_tokens_details: { cached_tokens: Math.floor(script.inputTokens / 2), audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: Math.floor(script.outputTokens / 2), audio_tokens: 0 },
  };
  if (body.stream !== true) {
    const completion = completionOf(body.model, script, usage, {
      message: { refusal: null },
      top: { service_tier: 'default' },
    });
    return { kind: 'json', status: 200, body: completion, headers: HEADERS };
  }
  const asked = body.stream_options?.include_usage === true;
  const more = { service_tier: 'default', obfuscation: 'a9Xk', ...(asked ? { usage: null } : {}) };
  return {
    kind: 'events',
    headers: HEADERS,
    events: [
      ...completionDeltas(script).map((delta) => eventOf(completionChunk(body.model, delta, null, more))),
      eventOf(completionChunk(body.model, {}, script.finish, more)),
      ...(asked ? [eventOf(completionChunk(body.model, null, null, { service_tier: 'default', usage }))] : []),
      DONE_EVENT,
    ],
  };
}

function refusalOf(body: CompletionRequest, model: ServedModel): StubAnswer | null {
  const effort = body.reasoning_effort ?? model.efforts[0];
  if (body.reasoning_effort !== undefined && !model.efforts.includes(body.reasoning_effort)) {
    const code = model.efforts.length === 0 ? 'unsupported_parameter' : 'unsupported_value';
    return invalid('This model does not take this reasoning_effort.', 'reasoning_effort', code);
  }
  if (body.temperature !== undefined && effort !== undefined && effort !== 'none') {
    return invalid("'temperature' is supported only without reasoning.", 'temperature', 'unsupported_value');
  }
  if ((body.tools?.length ?? 0) > 0 && effort !== undefined && effort !== 'none') {
    return invalid('Function tools with reasoning_effort are not supported here.', 'reasoning_effort');
  }
  if ('max_tokens' in body)
    return invalid("Use 'max_completion_tokens' instead.", 'max_tokens', 'unsupported_parameter');
  if ((body.max_completion_tokens ?? 1) < 1 || (body.max_completion_tokens ?? 1) > model.maxOutputTokens) {
    return invalid(`max_completion_tokens must be from 1 to ${model.maxOutputTokens}.`, 'max_completion_tokens');
  }
  if (body.stream_options !== undefined && body.stream !== true) {
    return invalid("'stream_options' is only allowed when 'stream' is enabled.", 'stream_options');
  }
  const stray = strayToolResult(body);
  if (stray !== null) return invalid(`tool_call_id ${stray} does not follow its tool call.`, 'messages');
  const format = body.response_format?.json_schema;
  if (format?.strict === true && !keepsStrictRules(format.schema)) {
    return invalid("Invalid schema for response_format 'answer'.", 'response_format', 'invalid_json_schema');
  }
  return null;
}

function invalid(message: string, param: string | null, code: string | null = null): StubAnswer {
  return completionError(400, 'invalid_request_error', code, message, param);
}

const STRICT_KEYWORDS =
  /^(type|properties|required|additionalProperties|items|anyOf|enum|const|\$ref|\$defs|definitions|title|description|pattern|format|multipleOf|(exclusive)?(minimum|maximum)|exclusive(Minimum|Maximum)|minItems|maxItems)$/;

/** The rules of strict structured outputs, as their guide gives them. Groq's are the same. */
export function keepsStrictRules(schema: unknown, root = true): boolean {
  if (typeof schema !== 'object' || schema === null) return false;
  const source = schema as Record<string, unknown>;
  if (root && source.type !== 'object') return false;
  if (Object.keys(source).some((keyword) => !STRICT_KEYWORDS.test(keyword))) return false;
  const properties = (source.properties ?? {}) as Record<string, unknown>;
  const isObject = [source.type].flat().includes('object');
  const required = (source.required ?? []) as string[];
  if (
    isObject &&
    (source.additionalProperties !== false || Object.keys(properties).some((name) => !required.includes(name)))
  )
    return false;
  const children = [
    ...Object.values(properties),
    ...Object.values((source.$defs ?? {}) as object),
    ...Object.values((source.definitions ?? {}) as object),
    ...((source.anyOf ?? []) as unknown[]),
    ...(source.items === undefined ? [] : [source.items]),
  ];
  return children.every((child) => keepsStrictRules(child, false));
}
