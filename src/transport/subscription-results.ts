import type { ExecutionResult } from 'graphql';
import type { InFlight } from './intake';

/**
 * The results of a subscription: each event of its source, executed. An event is under way from the moment it comes
 * until its reader, who sends one result before he asks for the next, asks again. Leaving reaches the source at once,
 * even while it is waited for.
 */
export function subscriptionResults(
  source: AsyncIterator<unknown>,
  execute: (event: unknown) => Promise<ExecutionResult> | ExecutionResult,
  underWay: InFlight,
): AsyncGenerator<ExecutionResult, void, void> {
  let sent = (): void => {};
  const leave = async (): Promise<IteratorReturnResult<void>> => {
    sent();
    await source.return?.();
    return { done: true, value: undefined };
  };
  const results: Omit<AsyncGenerator<ExecutionResult, void, void>, typeof Symbol.asyncDispose> = {
    async next() {
      sent();
      const event = await source.next();
      if (event.done) return { done: true, value: undefined };
      sent = underWay.begin();
      return { done: false, value: await execute(event.value) };
    },
    return: leave,
    async throw(error) {
      await leave();
      throw error;
    },
    [Symbol.asyncIterator]() {
      return this as AsyncGenerator<ExecutionResult, void, void>;
    },
  };
  return results as AsyncGenerator<ExecutionResult, void, void>;
}
