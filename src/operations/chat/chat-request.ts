import { createHash } from 'node:crypto';
import type { ChatMessage, ChatTool } from '../../../providers/contract/llm';
import type { MicroCredits } from '../../lib/credits';
import { checkEndUserId } from '../../lib/end-user-id';
import { badInput } from '../../lib/errors';
import { checkCredits, checkIdempotencyKey, checkMetadata } from '../input-rules';
import { type RoutingInput, type RoutingRequest, readRouting } from '../routing/routing-request';
import { CHAT_TOOLS_MAX, TOOL_DESCRIPTION_MAX, TOOL_NAME } from './chat-limits';
import { type ChatMessageInput, readMessages, requireBytes } from './chat-messages';
import { checkSchema, checkText } from './chat-text';

export interface ToolInput {
  name: string;
  description?: string | null;
  parameters: Readonly<Record<string, unknown>>;
}

/** The input of `chat` as the public schema has it. */
export interface ChatInput {
  messages: readonly ChatMessageInput[];
  provider?: string | null;
  model?: string | null;
  temperature?: number | null;
  maxOutputTokens?: number | null;
  tools?: readonly ToolInput[] | null;
  responseSchema?: Readonly<Record<string, unknown>> | null;
  routing?: RoutingInput | null;
  endUserId?: string | null;
  metadata?: Record<string, unknown> | null;
  idempotencyKey?: string | null;
  maxCredits?: string | null;
}

/** An input that has passed every check that needs no provider. */
export interface ChatRequest {
  readonly messages: readonly ChatMessage[];
  readonly provider: string | null;
  readonly model: string | null;
  readonly temperature: number | null;
  readonly maxOutputTokens: number | null;
  readonly tools: readonly ChatTool[];
  readonly responseSchema: Readonly<Record<string, unknown>> | null;
  /** UTF-8 bytes of everything that reaches the model: no text has more tokens than bytes. */
  readonly bytes: number;
  readonly routing: RoutingRequest;
  readonly endUserId: string | null;
  readonly metadata: Record<string, string> | null;
  readonly idempotencyKey: string | null;
  readonly maxCredits: MicroCredits | null;
}

const NAME_MAX = 200;

/** @throws AppError BAD_USER_INPUT with the field; TEXT_TOO_LONG with `limit` and `actual` in bytes */
export function readChatInput(input: ChatInput): ChatRequest {
  const { messages, bytes } = readMessages(input.messages);
  const { tools, bytes: toolBytes } = readTools(input.tools ?? []);
  const responseSchema = input.responseSchema ?? null;
  const schemaBytes = responseSchema === null ? 0 : checkSchema('responseSchema', responseSchema);
  const { temperature = null, maxOutputTokens = null } = input;
  if (temperature !== null && !(Number.isFinite(temperature) && temperature >= 0)) {
    throw badInput('temperature', 'temperature takes a number from 0 up.');
  }
  if (maxOutputTokens !== null && !(Number.isInteger(maxOutputTokens) && maxOutputTokens >= 1)) {
    throw badInput('maxOutputTokens', 'maxOutputTokens takes a whole number from 1 up.');
  }
  return {
    messages,
    provider: checkName('provider', input.provider),
    model: checkName('model', input.model),
    temperature,
    maxOutputTokens,
    tools,
    responseSchema,
    bytes: requireBytes(bytes + toolBytes + schemaBytes),
    routing: readRouting(input.routing),
    endUserId: checkEndUserId(input.endUserId),
    metadata: checkMetadata(input.metadata),
    idempotencyKey: checkIdempotencyKey(input.idempotencyKey),
    maxCredits: checkCredits('maxCredits', input.maxCredits),
  };
}

function readTools(inputs: readonly ToolInput[]): { readonly tools: readonly ChatTool[]; readonly bytes: number } {
  if (inputs.length > CHAT_TOOLS_MAX) {
    throw badInput('tools', `There are ${inputs.length} tools and at most ${CHAT_TOOLS_MAX} are taken.`);
  }
  const names = new Set<string>();
  let bytes = 0;
  const tools = inputs.map(({ name, description = null, parameters }, index) => {
    const field = `tools.${index}`;
    if (!TOOL_NAME.test(name)) {
      throw badInput(`${field}.name`, `${field}.name takes 1 to 64 letters, digits, underscores and hyphens.`);
    }
    if (names.has(name)) throw badInput(`${field}.name`, `There are two tools named ${name}; give each its own name.`);
    names.add(name);
    if (description !== null) {
      checkText(`${field}.description`, description);
      if (description.length > TOOL_DESCRIPTION_MAX) {
        throw badInput(
          `${field}.description`,
          `${field}.description takes at most ${TOOL_DESCRIPTION_MAX} characters.`,
        );
      }
    }
    bytes += Buffer.byteLength(name) + Buffer.byteLength(description ?? '');
    bytes += checkSchema(`${field}.parameters`, parameters);
    return { name, description, parameters };
  });
  return { tools, bytes };
}

function checkName(field: string, value: string | null | undefined): string | null {
  if (value == null) return null;
  if (value === '' || value.length > NAME_MAX) throw badInput(field, `${field} takes 1 to ${NAME_MAX} characters.`);
  return value;
}

/**
 * What two calls under one idempotency key must have in common: the input without the key, and the own keys used. The
 * order of names in a JSON schema counts: models write in that order.
 */
export function hashChatRequest(request: ChatRequest, ownKeyFingerprints: readonly (string | null)[]): string {
  const { idempotencyKey: _key, maxCredits, ...input } = request;
  return createHash('sha256')
    .update(JSON.stringify([input, maxCredits?.toString() ?? null, ownKeyFingerprints]))
    .digest('base64url');
}
