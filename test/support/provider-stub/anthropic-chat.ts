import { openApiDocument } from '../openapi';
import { type ChatScript, chatScript, eventOf } from './chat-script';
import type { StubAnswer, StubRequest } from './requests';

interface Block {
  readonly type: string;
  readonly text?: string;
  readonly id?: string;
  readonly tool_use_id?: string;
}

interface MessagesRequest {
  readonly model: string;
  readonly max_tokens: number;
  readonly system?: string;
  readonly messages: readonly { readonly role: string; readonly content: string | readonly Block[] }[];
  readonly temperature?: number;
  readonly tools?: readonly { readonly name: string; readonly input_schema: unknown }[];
  readonly output_config?: { readonly effort?: string; readonly format?: { readonly schema: unknown } };
  readonly stream?: boolean;
}

/** Served on 2026-11-20; Sonnet 4 and Haiku 3.5 have been retired. Sonnet 4.6 stands for those that take a temperature. */
const MODELS: Readonly<Record<string, { readonly maxOutputTokens: number; readonly takesTemperature: boolean }>> = {
  'claude-sonnet-5-5': { maxOutputTokens: 128_000, takesTemperature: false },
  'claude-haiku-5-5': { maxOutputTokens: 128_000, takesTemperature: false },
  'claude-sonnet-4-6': { maxOutputTokens: 64_000, takesTemperature: true },
};
const VERSIONS = ['2023-06-01', '2026-10-21'];

const HEADERS = { 'request-id': 'req_stub_anthropic' };

/** Answers as the Messages API of Anthropic is documented to. */
export function answerAsAnthropicChat(request: StubRequest, refusedKeys: ReadonlySet<string>): StubAnswer {
  const { 'x-api-key': key, 'anthropic-version': version } = request.headers;
  if (typeof key !== 'string' || refusedKeys.has(key)) return failure(401, 'authentication_error', 'invalid x-api-key');
  if (typeof version !== 'string' || !VERSIONS.includes(version)) {
    return invalid('anthropic-version: header is required');
  }
  const faults = openApiDocument('anthropic.yaml')?.requestFaults('post', '/v1/messages', request.path, request.json);
  if (faults?.[0] !== undefined) return invalid(faults[0]);
  const body = request.json as MessagesRequest;
  const refusal = refusalOf(body, version);
  if (refusal !== null) return refusal;

  const blocks = body.messages.map(({ content }) =>
    typeof content === 'string' ? [{ type: 'text', text: content }] : content,
  );
  const script = chatScript({
    last: (blocks.at(-1) ?? []).map(({ text }) => text ?? '').join(''),
    input: JSON.stringify([body.system ?? '', body.messages, body.tools ?? [], body.output_config?.format ?? null]),
    tools: (body.tools ?? []).map(({ name, input_schema: schema }) => ({ name, schema })),
    schema: body.output_config?.format?.schema ?? null,
    maxOutputTokens: body.max_tokens,
  });
  const thinks = body.output_config?.effort !== undefined;
  return body.stream === true
    ? { kind: 'events', events: eventsOf(body.model, script, thinks), headers: HEADERS }
    : { kind: 'json', status: 200, body: messageOf(body.model, script, thinks), headers: HEADERS };
}

function refusalOf(body: MessagesRequest, version: string): StubAnswer | null {
  const model = MODELS[body.model];
  if (model === undefined) return failure(404, 'not_found_error', `model: ${body.model}`);
  if (body.max_tokens < 1 || body.max_tokens > model.maxOutputTokens) {
    return invalid(`max_tokens: ${body.max_tokens} > ${model.maxOutputTokens}, which is the maximum for this model`);
  }
  if (body.temperature !== undefined && (version === '2026-10-21' || !model.takesTemperature)) {
    return invalid('temperature: Extra inputs are not permitted');
  }
  if (body.messages.length === 0) return invalid('messages: at least one message is required');
  if (body.messages[0]!.role !== 'user') return invalid('messages: first message must use the "user" role');
  if (body.messages.at(-1)!.role === 'assistant')
    return invalid('This model does not support assistant message prefill.');
  for (const [index, { role, content }] of body.messages.entries()) {
    const blocks = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
    if (blocks.some(({ type, text }) => type === 'text' && (text ?? '').trim() === '')) {
      return invalid('messages: text content blocks must contain non-whitespace text');
    }
    const before = body.messages[index - 1]?.content;
    const calls = role === 'user' && Array.isArray(before) ? idsOf(before as readonly Block[], 'tool_use') : [];
    const results = (blocks as readonly Block[]).flatMap(({ tool_use_id: id }) => id ?? []);
    if (results.some((id) => !calls.includes(id))) {
      return invalid(`messages.${index}: unexpected \`tool_use_id\` found in \`tool_result\` blocks`);
    }
    if (calls.some((id) => !results.includes(id))) {
      return invalid(
        `messages.${index - 1}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after`,
      );
    }
    if (blocks.slice(0, results.length).some(({ type }) => type !== 'tool_result')) {
      return invalid(`messages.${index}: \`tool_result\` blocks must come first`);
    }
  }
  const schema = body.output_config?.format?.schema;
  if (schema !== undefined && !isClosed(schema)) {
    return invalid(
      "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false",
    );
  }
  return null;
}

function idsOf(blocks: readonly Block[], type: string): string[] {
  return blocks.filter((block) => block.type === type).map(({ id }) => id!);
}

function isClosed(schema: unknown): boolean {
  if (typeof schema !== 'object' || schema === null) return true;
  const source = schema as Record<string, unknown>;
  if (source.type === 'object' && source.additionalProperties !== false) return false;
  return [...Object.values((source.properties ?? {}) as object), source.items].every(isClosed);
}

function usageOf({ inputTokens, outputTokens }: ChatScript) {
  const read = Math.floor(inputTokens / 4);
  const written = Math.floor(inputTokens / 8);
  return {
    cache_creation: { ephemeral_5m_input_tokens: written, ephemeral_1h_input_tokens: 0 },
    cache_creation_input_tokens: written,
    cache_read_input_tokens: read,
    inference_geo: null,
    input_tokens: inputTokens - read - written,
    output_tokens: outputTokens,
    server_tool_use: null,
    service_tier: 'standard',
  };
}

const STOP_REASONS = { stop: 'end_turn', length: 'max_tokens', tools: 'tool_use' } as const;
const ENVELOPE = {
  id: 'msg_stub',
  type: 'message',
  role: 'assistant',
  container: null,
  stop_details: null,
  stop_sequence: null,
};

function messageOf(model: string, script: ChatScript, thinks: boolean): object {
  return {
    ...ENVELOPE,
    model,
    content: [
      ...(thinks ? [{ type: 'thinking', thinking: 'A plain question.', signature: 'c3R1Yg==' }] : []),
      ...(script.words.length === 0 ? [] : [{ type: 'text', text: script.words.join(''), citations: null }]),
      ...script.toolCalls.map(({ id, name, parts }) => ({ ...toolUse(id, name), input: JSON.parse(parts.join('')) })),
    ],
    stop_reason: STOP_REASONS[script.finish],
    usage: usageOf(script),
  };
}

function toolUse(id: string, name: string): object {
  return { type: 'tool_use', id, name, input: {}, caller: { type: 'direct' } };
}

/** In the documented order, thinking first, with a ping in between. */
function eventsOf(model: string, script: ChatScript, thinks: boolean): string[] {
  const usage = usageOf(script);
  const blocks: { block: object; deltas: object[] }[] = [
    ...(thinks
      ? [
          {
            block: { type: 'thinking', thinking: '', signature: '' },
            deltas: [
              { type: 'thinking_delta', thinking: 'A plain question.' },
              { type: 'signature_delta', signature: 'c3R1Yg==' },
            ],
          },
        ]
      : []),
    {
      block: { type: 'text', text: '', citations: null },
      deltas: script.words.map((text) => ({ type: 'text_delta', text })),
    },
    ...script.toolCalls.map(({ id, name, parts }) => ({
      block: toolUse(id, name),
      deltas: ['', ...(parts.join('') === '{}' ? [] : parts)].map((json) => ({
        type: 'input_json_delta',
        partial_json: json,
      })),
    })),
  ];
  const event = (type: string, fields: object) => eventOf({ type, ...fields }, type);
  const message = { ...ENVELOPE, model, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } };
  const { cache_creation_input_tokens, cache_read_input_tokens, input_tokens, output_tokens, server_tool_use } = usage;
  return [
    event('message_start', { message }),
    event('ping', {}),
    ...blocks.flatMap(({ block, deltas }, index) => [
      event('content_block_start', { index, content_block: block }),
      ...deltas.map((delta) => event('content_block_delta', { index, delta })),
      event('content_block_stop', { index }),
    ]),
    event('message_delta', {
      delta: { container: null, stop_details: null, stop_reason: STOP_REASONS[script.finish], stop_sequence: null },
      usage: { cache_creation_input_tokens, cache_read_input_tokens, input_tokens, output_tokens, server_tool_use },
    }),
    event('message_stop', {}),
  ];
}

function invalid(message: string): StubAnswer {
  return failure(400, 'invalid_request_error', message);
}

function failure(status: number, type: string, message: string): StubAnswer {
  return {
    kind: 'json',
    status,
    body: { type: 'error', error: { type, message }, request_id: HEADERS['request-id'] },
    headers: HEADERS,
  };
}
