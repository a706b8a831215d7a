import type { Dispatcher } from 'undici';
import type { ChatCall, ChatDeclaration, ChatPiece, ChatUsage } from '../../providers/contract/llm';

/** A call that the declaration allows: its default model and one plain question. */
export function chatCall(
  declaration: ChatDeclaration,
  changes: Partial<ChatCall> & { modelName?: string } = {},
): ChatCall {
  const { modelName = declaration.defaultModel, ...fields } = changes;
  const model = fields.model ?? declaration.models.find(({ name }) => name === modelName)!;
  return {
    model,
    messages: [{ role: 'USER', content: 'What is the tallest mountain of Switzerland?' }],
    tools: [],
    responseSchema: null,
    temperature: null,
    maxOutputTokens: model.defaultMaxOutputTokens,
    streaming: false,
    ...fields,
  };
}

export const WEATHER_TOOL = {
  name: 'get_weather',
  description: 'The weather of a place.',
  parameters: {
    type: 'object',
    properties: { place: { type: 'string' }, days: { type: 'integer' } },
    required: ['place', 'days'],
    additionalProperties: false,
  },
} as const;

/** Every piece, and the failure that ended them, if one did. */
export async function piecesOf(pieces: AsyncIterable<ChatPiece>): Promise<{ pieces: ChatPiece[]; failure: unknown }> {
  const read: ChatPiece[] = [];
  try {
    for await (const piece of pieces) read.push(piece);
    return { pieces: read, failure: null };
  } catch (failure) {
    return { pieces: read, failure };
  }
}

/** An answer put together, as the operations do. */
export interface AssembledChat {
  readonly text: string;
  readonly toolCalls: readonly { id: string; name: string; arguments: string }[];
  readonly finish: string | null;
  readonly usage: ChatUsage | null;
}

export function assembledChat(pieces: readonly ChatPiece[]): AssembledChat {
  const toolCalls: { id: string; name: string; arguments: string }[] = [];
  let text = '';
  let finish: string | null = null;
  let usage: ChatUsage | null = null;
  for (const piece of pieces) {
    if (piece.kind === 'text') text += piece.text;
    if (piece.kind === 'usage') usage = piece.usage;
    if (piece.kind === 'finish') {
      if (finish !== null) throw new Error('a second finish');
      finish = piece.reason;
    }
    if (piece.kind !== 'tool-call') continue;
    const call = toolCalls[piece.index];
    if (call !== undefined) {
      if (piece.id !== null || piece.name !== null) throw new Error('a tool call is named twice');
      call.arguments += piece.arguments;
    } else {
      if (piece.index !== toolCalls.length) throw new Error('the numbers of tool calls are not dense');
      toolCalls.push({ id: piece.id!, name: piece.name!, arguments: piece.arguments });
    }
  }
  return { text, toolCalls, finish, usage };
}

/** Answers every request with the same bytes, cut as given, without a network. */
export function answering(
  chunks: readonly Uint8Array[],
  headers: Readonly<Record<string, string>> = { 'content-type': 'text/event-stream' },
  status = 200,
): Dispatcher {
  const controller = { pause() {}, resume() {}, abort() {} } as unknown as Dispatcher.DispatchController;
  return {
    dispatch(_options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) {
      queueMicrotask(() => {
        handler.onRequestStart?.(controller, {});
        handler.onResponseStart?.(controller, status, headers, '');
        for (const chunk of chunks) handler.onResponseData?.(controller, Buffer.from(chunk));
        handler.onResponseEnd?.(controller, {});
      });
      return true;
    },
  } as unknown as Dispatcher;
}
