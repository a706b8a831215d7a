import { ProviderError } from '../contract/errors';
import type { AnswerMessage, ProviderCount } from '../contract/provider';
import type { HttpSpeechAdapter, SpeechCall, SpeechMessage, SpeechResponse } from '../contract/tts';
import { cut, type MessageFraming, type MessageReader, messageReader } from './answer-messages';
import { withoutSecrets } from './error-in-answer';
import type { Exchange } from './exchange';
import { rejected, unavailable } from './provider-failures';

const DONE: IteratorResult<Uint8Array> = { done: true, value: undefined };

/** After its last message an answer gets this long to end by itself, so that its connection can serve the next call. */
const CLOSING_MS_MAX = 1_000;
const CLOSING_BYTES_MAX = 64 * 1024;

export interface MessageAudioOptions {
  readonly framing: MessageFraming;
  /** What must not be quoted back in an error. */
  readonly hidden: () => readonly string[];
  /** Begins to fetch audio that lies elsewhere. @throws ProviderError */
  readonly fetchAudio: (url: string) => Promise<AsyncIterableIterator<Uint8Array>>;
}

/**
 * The audio of an answer that is made of messages: pieces leave as they come, and what the messages say of the provider's
 * count and id is kept. One reader; leaving the loop cancels upstream at once.
 */
export class MessageAudio implements SpeechResponse, AsyncIterableIterator<Uint8Array> {
  readonly chunks = this;
  upstreamRequestId: string | null;
  billedUnits: ProviderCount | null;

  private readonly reader: MessageReader;
  private readonly ready: Uint8Array[] = [];
  private messages: readonly AnswerMessage[] = [];
  /** How many of the messages at hand have been read. */
  private read = 0;
  private elsewhere: AsyncIterableIterator<Uint8Array> | null = null;
  private countedSum = 0;
  private audioBegun = false;
  private saidLast = false;
  private bodyEnded = false;
  private ended = false;
  private left = false;

  constructor(
    private readonly adapter: HttpSpeechAdapter,
    private readonly call: SpeechCall,
    private readonly exchange: Exchange,
    private readonly options: MessageAudioOptions,
  ) {
    this.upstreamRequestId = adapter.requestIdOf(exchange.headers);
    this.billedUnits = adapter.billedUnits(exchange.headers, call);
    this.reader = messageReader(adapter, options.framing);
  }

  /** Reads up to the first audio. @throws ProviderError when none comes. */
  async begin(): Promise<this> {
    const first = await this.next();
    if (first.done !== true) this.ready.unshift(first.value);
    return this;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    try {
      for (;;) {
        if (this.left) return DONE;
        const piece = this.ready.shift();
        if (piece !== undefined) return { done: false, value: piece };
        if (this.ended) return DONE;
        if (this.elsewhere !== null) await this.readElsewhere(this.elsewhere);
        else if (!this.saidLast && this.read < this.messages.length) await this.take(this.messages[this.read++]!);
        else if (this.saidLast || this.bodyEnded) await this.conclude();
        else await this.readBody();
      }
    } catch (error) {
      this.ended = true;
      this.cancel();
      throw this.failure(error);
    }
  }

  return(): Promise<IteratorResult<Uint8Array>> {
    if (!this.left) {
      this.left = true;
      this.ready.length = 0;
      this.cancel();
    }
    return Promise.resolve(DONE);
  }

  private async readBody(): Promise<void> {
    const { done, value } = await this.exchange.next();
    if (this.left) return;
    this.bodyEnded = done === true;
    this.messages = done === true ? this.reader.end() : this.reader.push(value);
    this.read = 0;
  }

  private async readElsewhere(source: AsyncIterableIterator<Uint8Array>): Promise<void> {
    const { done, value } = await source.next();
    if (done === true) this.ended = true;
    else this.ready.push(value);
  }

  private async take(message: AnswerMessage): Promise<void> {
    const said: SpeechMessage = this.adapter.message?.(message, this.call) ?? {};
    this.upstreamRequestId = said.upstreamRequestId ?? this.upstreamRequestId;
    if (said.billedUnits !== undefined) this.count(said.billedUnits);
    if (said.audio !== undefined && said.audio.length > 0) this.give(said.audio);
    if (said.last === true) this.saidLast = true;
    if (said.audioUrl === undefined) return;
    this.elsewhere = await this.options.fetchAudio(said.audioUrl);
    this.audioBegun = true;
    // Everything is known, and nobody reads on here.
    void this.exchange.return();
    if (this.left) void this.elsewhere.return?.();
  }

  private give(audio: Uint8Array): void {
    const preamble = this.audioBegun ? null : (this.adapter.preamble?.(this.call) ?? null);
    if (preamble !== null) this.ready.push(preamble);
    this.audioBegun = true;
    this.ready.push(audio);
  }

  private count({ unit, quantity }: ProviderCount): void {
    this.countedSum += quantity;
    this.billedUnits = {
      unit,
      quantity: this.adapter.billedTotal?.(quantity, this.countedSum, this.call) ?? quantity,
    };
  }

  /** The end of the messages: the documented one, or a cut. */
  private async conclude(): Promise<void> {
    const endsWithBody = this.options.framing === 'json' || this.adapter.endsWithBody === true;
    if (!this.saidLast && !endsWithBody) throw cut(this.adapter, this.exchange.status);
    if (!this.audioBegun) {
      throw unavailable(this.adapter, 'answered without any audio', undefined, this.exchange.status);
    }
    this.ended = true;
    if (!this.bodyEnded) void this.exchange.drain(CLOSING_BYTES_MAX, CLOSING_MS_MAX).catch(() => undefined);
  }

  private cancel(): void {
    void this.exchange.return();
    void this.elsewhere?.return?.();
  }

  private failure(error: unknown): ProviderError {
    // A reader's complaint may quote the answer, so it is not kept.
    const known =
      error instanceof ProviderError
        ? error
        : rejected(this.adapter, 'answered in a form that is not its documented one');
    const { status } = this.exchange;
    return withoutSecrets(known, this.options.hidden(), { status, upstreamRequestId: this.upstreamRequestId });
  }
}
