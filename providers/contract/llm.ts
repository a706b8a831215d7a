import type { Credential } from './credential';
import type {
  AnswerMessage,
  CallOptions,
  ConfiguredProvider,
  HttpEndpoint,
  ModelDeclaration,
  ProviderDeclaration,
  ProviderRequest,
} from './provider';

export interface ChatModel extends ModelDeclaration {
  /** Tokens of input and output together. */
  readonly contextTokens: number;
  /** Most tokens of one answer, reasoning included. */
  readonly maxOutputTokens: number;
  /** Sent when the caller names none. */
  readonly defaultMaxOutputTokens: number;
  /** Input tokens that the provider counts beyond what is sent: its own framing, its prompt for tools and schemas. */
  readonly overheadTokens: number;
  readonly tools: boolean;
  /** Answers in the form of a JSON schema. */
  readonly responseSchema: boolean;
  /** Range of temperature; null: it cannot be set. */
  readonly temperature: { readonly min: number; readonly max: number } | null;
}

export interface ChatToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON text, as the model wrote it. */
  readonly arguments: string;
}

export type ChatMessage =
  | { readonly role: 'SYSTEM' | 'USER'; readonly content: string }
  | { readonly role: 'ASSISTANT'; readonly content: string; readonly toolCalls: readonly ChatToolCall[] }
  | { readonly role: 'TOOL'; readonly content: string; readonly toolCallId: string };

export interface ChatTool {
  readonly name: string;
  readonly description: string | null;
  /** JSON schema of an object. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** Everything in it has been validated against what the adapter declares. */
export interface ChatCall {
  readonly model: ChatModel;
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly ChatTool[];
  readonly responseSchema: Readonly<Record<string, unknown>> | null;
  readonly temperature: number | null;
  readonly maxOutputTokens: number;
  /** True when text is forwarded as it comes; false when only the whole matters. */
  readonly streaming: boolean;
}

export const CHAT_FINISH_REASONS = ['STOP', 'LENGTH', 'TOOL_CALLS', 'CONTENT_FILTER', 'OTHER'] as const;
export type ChatFinishReason = (typeof CHAT_FINISH_REASONS)[number];

/** The provider's own figures, as the price list counts them: cached tokens are input, reasoning tokens are output. */
export interface ChatUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** What an answer is made of, in the order in which it came. */
export type ChatPiece =
  | { readonly kind: 'text'; readonly text: string }
  /** Parts of the tool call at `index` (from 0, dense); `arguments` continues what came before. */
  | {
      readonly kind: 'tool-call';
      readonly index: number;
      readonly id: string | null;
      readonly name: string | null;
      readonly arguments: string;
    }
  | { readonly kind: 'finish'; readonly reason: ChatFinishReason }
  /** The newest figures; they take the place of earlier ones. */
  | { readonly kind: 'usage'; readonly usage: ChatUsage };

export interface ChatDeclaration extends ProviderDeclaration {
  readonly models: readonly [ChatModel, ...ChatModel[]];
  readonly defaultModel: string;
}

/** Reads the messages of one streamed answer; made anew for each, so it may remember. */
export interface ChatStreamReader {
  /** Throws TypeError when a message is not of the documented form, ProviderError when it is an error. */
  read(message: AnswerMessage): readonly ChatPiece[];
  /** True once the provider has said that nothing follows: an answer that ends before was cut. */
  readonly done: boolean;
}

/** A provider over HTTP: declarations only; the shared sender does the work. */
export interface HttpChatAdapter extends ChatDeclaration, HttpEndpoint {
  readonly transport: 'http';
  request(call: ChatCall, credential: Credential): ProviderRequest;
  /** A whole answer, parsed as JSON. Throws TypeError or ProviderError as `read` does. */
  answer(body: unknown, call: ChatCall): readonly ChatPiece[];
  /** For an answer of server-sent events. */
  stream(call: ChatCall): ChatStreamReader;
  /** The provider's id of the exchange out of an answer or a message of one, where the headers do not tell it. */
  answerIdOf?(document: unknown): string | null;
}

export type ChatAdapter = HttpChatAdapter;

export interface ChatResponse {
  readonly upstreamRequestId: string | null;
  /**
   * Has exactly one `finish`, and at least one `usage` before its end. Fails with ProviderError: an answer without its
   * documented end is cut (UNAVAILABLE), one without usage or with impossible figures is REJECTED. Leaving the loop cancels
   * the upstream at once.
   */
  readonly pieces: AsyncIterable<ChatPiece>;
}

/**
 * One call is one attempt; retrying is the operation's. Resolves with the first piece of an answer that streams, and with the
 * whole of one that does not: every failure until then is a rejected promise, and nothing has reached anyone.
 */
export interface ChatProvider extends ConfiguredProvider<ChatDeclaration> {
  chat(call: ChatCall, options: CallOptions): Promise<ChatResponse>;
}
