import { ProviderError } from '../../../providers/contract/errors';
import type { ChatFinishReason, ChatPiece, ChatToolCall, ChatUsage } from '../../../providers/contract/llm';
import { isJsonObject } from './chat-text';

/** What a model answered. */
export interface Answer {
  readonly content: string;
  readonly toolCalls: readonly ChatToolCall[];
  readonly finishReason: ChatFinishReason;
}

/** What an answer grows by: text, or parts of a tool call. */
export interface AnswerDelta {
  readonly content: string;
  readonly toolCall: ToolCallPart | null;
}

export interface ToolCallPart {
  /** Counted from 0. */
  readonly index: number;
  readonly id: string | null;
  readonly name: string | null;
  /** Continues what came before; may be empty. */
  readonly arguments: string;
}

/** No token of any tokenizer in use is longer, so no honest answer is longer than its tokens times this. */
const CHARACTERS_OF_A_TOKEN_MAX = 128;
/** Ids and names of tool calls come on top of what tokens hold. */
const CHARACTERS_BESIDE_MAX = 65_536;
/** Beyond any context there is: a figure that is larger is no count of tokens. */
const TOKENS_MAX = 1_000_000_000;

interface GrowingCall {
  id: string | null;
  name: string | null;
  readonly arguments: string[];
}

/** Whose answer it is, and how long it may become. */
export interface AnswerBounds {
  readonly providerId: string;
  /** Name of the provider, for people. */
  readonly name: string;
  readonly maxOutputTokens: number;
}

/** Joins the pieces of one attempt, and checks what only the whole can show. */
export class AnswerBuilder {
  private readonly text: string[] = [];
  private readonly calls: GrowingCall[] = [];
  private finishReason: ChatFinishReason = 'OTHER';
  private newest: ChatUsage | null = null;
  private characters = 0;

  constructor(private readonly bounds: AnswerBounds) {}

  /** The newest figures of the provider; null until it has given some. */
  get usage(): ChatUsage | null {
    return this.newest;
  }

  /**
   * Adds a piece; answers what a listener is to be told of it, null for nothing.
   * @throws ProviderError for a piece that cannot be part of an answer
   */
  take(piece: ChatPiece): AnswerDelta | null {
    switch (piece.kind) {
      case 'text':
        if (piece.text === '') return null;
        this.grow(piece.text.length);
        this.text.push(piece.text);
        return { content: piece.text, toolCall: null };
      case 'tool-call':
        return this.takeCall(piece);
      case 'finish':
        this.finishReason = piece.reason;
        return null;
      case 'usage':
        if (!isCount(piece.usage.inputTokens) || !isCount(piece.usage.outputTokens)) {
          throw this.rejected('gave figures of usage that no answer can have');
        }
        this.newest = piece.usage;
        return null;
    }
  }

  /**
   * The whole, once nothing follows.
   * @throws ProviderError REJECTED for tool calls that nobody could carry out, and without usage: what is not counted
   * cannot be charged
   */
  finish(): Answer {
    if (this.newest === null) throw this.rejected('answered without saying how many tokens it used');
    const { finishReason } = this;
    return {
      content: this.text.join(''),
      toolCalls: this.calls.map((call) => this.finishCall(call)),
      finishReason,
    };
  }

  private takeCall(piece: Extract<ChatPiece, { kind: 'tool-call' }>): AnswerDelta | null {
    const { index, id, name } = piece;
    if (index === this.calls.length) this.calls.push({ id: null, name: null, arguments: [] });
    const call = this.calls[index];
    if (!call) throw this.rejected('sent the parts of its tool calls out of order');
    if (id === null && name === null && piece.arguments === '') return null;
    this.grow(piece.arguments.length + (id?.length ?? 0) + (name?.length ?? 0));
    call.id ??= id;
    call.name ??= name;
    if (piece.arguments !== '') call.arguments.push(piece.arguments);
    return { content: '', toolCall: { index, id, name, arguments: piece.arguments } };
  }

  private finishCall({ id, name, arguments: parts }: GrowingCall): ChatToolCall {
    if (!id || !name) throw this.rejected('called a tool without naming it');
    // A tool without parameters is called with nothing at all by some.
    const text = parts.join('').trim() === '' ? '{}' : parts.join('');
    if (!isJsonObject(text)) {
      throw this.rejected(
        this.finishReason === 'LENGTH'
          ? 'reached maxOutputTokens in the middle of a tool call, whose arguments are therefore no JSON; raise maxOutputTokens'
          : 'called a tool with arguments that are no JSON object; try again, or with another model',
      );
    }
    return { id, name, arguments: text };
  }

  private grow(characters: number): void {
    this.characters += characters;
    const max = CHARACTERS_BESIDE_MAX + this.bounds.maxOutputTokens * CHARACTERS_OF_A_TOKEN_MAX;
    if (this.characters > max) throw this.rejected('answered with more text than the tokens it was allowed can hold');
  }

  private rejected(what: string): ProviderError {
    const { providerId, name } = this.bounds;
    return new ProviderError({
      provider: providerId,
      kind: 'REJECTED',
      retryable: false,
      message: `${name} ${what}.`,
    });
  }
}

const isCount = (tokens: number): boolean => Number.isSafeInteger(tokens) && tokens >= 0 && tokens <= TOKENS_MAX;
