import { type ChatScript, eventOf } from './chat-script';
import type { StubAnswer, StubRequest } from './requests';

/** The fields of a chat completion request that a stand-in goes by. */
export interface CompletionRequest {
  readonly model: string;
  readonly messages: readonly {
    readonly role: string;
    readonly content?: string | null;
    readonly tool_calls?: readonly { readonly id: string }[];
    readonly tool_call_id?: string;
  }[];
  readonly max_completion_tokens?: number;
  readonly temperature?: number;
  readonly tools?: readonly { readonly function: { readonly name: string; readonly parameters: unknown } }[];
  readonly response_format?: { readonly json_schema?: { readonly schema: unknown; readonly strict?: boolean } };
  readonly reasoning_effort?: string;
  readonly include_reasoning?: boolean;
  readonly stream?: boolean;
  readonly stream_options?: { readonly include_usage?: boolean };
}

/** OpenAI's and Groq's form of an error. */
export function completionError(
  status: number,
  type: string,
  code: string | null,
  message: string,
  param: string | null = null,
): StubAnswer {
  return {
    kind: 'json',
    status,
    body: { error: { message, type, param, code } },
    headers: { 'x-request-id': `req_stub_${status}` },
  };
}

/** The key of `Authorization: Bearer`, or null where there is none or it is refused. */
export function bearerOf({ headers }: StubRequest, refusedKeys: ReadonlySet<string>): string | null {
  const key = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? null;
  return key === null || refusedKeys.has(key) ? null : key;
}

/** A result of a tool that answers no call of the message before it. */
export function strayToolResult({ messages }: CompletionRequest): string | null {
  let open = new Set<string>();
  for (const { role, tool_calls: calls = [], tool_call_id: id } of messages) {
    if (role === 'tool' && (id === undefined || !open.delete(id))) return id ?? '';
    if (role !== 'tool') open = new Set(calls.map((call) => call.id));
  }
  return null;
}

export function completionPrompt(request: CompletionRequest) {
  return {
    last: request.messages.at(-1)?.content ?? '',
    input: JSON.stringify([request.messages, request.tools ?? [], request.response_format ?? null]),
    tools: (request.tools ?? []).map(({ function: target }) => ({ name: target.name, schema: target.parameters })),
    schema: request.response_format?.json_schema?.schema ?? null,
    maxOutputTokens: request.max_completion_tokens ?? 1_000,
  };
}

const FINISH = { stop: 'stop', length: 'length', tools: 'tool_calls' } as const;

/** `extra` are fields that a server has beside the common ones: in the message, and at the top. */
export function completionOf(
  model: string,
  script: ChatScript,
  usage: object,
  extra: { readonly message?: object; readonly top: object },
): object {
  const calls = script.toolCalls.map(({ id, name, parts }) => ({
    id,
    type: 'function',
    function: { name, arguments: parts.join('') },
  }));
  return {
    id: 'chatcmpl-stub',
    object: 'chat.completion',
    created: 1_795_132_800,
    model,
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: script.words.join(''),
          ...extra.message,
          ...(calls.length === 0 ? {} : { tool_calls: calls }),
        },
        logprobs: null,
        finish_reason: FINISH[script.finish],
      },
    ],
    usage,
    ...extra.top,
  };
}

/** The deltas of an answer in their documented order, without the ends, in which servers differ. */
export function completionDeltas(script: ChatScript): object[] {
  return [
    { role: 'assistant', content: '' },
    ...script.words.map((content) => ({ content })),
    ...script.toolCalls.flatMap(({ id, name, parts }, index) => [
      { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] },
      ...parts.map((part) => ({ tool_calls: [{ index, function: { arguments: part } }] })),
    ]),
  ];
}

export function completionChunk(
  model: string,
  delta: object | null,
  finish: ChatScript['finish'] | null,
  more: object,
): object {
  return {
    id: 'chatcmpl-stub',
    object: 'chat.completion.chunk',
    created: 1_795_132_800,
    model,
    choices: delta === null ? [] : [{ index: 0, delta, logprobs: null, finish_reason: finish && FINISH[finish] }],
    ...more,
  };
}

export const DONE_EVENT = eventOf('[DONE]');
