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
import { keepsStrictRules } from './openai-chat';
import type { StubAnswer, StubRequest } from './requests';

interface ServedModel {
  readonly maxOutputTokens: number;
  readonly efforts: readonly string[];
  readonly schemas: boolean;
}

/** Served on 2026-11-20; no Llama is left. */
const MODELS: Readonly<Record<string, ServedModel>> = {
  'openai/gpt-oss-120b': { maxOutputTokens: 65_536, efforts: ['low', 'medium', 'high'], schemas: true },
  'qwen/qwen3.6-27b': { maxOutputTokens: 16_384, efforts: ['none', 'default'], schemas: false },
};

const PATH = '/openai/v1/chat/completions';
const X_GROQ_ID = 'req_01stubgroq';

/** Answers as the chat completions of Groq are documented to. */
export function answerAsGroqChat(request: StubRequest, refusedKeys: ReadonlySet<string>): StubAnswer {
  if (bearerOf(request, refusedKeys) === null) {
    return completionError(401, 'invalid_request_error', 'invalid_api_key', 'Invalid API Key');
  }
  const faults = openApiDocument('groq.yaml')?.requestFaults('post', PATH, request.path, request.json);
  if (faults?.[0] !== undefined) return invalid(faults[0]);
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
    queue_time: 0.037,
    prompt_tokens: script.inputTokens,
    prompt_time: 0.0006,
    completion_tokens: script.outputTokens,
    completion_time: 0.46,
    total_tokens: script.inputTokens + script.outputTokens,
    total_time: 0.4606,
    prompt_tokens_details: { cached_tokens: Math.floor(script.inputTokens / 2) },
  };
  if (body.stream !== true) {
    const more = {
      usage_breakdown: null,
      system_fingerprint: 'fp_stub',
      service_tier: 'on_demand',
      x_groq: { id: X_GROQ_ID },
    };
    return { kind: 'json', status: 200, body: completionOf(body.model, script, usage, { top: more }) };
  }
  const [first, ...rest] = completionDeltas(script);
  const last = { x_groq: { id: X_GROQ_ID, seed: 7, usage } };
  return {
    kind: 'events',
    events: [
      eventOf(completionChunk(body.model, first!, null, { x_groq: { id: X_GROQ_ID } })),
      ...rest.map((delta) => eventOf(completionChunk(body.model, delta, null, {}))),
      eventOf(completionChunk(body.model, {}, script.finish, last)),
      DONE_EVENT,
    ],
  };
}

function refusalOf(body: CompletionRequest, model: ServedModel): StubAnswer | null {
  if (body.reasoning_effort !== undefined && !model.efforts.includes(body.reasoning_effort)) {
    return invalid(`reasoning_effort must be one of ${model.efforts.join(', ')}`);
  }
  if ((body.max_completion_tokens ?? 1) < 1 || (body.max_completion_tokens ?? 1) > model.maxOutputTokens) {
    return invalid(`max_completion_tokens must be less than or equal to ${model.maxOutputTokens}`);
  }
  const stray = strayToolResult(body);
  if (stray !== null) return invalid(`tool_call_id ${stray} does not follow its tool call`);
  const format = body.response_format?.json_schema;
  if (format === undefined) return null;
  if (!model.schemas) return invalid('This model does not support response format `json_schema`.');
  if (body.stream === true) return invalid('json_schema response format cannot be streamed');
  if ((body.tools?.length ?? 0) > 0) return invalid('json mode cannot be combined with tool/function calling');
  if (format.strict === true && !keepsStrictRules(format.schema))
    return invalid('invalid JSON schema for response_format');
  return null;
}

function invalid(message: string): StubAnswer {
  return completionError(400, 'invalid_request_error', null, message);
}
