import { ProviderError } from '../contract/errors';
import type { ChatMessage, ChatToolCall } from '../contract/llm';
import { asObject, type JsonObject } from '../http/wire';
import { anthropic } from './vendor';

/** A conversation in the terms of the Messages API. */
export interface AnthropicConversation {
  /** Instructions stand beside the messages; undefined where there are none. */
  readonly system: string | undefined;
  readonly messages: readonly { readonly role: Role; readonly content: string | readonly JsonObject[] }[];
}

type Role = 'user' | 'assistant';

/**
 * Turns are users' and assistants' alone, and alternate: neighbours of one role become one turn. The results of tools are part
 * of the user's turn that follows their calls, and come first in it. Blocks of nothing but white space are refused by the API
 * and mean nothing, so they are left out. https://platform.claude.com/docs/en/api/messages
 */
export function conversationOf(messages: readonly ChatMessage[]): AnthropicConversation {
  const system = messages.filter(({ role, content }) => role === 'SYSTEM' && content.trim() !== '');
  const turns: { role: Role; blocks: JsonObject[] }[] = [];
  for (const message of messages) {
    if (message.role === 'SYSTEM') continue;
    const role = message.role === 'ASSISTANT' ? 'assistant' : 'user';
    const blocks = blocksOf(message);
    if (blocks.length === 0) continue;
    const last = turns.at(-1);
    if (last?.role === role) last.blocks.push(...blocks);
    else turns.push({ role, blocks });
  }
  return {
    system: system.length === 0 ? undefined : system.map(({ content }) => content).join('\n\n'),
    messages: turns.map(({ role, blocks }) => ({ role, content: contentOf(blocks) })),
  };
}

function blocksOf(message: ChatMessage): JsonObject[] {
  if (message.role === 'TOOL') {
    return [{ type: 'tool_result', tool_use_id: toolUseId(message.toolCallId), content: message.content }];
  }
  const text = message.content.trim() === '' ? [] : [{ type: 'text', text: message.content }];
  return message.role === 'ASSISTANT' ? [...text, ...message.toolCalls.map(toolUseOf)] : text;
}

function contentOf(blocks: readonly JsonObject[]): string | readonly JsonObject[] {
  const [only] = blocks;
  if (blocks.length === 1 && only?.type === 'text') return only.text as string;
  const isResult = ({ type }: JsonObject) => type === 'tool_result';
  return [...blocks.filter(isResult), ...blocks.filter((block) => !isResult(block))];
}

function toolUseOf({ id, name, arguments: written }: ChatToolCall): JsonObject {
  return { type: 'tool_use', id: toolUseId(id), name, input: inputOf(name, written) };
}

function inputOf(name: string, written: string): JsonObject {
  try {
    const input = asObject(written.trim() === '' ? {} : JSON.parse(written));
    if (input !== null) return input;
  } catch {
    // Not JSON: said below, as for JSON that is no object.
  }
  throw new ProviderError({
    provider: anthropic.provider,
    kind: 'REJECTED',
    message: `The arguments of the call of tool ${name.slice(0, 64)} are not a JSON object, and ${anthropic.name} takes no others.`,
    retryable: false,
  });
}

/** Ids of other providers and of callers are written in the signs that this API allows, each in its own way. */
function toolUseId(id: string): string {
  return /^[a-zA-Z0-9_-]+$/.test(id) ? id : `call_${Buffer.from(id).toString('hex')}`;
}
