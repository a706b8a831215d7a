import fc from 'fast-check';
import { AppError } from '../../../src/lib/errors';
import { CHAT_BYTES_MAX } from '../../../src/operations/chat/chat-limits';
import { type ChatInput, hashChatRequest, readChatInput } from '../../../src/operations/chat/chat-request';

const user = (content: string) => ({ role: 'USER' as const, content });
const call = (id: string, json = '{}') => ({ id, name: 'look_up', arguments: json });
const assistant = (...toolCalls: readonly ReturnType<typeof call>[]) => ({
  role: 'ASSISTANT' as const,
  content: '',
  toolCalls,
});
const tool = (toolCallId: string | null, content = 'found') => ({ role: 'TOOL' as const, content, toolCallId });
const aTool = (changes: Record<string, unknown> = {}) => ({ name: 'look_up', parameters: {}, ...changes });
const nested = (levels: number): Record<string, unknown> =>
  Array.from({ length: levels }).reduce<Record<string, unknown>>((inner) => ({ properties: inner }), {});

function refusal(input: ChatInput): AppError {
  try {
    readChatInput(input);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

describe('a chat is refused before anything is priced', () => {
  const long = 'x'.repeat(CHAT_BYTES_MAX);
  const cases: readonly (readonly [string, Partial<ChatInput>, string])[] = [
    ['without a message', { messages: [] }, 'messages'],
    ['with too many messages', { messages: Array.from({ length: 1_001 }, () => user('x')) }, 'messages'],
    ['with an empty message', { messages: [user('')] }, 'messages.0.content'],
    ['with a message of white space', { messages: [user('Hi'), user(' \n\u200b ')] }, 'messages.1.content'],
    ['with an empty instruction', { messages: [{ role: 'SYSTEM', content: '' }, user('Hi')] }, 'messages.0.content'],
    ['with a silent assistant', { messages: [{ role: 'ASSISTANT', content: '' }] }, 'messages.0.content'],
    ['with a control character', { messages: [user('Hi\u0007')] }, 'messages.0.content'],
    ['with an escape sequence', { messages: [user('\u001b[31mred')] }, 'messages.0.content'],
    ['with NUL in the result of a tool', { messages: [assistant(call('a')), tool('a', '\0')] }, 'messages.1.content'],
    ['with half a surrogate pair', { messages: [user('Hi \ud83d!')] }, 'messages.0.content'],
    ['with a result that nobody asked for', { messages: [user('Hi'), tool('a')] }, 'messages.1.toolCallId'],
    ['with a result without a call', { messages: [assistant(call('a')), tool(null)] }, 'messages.1.toolCallId'],
    [
      'with a result of another call',
      { messages: [assistant(call('a')), tool('b'), tool('a')] },
      'messages.1.toolCallId',
    ],
    [
      'with two results of one call',
      { messages: [assistant(call('a')), tool('a'), tool('a')] },
      'messages.2.toolCallId',
    ],
    ['with a call that is not answered', { messages: [user('Hi'), assistant(call('a'))] }, 'messages.1.toolCalls'],
    [
      'with a call that is answered too late',
      { messages: [assistant(call('a')), user('Wait'), tool('a')] },
      'messages.0.toolCalls',
    ],
    [
      'with one of two calls answered',
      { messages: [assistant(call('a'), call('b')), tool('b'), user('Go on')] },
      'messages.0.toolCalls',
    ],
    ['with one id for two calls', { messages: [assistant(call('a'), call('a')), tool('a')] }, 'messages.0.toolCalls'],
    ['with a user who calls tools', { messages: [{ ...user('Hi'), toolCalls: [call('a')] }] }, 'messages.0.toolCalls'],
    ['with a user who answers a call', { messages: [{ ...user('Hi'), toolCallId: 'a' }] }, 'messages.0.toolCallId'],
    ['with an empty id of a call', { messages: [assistant(call('')), tool('')] }, 'messages.0.toolCalls.0.id'],
    [
      'with arguments that are no JSON',
      { messages: [assistant(call('a', '{"city": ')), tool('a')] },
      'messages.0.toolCalls.0.arguments',
    ],
    [
      'with arguments that are no object',
      { messages: [assistant(call('a', '[1]')), tool('a')] },
      'messages.0.toolCalls.0.arguments',
    ],
    [
      'with a call of no tool',
      { messages: [assistant({ ...call('a'), name: 'look up' }), tool('a')] },
      'messages.0.toolCalls.0.name',
    ],
    ['with too many tools', { tools: Array.from({ length: 129 }, (_, n) => aTool({ name: `t${n}` })) }, 'tools'],
    ['with a tool without a name', { tools: [aTool({ name: '' })] }, 'tools.0.name'],
    ['with a name that is a sentence', { tools: [aTool({ name: 'find a city' })] }, 'tools.0.name'],
    ['with a name that is too long', { tools: [aTool({ name: 'x'.repeat(65) })] }, 'tools.0.name'],
    ['with two tools of one name', { tools: [aTool(), aTool()] }, 'tools.1.name'],
    [
      'with a description that is a book',
      { tools: [aTool({ description: 'x'.repeat(10_001) })] },
      'tools.0.description',
    ],
    ['with a control character in a description', { tools: [aTool({ description: '\0' })] }, 'tools.0.description'],
    ['with parameters of a string', { tools: [aTool({ parameters: { type: 'string' } })] }, 'tools.0.parameters'],
    ['with parameters that are a list', { tools: [aTool({ parameters: [] })] }, 'tools.0.parameters'],
    ['with a schema that is too large', { responseSchema: { x: 'x'.repeat(65_536) } }, 'responseSchema'],
    ['with a schema that is too deep', { responseSchema: nested(100) }, 'responseSchema'],
    ['with a schema deeper than any stack', { responseSchema: nested(200_000) }, 'responseSchema'],
    ['with a list as its schema', { responseSchema: { type: 'array' } }, 'responseSchema'],
    ['with half a surrogate pair in a schema', { responseSchema: { '\ud800': {} } }, 'responseSchema'],
    ['with a temperature below 0', { temperature: -0.1 }, 'temperature'],
    ['with a temperature that is no number', { temperature: Number.NaN }, 'temperature'],
    ['with no room for an answer', { maxOutputTokens: 0 }, 'maxOutputTokens'],
    ['with a negative room', { maxOutputTokens: -1 }, 'maxOutputTokens'],
    ['with an empty provider', { provider: '' }, 'provider'],
    ['with an endless model', { model: 'x'.repeat(201) }, 'model'],
    [
      'with a fallback that has a voice',
      { routing: { fallbacks: [{ provider: 'groq', voice: 'x' }] } },
      'routing.fallbacks.0.voice',
    ],
    ['with a hasty deadline', { routing: { timeoutMs: 999 } }, 'routing.timeoutMs'],
    ['with a key of control characters', { idempotencyKey: 'a\n' }, 'idempotencyKey'],
    ['with a negative maxCredits', { maxCredits: '-1' }, 'maxCredits'],
    ['with a nameless end user', { endUserId: '' }, 'endUserId'],
    ['with nested metadata', { metadata: { a: {} } }, 'metadata'],
  ];
  it.each(cases)('%s', (_what, changes, field) => {
    const error = refusal({ messages: [user('Hi')], ...changes });
    expect(error.code).toBe('BAD_USER_INPUT');
    expect(error.fields.field).toBe(field);
    expect(error.message.length).toBeGreaterThan(20);
  });

  it.each([
    ['messages', { messages: [user(`${long}x`)] }],
    ['messages of more than a byte a character', { messages: [user('é'.repeat(CHAT_BYTES_MAX / 2 + 1))] }],
    ['messages with their schema', { messages: [user(long)], responseSchema: { type: 'object' } }],
  ])('whose %s are too large, with the limit in bytes', (_what, input) => {
    const error = refusal(input);
    expect(error.code).toBe('TEXT_TOO_LONG');
    expect(error.fields).toMatchObject({ limit: CHAT_BYTES_MAX });
    expect(error.fields.actual).toBeGreaterThan(CHAT_BYTES_MAX);
  });

  it('and no refusal repeats what was written', () => {
    for (const [, changes] of cases) {
      const canary = 'canary-of-a-chat';
      const { messages = [user(canary)], ...rest } = changes;
      const marked = messages.map((message) => ({
        ...message,
        content: /[a-z]/.test(message.content) ? `${message.content}${canary}` : message.content,
      }));
      expect(refusal({ ...rest, messages: marked }).message).not.toContain(canary);
    }
  });
});

describe('a chat is taken', () => {
  it.each<[string, ChatInput['messages']]>([
    ['that begins with instructions', [{ role: 'SYSTEM', content: 'Be brief.' }, user('Hi')]],
    ['with instructions alone', [{ role: 'SYSTEM', content: 'Say hello.' }]],
    ['with calls answered in any order', [assistant(call('a'), call('b')), tool('b'), tool('a'), user('So?')]],
    [
      'with an id that is used again in a later turn',
      [assistant(call('a')), tool('a'), assistant(call('a')), tool('a')],
    ],
    ['with a tool that found nothing', [assistant(call('a')), tool('a', '')]],
    ['with tabs, line ends and every script', [user('\tHi\r\n你好 👩🏽‍🚀 مرحبا')]],
    ['with two users in a row', [user('Hi'), user('Hello?')]],
  ])('%s', (_what, messages) => {
    expect(readChatInput({ messages }).messages).toHaveLength(messages.length);
  });

  it('and counts the bytes of everything that reaches the model', () => {
    const parameters = { type: 'object', properties: { city: { type: 'string' } } };
    const { bytes } = readChatInput({
      messages: [{ role: 'SYSTEM', content: 'é' }, assistant(call('id1', '{"a": "ü"}')), tool('id1', '你')],
      tools: [{ name: 'look_up', description: 'Ü', parameters }],
      responseSchema: { type: 'object' },
    });
    const call1 = 'id1'.length + 'look_up'.length + Buffer.byteLength('{"a": "ü"}');
    const tools = 'look_up'.length + 2 + JSON.stringify(parameters).length;
    expect(bytes).toBe(2 + call1 + 'id1'.length + 3 + tools + '{"type":"object"}'.length);
  });

  it('with any well-formed text, of which no byte is left out of the count', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme', minLength: 1 }), { minLength: 1, maxLength: 5 }), (texts) => {
        const messages = texts.map((it) => user(`a${it.replace(/\p{Cc}/gu, '')}`));
        const { bytes } = readChatInput({ messages });
        expect(bytes).toBe(messages.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0));
      }),
    );
  });
});

describe('what two calls of one key must have in common', () => {
  const base: ChatInput = { messages: [user('Hi')], tools: [aTool()], temperature: 1, idempotencyKey: 'one' };
  const hash = (changes: Partial<ChatInput> = {}, keys: (string | null)[] = [null]): string =>
    hashChatRequest(readChatInput({ ...base, ...changes }), keys);

  it('is not the key itself, nor what was left out', () => {
    expect(hash({ idempotencyKey: 'two', provider: null, maxCredits: null, routing: {} })).toBe(hash());
    expect(hash({ maxCredits: '1.50' })).toBe(hash({ maxCredits: '1.5' }));
  });

  it.each<[string, Partial<ChatInput>]>([
    ['a message', { messages: [user('Hi!')] }],
    ['a role', { messages: [{ role: 'ASSISTANT', content: 'Hi' }] }],
    ['a model', { model: 'gpt-4.1' }],
    ['the temperature', { temperature: 0 }],
    ['the room for the answer', { maxOutputTokens: 5 }],
    ['a tool', { tools: [aTool({ description: 'x' })] }],
    ['the schema', { responseSchema: {} }],
    ['maxCredits', { maxCredits: '1' }],
    ['the end user', { endUserId: 'ada' }],
    ['a fallback', { routing: { fallbacks: [{ provider: 'groq' }] } }],
  ])('is %s', (_what, changes) => {
    expect(hash(changes)).not.toBe(hash());
  });

  it('is the own key that was used', () => {
    expect(hash({}, ['fingerprint'])).not.toBe(hash());
  });
});
