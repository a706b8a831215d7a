import type { ChatMessage, ChatToolCall } from '../../../providers/contract/llm';
import { AppError, badInput } from '../../lib/errors';
import { isBlank } from '../../speech-text/validate-text';
import { CHAT_BYTES_MAX, CHAT_MESSAGES_MAX, TOOL_CALL_ID_MAX, TOOL_NAME } from './chat-limits';
import { checkText, isJsonObject } from './chat-text';

/** A message as the public schema has it. */
export interface ChatMessageInput {
  role: 'SYSTEM' | 'USER' | 'ASSISTANT' | 'TOOL';
  content: string;
  toolCallId?: string | null;
  toolCalls?: readonly { readonly id: string; readonly name: string; readonly arguments: string }[] | null;
}

/** A conversation that every provider can be sent. */
export interface ChatConversation {
  readonly messages: readonly ChatMessage[];
  /** UTF-8 bytes of everything in it that reaches the model. */
  readonly bytes: number;
}

/**
 * Reads a conversation: text that can be sent, and each tool call of an assistant answered at once, by the messages
 * behind it, and once.
 * @throws AppError BAD_USER_INPUT with the field; TEXT_TOO_LONG with `limit` and `actual` in bytes
 */
export function readMessages(inputs: readonly ChatMessageInput[]): ChatConversation {
  if (inputs.length === 0) throw badInput('messages', 'messages is empty; give at least one message.');
  if (inputs.length > CHAT_MESSAGES_MAX) {
    throw badInput(
      'messages',
      `There are ${inputs.length} messages and at most ${CHAT_MESSAGES_MAX} are taken; leave out or sum up the oldest.`,
    );
  }
  const bytes = requireBytes(inputs.reduce((sum, message) => sum + bytesOf(message), 0));
  /** Calls that wait for their results, and the message that made them. */
  let open = new Set<string>();
  let caller = 0;
  const messages = inputs.map((input, index) => {
    const message = readMessage(input, `messages.${index}`);
    if (message.role === 'TOOL') {
      if (!open.delete(message.toolCallId)) throw unasked(index);
      return message;
    }
    if (open.size > 0) throw unanswered(caller, open);
    if (message.role === 'ASSISTANT') {
      open = new Set(message.toolCalls.map(({ id }) => id));
      caller = index;
      if (open.size < message.toolCalls.length) {
        throw badInput(`messages.${index}.toolCalls`, 'Two tool calls of one message have the same id.');
      }
    }
    return message;
  });
  if (open.size > 0) throw unanswered(caller, open);
  return { messages, bytes };
}

/** @throws AppError TEXT_TOO_LONG */
export function requireBytes(bytes: number): number {
  if (bytes <= CHAT_BYTES_MAX) return bytes;
  throw new AppError(
    'TEXT_TOO_LONG',
    `The conversation has ${bytes} bytes with its tools and schema, and at most ${CHAT_BYTES_MAX} are taken; shorten it.`,
    { limit: CHAT_BYTES_MAX, actual: bytes },
  );
}

function readMessage(input: ChatMessageInput, field: string): ChatMessage {
  const { role, content } = input;
  const toolCalls = input.toolCalls ?? [];
  checkText(`${field}.content`, content);
  if (role !== 'ASSISTANT' && toolCalls.length > 0) {
    throw badInput(`${field}.toolCalls`, 'Only an ASSISTANT message calls tools; leave toolCalls out.');
  }
  if (role === 'TOOL') return { role, content, toolCallId: checkId(`${field}.toolCallId`, input.toolCallId) };
  if (input.toolCallId != null) {
    throw badInput(`${field}.toolCallId`, 'Only a TOOL message answers a tool call; leave toolCallId out.');
  }
  if (toolCalls.length === 0 && isBlank(content)) {
    throw badInput(`${field}.content`, `${field}.content is empty; give at least one character that shows.`);
  }
  if (role !== 'ASSISTANT') return { role, content };
  return { role, content, toolCalls: toolCalls.map((call, index) => readCall(call, `${field}.toolCalls.${index}`)) };
}

function readCall(call: ChatToolCall, field: string): ChatToolCall {
  const id = checkId(`${field}.id`, call.id);
  if (!TOOL_NAME.test(call.name)) {
    throw badInput(`${field}.name`, `${field}.name takes 1 to 64 letters, digits, underscores and hyphens.`);
  }
  checkText(`${field}.arguments`, call.arguments);
  if (!isJsonObject(call.arguments)) {
    throw badInput(`${field}.arguments`, `${field}.arguments is no JSON object; send it as the model wrote it.`);
  }
  return { id, name: call.name, arguments: call.arguments };
}

function checkId(field: string, id: string | null | undefined): string {
  if (id == null || id === '' || id.length > TOOL_CALL_ID_MAX) {
    throw badInput(field, `${field} takes the id of a tool call, 1 to ${TOOL_CALL_ID_MAX} characters.`);
  }
  checkText(field, id);
  return id;
}

function bytesOf({ content, toolCallId, toolCalls }: ChatMessageInput): number {
  let bytes = Buffer.byteLength(content) + Buffer.byteLength(toolCallId ?? '');
  for (const call of toolCalls ?? []) {
    bytes += Buffer.byteLength(call.id) + Buffer.byteLength(call.name) + Buffer.byteLength(call.arguments);
  }
  return bytes;
}

const unasked = (index: number): AppError =>
  badInput(
    `messages.${index}.toolCallId`,
    `No tool call that waits for its result has the id of messages.${index}.toolCallId. A TOOL message follows the ASSISTANT message that called it, once for each call.`,
  );

const unanswered = (caller: number, open: ReadonlySet<string>): AppError =>
  badInput(
    `messages.${caller}.toolCalls`,
    `${open.size === 1 ? 'A tool call' : `${open.size} tool calls`} of messages.${caller} ${open.size === 1 ? 'has' : 'have'} no result: a TOOL message for each has to follow it.`,
  );
