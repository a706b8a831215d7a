import { SharedEvents } from '../lib/shared-events';

/** The last event of a subscription that broke after it had started. */
class Broken {
  constructor(readonly error: unknown) {}
}

/**
 * A subscription that breaks after it has started has to end as one event with `errors` and then complete, while the
 * socket lives. An iterable that throws would be answered with a protocol error instead, so a failure is passed on as
 * an event, for `eventOf` to throw inside the execution of that event. `return` reaches the source at once, even
 * while `next` is waiting: that is how a caller who leaves stops the work.
 *
 * Shared events are left as they are: who delivers them decides whether they are read one by one.
 */
export const withFailureAsEvent = <Event>(source: AsyncIterable<Event>): AsyncIterable<Event | Broken> =>
  source instanceof SharedEvents ? source : oneByOne(source);

/** The same of any events, for one reader alone. */
export function oneByOne<Event>(source: AsyncIterable<Event>): AsyncIterableIterator<Event | Broken> {
  const iterator = source[Symbol.asyncIterator]();
  let ended = false;
  return {
    async next() {
      if (ended) return { done: true, value: undefined };
      try {
        const result = await iterator.next();
        if (result.done) ended = true;
        return result;
      } catch (error) {
        ended = true;
        return { done: false, value: new Broken(error) };
      }
    },
    async return() {
      ended = true;
      await iterator.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** The payload of a subscription's event; throws what broke it. */
export function eventOf<Event extends object>(event: Event | Broken): Event {
  if (event instanceof Broken) throw event.error;
  return event;
}
