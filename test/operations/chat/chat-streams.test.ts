import type { ChatStreamEvent } from '../../../schema/types/chat-stream';
import { InProcessBus } from '../../../src/events/in-process-bus';
import type { PrincipalContext } from '../../../src/identity/caller';
import type { UsageEventRow } from '../../../src/ledger/usage-event';
import { AppError } from '../../../src/lib/errors';
import { ChatStreams } from '../../../src/operations/chat/chat-streams';
import { LiveAnswer } from '../../../src/operations/chat/live-answer';
import { Listeners } from '../../../src/operations/listeners';
import { LiveOperation, LiveOperations } from '../../../src/operations/live-operations';
import { TestClock } from '../../support/test-clock';

const WHOLE = { content: 'abc', toolCalls: [], finishReason: 'STOP' as const };
const GRACE_MS = 10_000;
const STALL_MS = 60_000;

/** An answer of three deltas, of which a test decides when they come, and its operation. */
function running() {
  const clock = new TestClock();
  const operation = new LiveOperation('id', { workspaceId: 'w', clientTokenId: null }, new Date(), {} as never);
  const answer = new LiveAnswer();
  let settle = (_event: UsageEventRow): void => {};
  operation.settled = new Promise((resolve) => {
    settle = resolve;
  });
  const streams = new ChatStreams(
    clock,
    new Listeners({ clock, bus: new InProcessBus({ warn() {} }), live: new LiveOperations() }),
  );
  const connection = { dropped: false };
  const context = { connection } as PrincipalContext;
  return {
    clock,
    operation,
    answer,
    connection,
    listen: (after: number | null = null) =>
      streams.listen(context, operation, answer, after)[Symbol.asyncIterator]() as AsyncIterator<ChatStreamEvent>,
    say: (content: string) => answer.append({ content, toolCall: null }),
    complete() {
      answer.whole = WHOLE;
      answer.finish();
      settle({ id: 'id', status: 'SUCCEEDED', credits: '0' } as UsageEventRow);
    },
    fail(error: AppError) {
      answer.fail(error);
      settle({ id: 'id', status: 'ABORTED', credits: '0' } as UsageEventRow);
    },
  };
}
const contentOf = async (iterator: AsyncIterator<ChatStreamEvent>): Promise<string> => {
  const { value } = await iterator.next();
  return value.__typename === 'ChatDelta' ? value.content : value.__typename;
};
const turns = () => new Promise(setImmediate);

it('numbers deltas from 0, and goes on behind any of them', async () => {
  const chat = running();
  for (const letter of 'abc') chat.say(letter);
  chat.complete();
  for (const after of [null, 0, 1, 2, 3]) {
    const events: ChatStreamEvent[] = [];
    const iterator = chat.listen(after);
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) events.push(next.value);
    const from = after === null ? 0 : after + 1;
    expect(events.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3].slice(from));
  }
});

it('many listeners get the same, each at its own pace, and one that leaves changes nothing for the others', async () => {
  const chat = running();
  const [first, second] = [chat.listen(), chat.listen()];
  chat.say('a');
  expect(await contentOf(first)).toBe('a');
  chat.say('b');
  await first.return!();
  expect([await contentOf(second), await contentOf(second)]).toEqual(['a', 'b']);
  expect(chat.operation.endReason).toBeNull();
  await second.return!();
  expect(chat.operation.endReason).toBe('LEFT');
});

it('a socket that broke has its grace, and whoever comes back in it keeps the chat alive', async () => {
  const chat = running();
  const first = chat.listen();
  chat.connection.dropped = true;
  await first.return!();
  chat.clock.advance(GRACE_MS - 1);
  const again = chat.listen();
  chat.clock.advance(GRACE_MS);
  expect(chat.operation.endReason).toBeNull();
  await again.return!();
  chat.clock.advance(GRACE_MS);
  expect(chat.operation.endReason).toBe('LEFT');
});

it('a reader that takes nothing for a minute ends the chat, and is told so with what it cost', async () => {
  const chat = running();
  const reader = chat.listen();
  chat.say('a');
  chat.say('b');
  expect(await contentOf(reader)).toBe('a');
  chat.clock.advance(STALL_MS - 1);
  expect(chat.operation.endReason).toBeNull();
  chat.clock.advance(1);
  expect(chat.operation.endReason).toBe('SLOW_CONSUMER');
  const told = reader.next();
  chat.fail(new AppError('SLOW_CONSUMER', 'Too slow.', { usage: { credits: '1' } }));
  await expect(told).rejects.toMatchObject({ code: 'SLOW_CONSUMER', fields: { usage: { credits: '1' } } });
});

it('a reader that is too slow beside others is ended alone', async () => {
  const chat = running();
  const [slow, quick] = [chat.listen(), chat.listen()];
  chat.say('a');
  expect([await contentOf(slow), await contentOf(quick)]).toEqual(['a', 'a']);
  const next = contentOf(quick);
  await turns();
  chat.clock.advance(STALL_MS);
  expect(chat.operation.endReason).toBeNull();
  await expect(slow.next()).rejects.toMatchObject({ code: 'SLOW_CONSUMER' });
  chat.say('b');
  expect(await next).toBe('b');
});

it('an answer that is complete may be read at any pace', async () => {
  const chat = running();
  const reader = chat.listen();
  chat.say('a');
  chat.say('b');
  chat.complete();
  expect(await contentOf(reader)).toBe('a');
  chat.clock.advance(10 * STALL_MS);
  expect([await contentOf(reader), await contentOf(reader)]).toEqual(['b', 'ChatCompleted']);
  expect(chat.operation.endReason).toBeNull();
});

it('an answer that its caller ended tells nobody more of it, however much is still counted', async () => {
  const chat = running();
  const reader = chat.listen();
  chat.say('a');
  expect(await contentOf(reader)).toBe('a');
  chat.answer.hush();
  chat.say('b');
  const told = reader.next();
  chat.fail(new AppError('ABORTED', 'Ended.'));
  await expect(told).rejects.toMatchObject({ code: 'ABORTED' });
  expect(chat.answer.deltaCount).toBe(1);
});

it('a listener who leaves while nothing comes is let go at once', async () => {
  const chat = running();
  const reader = chat.listen();
  const waiting = reader.next();
  await reader.return!();
  expect(await waiting).toMatchObject({ done: true });
  await turns();
  expect(chat.answer.listenerCount).toBe(0);
});
