import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { Pool } from 'undici';
import { anthropicChat } from '../../../providers/anthropic/llm';
import { ProviderError } from '../../../providers/contract/errors';
import type { ChatCall, ChatPiece, ChatProvider, HttpChatAdapter } from '../../../providers/contract/llm';
import { groqChat } from '../../../providers/groq/llm';
import { httpChatProvider } from '../../../providers/http/chat-provider';
import { openAiChat } from '../../../providers/openai/llm';
import { answering, assembledChat, chatCall, piecesOf, WEATHER_TOOL } from '../../support/chat-call';
import { Gate, type ProviderStub, startProviderStub } from '../../support/provider-stub';
import { eventOf } from '../../support/provider-stub/chat-script';
import { failureOf, PLATFORM_KEY, speakOptions } from '../../support/speech-call';

const ADAPTERS: readonly HttpChatAdapter[] = [openAiChat, anthropicChat, groqChat];
const options = (changes = {}) => speakOptions({ credential: PLATFORM_KEY, ...changes });
const TEXT = 'You said: What is the tallest mountain of Switzerland?';

/** The bytes of a stand-in's answer, recorded once. */
async function recorded(adapter: HttpChatAdapter, changes: Partial<ChatCall>): Promise<Buffer> {
  const stub = await startProviderStub();
  try {
    const { path, headers, json } = adapter.request(chatCall(adapter, { streaming: true, ...changes }), PLATFORM_KEY);
    const response = await fetch(stub.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(json),
    });
    expect(response.status).toBe(200);
    return Buffer.from(await response.arrayBuffer());
  } finally {
    await stub.close();
  }
}

async function read(adapter: HttpChatAdapter, chunks: readonly Uint8Array[], changes: Partial<ChatCall> = {}) {
  const provider = httpChatProvider(adapter, { dispatcher: answering(chunks) });
  try {
    const response = await provider.chat(chatCall(adapter, { streaming: true, ...changes }), options());
    return await piecesOf(response.pieces);
  } catch (failure) {
    return { pieces: [] as ChatPiece[], failure };
  }
}

/** The bytes cut at every one of the given places. */
function cutAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % bytes.length))].sort((one, other) => one - other);
  return [...ends, bytes.length].map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end));
}

const ASKING_FOR_TOOLS: Partial<ChatCall> = {
  messages: [{ role: 'USER', content: 'Call get_weather for Zürich 🏔.' }],
  tools: [WEATHER_TOOL],
};

describe.each(ADAPTERS.map((adapter) => [adapter.name, adapter] as const))('a stream of %s', (_name, adapter) => {
  let plain: Buffer;
  let tools: Buffer;
  beforeAll(async () => {
    plain = await recorded(adapter, { messages: [{ role: 'USER', content: 'Grüezi 🏔, wie gaht’s?' }] });
    tools = await recorded(adapter, ASKING_FOR_TOOLS);
  });

  it('gives the same pieces however its bytes are cut', async () => {
    for (const bytes of [plain, tools]) {
      const whole = await read(adapter, [bytes]);
      expect(whole.failure).toBeNull();
      expect(whole.pieces.length).toBeGreaterThan(4);
      const places = fc.array(fc.nat({ max: bytes.length - 1 }), { maxLength: 60 });
      await fc.assert(
        fc.asyncProperty(places, async (cuts) => {
          expect(
            await read(
              adapter,
              cutAt(bytes, cuts).filter(({ length }) => length > 0),
            ),
          ).toEqual(whole);
        }),
        { numRuns: 60 },
      );
      expect(
        await read(
          adapter,
          [...bytes].map((byte) => Uint8Array.of(byte)),
        ),
      ).toEqual(whole);
    }
  });

  it('gives the same pieces with other line ends', async () => {
    const windows = Buffer.from(tools.toString('utf8').replaceAll('\n', '\r\n'));
    expect(await read(adapter, cutAt(windows, [7, 100, 101, 500]))).toEqual(await read(adapter, [tools]));
  });

  it('that ends anywhere before its end is cut, and what was whole until there is given', async () => {
    const whole = await read(adapter, [plain]);
    for (let length = 1; length < plain.length; length++) {
      const { pieces, failure } = await read(adapter, [plain.subarray(0, length)]);
      expect(failure).toMatchObject({ kind: 'UNAVAILABLE', retryable: true });
      expect(pieces).toEqual(whole.pieces.slice(0, pieces.length));
    }
  });

  it('ignores events that it does not know', async () => {
    const events = plain.toString('utf8').split(/(?<=\n\n)/);
    const strange = [': a comment\n\n', eventOf({ type: 'news', of: [1] }, 'news'), eventOf({ type: 'ping' }, 'ping')];
    const mixed = events.flatMap((event) => [...strange, event]).join('');
    expect(await read(adapter, [Buffer.from(mixed)])).toEqual(await read(adapter, [plain]));
  });

  it('with something other than a document in it is REJECTED, and nothing of it is quoted', async () => {
    const events = plain.toString('utf8').split(/(?<=\n\n)/);
    events.splice(3, 0, 'data: {"secret": oops\n\n');
    const { failure } = await read(adapter, [Buffer.from(events.join(''))]);
    expect(failure).toMatchObject({ kind: 'REJECTED', retryable: false, cause: undefined });
    expect((failure as Error).message).not.toContain('oops');
  });
});

describe('figures that cannot be true', () => {
  const impossible: [string, unknown, unknown][] = [
    ['negative input', -1, 5],
    ['negative output', 5, -1],
    ['half a token', 1.5, 5],
    ['more output than was allowed, by far', 5, 3_000],
    ['more input than the model can read, by far', 10_000_000, 5],
    ['text', '5', 5],
    ['nothing', null, 5],
    ['beyond all counting', 1e300, 5],
  ];
  it.each(impossible)('%s is a failure, never a figure', async (_name, inputTokens, outputTokens) => {
    const openAi = completion({ prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: 10 });
    for (const adapter of [openAiChat, groqChat]) {
      const call = { maxOutputTokens: 100 };
      expect(await read(adapter, [Buffer.from(openAi)], call)).toMatchObject({
        pieces: [
          { kind: 'text', text: 'Hello' },
          { kind: 'finish', reason: 'STOP' },
        ],
        failure: { kind: 'REJECTED', retryable: false },
      });
    }
    const messages = message({ input_tokens: inputTokens, output_tokens: outputTokens });
    const { pieces, failure } = await read(anthropicChat, [Buffer.from(messages)], { maxOutputTokens: 100 });
    expect(pieces[0]).toEqual({ kind: 'text', text: 'Hello' });
    expect(pieces).not.toContainEqual(expect.objectContaining({ kind: 'usage' }));
    expect(failure).toMatchObject({ kind: 'REJECTED', retryable: false });
  });

  it('none at all is a failure: such an answer could not be charged', async () => {
    for (const [adapter, events] of [
      [openAiChat, completion(undefined)],
      [groqChat, completion(null)],
      [anthropicChat, message(undefined)],
    ] as const) {
      const { failure } = await read(adapter, [Buffer.from(events)]);
      expect(failure).toMatchObject({ kind: 'REJECTED', message: expect.stringContaining('cannot be charged') });
    }
  });

  it('a few tokens over what was allowed are passed on as they are', async () => {
    const events = completion({ prompt_tokens: 5, completion_tokens: 103, total_tokens: 108 });
    const { pieces, failure } = await read(openAiChat, [Buffer.from(events)], { maxOutputTokens: 100 });
    expect(failure).toBeNull();
    expect(assembledChat(pieces).usage).toEqual({ inputTokens: 5, outputTokens: 103 });
  });

  it('an answer that never said why it ended has finished for another reason', async () => {
    const chunk = {
      choices: [{ index: 0, delta: { content: 'Hello' } }],
      usage: { prompt_tokens: 1, completion_tokens: 1 },
    };
    const { pieces, failure } = await read(openAiChat, [Buffer.from(eventOf(chunk) + eventOf('[DONE]'))]);
    expect(failure).toBeNull();
    expect(assembledChat(pieces)).toMatchObject({ text: 'Hello', finish: 'OTHER' });
  });

  function completion(usage: unknown): string {
    const choice = (delta: object, reason: string | null) => ({
      choices: [{ index: 0, delta, finish_reason: reason }],
    });
    return [choice({ content: 'Hello' }, null), choice({}, 'stop'), { choices: [], usage }, '[DONE]']
      .map((data) => eventOf(data))
      .join('');
  }

  function message(usage: unknown): string {
    return [
      { type: 'message_start', message: { usage: { input_tokens: 5, output_tokens: 1 } } },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hello' } },
      {
        type: 'message_delta',
        delta: { stop_reason: 'end_turn' },
        ...(usage === undefined ? {} : { usage: strip(usage) }),
      },
      { type: 'message_stop' },
    ]
      .map((data) => eventOf(data, data.type))
      .join('');
  }

  /** A null here means "as at the start"; for the test it means a figure that is none. */
  function strip(usage: unknown): unknown {
    const { input_tokens: input, ...rest } = usage as { input_tokens: unknown };
    return { ...rest, input_tokens: input === null ? 'null' : input };
  }
});

describe.each(ADAPTERS.map((adapter) => [adapter.name, adapter] as const))(
  'against the stand-in of %s',
  (_name, adapter) => {
    let stub: ProviderStub;
    let provider: ChatProvider;
    beforeEach(async () => {
      stub = await startProviderStub();
      provider = httpChatProvider(adapter, { baseUrl: stub.url });
    });
    afterEach(async () => {
      await provider.close();
      await stub.close();
    });
    const chat = (changes: Partial<ChatCall> = {}, limits = {}) =>
      provider.chat(chatCall(adapter, { streaming: true, ...changes }), options(limits));

    it('a stream and a whole answer say the same', async () => {
      const streamed = assembledChat((await piecesOf((await chat()).pieces)).pieces);
      const whole = assembledChat((await piecesOf((await chat({ streaming: false })).pieces)).pieces);
      expect(streamed).toEqual(whole);
      expect(whole).toMatchObject({ text: TEXT, finish: 'STOP', usage: { outputTokens: 9 } });
    });

    it('the first piece arrives before the rest exists', async () => {
      const gate = new Gate();
      stub.fault(() => ({ kind: 'gated', gate }));
      // Enough for the first word of every provider, and never all of it.
      gate.release(9);
      const { pieces } = await chat();
      const iterator = pieces[Symbol.asyncIterator]();
      const first = await iterator.next();
      expect(first.value).toMatchObject({ kind: 'text' });
      expect(stub.requests[0]!.answered).toBe(false);
      gate.open();
      const rest = await piecesOf({ [Symbol.asyncIterator]: () => iterator });
      expect(assembledChat([first.value as ChatPiece, ...rest.pieces])).toMatchObject({ text: TEXT, finish: 'STOP' });
    });

    it('leaving the loop cancels the upstream', async () => {
      const gate = new Gate();
      gate.release(8);
      stub.fault(() => ({ kind: 'gated', gate }));
      for await (const _piece of (await chat()).pieces) break;
      await stub.when(({ aborted }) => aborted === 1);
    });

    it('leaving while a piece is awaited ends the wait', async () => {
      const gate = new Gate();
      gate.release(8);
      stub.fault(() => ({ kind: 'gated', gate }));
      const iterator = (await chat()).pieces[Symbol.asyncIterator]();
      const drained = (async () => {
        while (!(await iterator.next()).done);
      })();
      await stub.when(({ calls }) => calls === 1);
      await iterator.return!();
      await drained;
      await stub.when(({ aborted }) => aborted === 1);
    });

    it('a reader that stays hears all of it, whoever else has gone', async () => {
      const gate = new Gate();
      gate.release(8);
      stub.fault(() => ({ kind: 'gated', gate }));
      const { pieces } = await chat();
      gate.open();
      expect(assembledChat((await piecesOf(pieces)).pieces).usage).toMatchObject({ outputTokens: 9 });
    });

    it('the signal cancels, before the answer and in the middle of it', async () => {
      const before = new AbortController();
      stub.fault(() => ({ kind: 'stall-before-headers' }));
      const answered = chat({}, { signal: before.signal });
      await stub.when(({ calls }) => calls === 1);
      before.abort();
      expect(await failureOf(answered)).toMatchObject({ kind: 'CANCELLED', retryable: false });

      const middle = new AbortController();
      stub.fault(() => ({ kind: 'stall-mid-body' }));
      const { pieces } = await chat({}, { signal: middle.signal });
      middle.abort();
      expect((await piecesOf(pieces)).failure).toMatchObject({ kind: 'CANCELLED' });
    });

    it('silence is a TIMEOUT, before the answer and in the middle of it', async () => {
      stub.fault(() => ({ kind: 'stall-before-headers' }));
      expect(await failureOf(chat({}, { firstByteTimeoutMs: 30 }))).toMatchObject({ kind: 'TIMEOUT', retryable: true });
      stub.fault(() => ({ kind: 'stall-mid-body' }));
      const { pieces, failure } = await piecesOf((await chat({}, { idleTimeoutMs: 30 })).pieces);
      expect(pieces[0]).toMatchObject({ kind: 'text' });
      expect(failure).toMatchObject({ kind: 'TIMEOUT', retryable: true });
    });

    it('a connection that breaks is UNAVAILABLE, streamed or whole', async () => {
      stub.fault(() => ({ kind: 'hang-up' }));
      expect(await failureOf(chat())).toMatchObject({ kind: 'UNAVAILABLE', retryable: true });
      stub.fault(() => ({ kind: 'cut-mid-body' }));
      expect(await failureOf(chat({ streaming: false }))).toMatchObject({ kind: 'UNAVAILABLE', retryable: true });
      const { pieces, failure } = await piecesOf((await chat()).pieces);
      expect(TEXT).toContain(assembledChat(pieces).text);
      expect(failure).toMatchObject({ kind: 'UNAVAILABLE', retryable: true });
    });

    it('a stream without an event, an empty answer and bytes that are no JSON are failures', async () => {
      stub.fault(() => ({ kind: 'malformed' }));
      expect(await failureOf(chat())).toBeInstanceOf(ProviderError);
      expect(await failureOf(chat({ streaming: false }))).toMatchObject({ kind: 'REJECTED', retryable: false });
      stub.fault(() => ({ kind: 'empty' }));
      expect(await failureOf(chat())).toMatchObject({ kind: 'UNAVAILABLE' });
    });

    it('an answer that is larger than the limit is REJECTED', async () => {
      expect(await failureOf(chat({ streaming: false }, { bytesMax: 100 }))).toMatchObject({ kind: 'REJECTED' });
    });

    it('a page for people is REJECTED, whatever its status', async () => {
      const page = { status: 200, body: '<html>Welcome</html>', headers: { 'content-type': 'text/html' } };
      stub.fault(() => ({ kind: 'answer', ...page }));
      expect(await failureOf(chat())).toMatchObject({
        kind: 'REJECTED',
        message: expect.stringContaining('text/html'),
      });
    });

    it('a whole answer to a request for a stream is read all the same', async () => {
      const { path, headers, json } = adapter.request(chatCall(adapter), PLATFORM_KEY);
      const whole = await fetch(stub.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(json),
      });
      const body = await whole.text();
      stub.fault(() => ({ kind: 'answer', status: 200, body: JSON.parse(body) }));
      const { pieces, failure } = await piecesOf((await chat()).pieces);
      expect(failure).toBeNull();
      expect(assembledChat(pieces)).toMatchObject({ text: TEXT, finish: 'STOP' });
    });

    it('a refusal quotes neither the key nor the texts', async () => {
      const canary = { source: 'REQUEST_KEY', secret: 'canary-key-0123456789' } as const;
      const words = 'the launch code is 000000';
      const messages = [{ role: 'USER', content: words }] as const;
      const echo = {
        message: `No: ${canary.secret} asked ${words}`,
        type: 'invalid_request_error',
        code: canary.secret,
      };
      const faults = [
        () => ({ kind: 'answer', status: 400, body: { error: echo } }) as const,
        () => ({ kind: 'error-in-200', body: { type: 'error', error: echo } }) as const,
        () => ({ kind: 'edit', edit: () => [eventOf({ type: 'error', error: echo }, 'error')] }) as const,
      ];
      for (const fault of faults) {
        stub.fault(fault);
        const failure = await failureOf(chat({ messages }, { credential: canary }));
        expect(failure.message).toContain('[hidden]');
        expect(JSON.stringify({ ...failure, message: failure.message, stack: failure.stack })).not.toMatch(
          /canary|launch/,
        );
        expect(failure.cause).toBeUndefined();
      }
      for (const { headers, path, json } of stub.requests) {
        const holders = Object.entries(headers).filter(([, value]) => String(value).includes(canary.secret));
        expect(holders.map(([name]) => name)).toEqual([adapter === anthropicChat ? 'x-api-key' : 'authorization']);
        expect(path + JSON.stringify(json)).not.toContain(canary.secret);
      }
    });

    it('a key with a line break is refused before anything is sent', async () => {
      const failure = await failureOf(chat({}, { credential: { source: 'REQUEST_KEY', secret: 'key\r\nx-evil: 1' } }));
      expect(failure).toMatchObject({ kind: 'UNAUTHORIZED', retryable: false });
      expect(stub.requests).toHaveLength(0);
    });

    it('a finished answer leaves its connection to the next', async () => {
      const pool = new Pool(stub.url, { connections: 1 });
      const shared = httpChatProvider(adapter, { baseUrl: stub.url, dispatcher: pool });
      for (const streaming of [true, true, false, true]) {
        await piecesOf((await shared.chat(chatCall(adapter, { streaming }), options())).pieces);
      }
      await pool.close();
      expect(stub.connections).toBe(1);
    });
  },
);

describe('after the end of a stream', () => {
  let server: Server;
  const serve = async (listener: RequestListener): Promise<string> => {
    server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const chunk = {
    choices: [{ index: 0, delta: { content: 'Hi' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: 1 },
  };

  it('the reader is done when the provider says so, not when it hangs up', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(eventOf(chunk) + eventOf('[DONE]'));
    });
    const provider = httpChatProvider(openAiChat, { baseUrl: url });
    const response = await provider.chat(chatCall(openAiChat, { streaming: true }), options());
    const { pieces, failure } = await piecesOf(response.pieces);
    expect(failure).toBeNull();
    expect(assembledChat(pieces)).toMatchObject({ text: 'Hi', finish: 'STOP' });
    await provider.close();
  });

  it('a body that closes a little later still leaves its connection to the next call', async () => {
    let connections = 0;
    const open: ServerResponse[] = [];
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(eventOf(chunk) + eventOf('[DONE]'));
      open.push(response);
    });
    server.on('connection', () => connections++);
    const pool = new Pool(url, { connections: 1 });
    const provider = httpChatProvider(openAiChat, { baseUrl: url, dispatcher: pool });
    for (let call = 0; call < 3; call++) {
      const response = await provider.chat(chatCall(openAiChat, { streaming: true }), options());
      expect((await piecesOf(response.pieces)).failure).toBeNull();
      open.pop()!.end();
    }
    await pool.close();
    expect(connections).toBe(1);
  });
});
