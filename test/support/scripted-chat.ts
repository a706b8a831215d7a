import { type Credential } from '../../providers/contract/credential';
import { ProviderError, type ProviderErrorKind } from '../../providers/contract/errors';
import type {
  ChatCall,
  ChatDeclaration,
  ChatFinishReason,
  ChatModel,
  ChatPiece,
  ChatProvider,
  ChatResponse,
  ChatUsage,
} from '../../providers/contract/llm';
import type { CallOptions } from '../../providers/contract/provider';
import { Gate } from './provider-stub';

/** One request as a provider got it. */
export interface ScriptedCall {
  readonly call: ChatCall;
  readonly options: CallOptions;
  /** The caller ended it before the answer was complete. */
  aborted: boolean;
  /** All of the answer was read. */
  answered: boolean;
}

/** What a provider answers: pieces, or a failure in their place or among them. */
export type ScriptedPiece = ChatPiece | ProviderError | Gate;
export type Script = (call: ChatCall) => readonly ScriptedPiece[];

const model = (name: string, changes: Partial<ChatModel> = {}): ChatModel => ({
  name,
  upstreamId: name,
  contextTokens: 200_000,
  maxOutputTokens: 32_768,
  defaultMaxOutputTokens: 4_096,
  overheadTokens: 100,
  tools: true,
  responseSchema: true,
  temperature: { min: 0, max: 2 },
  ...changes,
});

const declare = (
  provider: string,
  name: string,
  keyHeader: string,
  models: readonly [ChatModel, ...ChatModel[]],
): ChatDeclaration => ({ provider, name, firstParty: false, keyHeader, models, defaultModel: models[0].name });

/** Under names of the price list, with limits that tests can reach. */
export const OPENAI = declare('openai', 'OpenAI', 'X-Provider-Key-OpenAI', [
  model('gpt-4.1-mini'),
  model('gpt-4.1'),
  model('gpt-4.1-nano', { tools: false, responseSchema: false, maxOutputTokens: 2_000, defaultMaxOutputTokens: 2_000 }),
  model('unpriced'),
]);
export const ANTHROPIC = declare('anthropic', 'Anthropic', 'X-Provider-Key-Anthropic', [
  model('claude-sonnet-4', { temperature: null }),
]);

export const text = (...texts: readonly string[]): ChatPiece[] => texts.map((it) => ({ kind: 'text', text: it }));
export const toolCall = (index: number, id: string | null, name: string | null, json: string): ChatPiece => ({
  kind: 'tool-call',
  index,
  id,
  name,
  arguments: json,
});
export const ending = (usage: ChatUsage, reason: ChatFinishReason = 'STOP'): ChatPiece[] => [
  { kind: 'finish', reason },
  { kind: 'usage', usage },
];
export const failing = (provider: string, kind: ProviderErrorKind, retryable = false): ProviderError =>
  new ProviderError({ provider, kind, retryable, message: `The scripted provider failed: ${kind}.` });

/** A provider of language models that answers as a test wrote it, piece by piece. */
export class ScriptedChat implements ChatProvider {
  readonly calls: ScriptedCall[] = [];
  readonly platformCredential: Credential | null;
  readonly configured: boolean;
  script: Script = () => [...text('Hello', ' there.'), ...ending({ inputTokens: 10, outputTokens: 4 })];

  constructor(
    readonly declaration: ChatDeclaration,
    configured = true,
  ) {
    this.configured = configured;
    this.platformCredential = configured ? { source: 'PLATFORM', secret: 'platform-key' } : null;
  }

  async chat(call: ChatCall, options: CallOptions): Promise<ChatResponse> {
    const made: ScriptedCall = { call, options, aborted: false, answered: false };
    this.calls.push(made);
    const pieces = this.pieces(made, this.script(call));
    const begun: ChatPiece[] = [];
    for (let next = await pieces.next(); !next.done; next = await pieces.next()) {
      begun.push(next.value);
      if (call.streaming) break;
    }
    return { upstreamRequestId: `request-${this.calls.length}`, pieces: following(begun, pieces) };
  }

  async close(): Promise<void> {}

  private async *pieces(made: ScriptedCall, script: readonly ScriptedPiece[]): AsyncGenerator<ChatPiece, void, void> {
    const { signal } = made.options;
    const cancelled = new Promise<never>((_resolve, reject) => {
      const end = (): void => {
        made.aborted ||= !made.answered;
        reject(failing(this.declaration.provider, 'CANCELLED'));
      };
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
    });
    cancelled.catch(() => {});
    for (const piece of script) {
      if (piece instanceof Gate) await Promise.race([piece.pass(), cancelled]);
      else if (piece instanceof ProviderError) throw piece;
      else yield piece;
      if (signal.aborted) await cancelled;
    }
    made.answered = true;
  }
}

async function* following(
  begun: readonly ChatPiece[],
  rest: AsyncGenerator<ChatPiece, void, void>,
): AsyncGenerator<ChatPiece, void, void> {
  yield* begun;
  yield* rest;
}
