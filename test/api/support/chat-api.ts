import type { Replacements } from '../../../src/container';
import type { GraphqlAnswer, GraphqlClient } from '../../support/graphql-client';
import { ANTHROPIC, OPENAI, ScriptedChat } from '../../support/scripted-chat';
import { startTestServer, type TestServer, type TestServerOptions } from '../../support/test-server';
import type { AttemptFields } from './speech-api';

export interface ChatUsageFields {
  readonly id: string;
  readonly capability: string;
  readonly status: string;
  readonly errorCode: string | null;
  readonly providerId: string;
  readonly model: string;
  readonly credits: string;
  readonly heldCredits: string;
  readonly estimatedCredits: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly totalTokens: number;
  readonly billableTokens: number;
  readonly characters: number;
  readonly requests: number;
  readonly byok: boolean;
  readonly credential: string;
  readonly endUserId: string | null;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly remainingBalance: string;
  readonly summary: string;
  readonly attempts: readonly AttemptFields[];
}

export interface ChatFields {
  readonly message: {
    readonly role: string;
    readonly content: string;
    readonly toolCalls: readonly { readonly id: string; readonly name: string; readonly arguments: string }[];
  };
  readonly finishReason: string;
  readonly citations: readonly unknown[];
  readonly usage: ChatUsageFields;
  readonly stages: readonly { readonly id: string }[];
}

export const CHAT_USAGE_FIELDS = `id capability status errorCode providerId model credits heldCredits estimatedCredits
  inputTokens outputTokens totalTokens billableTokens characters requests byok credential endUserId metadata
  remainingBalance summary attempts { provider model credential outcome errorCode }`;
export const ANSWER_FIELDS = `message { role content toolCalls { id name arguments } } finishReason
  citations { chunkId } usage { ${CHAT_USAGE_FIELDS} } stages { id }`;
export const CHAT = `mutation Chat($input: ChatInput!) { chat(input: $input) { ${ANSWER_FIELDS} } }`;

export type ChatInput = Readonly<Record<string, unknown>>;

export const user = (content: string) => ({ role: 'USER', content });
export const HELLO: ChatInput = { provider: 'openai', messages: [user('Hello?')] };

export const ask = (
  client: GraphqlClient,
  input: ChatInput = HELLO,
  headers?: Readonly<Record<string, string>>,
): Promise<GraphqlAnswer<{ chat: ChatFields | null }>> => client.graphql(CHAT, { input }, headers);

/** A chat that must succeed. */
export async function chat(
  client: GraphqlClient,
  input: ChatInput = HELLO,
  headers?: Readonly<Record<string, string>>,
): Promise<ChatFields> {
  return (await client.data<{ chat: ChatFields }>(CHAT, { input }, headers)).chat;
}

/** Newest first. */
export async function chatEvents(client: GraphqlClient): Promise<readonly ChatUsageFields[]> {
  const data = await client.data<{ usageEvents: { edges: { node: ChatUsageFields }[] } }>(
    `{ usageEvents(first: 100) { edges { node { ${CHAT_USAGE_FIELDS} } } } }`,
  );
  return data.usageEvents.edges.map(({ node }) => node);
}

/** A server whose language models are scripted. */
export interface ChatServer extends TestServer {
  readonly openai: ScriptedChat;
  readonly anthropic: ScriptedChat;
}

export async function startChatServer(
  options: TestServerOptions & { readonly replacements?: Replacements } = {},
  { openai = new ScriptedChat(OPENAI), anthropic = new ScriptedChat(ANTHROPIC) } = {},
): Promise<ChatServer> {
  const chatProviders = new Map([openai, anthropic].map((it) => [it.declaration.provider, it]));
  const server = await startTestServer({ ...options, replacements: { ...options.replacements, chatProviders } });
  return Object.assign(server, { openai, anthropic });
}
