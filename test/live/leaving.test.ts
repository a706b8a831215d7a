import type { Ledger } from '../../src/ledger/entries';
import type { LiveOperation } from '../../src/operations/live-operations';
import type { GraphqlSocket } from '../support/graphql-socket';
import type { Gate } from '../support/provider-stub';
import { TestClock } from '../support/test-clock';
import { startTestServer, type TestServer, type TestWorkspace } from '../support/test-server';
import {
  allEvents,
  allSettled,
  bytesOf,
  eventsUntilChunks,
  gateSpeech,
  listen,
  nextEvent,
  SENTENCES_CHARACTERS,
  type SpeechEvent,
  type SpeechSubscription,
  speechInput,
  until,
  usageEventsOf,
} from './support/speech-stream';

/** A socket that broke may come back for so long. */
const GRACE_MS = 10_000;
/** A reader that takes nothing for so long is too slow. */
const STALL_MS = 60_000;
/** The list price of ElevenLabs: 166 credits for 1,000 characters. */
const priceOf = (characters: number): string => String(Number((characters * 0.166).toFixed(6)));

type Leave = (socket: GraphqlSocket, subscription: SpeechSubscription) => unknown;
const WAYS_TO_LEAVE: readonly (readonly [string, Leave])[] = [
  ['by unsubscribing', (_socket, subscription) => subscription.leave()],
  ['by closing its socket', (socket) => socket.close(1000)],
  ['with its page', (socket) => socket.close(1001)],
];

describe('a caller that leaves speechStream', () => {
  const clock = new TestClock();
  let beforeReserve: () => Promise<void> = async () => {};
  let server: TestServer;
  let client: TestWorkspace;
  let gate: Gate;

  beforeAll(async () => {
    const ledger = (real: Ledger): Ledger => ({
      async reserve(request) {
        await beforeReserve();
        return real.reserve(request);
      },
      settle: (request) => real.settle(request),
    });
    server = await startTestServer({ clock, replacements: { ledger } });
  });
  beforeEach(async () => {
    gate = gateSpeech(server.stub);
    beforeReserve = async () => {};
    client = await server.createWorkspace();
  });
  afterEach(async () => {
    for (const operation of server.container.live.all()) operation.end('CANCELLED');
    await allSettled(server);
    expect((await server.verifyLedger()).findings).toEqual([]);
    const { balance } = await client.data<{ balance: { held: string } }>('{ balance { held } }');
    expect(balance.held).toBe('0');
  });
  afterAll(() => server?.close());

  const running = (): LiveOperation => {
    const [operation, ...others] = server.container.live.all();
    if (!operation || others.length > 0) throw new Error(`${others.length} operations run beside the expected one`);
    return operation;
  };
  const nobodyListens = (): Promise<void> => until(() => running().audio?.listenerCount === 0);
  /** Whether a number has not grown for some turns of the event loop. */
  const quiet = (read: () => number): (() => boolean) => {
    let [last, turns] = [-1, 0];
    return () => {
      turns = read() === last ? turns + 1 : 0;
      last = read();
      return turns > 50;
    };
  };
  const counting = (events: readonly SpeechEvent[]): number[] => events.map((_event, index) => index);
  const sequencesOf = (events: readonly SpeechEvent[]): number[] => events.map(({ sequence }) => sequence);

  describe('for good', () => {
    it.each(WAYS_TO_LEAVE)(
      '%s ends the call at once and pays for what was sent, once it had audio',
      async (_way, leave) => {
        const { aborted } = server.stub;
        const socket = await client.socket();
        const subscription = listen(socket, speechInput());
        gate.release(3);
        await eventsUntilChunks(subscription, 1);
        void leave(socket, subscription);
        await server.stub.when((stub) => stub.aborted === aborted + 1);
        await allSettled(server);
        const events = await usageEventsOf(client);
        expect(events).toMatchObject([
          {
            status: 'ABORTED',
            errorCode: 'ABORTED',
            characters: SENTENCES_CHARACTERS,
            credits: priceOf(SENTENCES_CHARACTERS),
            requests: 1,
          },
        ]);
        expect(events[0]!.audioMilliseconds).toBeGreaterThan(0);
      },
    );

    it.each(WAYS_TO_LEAVE)('%s before it had any audio pays nothing', async (_way, leave) => {
      const { aborted, calls } = server.stub;
      const socket = await client.socket();
      const subscription = listen(socket, speechInput());
      expect((await nextEvent(subscription)).__typename).toBe('SpeechStarted');
      await server.stub.when((stub) => stub.calls > calls);
      void leave(socket, subscription);
      await server.stub.when((stub) => stub.aborted === aborted + 1);
      await allSettled(server);
      expect(await usageEventsOf(client)).toMatchObject([
        { status: 'ABORTED', characters: 0, credits: '0', audioMilliseconds: 0 },
      ]);
    });

    it.each(WAYS_TO_LEAVE)('%s before its speech was admitted leaves none running', async (_way, leave) => {
      let admit = (): void => {};
      const asked = new Promise<void>((tell) => {
        beforeReserve = () => {
          tell();
          return new Promise((resolve) => {
            admit = resolve;
          });
        };
      });
      const socket = await client.socket();
      const subscription = listen(socket, speechInput());
      await asked;
      await leave(socket, subscription);
      admit();
      await until(() => server.container.ledger.leases.liveCount > 0);
      await allSettled(server);
      expect(await usageEventsOf(client)).toMatchObject([{ status: 'ABORTED', characters: 0, credits: '0' }]);
    });

    it('while another listens changes nothing for the other', async () => {
      const { aborted } = server.stub;
      const input = speechInput();
      const first = listen(await client.socket(), input);
      const second = listen(await client.socket(), input);
      gate.release(3);
      const heard = await eventsUntilChunks(second, 1);
      await eventsUntilChunks(first, 1);
      first.leave();
      await until(() => running().audio!.listenerCount === 1);
      gate.open();
      const events = [...heard, ...(await allEvents(second))];
      expect(sequencesOf(events)).toEqual(counting(events));
      expect(events.at(-1)).toMatchObject({ __typename: 'SpeechCompleted', usage: { status: 'SUCCEEDED' } });
      expect(server.stub.aborted).toBe(aborted);
    });

    it('after the last event was sent leaves the speech complete', async () => {
      gate.open();
      const socket = await client.socket();
      await allEvents(listen(socket, speechInput()));
      await socket.close();
      expect(await usageEventsOf(client)).toMatchObject([{ status: 'SUCCEEDED' }]);
    });
  });

  describe('because its socket broke', () => {
    it('finds its speech again behind the last chunk: one run, one charge, no chunk twice', async () => {
      const { aborted, calls } = server.stub;
      const input = speechInput();
      const socket = await client.socket();
      const subscription = listen(socket, input);
      gate.release(4);
      const heard = await eventsUntilChunks(subscription, 2);
      expect((await socket.drop()).code).toBe(1006);
      await nobodyListens();
      // What is made while nobody listens is not lost.
      gate.release(3);
      await until(() => running().audio!.chunkCount > 4);
      const again = listen(await client.socket(), input, heard.at(-1)!.sequence);
      heard.push(...(await eventsUntilChunks(again, 1)));
      clock.advance(GRACE_MS);
      gate.open();
      const events = [...heard, ...(await allEvents(again))];
      expect(sequencesOf(events)).toEqual(counting(events));
      const last = events.at(-1)!;
      const stored = await server.anonymous.send(last.speech!.audio!.url);
      expect(bytesOf(events).equals(stored.body)).toBe(true);
      expect(server.stub).toMatchObject({ aborted, calls: calls + 1 });
      expect(await usageEventsOf(client)).toMatchObject([
        { id: last.usage!.id, status: 'SUCCEEDED', credits: priceOf(SENTENCES_CHARACTERS) },
      ]);
    });

    it('may break again and again, each time with the whole grace', async () => {
      const input = speechInput();
      const heard: SpeechEvent[] = [];
      for (const after of [undefined, 1, 2, 3]) {
        const socket = await client.socket();
        const subscription = listen(socket, input, after);
        gate.release(after === undefined ? 2 : 1);
        heard.push(...(await eventsUntilChunks(subscription, 1)));
        await socket.drop();
        await nobodyListens();
        clock.advance(GRACE_MS - 1);
      }
      gate.open();
      heard.push(...(await allEvents(listen(await client.socket(), input, 4))));
      expect(sequencesOf(heard)).toEqual(counting(heard));
      expect(await usageEventsOf(client)).toMatchObject([{ status: 'SUCCEEDED' }]);
    });

    it('and does not come back ends its speech after the grace, charged as broken off', async () => {
      const { aborted } = server.stub;
      const input = speechInput();
      const socket = await client.socket();
      const subscription = listen(socket, input);
      gate.release(3);
      await eventsUntilChunks(subscription, 1);
      await socket.drop();
      await nobodyListens();
      clock.advance(GRACE_MS - 1);
      expect(running().signal.aborted).toBe(false);
      clock.advance(1);
      await server.stub.when((stub) => stub.aborted === aborted + 1);
      await allSettled(server);
      const expected = { status: 'ABORTED', characters: SENTENCES_CHARACTERS, credits: priceOf(SENTENCES_CHARACTERS) };
      expect(await usageEventsOf(client)).toMatchObject([expected]);
      const event = await listen(await client.socket(), input, 1).event();
      expect(event).toMatchObject({ type: 'error', payload: [{ extensions: { code: 'ABORTED', usage: expected } }] });
    });

    it('hears a speech that was completed meanwhile from where it was', async () => {
      const input = speechInput();
      const socket = await client.socket();
      const subscription = listen(socket, input);
      gate.release(3);
      const heard = await eventsUntilChunks(subscription, 1);
      await socket.drop();
      await nobodyListens();
      gate.open();
      await allSettled(server);
      clock.advance(GRACE_MS);
      heard.push(...(await allEvents(listen(await client.socket(), input, 1))));
      expect(sequencesOf(heard)).toEqual(counting(heard));
      expect(await usageEventsOf(client)).toMatchObject([{ status: 'SUCCEEDED' }]);
    });
  });

  describe('in the middle of a text that is sent in parts', () => {
    /** Three parts of at most 3,000 characters each. */
    const long = (): Record<string, unknown> =>
      speechInput({
        model: 'eleven_v3',
        sampleRate: 22_050,
        text: 'This is one sentence of a long text. '.repeat(200),
      });
    const partsSent = (from: number): number[] =>
      server.stub.requests.slice(from).map(({ json }) => [...(json as { text: string }).text.trim()].length);
    let before: number;

    beforeEach(() => {
      before = server.stub.requests.length;
    });

    it('buys no further part while nobody listens, and goes on when somebody does', async () => {
      const input = long();
      const socket = await client.socket();
      const subscription = listen(socket, input);
      gate.release(2);
      const heard = await eventsUntilChunks(subscription, 1);
      await socket.drop();
      await nobodyListens();
      gate.open();
      await until(() => server.stub.requests[before]!.answered);
      await until(quiet(() => running().audio!.sizeBytes));
      expect(partsSent(before)).toHaveLength(1);
      heard.push(...(await allEvents(listen(await client.socket(), input, heard.at(-1)!.sequence))));
      expect(sequencesOf(heard)).toEqual(counting(heard));
      expect(partsSent(before)).toHaveLength(3);
      expect(heard.at(-1)).toMatchObject({ usage: { status: 'SUCCEEDED', requests: 3 } });
    });

    it('pays for the parts that were sent alone', async () => {
      const socket = await client.socket();
      const subscription = listen(socket, long());
      gate.release(2);
      await eventsUntilChunks(subscription, 1);
      subscription.leave();
      await allSettled(server);
      const [first, ...more] = partsSent(before);
      expect(more).toEqual([]);
      expect(await usageEventsOf(client)).toMatchObject([
        { status: 'ABORTED', characters: first, credits: priceOf(first!) },
      ]);
    });

    it('pays for a part that was sent and not answered yet', async () => {
      let asked = 0;
      server.stub.fault(({ operation }) => {
        if (operation !== 'speech') return undefined;
        asked += 1;
        return asked === 1 ? undefined : { kind: 'stall-before-headers' };
      });
      const socket = await client.socket();
      const subscription = listen(socket, long());
      await eventsUntilChunks(subscription, 1);
      await until(() => server.stub.requests.length === before + 2);
      subscription.leave();
      await allSettled(server);
      const characters = partsSent(before).reduce((sum, part) => sum + part);
      expect(await usageEventsOf(client)).toMatchObject([
        { status: 'ABORTED', characters, credits: priceOf(characters), requests: 2 },
      ]);
    });
  });

  describe('that reads too slowly', () => {
    /** More than the buffers between two sockets of a machine take. */
    const loud = (): Record<string, unknown> =>
      speechInput({ format: 'PCM', sampleRate: 48_000, text: 'A sentence that goes on and on. '.repeat(120) });

    it('ends its speech, is told so when it reads on, and pays for it as broken off', async () => {
      const { aborted } = server.stub;
      const socket = await client.socket();
      const subscription = listen(socket, loud());
      gate.release(1);
      await eventsUntilChunks(subscription, 1);
      socket.pause();
      gate.release(4_000);
      await until(() => running().audio!.sizeBytes > 16_000_000);
      const operation = running();
      await until(() => {
        clock.advance(STALL_MS);
        return operation.endReason !== null;
      });
      expect(operation.endReason).toBe('SLOW_CONSUMER');
      await server.stub.when((stub) => stub.aborted === aborted + 1);
      await allSettled(server);
      socket.resume();
      const { results, end } = await subscription.rest();
      expect(end.type).toBe('complete');
      const [event] = await usageEventsOf(client);
      expect(event).toMatchObject({ status: 'ABORTED', errorCode: 'SLOW_CONSUMER' });
      expect(event!.credits).toBe(priceOf(event!.characters));
      expect(results.at(-1)!.errors![0]!.extensions).toMatchObject({
        code: 'SLOW_CONSUMER',
        usage: { id: event!.id, credits: event!.credits },
      });
    });
  });
});
