import type { ServerResponse } from 'node:http';
import { Agent, Dispatcher } from 'undici';
import type { HttpSpeechAdapter, SpeechProvider } from '../../../providers/contract/tts';
import { httpSpeechProvider } from '../../../providers/http/speech-provider';
import { acme } from '../../support/message-adapter';
import { type ScriptedServer, scriptedServer } from '../../support/scripted-server';
import { bytesOf, failureOf, PLATFORM_KEY, speakOptions, speechCall } from '../../support/speech-call';

let server: ScriptedServer;
let provider: SpeechProvider;
const begin = async (adapter: HttpSpeechAdapter, answer: (response: ServerResponse, url: string) => void) => {
  server = await scriptedServer((given, request) => {
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

describe('audio that lies elsewhere', () => {
  const named = (audioUrl: string) => JSON.stringify({ audioUrl, billedUnits: { unit: 'characters', quantity: 7 } });
  const answering = (audioUrl: string, answer: (given: ServerResponse, path: string) => void) =>
    begin(acme('json'), (given, path) => {
      if (path === '/speak') given.setHeader('content-type', 'application/json').end(named(audioUrl));
      else answer(given, path);
    });

  it('is fetched at its path without the key; a base URL takes the place of its host', async () => {
    const speak = await answering('https://files.acme.example/a/b.wav?Signature=s%2F1', (given) =>
      given.setHeader('content-type', 'audio/x-wav').end('the audio'),
    );
    const spoken = await speak();
    expect((await bytesOf(spoken.chunks)).toString()).toBe('the audio');
    expect(spoken.billedUnits).toEqual({ unit: 'characters', quantity: 7 });
    const [, request] = server.requests;
    expect([request!.method, request!.url]).toEqual(['GET', '/a/b.wav?Signature=s%2F1']);
    expect(JSON.stringify(request!.rawHeaders)).not.toContain(PLATFORM_KEY.secret);
  });

  it('leaves as it comes, and leaving cuts it', async () => {
    const speak = await answering('https://files.acme.example/a', (given) => {
      given.setHeader('content-type', 'audio/wav');
      given.write('first');
    });
    for await (const chunk of (await speak()).chunks) {
      expect(Buffer.from(chunk).toString()).toBe('first');
      break;
    }
    await server.left;
  });

  it.each<[string, (given: ServerResponse) => void, object]>([
    [
      'redirects',
      (given) => given.writeHead(302, { location: 'http://127.0.0.1:9/' }).end(),
      { kind: 'REJECTED', retryable: false, status: 302 },
    ],
    [
      'is gone',
      (given) => given.writeHead(404).end('<Error>Signature=s1</Error>'),
      { kind: 'UNAVAILABLE', retryable: true, status: 404 },
    ],
    [
      'is forbidden',
      (given) => given.writeHead(403).end('Signature=s1'),
      { kind: 'UNAVAILABLE', retryable: true, status: 403 },
    ],
    [
      'is a page',
      (given) => given.writeHead(200, { 'content-type': 'text/html' }).end('<html>Signature=s1'),
      { kind: 'REJECTED', retryable: false },
    ],
    [
      'is empty',
      (given) => given.writeHead(200, { 'content-type': 'audio/wav' }).end(),
      { kind: 'UNAVAILABLE', retryable: true },
    ],
    [
      'is larger than is taken',
      (given) => given.writeHead(200, { 'content-type': 'audio/wav', 'content-length': '9999999' }).write('x'),
      { kind: 'REJECTED' },
    ],
  ])('an address that %s fails speak, and is not quoted', async (_name, answer, expected) => {
    const speak = await answering('https://files.acme.example/a?Signature=s1', answer);
    const failure = await failureOf(speak({ bytesMax: 1_000_000 }).then(({ chunks }) => bytesOf(chunks)));
    expect(failure).toMatchObject({ provider: 'acme', ...expected });
    expect(failure.message).not.toMatch(/Signature|acme\.example/);
  });

  /** Sends everything to the scripted server, whatever it was meant for, and remembers that. */
  class Diverting extends Dispatcher {
    readonly origins: string[] = [];
    private readonly agent = new Agent();
    override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
      this.origins.push(String(options.origin));
      return this.agent.dispatch({ ...options, origin: server.url }, handler);
    }
    override destroy(): Promise<void> {
      return this.agent.destroy();
    }
  }

  it.each<[string, string | null]>([
    ['https://files.acme.example/a', 'https://files.acme.example'],
    ['http://files.acme.example/a', 'https://files.acme.example'],
    ['https://any.name.store.example/a', 'https://any.name.store.example'],
    ['https://store.example/a', null],
    ['https://evilstore.example/a', null],
    ['https://files.acme.example.evil.example/a', null],
    ['https://files.acme.example:8443/a', null],
    ['https://user@files.acme.example/a', null],
    ['http://127.0.0.1/a', null],
    ['https://169.254.169.254/latest', null],
    ['ftp://files.acme.example/a', null],
    ['file:///etc/passwd', null],
    ['not an address', null],
  ])('without a base URL, %s is asked of %s', async (address, origin) => {
    await answering(address, (given) => given.setHeader('content-type', 'audio/wav').end('audio'));
    const dispatcher = new Diverting();
    const adapter = acme('json');
    const direct = httpSpeechProvider(adapter, { apiKey: PLATFORM_KEY.secret!, dispatcher });
    const speaking = direct
      .speak(speechCall(adapter), speakOptions({ credential: PLATFORM_KEY }))
      .then(({ chunks }) => bytesOf(chunks));
    if (origin === null) expect(await failureOf(speaking)).toMatchObject({ kind: 'REJECTED', retryable: false });
    else expect((await speaking).toString()).toBe('audio');
    expect(dispatcher.origins).toEqual([adapter.defaultBaseUrl, ...(origin === null ? [] : [origin])]);
    await direct.close();
    await dispatcher.destroy();
  });
});

describe('a host beside the first', () => {
  const listed = { voices: [{ voice_id: 'v' }], has_more: false };
  const voicesAt = (origin: string) =>
    acme('json', { voicesRequest: () => ({ method: 'GET', origin, path: '/list', headers: {} }) });
  const signal = new AbortController().signal;

  it('is asked by its own name, through connections of its own', async () => {
    const other = await scriptedServer((given) => given.end(JSON.stringify(listed)));
    await begin(voicesAt(other.url), (given) => given.destroy());
    const direct = httpSpeechProvider({ ...voicesAt(other.url), defaultBaseUrl: server.url });
    expect(await direct.listVoices(PLATFORM_KEY, signal)).toHaveLength(1);
    expect([server.requests.length, other.requests.length]).toEqual([0, 1]);
    await direct.close();
    await other.close();
  });

  it('is replaced by a base URL like all the others, prefix included', async () => {
    await begin(voicesAt('https://elsewhere.example'), (given) => given.end(JSON.stringify(listed)));
    const behind = httpSpeechProvider(voicesAt('https://elsewhere.example'), { baseUrl: `${server.url}/gateway` });
    expect(await behind.listVoices(PLATFORM_KEY, signal)).toHaveLength(1);
    expect(server.requests.map(({ url }) => url)).toEqual(['/gateway/list']);
    await behind.close();
  });
});
