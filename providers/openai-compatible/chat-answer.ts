import type { ChatFinishReason, ChatPiece, ChatStreamReader } from '../contract/llm';
import type { AnswerMessage, HttpEndpoint } from '../contract/provider';
import { errorInAnswer } from '../http/error-in-answer';
import { asArray, asObject, type JsonObject } from '../http/wire';

const FINISH_REASONS: Readonly<Record<string, ChatFinishReason>> = {
  stop: 'STOP',
  length: 'LENGTH',
  tool_calls: 'TOOL_CALLS',
  function_call: 'TOOL_CALLS',
  content_filter: 'CONTENT_FILTER',
};

/** The pieces of a `chat.completion`. */
export function piecesOfCompletion(adapter: HttpEndpoint, body: unknown): ChatPiece[] {
  const completion = asObject(body);
  if (completion === null) throw new TypeError('the answer is not an object');
  refuseError(adapter, completion);
  const choice = asObject(asArray(completion.choices)[0]);
  const message = asObject(choice?.message);
  if (choice === null || message === null) throw new TypeError('the answer has no message');
  return [
    ...textOf(message.content),
    ...textOf(message.refusal),
    ...listOf(message.tool_calls).map((call, index) => toolCallOf(call, index)),
    ...finishOf(choice.finish_reason, textOf(message.refusal).length > 0),
    ...usageOf(completion.usage),
  ];
}

/** Reads the chunks of one streamed completion, up to `[DONE]`. */
export class CompletionReader implements ChatStreamReader {
  done = false;
  private refused = false;
  /** Number of a tool call, in order of appearance, by its number on the wire. */
  private readonly toolCalls = new Map<number, number>();

  constructor(private readonly adapter: HttpEndpoint) {}

  read({ event, data }: AnswerMessage): readonly ChatPiece[] {
    if (data === '[DONE]') {
      this.done = true;
      return [];
    }
    const chunk = asObject(data);
    if (event === 'error') throw errorInAnswer(this.adapter, chunk?.error === undefined ? { error: data } : chunk);
    if (chunk === null) {
      if (event !== null) return [];
      throw new TypeError('a chunk is not an object');
    }
    refuseError(this.adapter, chunk);
    // The chunk that carries the usage has no choices, and one of another kind is none of ours.
    const choice = asObject(asArray(chunk.choices)[0]);
    const pieces = choice === null ? [] : this.choicePieces(choice);
    // Groq repeats its figures beside its own id; the newest stand.
    return [...pieces, ...usageOf(chunk.usage ?? asObject(chunk.x_groq)?.usage)];
  }

  private choicePieces(choice: JsonObject): ChatPiece[] {
    const delta = asObject(choice.delta) ?? {};
    const refusal = textOf(delta.refusal);
    this.refused ||= refusal.length > 0;
    return [
      ...textOf(delta.content),
      ...refusal,
      ...listOf(delta.tool_calls).flatMap((call, position) => this.toolCallPieces(call, position)),
      ...finishOf(choice.finish_reason, this.refused),
    ];
  }

  private toolCallPieces(value: unknown, position: number): ChatPiece[] {
    const call = asObject(value);
    if (call === null) throw new TypeError('a part of a tool call is not an object');
    const number = typeof call.index === 'number' ? call.index : position;
    const index = this.toolCalls.get(number);
    if (index === undefined) {
      this.toolCalls.set(number, this.toolCalls.size);
      return [toolCallOf(call, this.toolCalls.size - 1)];
    }
    const written = asObject(call.function)?.arguments ?? '';
    if (typeof written !== 'string') throw new TypeError('the arguments of a tool call are not text');
    return written === '' ? [] : [{ kind: 'tool-call', index, id: null, name: null, arguments: written }];
  }
}

/** A tool call, or the first part of one: both name it. */
function toolCallOf(value: unknown, index: number): ChatPiece {
  const call = asObject(value);
  const target = asObject(call?.function);
  const written = target?.arguments ?? '';
  if (typeof call?.id !== 'string' || typeof target?.name !== 'string' || typeof written !== 'string') {
    throw new TypeError('a tool call has no id, no name, or arguments that are not text');
  }
  return { kind: 'tool-call', index, id: call.id, name: target.name, arguments: written };
}

/** An error in the clothes of a success. Groq says with `x_groq.error` that it stopped early. */
function refuseError(adapter: HttpEndpoint, document: JsonObject): void {
  const stopped = asObject(document.x_groq)?.error ?? null;
  if ((document.error ?? null) !== null) throw errorInAnswer(adapter, document);
  if (stopped !== null) throw errorInAnswer(adapter, { error: stopped });
}

function textOf(value: unknown): ChatPiece[] {
  if (value === undefined || value === null || value === '') return [];
  if (typeof value !== 'string') throw new TypeError('the text is not text');
  return [{ kind: 'text', text: value }];
}

function finishOf(value: unknown, refused: boolean): ChatPiece[] {
  if (typeof value !== 'string') return [];
  const reason = FINISH_REASONS[value] ?? 'OTHER';
  // A refusal comes as text of its own, with a finish that looks like any other.
  return [{ kind: 'finish', reason: refused && reason === 'STOP' ? 'CONTENT_FILTER' : reason }];
}

/** `cached_tokens` lie inside the prompt's and `reasoning_tokens` inside the completion's: nothing is added. */
function usageOf(value: unknown): ChatPiece[] {
  const usage = asObject(value);
  if (usage === null) return [];
  const { prompt_tokens: inputTokens, completion_tokens: outputTokens } = usage;
  if (typeof inputTokens !== 'number' || typeof outputTokens !== 'number') throw new TypeError('a figure is no number');
  return [{ kind: 'usage', usage: { inputTokens, outputTokens } }];
}

function listOf(value: unknown): readonly unknown[] {
  if (value !== undefined && value !== null && !Array.isArray(value))
    throw new TypeError('the tool calls are not a list');
  return asArray(value);
}
