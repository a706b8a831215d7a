import fc from 'fast-check';
import type { ChatCall, ChatDeclaration, ChatMessage, ChatTool } from '../../providers/contract/llm';

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.constantFrom('', ' ', '\n', 'Grüezi 🏔', '{"a":1}'),
);
const toolName = fc.stringMatching(/^[a-zA-Z0-9_-]{1,64}$/);
const toolCallId = fc.oneof(fc.stringMatching(/^[a-zA-Z0-9_-]{1,40}$/), fc.constantFrom('call:7/é', 'a b', ''));

const messages: fc.Arbitrary<readonly ChatMessage[]> = fc.array(
  fc.oneof(
    fc.record({ role: fc.constantFrom('SYSTEM' as const, 'USER' as const), content: text }),
    fc.record({
      role: fc.constant('ASSISTANT' as const),
      content: text,
      toolCalls: fc.array(
        fc.record({
          id: toolCallId,
          name: toolName,
          arguments: fc.oneof(
            fc.constant(''),
            fc.dictionary(fc.string(), fc.jsonValue()).map((value) => JSON.stringify(value)),
          ),
        }),
        { maxLength: 3 },
      ),
    }),
    fc.record({ role: fc.constant('TOOL' as const), content: text, toolCallId }),
  ),
  { minLength: 1, maxLength: 8 },
);

const objectSchema: fc.Arbitrary<Readonly<Record<string, unknown>>> = fc
  .dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.constantFrom('string', 'number', 'boolean'), { maxKeys: 4 })
  .chain((properties) =>
    fc.record({
      type: fc.constant('object'),
      properties: fc.constant(Object.fromEntries(Object.entries(properties).map(([name, type]) => [name, { type }]))),
      required: fc.subarray(Object.keys(properties)),
    }),
  );

const tools: fc.Arbitrary<readonly ChatTool[]> = fc.array(
  fc.record({ name: toolName, description: fc.option(text), parameters: objectSchema }),
  { maxLength: 4 },
);

/** Any call that the declaration allows. */
export function randomChatCall(declaration: ChatDeclaration): fc.Arbitrary<ChatCall> {
  return fc.constantFrom(...declaration.models).chain((model) =>
    fc.record({
      model: fc.constant(model),
      messages,
      tools: model.tools ? tools : fc.constant([]),
      responseSchema: model.responseSchema ? fc.option(objectSchema) : fc.constant(null),
      temperature:
        model.temperature === null ? fc.constant(null) : fc.option(fc.double({ ...model.temperature, noNaN: true })),
      maxOutputTokens: fc.integer({ min: 1, max: model.maxOutputTokens }),
      streaming: fc.boolean(),
    }),
  );
}
