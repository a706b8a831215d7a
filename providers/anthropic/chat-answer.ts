import type { ChatFinishReason, ChatPiece, ChatStreamReader, ChatUsage } from '../contract/llm';
import type { AnswerMessage } from '../contract/provider';
import { errorInAnswer } from '../http/error-in-answer';
import { asObject, type JsonObject } from '../http/wire';
import { anthropic } from './vendor';

const FINISH_REASONS: Readonly<Record<string, ChatFinishReason>> = {
  end_turn: 'STOP',
  stop_sequence: 'STOP',
  max_tokens: 'LENGTH',
  model_context_window_exceeded: 'LENGTH',
  tool_use: 'TOOL_CALLS',
  refusal: 'CONTENT_FILTER',
};

/** The pieces of a whole message. */
export function piecesOfMessage(body: unknown): ChatPiece[] {
  const message = asObject(body);
  if (message === null) throw new TypeError('the answer is not an object');
  if (message.type === 'error') throw errorInAnswer(anthropic, message);
  if (!Array.isArray(message.content)) throw new TypeError('the answer has no content');
  const pieces: ChatPiece[] = [];
  let toolCalls = 0;
  // Blocks of other types, thinking among them, are none of the answer.
  for (const block of message.content.map(asObject)) {
    if (block?.type === 'text') pieces.push(...textOf(block.text));
    if (block?.type === 'tool_use') pieces.push(toolCallOf(block, toolCalls++, JSON.stringify(block.input ?? {})));
  }
  const usage = usageOf(asObject(message.usage), null);
  return [...pieces, ...finishOf(message.stop_reason), ...(usage === null ? [] : [{ kind: 'usage' as const, usage }])];
}

/** A tool call whose arguments are being written. */
interface OpenToolCall {
  readonly index: number;
  /** What stands for arguments that are never written. */
  readonly input: string;
  written: boolean;
}

/** Reads the events of one streamed message, up to `message_stop`. */
export class MessageReader implements ChatStreamReader {
  done = false;
  /** By the number of its block. */
  private readonly toolCalls = new Map<unknown, OpenToolCall>();
  /** Input is told at the start; later figures take its place where they are given. */
  private counted: JsonObject | null = null;

  read({ data }: AnswerMessage): readonly ChatPiece[] {
    const event = asObject(data);
    if (event === null) throw new TypeError('an event is not an object');
    switch (event.type) {
      case 'message_start':
        this.counted = asObject(asObject(event.message)?.usage);
        return [];
      case 'content_block_start':
        return this.blockStart(event.index, asObject(event.content_block));
      case 'content_block_delta':
        return this.blockDelta(event.index, asObject(event.delta));
      case 'content_block_stop':
        return this.blockStop(event.index);
      case 'message_delta':
        return this.messageDelta(asObject(event.delta), asObject(event.usage));
      case 'message_stop':
        this.done = true;
        return [];
      case 'error':
        throw errorInAnswer(anthropic, event);
      default:
        // `ping`, and whatever comes to be.
        return [];
    }
  }

  private blockStart(number: unknown, block: JsonObject | null): ChatPiece[] {
    if (block === null) throw new TypeError('a block is not an object');
    if (block.type === 'text') return textOf(block.text);
    if (block.type !== 'tool_use') return [];
    const call = { index: this.toolCalls.size, input: JSON.stringify(block.input ?? {}), written: false };
    this.toolCalls.set(number, call);
    return [toolCallOf(block, call.index, '')];
  }

  private blockDelta(number: unknown, delta: JsonObject | null): ChatPiece[] {
    if (delta?.type === 'text_delta') return textOf(delta.text);
    if (delta?.type !== 'input_json_delta') return [];
    const { partial_json: json } = delta;
    if (typeof json !== 'string') throw new TypeError('a part of an input is not text');
    const call = this.toolCalls.get(number);
    // Input of a block that is no tool of ours.
    if (call === undefined || json === '') return [];
    call.written = true;
    return [argumentsOf(call, json)];
  }

  private blockStop(number: unknown): ChatPiece[] {
    const call = this.toolCalls.get(number);
    if (call === undefined || call.written) return [];
    call.written = true;
    return [argumentsOf(call, call.input)];
  }

  private messageDelta(delta: JsonObject | null, figures: JsonObject | null): ChatPiece[] {
    const usage = usageOf(figures, this.counted);
    return [...finishOf(delta?.stop_reason), ...(usage === null ? [] : [{ kind: 'usage' as const, usage }])];
  }
}

/**
 * Tokens that were read from a cache or written to one are counted beside `input_tokens`, unlike at other providers; thinking
 * lies inside `output_tokens`. Output is never taken from the start of a stream, where it is a few tokens of what is to come.
 */
function usageOf(figures: JsonObject | null, start: JsonObject | null): ChatUsage | null {
  if (figures === null) return null;
  const inputTokens = ['input_tokens', 'cache_creation_input_tokens', 'cache_read_input_tokens']
    .map((name) => figures[name] ?? start?.[name] ?? (name === 'input_tokens' ? null : 0))
    .reduce<number>((sum, value) => sum + figureOf(value), 0);
  return { inputTokens, outputTokens: figureOf(figures.output_tokens) };
}

/** Each figure must be possible by itself: a negative one would hide in the sum. */
function figureOf(value: unknown): number {
  if (typeof value !== 'number') throw new TypeError('a figure is no number');
  return Number.isSafeInteger(value) && value >= 0 ? value : Number.NaN;
}

function finishOf(value: unknown): ChatPiece[] {
  return typeof value === 'string' ? [{ kind: 'finish', reason: FINISH_REASONS[value] ?? 'OTHER' }] : [];
}

function textOf(value: unknown): ChatPiece[] {
  if (typeof value !== 'string') throw new TypeError('the text is not text');
  return value === '' ? [] : [{ kind: 'text', text: value }];
}

function toolCallOf(block: JsonObject, index: number, written: string): ChatPiece {
  const { id, name } = block;
  if (typeof id !== 'string' || typeof name !== 'string') throw new TypeError('a tool call has no id or no name');
  return { kind: 'tool-call', index, id, name, arguments: written };
}

function argumentsOf({ index }: OpenToolCall, written: string): ChatPiece {
  return { kind: 'tool-call', index, id: null, name: null, arguments: written };
}
