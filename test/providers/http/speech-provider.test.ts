import { getEventListeners } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SpeechProvider } from '../../../providers/contract/tts';
import { elevenLabsSpeech } from '../../../providers/elevenlabs/tts';
import { httpSpeechProvider } from '../../../providers/http/speech-provider';
import { kokoroSpeech } from '../../../providers/kokoro/tts';
import { Gate, type ProviderStub, type StubFault, startProviderStub } from '../../support/provider-stub';
import { bytesOf, failureOf, PLATFORM_KEY, speakOptions, speechCall } from '../../support/speech-call';

let stub: ProviderStub;
let provider: SpeechProvider;

beforeEach(async () => {
  stub = await startProviderStub();
  provider = httpSpeechProvider(elevenLabsSpeech, { baseUrl: stub.url, apiKey: PLATFORM_KEY.secret! });
});

afterEach(async () => {
  await provider.close();
  await stub.close();
});

const streamed = () => speechCall(elevenLabsSpeech, { streaming: true });
const options = (changes: Parameters<typeof speakOptions>[0] = {}) =>
  speakOptions({ credential: PLATFORM_KEY, ...changes });
const failWith = (fault: StubFault) => stub.fault(() => fault);

describe('speak', () => {
  it('resolves with the first byte of audio, and that byte is the first of the chunks', async () => {
    const gate = new Gate();
    failWith({ kind: 'gated', gate });
    let answered = false;
    const speaking = provider.speak(streamed(), options()).then((response) => {
      answered = true;
      return response;
    });
    await stub.when(({ calls }) => calls === 1);
    await new Promise((resolve) => setImmediate(resolve));
    expect(answered).toBe(false);

    gate.release();
    const { chunks } = await speaking;
    const iterator = chunks[Symbol.asyncIterator]();
    const first = await iterator.next();
    expect(Buffer.from(first.value as Uint8Array).subarray(0, 2)).toEqual(Buffer.from([0xff, 0xfb]));
    gate.open();
    let rest = await iterator.next();
    while (!rest.done) rest = await iterator.next();
    expect(stub.aborted).toBe(0);
  });

  it('gives every byte once and in order to a reader that is slower than the provider', async () => {
    const long = speechCall(elevenLabsSpeech, {
      spans: [{ kind: 'text', text: 'x'.repeat(2_000) }],
      format: 'PCM',
      sampleRate: 24_000,
      streaming: true,
    });
    const whole = await bytesOf((await provider.speak(long, options())).chunks);
    const pieces: Uint8Array[] = [];
    for await (const chunk of (await provider.speak(long, options())).chunks) {
      pieces.push(chunk);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(whole.length).toBe(2_000 * 60 * 48);
    expect(Buffer.concat(pieces).equals(whole)).toBe(true);
  });

  it('keeps connections for the calls that follow, and lets no call wait behind another', async () => {
    for (let turn = 0; turn < 20; turn++) await bytesOf((await provider.speak(streamed(), options())).chunks);
    // Two, not one: a call may begin in the moment in which the connection of the last is being put away.
    expect(stub.connections).toBeLessThanOrEqual(2);

    const gate = new Gate();
    failWith({ kind: 'gated', gate });
    const speaking = Array.from({ length: 50 }, () => provider.speak(streamed(), options()));
    await stub.when(({ calls }) => calls === 70);
    gate.open();
    const lengths = await Promise.all(
      speaking.map(async (response) => (await bytesOf((await response).chunks)).length),
    );
    expect(new Set(lengths).size).toBe(1);
  });

  it('keeps a path of the base URL as a prefix of every documented path', async () => {
    const behind = httpSpeechProvider(elevenLabsSpeech, { baseUrl: `${stub.url}/gateway/`, apiKey: 'key' });
    await failureOf(behind.speak(streamed(), options()));
    await failureOf(behind.listVoices(PLATFORM_KEY, new AbortController().signal));
    expect(stub.requests.map(({ path }) => path)).toEqual([
      `/gateway/v1/text-to-speech/${elevenLabsSpeech.defaultVoice}/stream`,
      '/gateway/v2/voices',
    ]);
    await behind.close();
  });
});

describe('cancelling', () => {
  it('leaving the loop cuts the connection at once', async () => {
    const gate = new Gate();
    gate.release();
    failWith({ kind: 'gated', gate });
    for await (const _ of (await provider.speak(streamed(), options())).chunks) break;
    await stub.when(({ aborted }) => aborted === 1);
  });

  it('a signal in the middle of the audio cuts the connection and fails the reader with CANCELLED', async () => {
    const gate = new Gate();
    gate.release();
    failWith({ kind: 'gated', gate });
    const caller = new AbortController();
    const { chunks } = await provider.speak(streamed(), options({ signal: caller.signal }));
    const reading = failureOf(bytesOf(chunks));
    caller.abort();
    expect(await reading).toMatchObject({ kind: 'CANCELLED', retryable: false });
    await stub.when(({ aborted }) => aborted === 1);
  });

  it('a signal before the first byte fails speak with CANCELLED and cuts the connection', async () => {
    failWith({ kind: 'stall-before-headers' });
    const caller = new AbortController();
    const speaking = failureOf(provider.speak(streamed(), options({ signal: caller.signal })));
    await stub.when(({ calls }) => calls === 1);
    caller.abort();
    expect((await speaking).kind).toBe('CANCELLED');
    await stub.when(({ aborted }) => aborted === 1);
  });

  it('a signal that was aborted before the call calls nobody', async () => {
    const failure = await failureOf(provider.speak(streamed(), options({ signal: AbortSignal.abort() })));
    expect(failure.kind).toBe('CANCELLED');
    await bytesOf((await provider.speak(streamed(), options())).chunks);
    expect(stub.calls).toBe(1);
  });

  it('a signal while the connection is being made sends nothing', async () => {
    const caller = new AbortController();
    const speaking = failureOf(provider.speak(streamed(), options({ signal: caller.signal })));
    caller.abort();
    expect((await speaking).kind).toBe('CANCELLED');
    await bytesOf((await provider.speak(streamed(), options())).chunks);
    expect(stub.calls).toBe(1);
  });

  it('a signal after the whole answer was read changes nothing, and leaves no listener behind', async () => {
    const caller = new AbortController();
    const { chunks } = await provider.speak(streamed(), options({ signal: caller.signal }));
    expect((await bytesOf(chunks)).length).toBeGreaterThan(0);
    expect(getEventListeners(caller.signal, 'abort')).toEqual([]);
    caller.abort();
    expect(stub.aborted).toBe(0);
  });
});

describe('answers that are not what was promised', () => {
  const cases: readonly [string, StubFault, object][] = [
    ['an empty body', { kind: 'empty' }, { kind: 'UNAVAILABLE', retryable: true }],
    ['a connection closed without an answer', { kind: 'hang-up' }, { kind: 'UNAVAILABLE', retryable: true }],
    [
      'a 200 of text',
      { kind: 'content-type', type: 'text/plain' },
      { kind: 'REJECTED', retryable: false, status: 200 },
    ],
    [
      'a 200 of HTML',
      { kind: 'content-type', type: 'text/html; charset=utf-8' },
      { kind: 'REJECTED', retryable: false },
    ],
    [
      'a 200 with an error inside',
      { kind: 'error-in-200', body: { detail: { code: 'quota_exceeded', message: 'Out of credits' } } },
      {
        kind: 'REJECTED',
        retryable: false,
        providerCode: 'quota_exceeded',
        message: expect.stringContaining('Out of credits'),
      },
    ],
    [
      'a redirect, which is not followed',
      { kind: 'answer', status: 302, headers: { location: 'http://127.0.0.1:9/' } },
      { kind: 'REJECTED', retryable: false, status: 302 },
    ],
    [
      'compressed audio, which was not asked for',
      { kind: 'answer', status: 200, body: 'x', headers: { 'content-type': 'audio/mpeg', 'content-encoding': 'gzip' } },
      { kind: 'REJECTED', retryable: false },
    ],
  ];

  it.each(cases)('%s fails speak, after one call', async (_name, fault, expected) => {
    failWith(fault);
    expect(await failureOf(provider.speak(streamed(), options()))).toMatchObject({
      provider: 'elevenlabs',
      ...expected,
    });
    expect(stub.calls).toBe(1);
  });

  it.each([
    ['audio/mpeg', 'audio/mpeg'],
    ['audio of another spelling and with parameters', 'Audio/MPEG; charset=binary'],
    ['plain bytes', 'application/octet-stream'],
    ['no type at all', null],
  ])('%s is taken for audio', async (_name, type) => {
    failWith({ kind: 'content-type', type });
    expect((await bytesOf((await provider.speak(streamed(), options())).chunks)).length).toBeGreaterThan(0);
  });

  it('audio that is cut in the middle fails the reader with UNAVAILABLE after the bytes that came', async () => {
    failWith({ kind: 'cut-mid-body' });
    const { chunks } = await provider.speak(streamed(), options());
    let bytes = 0;
    const failure = await failureOf(
      (async () => {
        for await (const chunk of chunks) bytes += chunk.length;
      })(),
    );
    expect(failure).toMatchObject({ kind: 'UNAVAILABLE', retryable: true });
    expect(bytes).toBeGreaterThan(0);
  });

  it('silence before the first byte is TIMEOUT, and the connection is cut', async () => {
    failWith({ kind: 'stall-before-headers' });
    const failure = await failureOf(provider.speak(streamed(), options({ firstByteTimeoutMs: 30 })));
    expect(failure).toMatchObject({ kind: 'TIMEOUT', retryable: true });
    await stub.when(({ aborted }) => aborted === 1);
  });

  it('headers without a body are no first byte', async () => {
    failWith({ kind: 'gated', gate: new Gate() });
    const failure = await failureOf(provider.speak(streamed(), options({ firstByteTimeoutMs: 30 })));
    expect(failure.kind).toBe('TIMEOUT');
  });

  it('silence in the middle is TIMEOUT, and the connection is cut', async () => {
    failWith({ kind: 'stall-mid-body' });
    const { chunks } = await provider.speak(streamed(), options({ idleTimeoutMs: 30 }));
    expect(await failureOf(bytesOf(chunks))).toMatchObject({ kind: 'TIMEOUT', retryable: true });
    await stub.when(({ aborted }) => aborted === 1);
  });

  it('an endless body is REJECTED at the limit, and the connection is cut', async () => {
    failWith({ kind: 'endless' });
    const { chunks } = await provider.speak(streamed(), options({ bytesMax: 1_000_000 }));
    let bytes = 0;
    const failure = await failureOf(
      (async () => {
        for await (const chunk of chunks) bytes += chunk.length;
      })(),
    );
    expect(failure).toMatchObject({ kind: 'REJECTED', retryable: false });
    expect(bytes).toBeLessThanOrEqual(1_000_000);
    await stub.when(({ aborted }) => aborted === 1);
  });

  it('an endless body that nobody reads is held back, and ends with its signal', async () => {
    failWith({ kind: 'endless' });
    const caller = new AbortController();
    const { chunks } = await provider.speak(
      streamed(),
      options({ signal: caller.signal, bytesMax: Number.MAX_SAFE_INTEGER }),
    );
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    caller.abort();
    expect((await failureOf(bytesOf(chunks))).kind).toBe('CANCELLED');
    await stub.when(({ aborted }) => aborted === 1);
  });

  it('a length that is announced over the limit is REJECTED before any of it is read', async () => {
    const failure = await failureOf(provider.speak(speechCall(elevenLabsSpeech), options({ bytesMax: 100 })));
    expect(failure).toMatchObject({ kind: 'REJECTED', retryable: false });
  });

  it.each([
    ['is longer than what is read of it', 'x'.repeat(100_000), {}],
    ['never ends', 'x', { firstByteTimeoutMs: 500 }],
  ])('a refusal keeps its meaning when its body %s', async (_name, body, limits) => {
    const server = await listen((answer) => {
      answer.writeHead(429, { 'content-type': 'application/json', 'retry-after': '3' });
      answer.write(`{"detail":"${body}`);
    });
    const stalled = httpSpeechProvider(elevenLabsSpeech, { baseUrl: server.url, apiKey: 'key' });
    expect(await failureOf(stalled.speak(streamed(), options(limits)))).toMatchObject({
      kind: 'UNAVAILABLE',
      retryable: true,
      status: 429,
      retryAfterMs: 3_000,
    });
    await stalled.close();
    await server.close();
  });
});

describe('secrets', () => {
  const secret = 'sk-own-key/0123456789+abcdef';
  const text = 'a confidential sentence about the merger';

  it.each([
    ['in the words', (echo: string) => ({ detail: { code: 'bad', message: `You sent ${echo} and ${text}.` } })],
    ['in the code', (echo: string) => ({ detail: { code: echo, message: 'no' } })],
    ['in bare text', (echo: string) => `no such key: ${echo}`],
    ['across the end of what is shown', (echo: string) => ({ detail: `${'x'.repeat(430)}${echo}` })],
  ])('the key and the text that a provider quotes back are cut out: %s', async (_name, body) => {
    stub.fault(({ headers }) => ({ kind: 'answer', status: 400, body: body(String(headers['xi-api-key'])) }));
    const call = speechCall(elevenLabsSpeech, { spans: [{ kind: 'text', text }] });
    const failure = await failureOf(provider.speak(call, options({ credential: { source: 'REQUEST_KEY', secret } })));
    const shown = JSON.stringify({ ...failure, message: failure.message, stack: failure.stack });
    expect(shown).not.toContain('0123456789');
    expect(shown).not.toContain('merger');
    expect(failure.message.length).toBeLessThanOrEqual(500);
  });

  it.each([
    ['a line end', 'key\r\nx-injected: yes'],
    ['a space', 'two words'],
    ['nothing', ''],
    ['a letter outside ASCII', 'clé'],
  ])('a key that holds %s is UNAUTHORIZED, and nobody is called', async (_name, broken) => {
    const credential = { source: 'REQUEST_KEY', secret: broken } as const;
    expect((await failureOf(provider.speak(streamed(), options({ credential })))).kind).toBe('UNAUTHORIZED');
    expect((await failureOf(provider.listVoices(credential, new AbortController().signal))).kind).toBe('UNAUTHORIZED');
    expect(stub.requests).toEqual([]);
  });
});

describe('listVoices', () => {
  const signal = new AbortController().signal;

  it.each([
    ['a body that is not JSON', 'voices'],
    ['a document without voices', { items: [] }],
    ['null', null],
  ])('%s is REJECTED', async (_name, body) => {
    failWith({ kind: 'answer', status: 200, body, headers: { 'content-type': 'application/json' } });
    expect(await failureOf(provider.listVoices(PLATFORM_KEY, signal))).toMatchObject({
      kind: 'REJECTED',
      retryable: false,
    });
  });

  it('follows pages up to 50, and never in a circle', async () => {
    stub.fault(({ query }) => {
      const page = Number(query.get('next_page_token') ?? 0);
      const voices = [{ voice_id: `voice ${page}`, name: 'Voice' }];
      return { kind: 'answer', status: 200, body: { voices, has_more: true, next_page_token: String(page + 1) } };
    });
    expect(await provider.listVoices(PLATFORM_KEY, signal)).toHaveLength(50);
    expect(stub.requests).toHaveLength(50);

    failWith({
      kind: 'answer',
      status: 200,
      body: { voices: [{ voice_id: 'one' }], has_more: true, next_page_token: 'same' },
    });
    expect(await provider.listVoices(PLATFORM_KEY, signal)).toHaveLength(1);
    expect(stub.requests).toHaveLength(52);
  });

  it('ends at 5,000 voices', async () => {
    stub.fault(({ query }) => {
      const page = Number(query.get('next_page_token') ?? 0);
      const voices = Array.from({ length: 900 }, (_, index) => ({ voice_id: `${page}-${index}` }));
      return { kind: 'answer', status: 200, body: { voices, has_more: true, next_page_token: String(page + 1) } };
    });
    expect(await provider.listVoices(PLATFORM_KEY, signal)).toHaveLength(5_000);
    expect(stub.requests).toHaveLength(6);
  });

  it('is cancelled by its signal', async () => {
    failWith({ kind: 'stall-before-headers' });
    const caller = new AbortController();
    const listing = failureOf(provider.listVoices(PLATFORM_KEY, caller.signal));
    await stub.when(({ requests }) => requests.length === 1);
    caller.abort();
    expect((await listing).kind).toBe('CANCELLED');
    await stub.when(({ aborted }) => aborted === 1);
  });
});

describe('configuration', () => {
  it.each([
    ['a hosted provider without a key', elevenLabsSpeech, {}, false, null],
    ['a hosted provider with a key', elevenLabsSpeech, { apiKey: 'key' }, true, { source: 'PLATFORM', secret: 'key' }],
    ['an empty key', elevenLabsSpeech, { apiKey: '' }, false, null],
    ['a self-hosted provider without an address', kokoroSpeech, { apiKey: 'key' }, false, null],
    [
      'a self-hosted provider with an address',
      kokoroSpeech,
      { baseUrl: 'http://kokoro:8880' },
      true,
      { source: 'NONE', secret: null },
    ],
  ])('%s', async (_name, adapter, settings, configured, credential) => {
    const made = httpSpeechProvider(adapter, settings);
    expect([made.configured, made.platformCredential]).toEqual([configured, credential]);
    await made.close();
  });

  it('a self-hosted provider without an address names the setting that it needs', async () => {
    const made = httpSpeechProvider(kokoroSpeech);
    const failure = await failureOf(made.speak(speechCall(kokoroSpeech), speakOptions()));
    expect(failure).toMatchObject({
      kind: 'UNAVAILABLE',
      retryable: false,
      message: expect.stringContaining('KOKORO_BASE_URL'),
    });
  });

  it.each([
    ['not a url'],
    ['ftp://host'],
    ['https://user:secret@host'],
    ['https://host?key=secret'],
    ['https://host/#secret'],
  ])('a base URL like %s is refused by the name of its setting, without its value', (baseUrl) => {
    expect(() => httpSpeechProvider(elevenLabsSpeech, { baseUrl })).toThrow(/^ELEVENLABS_BASE_URL (?!.*secret)/);
  });

  it('a server that cannot be reached is UNAVAILABLE', async () => {
    const server = await listen(() => undefined);
    await server.close();
    const gone = httpSpeechProvider(elevenLabsSpeech, { baseUrl: server.url, apiKey: 'key' });
    expect(await failureOf(gone.speak(streamed(), options()))).toMatchObject({ kind: 'UNAVAILABLE', retryable: true });
    await gone.close();
  });
});

async function listen(answer: (response: ServerResponse) => void): Promise<{ url: string; close(): Promise<void> }> {
  const server: Server = createServer((_request, response) => answer(response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
