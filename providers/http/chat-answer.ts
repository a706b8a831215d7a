import { ProviderError } from '../contract/errors';
import type { ChatCall, ChatPiece, ChatStreamReader, ChatUsage, HttpChatAdapter } from '../contract/llm';
import type { AnswerMessage } from '../contract/provider';
import { cut, type MessageReader, messageReader } from './answer-messages';
import { withoutSecrets } from './error-in-answer';
import type { Exchange } from './exchange';
import { rejected } from './provider-failures';

const DONE: IteratorResult<ChatPiece> = { done: true, value: undefined };

/** After its last message a stream gets this long to close by itself, so that its connection can serve the next call. */
const CLOSING_MS_MAX = 1_000;
const CLOSING_BYTES_MAX = 64 * 1024;

/** Providers count a few tokens more than were asked for; beyond this the figure is no count of this answer. */
const OUTPUT_TOKENS_FACTOR = 2;
const OUTPUT_TOKENS_MARGIN = 1_024;

/**
 * The pieces of one answer, as they come. It keeps the promises that hold for every provider: one finish, figures that can be
 * true, an end that was announced. What was read before a failure is handed out before the failure is.
 */
export class ChatAnswer implements AsyncIterableIterator<ChatPiece> {
  upstreamRequestId: string | null;

  private readonly ready: ChatPiece[] = [];
  private failure: ProviderError | null = null;
  private ended = false;
  private left = false;
  private finished = false;
  private counted = false;
  private readonly messages: MessageReader;
  /** null: the answer is one document. */
  private readonly stream: ChatStreamReader | null;

  constructor(
    private readonly adapter: HttpChatAdapter,
    private readonly call: ChatCall,
    private readonly exchange: Exchange,
    /** The answer is a stream of events; else it is one document. */
    streamed: boolean,
    /** What must not be quoted back in an error. */
    private readonly hidden: () => readonly string[],
  ) {
    this.upstreamRequestId = adapter.requestIdOf(exchange.headers);
    this.messages = messageReader(adapter, streamed ? 'events' : 'json');
    this.stream = streamed ? adapter.stream(call) : null;
  }

  /** Reads up to the first piece of a stream, or the whole of a document. @throws ProviderError when neither comes. */
  async begin(): Promise<void> {
    while (this.ready.length === 0 && this.failure === null && !this.ended) await this.readOn();
    if (this.failure !== null && (this.ready.length === 0 || this.stream === null)) throw this.failure;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<ChatPiece>> {
    for (;;) {
      if (this.left) return DONE;
      const piece = this.ready.shift();
      if (piece !== undefined) return { done: false, value: piece };
      if (this.failure !== null) throw this.failure;
      if (this.ended) return DONE;
      await this.readOn();
    }
  }

  async return(): Promise<IteratorResult<ChatPiece>> {
    if (!this.left) {
      this.left = true;
      this.ready.length = 0;
      if (!this.ended) await this.exchange.return();
    }
    return DONE;
  }

  private async readOn(): Promise<void> {
    let result: IteratorResult<Uint8Array>;
    try {
      result = await this.exchange.next();
    } catch (error) {
      // Ours, and complete: nothing of the provider's is in it.
      if (!(error instanceof ProviderError)) throw error;
      this.failure = error;
      return;
    }
    if (this.left) return;
    try {
      for (const message of result.done === true ? this.messages.end() : this.messages.push(result.value)) {
        this.read(message);
        if (this.ended) return;
      }
      if (result.done === true) throw cut(this.adapter, this.exchange.status);
    } catch (error) {
      void this.exchange.return();
      this.failure = this.failureOf(error);
    }
  }

  private read(message: AnswerMessage): void {
    const { adapter, call, stream } = this;
    this.upstreamRequestId ??= adapter.answerIdOf?.(message.data) ?? null;
    for (const piece of stream === null ? adapter.answer(message.data, call) : stream.read(message)) this.take(piece);
    if (stream !== null && !stream.done) return;
    this.conclude();
    void this.exchange.drain(CLOSING_BYTES_MAX, CLOSING_MS_MAX).catch(() => undefined);
  }

  private take(piece: ChatPiece): void {
    if (piece.kind === 'usage') {
      this.refuseImpossible(piece.usage);
      this.counted = true;
    }
    if (piece.kind === 'finish') {
      if (this.finished) return;
      this.finished = true;
    }
    this.ready.push(piece);
  }

  private conclude(): void {
    if (!this.counted) {
      throw rejected(this.adapter, 'did not say how many tokens its answer took, so it cannot be charged');
    }
    if (!this.finished) this.take({ kind: 'finish', reason: 'OTHER' });
    this.ended = true;
  }

  private refuseImpossible({ inputTokens, outputTokens }: ChatUsage): void {
    const { model, maxOutputTokens } = this.call;
    const possible =
      isCount(inputTokens, 2 * model.contextTokens) &&
      isCount(outputTokens, OUTPUT_TOKENS_FACTOR * maxOutputTokens + OUTPUT_TOKENS_MARGIN);
    if (!possible) throw rejected(this.adapter, 'reported figures of usage that cannot be true');
  }

  private failureOf(error: unknown): ProviderError {
    const { status } = this.exchange;
    if (error instanceof ProviderError) {
      return withoutSecrets(error, this.hidden(), { status, upstreamRequestId: this.upstreamRequestId });
    }
    if (!(error instanceof TypeError)) throw error;
    // A reader's complaint may quote the answer, so it is not kept.
    return rejected(this.adapter, 'answered in a form that is not its documented one', status);
  }
}

function isCount(value: number, max: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= max;
}
