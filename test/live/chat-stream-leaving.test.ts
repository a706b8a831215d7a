import type { LiveOperation } from '../../src/operations/live-operations';
import { type ChatServer, chatEvents, startChatServer } from '../api/support/chat-api';
import type { GraphqlSocket } from '../support/graphql-socket';
import { Gate } from '../support/provider-stub';
import { ending, failing, type ScriptedCall, type ScriptedPiece, text } from '../support/scripted-chat';
import { TestClock } from '../support/test-clock';
import type { TestWorkspace } from '../support/test-server';
import {
  allChatEvents,
  brokenWith,
  type ChatSubscription,
  chatEventsUntil,
  chatInput,
  contentOf,
  listenChat,
  nextChatEvent,
} from './support/chat-stream';
import { allSettled, refusalOf, until } from './support/speech-stream';

const USAGE = { inputTokens: 1_500, outputTokens: 321 };
const CREDITS = '2.463';
/** A socket that broke may come back for so long. */
const GRACE_MS = 10_000;
const OPERATION_MS = 600_000;

type Leave = (socket: GraphqlSocket, subscription: ChatSubscription) => unknown;
const WAYS_TO_LEAVE: readonly (readonly [string, Leave])[] = [
  ['by unsubscribing', (_socket, subscription) => subscription.leave()],
  ['by closing its socket', (socket) => socket.close(1000)],
  ['with its page', (socket) => socket.close(1001)],
];

describe('a caller that leaves chatStream', () => {
  const clock = new TestClock();
  let server: ChatServer;
  let client: TestWorkspace;
  let gate: Gate;

  beforeAll(async () => {
    server = await startChatServer({ clock });
  });
  beforeEach(async () => {
    gate = new Gate();
    server.openai.script = () => [
      ...['one', ' two', ' three'].flatMap((it): ScriptedPiece[] => [gate, ...text(it)]),
      gate,
      ...ending(USAGE),
    ];
    client = await server.createWorkspace();
  });
  afterEach(async () => {
    gate.open();
    for (const operation of server.container.live.all()) operation.end('STOPPING');
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
  const lastCall = (): ScriptedCall => server.openai.calls.at(-1)!;
  const asked = (): Promise<void> => {
    const calls = server.openai.calls.length;
    return until(() => server.openai.calls.length > calls);
  };

  it.each(WAYS_TO_LEAVE)('%s before it had any text ends the call at once and pays nothing', async (_way, leave) => {
    const called = asked();
    const socket = await client.socket();
    const subscription = listenChat(socket, chatInput());
    await called;
    void leave(socket, subscription);
    await allSettled(server);
    expect(lastCall().aborted).toBe(true);
    expect(await chatEvents(client)).toMatchObject([
      { status: 'ABORTED', errorCode: 'ABORTED', credits: '0', inputTokens: 0, outputTokens: 0 },
    ]);
  });

  it.each(WAYS_TO_LEAVE)('%s afterwards pays what the provider counted, once it is known', async (_way, leave) => {
    const socket = await client.socket();
    const subscription = listenChat(socket, chatInput());
    gate.release();
    await nextChatEvent(subscription);
    void leave(socket, subscription);
    await until(() => running().endReason === 'LEFT');
    expect(lastCall()).toMatchObject({ aborted: false, answered: false });
    gate.open();
    await allSettled(server);
    expect(lastCall()).toMatchObject({ aborted: false, answered: true });
    expect(await chatEvents(client)).toMatchObject([
      { status: 'ABORTED', errorCode: 'ABORTED', credits: CREDITS, billableTokens: 1_821, ...USAGE },
    ]);
  });

  it('is told ABORTED by its key with what that used, and nothing runs', async () => {
    const input = chatInput();
    const socket = await client.socket();
    const subscription = listenChat(socket, input);
    gate.release();
    await nextChatEvent(subscription);
    subscription.leave();
    await until(() => running().endReason === 'LEFT' && running().answer!.listenerCount === 0);
    // While the rest is counted, nobody is told more of it.
    const early = listenChat(socket, input);
    await until(() => running().answer!.listenerCount === 1);
    gate.open();
    const { error, events } = await brokenWith(early);
    expect(events).toEqual([]);
    expect(error.extensions).toMatchObject({ code: 'ABORTED', usage: { credits: CREDITS, ...USAGE } });
    const calls = server.openai.calls.length;
    for (const after of [undefined, 0]) {
      const { extensions } = await refusalOf(listenChat(socket, input, after) as never);
      expect(extensions).toMatchObject({ code: 'ABORTED', usage: { status: 'ABORTED', credits: CREDITS, ...USAGE } });
    }
    expect(server.openai.calls.length).toBe(calls);
    expect(await chatEvents(client)).toHaveLength(1);
  });

  it('pays what was counted until then where the provider fails before the end', async () => {
    server.openai.script = () => [
      { kind: 'usage', usage: { inputTokens: 1_500, outputTokens: 0 } },
      ...text('one'),
      gate,
      failing('openai', 'UNAVAILABLE', true),
    ];
    const socket = await client.socket();
    const subscription = listenChat(socket, chatInput());
    await nextChatEvent(subscription);
    subscription.leave();
    await until(() => running().endReason === 'LEFT');
    gate.open();
    await allSettled(server);
    expect(await chatEvents(client)).toMatchObject([{ status: 'ABORTED', credits: '1.5', inputTokens: 1_500 }]);
  });

  it('pays nothing where the provider never said what it used', async () => {
    server.openai.script = () => [...text('one'), gate, failing('openai', 'UNAVAILABLE', true)];
    const subscription = listenChat(await client.socket(), chatInput());
    await nextChatEvent(subscription);
    subscription.leave();
    await until(() => running().endReason === 'LEFT');
    gate.open();
    await allSettled(server);
    expect(await chatEvents(client)).toMatchObject([{ status: 'ABORTED', credits: '0' }]);
  });

  it("is waited for no longer than the platform's patience", async () => {
    const subscription = listenChat(await client.socket(), chatInput());
    gate.release();
    await nextChatEvent(subscription);
    subscription.leave();
    await until(() => running().endReason === 'LEFT');
    clock.advance(OPERATION_MS);
    await allSettled(server);
    expect(lastCall().aborted).toBe(true);
    expect(await chatEvents(client)).toMatchObject([{ status: 'ABORTED', credits: '0' }]);
  });

  it('whose timeoutMs passes is told so with what it used, and gets no more text', async () => {
    const subscription = listenChat(await client.socket(), chatInput({ routing: { timeoutMs: 1_000 } }));
    gate.release();
    await nextChatEvent(subscription);
    clock.advance(1_000);
    await until(() => running().endReason === 'TIMEOUT');
    gate.open();
    const { error, events } = await brokenWith(subscription);
    expect(events).toEqual([]);
    expect(error.extensions).toMatchObject({ code: 'ABORTED', usage: { credits: CREDITS, ...USAGE } });
  });

  it('while another listens changes nothing for the other', async () => {
    const input = chatInput();
    const first = listenChat(await client.socket(), input);
    const second = listenChat(await client.socket(), input);
    gate.release();
    const heard = [await nextChatEvent(second)];
    await nextChatEvent(first);
    first.leave();
    await until(() => running().answer!.listenerCount === 1);
    gate.open();
    heard.push(...(await allChatEvents(second)));
    expect(contentOf(heard)).toBe('one two three');
    expect(await chatEvents(client)).toMatchObject([{ status: 'SUCCEEDED', credits: CREDITS }]);
  });

  it('is no speech: nothing that is asked of a speech with its id finds or ends it', async () => {
    const subscription = listenChat(await client.socket(), chatInput());
    gate.release();
    await nextChatEvent(subscription);
    const { id } = running();
    const answers = await Promise.all([
      client.graphql('query ($id: ID!) { speech(id: $id) { id } }', { id }),
      client.graphql('mutation ($id: ID!) { cancelSpeech(input: { id: $id }) { speech { id } } }', { id }),
      client.graphql('mutation ($id: ID!) { deleteSpeech(input: { id: $id }) { deletedId } }', { id }),
    ]);
    expect(answers.map(({ code }) => code)).toEqual(['NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND']);
    gate.open();
    expect((await allChatEvents(subscription)).at(-1)!.__typename).toBe('ChatCompleted');
  });

  it('because its socket broke finds its chat again behind the last delta: one call, one charge', async () => {
    const input = chatInput();
    const socket = await client.socket();
    const subscription = listenChat(socket, input);
    gate.release();
    const heard = await chatEventsUntil(subscription, 1);
    await socket.drop();
    await until(() => running().answer!.listenerCount === 0);
    // What is written while nobody listens is not lost.
    gate.release();
    await until(() => running().answer!.deltaCount === 2);
    clock.advance(GRACE_MS - 1);
    const again = listenChat(await client.socket(), input, heard.at(-1)!.sequence);
    heard.push(...(await chatEventsUntil(again, 1)));
    clock.advance(GRACE_MS);
    gate.open();
    heard.push(...(await allChatEvents(again)));
    expect(heard.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3]);
    expect(contentOf(heard)).toBe('one two three');
    expect(await chatEvents(client)).toMatchObject([{ status: 'SUCCEEDED', credits: CREDITS, requests: 1 }]);
  });

  it('because its socket broke and does not come back ends its chat after the grace', async () => {
    const socket = await client.socket();
    const subscription = listenChat(socket, chatInput());
    gate.release();
    await nextChatEvent(subscription);
    await socket.drop();
    await until(() => running().answer!.listenerCount === 0);
    clock.advance(GRACE_MS - 1);
    expect(running().endReason).toBeNull();
    clock.advance(1);
    expect(running().endReason).toBe('LEFT');
    gate.open();
    await allSettled(server);
    expect(await chatEvents(client)).toMatchObject([{ status: 'ABORTED', credits: CREDITS }]);
  });

  it('and a server that stops waits for no count any more', async () => {
    const subscription = listenChat(await client.socket(), chatInput());
    gate.release();
    await nextChatEvent(subscription);
    subscription.leave();
    await until(() => running().endReason === 'LEFT');
    running().end('STOPPING');
    await allSettled(server);
    expect(lastCall().aborted).toBe(true);
    expect(await chatEvents(client)).toMatchObject([{ status: 'ABORTED', credits: '0' }]);
  });

  it('that stays while the server stops is told UNAVAILABLE and pays nothing', async () => {
    const subscription = listenChat(await client.socket(), chatInput());
    gate.release();
    await nextChatEvent(subscription);
    running().end('STOPPING');
    const { error } = await brokenWith(subscription);
    expect(error.extensions.code).toBe('UNAVAILABLE');
    expect(await chatEvents(client)).toMatchObject([{ status: 'FAILED', credits: '0' }]);
  });
});
