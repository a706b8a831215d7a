import type { ServerResponse } from 'node:http';
import type { HttpSpeechAdapter, SpeechFraming, SpeechProvider } from '../../../providers/contract/tts';
import { httpSpeechProvider } from '../../../providers/http/speech-provider';
import { acme } from '../../support/message-adapter';
import { type ScriptedServer, scriptedServer } from '../../support/scripted-server';
import { bytesOf, failureOf, PLATFORM_KEY, speakOptions, speechCall } from '../../support/speech-call';

const audio = (text: string) => ({ audio: Buffer.from(text).toString('base64') });
const event = (message: object) => `data: ${JSON.stringify(message)}\n\n`;
const line = (message: object) => `${JSON.stringify(message)}\n`;

let server: ScriptedServer;
let provider: SpeechProvider;
let response: ServerResponse;
const begin = async (adapter: HttpSpeechAdapter, answer: (response: ServerResponse, url: string) => void) => {
  server = await scriptedServer((given, request) => {
    response = given;
    answer(given, request.url ?? '');
  });
  provider = httpSpeechProvider(adapter, { baseUrl: server.url, apiKey: PLATFORM_KEY.secret! });
  return (changes: Parameters<typeof speakOptions>[0] = {}) =>
    provider.speak(speechCall(adapter), speakOptions({ credential: PLATFORM_KEY, ...changes }));
};
afterEach(async () => {
  await provider.close();
  await server.close();
});

describe('pieces', () => {
  it.each<[SpeechFraming, (message: object) => string, object]>([
    ['events', event, { last: true }],
    ['json-lines', line, { last: true }],
  ])('of %s leave as they come, in order, and the last word ends them', async (framing, write, last) => {
    const speak = await begin(acme(framing), (given) => {
      given.write(write({ news: 'not audio' }) + write(audio('')) + write(audio('one')));
    });
    const { chunks } = await speak();
    const iterator = chunks[Symbol.asyncIterator]();
    expect(Buffer.from((await iterator.next()).value as Uint8Array).toString()).toBe('one');
    response.write(write(audio('two')) + write({ ...audio('three'), ...last }) + write(audio('after the end')));
    const rest: string[] = [];
    for (let result = await iterator.next(); !result.done; result = await iterator.next()) {
      rest.push(Buffer.from(result.value).toString());
    }
    // The body is still open: nobody waits for it.
    expect(rest).toEqual(['two', 'three']);
  });

  it('one document is the whole, with or without a last word', async () => {
    const speak = await begin(acme('json'), (given) => given.end(JSON.stringify(audio('whole'))));
    expect((await bytesOf((await speak()).chunks)).toString()).toBe('whole');
  });

  it('the end of the body is the end where the adapter says so', async () => {
    const speak = await begin(acme('json-lines', { endsWithBody: true }), (given) => given.end(line(audio('all'))));
    expect((await bytesOf((await speak()).chunks)).toString()).toBe('all');
  });

  it('what is to go before the audio goes there once', async () => {
    const preamble = () => Buffer.from('header ');
    const speak = await begin(acme('events', { preamble }), (given) =>
      given.end(event({}) + event(audio('a')) + event({ ...audio('b'), last: true })),
    );
    expect((await bytesOf((await speak()).chunks)).toString()).toBe('header ab');
  });

  it('what is to go before the audio does not stand for it', async () => {
    const preamble = () => Buffer.from('header ');
    const speak = await begin(acme('events', { preamble }), (given) => given.end(event({ last: true })));
    expect((await failureOf(speak())).kind).toBe('UNAVAILABLE');
  });
});

describe('what messages tell', () => {
  const count = (quantity: number) => ({ billedUnits: { unit: 'characters', quantity } });

  it('ids and counts of later messages are in the response once the audio has been read', async () => {
    const speak = await begin(acme('events'), (given) => {
      given.setHeader('x-id', 'of the headers');
      given.end(
        event(audio('a')) +
          event({ ...audio('b'), ...count(5), upstreamRequestId: 'up-1' }) +
          event({ ...count(9), last: true }),
      );
    });
    const spoken = await speak();
    expect(spoken).toMatchObject({ upstreamRequestId: 'of the headers', billedUnits: null });
    await bytesOf(spoken.chunks);
    expect(spoken).toMatchObject({ upstreamRequestId: 'up-1', billedUnits: { unit: 'characters', quantity: 9 } });
  });

  it('an adapter may make its own total of the last figure and the sum', async () => {
    const adapter = acme('events', { billedTotal: (last, sum) => last * 1_000 + sum });
    const speak = await begin(adapter, (given) =>
      given.end(event({ ...audio('a'), ...count(2) }) + event({ ...count(3), last: true })),
    );
    const spoken = await speak();
    await bytesOf(spoken.chunks);
    expect(spoken.billedUnits).toEqual({ unit: 'characters', quantity: 3_005 });
  });
});

describe('failures', () => {
  it.each<[string, SpeechFraming, string, object]>([
    [
      'an error first',
      'events',
      event({ error: { words: 'Out of luck' } }),
      { kind: 'UNAVAILABLE', message: expect.stringContaining('Out of luck') },
    ],
    [
      'a form that is not the documented one',
      'events',
      event({ odd: 'private words' }),
      { kind: 'REJECTED', message: expect.not.stringContaining('private') },
    ],
    ['no audio at all', 'events', event({ last: true }), { kind: 'UNAVAILABLE', retryable: true }],
    ['an end before any message', 'events', ': nothing\n\n', { kind: 'UNAVAILABLE', retryable: true }],
    ['a document without audio', 'json', '{}', { kind: 'UNAVAILABLE', retryable: true }],
  ])('%s fails speak, so that it may be retried', async (_name, framing, body, expected) => {
    const speak = await begin(acme(framing), (given) => {
      given.setHeader('x-id', 'up-1');
      given.end(body);
    });
    expect(await failureOf(speak())).toMatchObject({
      provider: 'acme',
      status: 200,
      upstreamRequestId: 'up-1',
      ...expected,
    });
  });

  it.each<[string, string, object]>([
    ['an error', event({ error: { words: 'Out of luck' } }), { kind: 'UNAVAILABLE' }],
    ['an odd message', event({ odd: true }), { kind: 'REJECTED', retryable: false }],
    ['an end before the last word', '', { kind: 'UNAVAILABLE', retryable: true }],
    ['a message that is cut', 'data: {"audio":"AAAA"', { kind: 'UNAVAILABLE', retryable: true }],
  ])('%s after audio has come fails the reader, who keeps what came', async (_name, tail, expected) => {
    const speak = await begin(acme('events'), (given) => given.end(event(audio('one')) + event(audio('two')) + tail));
    const heard: string[] = [];
    const failure = await failureOf(
      (async () => {
        for await (const chunk of (await speak()).chunks) heard.push(Buffer.from(chunk).toString());
      })(),
    );
    expect(failure).toMatchObject(expected);
    expect(heard).toEqual(['one', 'two']);
  });

  it('an error inside cuts the connection, and shows neither key nor text', async () => {
    const quoted = `${PLATFORM_KEY.secret} said: The quick brown fox jumps over the lazy dog.`;
    const speak = await begin(acme('events'), (given) => {
      given.write(event(audio('one')) + event({ error: { words: quoted } }));
    });
    const failure = await failureOf(speak().then(({ chunks }) => bytesOf(chunks)));
    expect(failure.message).toMatch(/^Acme .*: \[hidden\] said: \[hidden\]$/);
    await server.left;
  });

  it('a page for people is refused by its type', async () => {
    const speak = await begin(acme('events'), (given) => given.setHeader('content-type', 'text/html').end('<html>'));
    expect(await failureOf(speak())).toMatchObject({ kind: 'REJECTED', retryable: false });
  });

  it('more bytes than are taken are refused, whatever they say', async () => {
    const speak = await begin(acme('events'), (given) => {
      for (let piece = 0; piece < 50; piece++) given.write(event({ news: 'x'.repeat(1_000) }));
    });
    expect(await failureOf(speak({ bytesMax: 20_000 }))).toMatchObject({ kind: 'REJECTED', retryable: false });
    await server.left;
  });
});

describe('leaving', () => {
  it('cuts the connection at once, even while nothing comes', async () => {
    const speak = await begin(acme('events'), (given) => given.write(event(audio('one'))));
    const { chunks } = await speak();
    const iterator = chunks[Symbol.asyncIterator]();
    await iterator.next();
    const waiting = iterator.next();
    await iterator.return!();
    expect(await waiting).toEqual({ done: true, value: undefined });
    await server.left;
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });

  it('a signal before the first audio fails speak with CANCELLED, though bytes have come', async () => {
    const caller = new AbortController();
    const speak = await begin(acme('events'), (given) => {
      given.write(event({ news: 'soon' }));
      setImmediate(() => caller.abort());
    });
    expect((await failureOf(speak({ signal: caller.signal }))).kind).toBe('CANCELLED');
    await server.left;
  });
});
