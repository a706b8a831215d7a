import type { ChatUsageFields } from '../../api/support/chat-api';
import type { GraphqlError, GraphqlSocket, SocketSubscription } from '../../support/graphql-socket';

export const CHAT_STREAM = `subscription Chat($input: ChatInput!, $after: Int) {
  chatStream(input: $input, after: $after) {
    __typename
    ... on ChatDelta { sequence content toolCalls { index id name arguments } }
    ... on ChatCompleted {
      sequence finishReason citations { chunkId } stages { id }
      message { role content toolCalls { id name arguments } }
      usage { id status credits inputTokens outputTokens requests attempts { provider outcome } }
    }
  }
}`;

export interface ChatEvent {
  readonly __typename: 'ChatDelta' | 'ChatCompleted';
  readonly sequence: number;
  readonly content?: string;
  readonly toolCalls?:
    | readonly { readonly index: number; readonly id: string | null; readonly arguments: string | null }[]
    | null;
  readonly finishReason?: string;
  readonly message?: { readonly role: string; readonly content: string; readonly toolCalls: readonly unknown[] };
  readonly usage?: ChatUsageFields;
}

export interface ChatStreamData extends Record<string, unknown> {
  readonly chatStream: ChatEvent;
}
export type ChatSubscription = SocketSubscription<ChatStreamData>;

let keys = 0;
/** What every test asks, with a key of its own. */
export const chatInput = (changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => {
  keys += 1;
  return {
    provider: 'openai',
    messages: [{ role: 'USER', content: 'Count.' }],
    idempotencyKey: `stream-${keys}`,
    ...changes,
  };
};

export const listenChat = (
  socket: GraphqlSocket,
  input: Readonly<Record<string, unknown>>,
  after?: number,
): ChatSubscription => socket.subscribe<ChatStreamData>(CHAT_STREAM, { input, ...(after !== undefined && { after }) });

export async function nextChatEvent(subscription: ChatSubscription): Promise<ChatEvent> {
  const result = await subscription.next();
  if (!result.data || result.errors) throw new Error(`expected an event, got ${JSON.stringify(result)}`);
  return result.data.chatStream;
}

export async function chatEventsUntil(subscription: ChatSubscription, count: number): Promise<ChatEvent[]> {
  const events: ChatEvent[] = [];
  while (events.length < count) events.push(await nextChatEvent(subscription));
  return events;
}

/** Every event to come of a subscription that must end without an error. */
export async function allChatEvents(subscription: ChatSubscription): Promise<ChatEvent[]> {
  const { results, end } = await subscription.rest();
  if (end.type !== 'complete') throw new Error(`the stream ended with ${JSON.stringify(end)}`);
  return results.map((result) => {
    if (!result.data || result.errors) throw new Error(`expected an event, got ${JSON.stringify(result)}`);
    return result.data.chatStream;
  });
}

/** What a stream broke with after it had begun, and the events before. */
export async function brokenWith(
  subscription: ChatSubscription,
): Promise<{ readonly error: GraphqlError; readonly events: readonly ChatEvent[] }> {
  const { results, end } = await subscription.rest();
  const error = results.at(-1)?.errors?.[0];
  if (end.type !== 'complete' || !error) throw new Error(`the stream ended with ${JSON.stringify({ results, end })}`);
  return { error, events: results.slice(0, -1).map(({ data }) => data!.chatStream) };
}

export const contentOf = (events: readonly ChatEvent[]): string =>
  events.map(({ __typename, content }) => (__typename === 'ChatDelta' ? content : '')).join('');
