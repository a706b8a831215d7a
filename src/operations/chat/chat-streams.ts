import type { ChatCompleted, ChatDelta, ChatStreamEvent } from '../../../schema/types/chat-stream';
import type { PrincipalContext } from '../../identity/caller';
import type { UsageEventRow } from '../../ledger/usage-event';
import { abortableIterator } from '../../lib/abortable-iterator';
import type { Clock } from '../../lib/clock';
import { AppError } from '../../lib/errors';
import type { Listeners } from '../listeners';
import type { LiveOperation } from '../live-operations';
import type { Answer } from './answer';
import type { KeptAnswer } from './chat-store';
import { chatView } from './chat-view';
import type { LiveAnswer, NumberedDelta } from './live-answer';

/** A reader that takes no delta for this long, while there is one, is too slow. */
const STALL_MS = 60_000;

/** The events of chatStream: listening to an answer that is being made, and hearing again one that is complete. */
export class ChatStreams {
  constructor(
    private readonly clock: Clock,
    private readonly listeners: Listeners,
  ) {}

  listen(
    context: PrincipalContext,
    operation: LiveOperation,
    answer: LiveAnswer,
    after: number | null,
  ): AsyncIterable<ChatStreamEvent> {
    const leave = this.listeners.enter(operation, context.connection);
    const { clock } = this;
    return abortableIterator(
      async function* (signal): AsyncGenerator<ChatStreamEvent, void, void> {
        try {
          let cancelStall: () => void = () => {};
          let tooSlow = false;
          for await (const delta of answer.read(after, signal)) {
            cancelStall = clock.schedule(() => {
              // What is complete is paid for; it may be read at any pace.
              if (answer.ended || answer.whole) return;
              tooSlow = true;
              leave(() => operation.end('SLOW_CONSUMER'));
            }, STALL_MS);
            yield deltaEvent(delta);
            cancelStall();
            if (tooSlow) throw await slownessOf(operation, answer);
          }
          if (signal.aborted) return;
          const event = await operation.settled;
          leave(() => {});
          const last = answer.deltaCount;
          if (after === null || after < last) yield completed(last, answer.whole!, event);
        } finally {
          leave();
        }
      },
      () => leave(),
    );
  }

  replay(event: UsageEventRow, kept: KeptAnswer, after: number | null): AsyncIterable<ChatStreamEvent> {
    return abortableIterator(async function* (signal): AsyncGenerator<ChatStreamEvent, void, void> {
      const last = kept.deltas.length;
      for (let sequence = after === null ? 0 : after + 1; sequence < last; sequence++) {
        if (signal.aborted) return;
        yield deltaEvent({ ...kept.deltas[sequence]!, sequence });
      }
      if (after === null || after < last) yield completed(last, kept, event);
    });
  }
}

/** What the operation ended with, where it ended for this; where others went on listening it runs. */
async function slownessOf(operation: LiveOperation, answer: LiveAnswer): Promise<Error> {
  if (operation.endReason === 'SLOW_CONSUMER') {
    await operation.settled.catch(() => {});
    const { ended } = answer;
    if (ended && !ended.complete) return ended.error;
  }
  return new AppError('SLOW_CONSUMER', 'The answer was read too slowly, so this subscription was ended.');
}

const deltaEvent = ({ sequence, content, toolCall }: NumberedDelta): ChatDelta => ({
  __typename: 'ChatDelta',
  sequence,
  content,
  toolCalls: toolCall && [
    {
      index: toolCall.index,
      id: toolCall.id,
      name: toolCall.name,
      arguments: toolCall.arguments === '' ? null : toolCall.arguments,
    },
  ],
});

const completed = (sequence: number, answer: Answer, event: UsageEventRow): ChatCompleted => ({
  __typename: 'ChatCompleted',
  sequence,
  ...chatView(answer, event),
});
