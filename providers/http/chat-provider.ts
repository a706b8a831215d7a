import type { Credential } from '../contract/credential';
import type { ChatCall, ChatProvider, ChatResponse, HttpChatAdapter } from '../contract/llm';
import type { CallOptions } from '../contract/provider';
import { promisesMessages } from './answer-messages';
import { hiddenStrings, mediaType, refusalOf, refuseMalformedKey } from './answers';
import { ChatAnswer } from './chat-answer';
import { Exchange } from './exchange';
import { type HttpProviderSettings, ProviderClient } from './provider-client';

const EVENT_STREAM = 'text/event-stream';

/**
 * Turns an adapter's declarations into a provider: sends, keeps the limits of size and time, reads whole answers and streams
 * alike into pieces, maps every failure to a ProviderError and cancels upstream when the reader leaves. Throws TypeError when
 * the base URL is unusable. A response that is not read holds its connection until its signal aborts: read it, leave its
 * loop, or abort. Nothing else hangs on the reader: whoever wants the figures of an answer that nobody hears reads on.
 */
export function httpChatProvider(adapter: HttpChatAdapter, settings: HttpProviderSettings = {}): ChatProvider {
  return new HttpChatProvider(adapter, new ProviderClient(adapter, settings));
}

class HttpChatProvider implements ChatProvider {
  readonly platformCredential: Credential | null;
  readonly configured: boolean;

  constructor(
    readonly declaration: HttpChatAdapter,
    private readonly client: ProviderClient,
  ) {
    this.platformCredential = client.platformCredential;
    this.configured = client.platformCredential !== null;
  }

  async chat(call: ChatCall, options: CallOptions): Promise<ChatResponse> {
    const { declaration: adapter } = this;
    refuseMalformedKey(adapter, options.credential);
    const hidden = () => hiddenStrings(options.credential, textsOf(call));
    const exchange = new Exchange(adapter, options, options.signal, promisesMessages);
    if (!(await this.client.send(exchange, adapter.request(call, options.credential)))) {
      throw await refusalOf(exchange, adapter, hidden());
    }
    // What came decides, not what was asked for: a server may answer whole where it cannot stream.
    const type = mediaType(exchange.headers);
    const streamed = type === EVENT_STREAM || (call.streaming && !/^application\/(.+\+)?json$/.test(type));
    const answer = new ChatAnswer(adapter, call, exchange, streamed, hidden);
    await answer.begin();
    return { upstreamRequestId: answer.upstreamRequestId, pieces: answer };
  }

  async close(): Promise<void> {
    await this.client.close();
  }
}

/** Whatever of the request a refusal may quote. */
function textsOf({ messages }: ChatCall): string[] {
  return messages.flatMap((message) => [
    message.content,
    ...(message.role === 'ASSISTANT' ? message.toolCalls.map((toolCall) => toolCall.arguments) : []),
  ]);
}
