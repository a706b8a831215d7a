import { type ChatServer, chat, chatEvents, startChatServer } from '../api/support/chat-api';
import { Gate } from '../support/provider-stub';
import { ending, failing, type ScriptedPiece, text, toolCall } from '../support/scripted-chat';
import type { TestWorkspace } from '../support/test-server';
import {
  allChatEvents,
  brokenWith,
  chatEventsUntil,
  chatInput,
  contentOf,
  listenChat,
  nextChatEvent,
} from './support/chat-stream';
import { allSettled, refusalOf } from './support/speech-stream';

const USAGE = { inputTokens: 1_500, outputTokens: 321 };
const CREDITS = '2.463';
const NUMBERS = ['one', ' two', ' three', ' four', ' five'];
const counting = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, n) => from + n);

let server: ChatServer;
let client: TestWorkspace;
beforeAll(async () => {
  server = await startChatServer();
});
beforeEach(async () => {
  client = await server.createWorkspace();
  for (const it of [server.openai, server.anthropic]) it.script = () => [...text(...NUMBERS), ...ending(USAGE)];
});
afterEach(async () => {
  await allSettled(server);
  expect((await server.verifyLedger()).findings).toEqual([]);
});
afterAll(() => server?.close());

/** Answers the numbers, each when the gate lets it through. */
function gated(): Gate {
  const gate = new Gate();
  server.openai.script = () => [
    ...NUMBERS.flatMap((number): ScriptedPiece[] => [gate, ...text(number)]),
    gate,
    ...ending(USAGE),
  ];
  return gate;
}

describe('chatStream', () => {
  it('delivers the answer piece by piece, numbered from 0, and last what it cost', async () => {
    const events = await allChatEvents(listenChat(await client.socket(), chatInput()));
    expect(events.map(({ sequence }) => sequence)).toEqual(counting(0, 5));
    expect(events.slice(0, 5)).toEqual(
      NUMBERS.map((content, sequence) => ({ __typename: 'ChatDelta', sequence, content, toolCalls: null })),
    );
    const last = events[5]!;
    expect(last).toMatchObject({
      __typename: 'ChatCompleted',
      finishReason: 'STOP',
      citations: [],
      stages: [{ id: last.usage!.id }],
      message: { role: 'ASSISTANT', content: NUMBERS.join(''), toolCalls: [] },
      usage: { status: 'SUCCEEDED', credits: CREDITS, ...USAGE, requests: 1 },
    });
    expect(server.openai.calls.at(-1)!.call.streaming).toBe(true);
    expect(await chatEvents(client)).toMatchObject([{ id: last.usage!.id, credits: CREDITS }]);
  });

  it('hands on what has come while the model still writes', async () => {
    const gate = gated();
    const subscription = listenChat(await client.socket(), chatInput());
    gate.release();
    expect(await nextChatEvent(subscription)).toMatchObject({ sequence: 0, content: 'one' });
    expect(server.container.live.count).toBe(1);
    gate.open();
    expect(contentOf(await allChatEvents(subscription))).toBe(' two three four five');
  });

  it('delivers tool calls in parts that join to the whole', async () => {
    server.openai.script = () => [
      ...text('Looking.'),
      toolCall(0, 'a', 'look_up', ''),
      toolCall(0, null, null, '{"city":'),
      toolCall(0, null, null, '"Rome"}'),
      ...ending(USAGE, 'TOOL_CALLS'),
    ];
    const events = await allChatEvents(listenChat(await client.socket(), chatInput()));
    expect(events.slice(1, 4).map(({ content, toolCalls }) => ({ content, toolCalls }))).toEqual([
      { content: '', toolCalls: [{ index: 0, id: 'a', name: 'look_up', arguments: null }] },
      { content: '', toolCalls: [{ index: 0, id: null, name: null, arguments: '{"city":' }] },
      { content: '', toolCalls: [{ index: 0, id: null, name: null, arguments: '"Rome"}' }] },
    ]);
    expect(events.at(-1)).toMatchObject({
      finishReason: 'TOOL_CALLS',
      message: { content: 'Looking.', toolCalls: [{ id: 'a', name: 'look_up', arguments: '{"city":"Rome"}' }] },
    });
  });

  it('of an answer without a word is its end alone', async () => {
    server.openai.script = () => ending(USAGE, 'CONTENT_FILTER');
    const events = await allChatEvents(listenChat(await client.socket(), chatInput()));
    expect(events).toMatchObject([{ __typename: 'ChatCompleted', sequence: 0, finishReason: 'CONTENT_FILTER' }]);
  });
});

describe('an idempotency key', () => {
  it('is required, and nothing is begun without one', async () => {
    const { calls } = server.openai;
    const before = calls.length;
    const socket = await client.socket();
    const error = await refusalOf(listenChat(socket, chatInput({ idempotencyKey: undefined })) as never);
    expect(error.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'idempotencyKey' });
    const early = await refusalOf(listenChat(socket, chatInput(), -1) as never);
    expect(early.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field: 'after' });
    expect(calls.length).toBe(before);
  });

  it('joins the chat that runs behind the delta last seen: none twice, none missing', async () => {
    const gate = gated();
    const calls = server.openai.calls.length;
    const input = chatInput();
    const first = listenChat(await client.socket(), input);
    gate.release(3);
    const heard = await chatEventsUntil(first, 3);
    const second = listenChat(await client.socket(), input, 1);
    expect(await nextChatEvent(second)).toEqual(heard[2]);
    const third = listenChat(await client.socket(), input);
    expect(await chatEventsUntil(third, 3)).toEqual(heard);
    gate.open();
    const [rest, ...others] = await Promise.all([first, second, third].map(allChatEvents));
    for (const other of others) expect(other).toEqual(rest);
    expect([...heard, ...rest!].map(({ sequence }) => sequence)).toEqual(counting(0, 5));
    expect(server.openai.calls.length).toBe(calls + 1);
    expect(await chatEvents(client)).toHaveLength(1);
  });

  it('begins one chat for any number of subscribers', async () => {
    const calls = server.openai.calls.length;
    const input = chatInput();
    const sockets = await Promise.all([client.socket(), client.socket(), client.socket()]);
    const all = await Promise.all(counting(0, 19).map((n) => allChatEvents(listenChat(sockets[n % 3]!, input))));
    for (const events of all) expect(events).toEqual(all[0]);
    expect(server.openai.calls.length).toBe(calls + 1);
    expect(await chatEvents(client)).toHaveLength(1);
  });

  it('replays a finished chat under the same numbers, from wherever the listener was', async () => {
    const input = chatInput();
    const socket = await client.socket();
    const once = await allChatEvents(listenChat(socket, input));
    const calls = server.openai.calls.length;
    expect(await allChatEvents(listenChat(socket, input))).toEqual(once);
    for (const after of counting(0, 6)) {
      expect(await allChatEvents(listenChat(socket, input, after))).toEqual(once.slice(after + 1));
    }
    expect(server.openai.calls.length).toBe(calls);
    expect(await chatEvents(client)).toHaveLength(1);
  });

  it('waits for the chat of another process, and brings it', async () => {
    const other = await startChatServer(server.data);
    const gate = gated();
    try {
      const input = chatInput();
      const here = listenChat(await client.socket(), input);
      gate.release();
      const [begun] = await chatEventsUntil(here, 1);
      const there = listenChat(await other.anonymous.as(client.key).socket(), input);
      gate.open();
      const events = await allChatEvents(there);
      expect(events).toEqual([begun, ...(await allChatEvents(here))]);
      expect(other.openai.calls).toEqual([]);
    } finally {
      await other.close();
    }
  });

  it('is not shared with chat, nor with another workspace', async () => {
    const calls = server.openai.calls.length;
    const input = chatInput();
    const other = await server.createWorkspace();
    await Promise.all([client, other].map(async (it) => allChatEvents(listenChat(await it.socket(), input))));
    await chat(client, input);
    expect(server.openai.calls.length).toBe(calls + 3);
  });

  it('with another input is a CONFLICT, while the chat runs and afterwards', async () => {
    const gate = gated();
    const input = chatInput();
    const socket = await client.socket();
    const first = listenChat(socket, input);
    gate.release();
    await nextChatEvent(first);
    const running = await refusalOf(listenChat(socket, { ...input, temperature: 1 }) as never);
    gate.open();
    await allChatEvents(first);
    const finished = await refusalOf(listenChat(socket, { ...input, maxOutputTokens: 1 }) as never);
    expect([running, finished].map(({ extensions }) => extensions.code)).toEqual(['CONFLICT', 'CONFLICT']);
  });

  it('of an answer that is no longer kept is RESUME_EXPIRED', async () => {
    const input = chatInput();
    const socket = await client.socket();
    const events = await allChatEvents(listenChat(socket, input));
    await server.database.query('DELETE FROM chats WHERE operation_id = $1', [events.at(-1)!.usage!.id]);
    expect((await refusalOf(listenChat(socket, input) as never)).extensions.code).toBe('RESUME_EXPIRED');
  });
});

describe('a refusal at the start is an error of the protocol, and the socket lives', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['no message', { messages: [] }, 'BAD_USER_INPUT'],
    ['a provider that is not there', { provider: 'nobody' }, 'BAD_USER_INPUT'],
    ['a temperature that cannot be set', { provider: 'anthropic', temperature: 1 }, 'UNSUPPORTED'],
    ['a price above maxCredits', { maxCredits: '0.001' }, 'MAX_CREDITS_EXCEEDED'],
  ])('of %s', async (_what, changes, code) => {
    const calls = server.openai.calls.length;
    const socket = await client.socket();
    const { extensions } = await refusalOf(listenChat(socket, chatInput(changes)) as never);
    expect(extensions).toMatchObject({ code, requestId: expect.any(String) });
    expect(server.openai.calls.length).toBe(calls);
    expect((await allChatEvents(listenChat(socket, chatInput()))).at(-1)!.__typename).toBe('ChatCompleted');
  });
});

describe('a provider that fails', () => {
  it('before its first text gives way to a fallback, charged at its own price', async () => {
    server.openai.script = () => [failing('openai', 'REJECTED')];
    const input = chatInput({ routing: { fallbacks: [{ provider: 'anthropic' }] } });
    const events = await allChatEvents(listenChat(await client.socket(), input));
    expect(contentOf(events)).toBe(NUMBERS.join(''));
    expect(events.at(-1)!.usage).toMatchObject({
      credits: '18.63',
      requests: 2,
      attempts: [
        { provider: 'openai', outcome: 'REJECTED' },
        { provider: 'anthropic', outcome: 'SERVED' },
      ],
    });
  });

  it('after its first text is not replaced: an event with errors, and then the end', async () => {
    server.openai.script = () => [...text('one', ' two'), failing('openai', 'UNAVAILABLE', true)];
    const anthropic = server.anthropic.calls.length;
    const input = chatInput({ routing: { fallbacks: [{ provider: 'anthropic' }] } });
    const socket = await client.socket();
    const { error, events } = await brokenWith(listenChat(socket, input));
    expect(contentOf(events)).toBe('one two');
    expect(error).toMatchObject({
      path: ['chatStream'],
      extensions: {
        code: 'PROVIDER_UNAVAILABLE',
        provider: 'openai',
        retryable: true,
        attempts: [{ provider: 'openai', outcome: 'UNAVAILABLE' }],
      },
    });
    expect(server.anthropic.calls.length).toBe(anthropic);
    expect(await chatEvents(client)).toMatchObject([{ status: 'FAILED', credits: '0' }]);

    server.openai.script = () => [...text(...NUMBERS), ...ending(USAGE)];
    expect((await allChatEvents(listenChat(socket, input))).map(({ sequence }) => sequence)).toEqual(counting(0, 5));
  });

  it('by calling a tool with arguments that are no JSON is told of as an event with errors, and costs nothing', async () => {
    server.openai.script = () => [toolCall(0, 'a', 'look_up', 'Rome'), ...ending(USAGE, 'TOOL_CALLS')];
    const { error } = await brokenWith(listenChat(await client.socket(), chatInput()));
    expect(error.extensions).toMatchObject({ code: 'PROVIDER_REJECTED', retryable: false });
    expect(await chatEvents(client)).toMatchObject([
      { status: 'FAILED', credits: '0', errorCode: 'PROVIDER_REJECTED' },
    ]);
  });
});

it('500 streams at once on a balance for 10 are served 10 times, and the balance is spent to the last', async () => {
  const stormy = await startChatServer({ storm: true });
  try {
    // 6 bytes, 16 for the message and 100 of the model at 1 credit for 1,000, and 4,096 for the answer at 3.
    const held = (122 + 4_096 * 3) / 1_000;
    stormy.openai.script = () => [...text('Hi'), ...ending({ inputTokens: 122, outputTokens: 4_096 })];
    const poor = await stormy.createWorkspace({ credits: (held * 10).toFixed(6) });
    const sockets = await Promise.all(counting(1, 5).map(() => poor.socket()));
    const ends = await Promise.all(
      counting(1, 500).map(async (n) => {
        const { results, end } = await listenChat(sockets[n % 5]!, chatInput()).rest();
        if (end.type === 'error') return end.payload[0]!.extensions.code;
        return results.at(-1)!.data!.chatStream.__typename;
      }),
    );
    expect(ends.filter((it) => it === 'ChatCompleted')).toHaveLength(10);
    expect(ends.filter((it) => it === 'INSUFFICIENT_CREDITS')).toHaveLength(490);
    expect(stormy.openai.calls).toHaveLength(10);
    const { balance } = await poor.data<{ balance: Record<string, string> }>('{ balance { remaining held } }');
    expect(balance).toEqual({ remaining: '0', held: '0' });
    expect((await stormy.verifyLedger()).findings).toEqual([]);
  } finally {
    await stormy.close();
  }
});
