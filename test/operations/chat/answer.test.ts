import { ProviderError } from '../../../providers/contract/errors';
import type { ChatPiece } from '../../../providers/contract/llm';
import { AnswerBuilder } from '../../../src/operations/chat/answer';
import { ending, text, toolCall } from '../../support/scripted-chat';

const USAGE = { inputTokens: 5, outputTokens: 3 };
const builder = (maxOutputTokens = 100) => new AnswerBuilder({ providerId: 'openai', name: 'OpenAI', maxOutputTokens });
const answerTo = (pieces: readonly ChatPiece[]) => {
  const building = builder();
  const deltas = pieces.flatMap((piece) => building.take(piece) ?? []);
  return { deltas, answer: building.finish(), usage: building.usage };
};
const failureOf = (work: () => unknown): ProviderError => {
  try {
    work();
  } catch (error) {
    if (error instanceof ProviderError) return error;
    throw error;
  }
  throw new Error('it was taken');
};

it('joins text and tool calls in their order, and tells of each piece that has something in it', () => {
  const { deltas, answer, usage } = answerTo([
    ...text('Let me ', '', 'look.'),
    toolCall(0, 'a', 'look_up', ''),
    toolCall(0, null, null, '{"city":'),
    toolCall(0, null, null, ''),
    toolCall(1, 'b', 'wait', '{}'),
    toolCall(0, null, null, ' "Rome"}'),
    ...ending({ inputTokens: 1, outputTokens: 1 }, 'TOOL_CALLS'),
    { kind: 'usage', usage: USAGE },
  ]);
  expect(answer).toEqual({
    content: 'Let me look.',
    toolCalls: [
      { id: 'a', name: 'look_up', arguments: '{"city": "Rome"}' },
      { id: 'b', name: 'wait', arguments: '{}' },
    ],
    finishReason: 'TOOL_CALLS',
  });
  expect(usage).toEqual(USAGE);
  expect(deltas.map(({ content }) => content).join('')).toBe('Let me look.');
  expect(deltas).toHaveLength(6);
});

it('takes a call without arguments for a call with none', () => {
  const { answer } = answerTo([toolCall(0, 'a', 'wait', ''), ...ending(USAGE, 'TOOL_CALLS')]);
  expect(answer.toolCalls).toEqual([{ id: 'a', name: 'wait', arguments: '{}' }]);
});

it.each<[string, readonly ChatPiece[]]>([
  ['arguments that are no JSON', [toolCall(0, 'a', 'look_up', '{city: Rome}'), ...ending(USAGE, 'TOOL_CALLS')]],
  ['arguments that were cut', [toolCall(0, 'a', 'look_up', '{"city": "R'), ...ending(USAGE, 'LENGTH')]],
  ['arguments that are no object', [toolCall(0, 'a', 'look_up', '"Rome"'), ...ending(USAGE, 'TOOL_CALLS')]],
  ['a call without an id', [toolCall(0, null, 'look_up', '{}'), ...ending(USAGE)]],
  ['a call without a name', [toolCall(0, 'a', null, '{}'), ...ending(USAGE)]],
  ['parts out of order', [toolCall(1, 'a', 'look_up', '{}')]],
  ['no usage', text('Hello.')],
  ['a negative usage', ending({ inputTokens: -1, outputTokens: 1 })],
  ['a usage that is no number', ending({ inputTokens: Number.NaN, outputTokens: 1 })],
  ['a usage of parts of tokens', ending({ inputTokens: 1, outputTokens: 0.5 })],
  ['a usage beyond any context', ending({ inputTokens: 1, outputTokens: 1e15 })],
])('%s is a refusal that no repetition mends', (_what, pieces) => {
  expect(failureOf(() => answerTo(pieces))).toMatchObject({ kind: 'REJECTED', retryable: false, provider: 'openai' });
});

it('says that more room is needed where the room for the answer cut a tool call', () => {
  const pieces = [toolCall(0, 'a', 'look_up', '{"city": "R'), ...ending(USAGE, 'LENGTH')];
  expect(failureOf(() => answerTo(pieces)).message).toMatch(/maxOutputTokens/);
});

it('ends an answer that has more text than its tokens can hold, so that memory has a bound', () => {
  const building = builder(10);
  expect(
    failureOf(() => {
      for (let n = 0; n < 100; n++) building.take({ kind: 'text', text: 'x'.repeat(10_000) });
    }),
  ).toMatchObject({ kind: 'REJECTED' });
});
