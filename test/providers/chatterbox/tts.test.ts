import { chatterboxSpeech } from '../../../providers/chatterbox/tts';
import type { AudioFormat } from '../../../providers/contract/audio';
import { NO_CREDENTIAL } from '../../../providers/contract/credential';
import type { SpeechCall, SpeechProvider } from '../../../providers/contract/tts';
import { httpSpeechProvider } from '../../../providers/http/speech-provider';
import { assembledAudio } from '../../support/assembled-audio';
import {
  CHATTERBOX_LIBRARY,
  CHATTERBOX_VOICES,
  type ProviderStub,
  speechMilliseconds,
  startProviderStub,
} from '../../support/provider-stub';
import { bytesOf, failureOf, PLATFORM_KEY, speakOptions, speechCall } from '../../support/speech-call';

const adapter = chatterboxSpeech;
const multilingual = adapter.models.find(({ name }) => name === 'chatterbox-multilingual')!;
const requestOf = (changes: Partial<SpeechCall> = {}, credential = NO_CREDENTIAL) =>
  adapter.request(speechCall(adapter, changes), credential);
const TEXT = 'The quick brown fox jumps over the lazy dog.';

describe('the request, field by field', () => {
  const openAi = { model: 'chatterbox', input: TEXT, voice: 'Emily.wav', response_format: 'wav' };
  const events = { input: TEXT, voice: 'alloy', response_format: 'wav', stream_format: 'sse' };
  const own = {
    text: TEXT,
    voice_mode: 'predefined',
    predefined_voice_id: 'Emily.wav',
    output_format: 'wav',
    split_text: true,
    chunk_size: 240,
    language: 'en',
  };
  it.each<[string, Partial<SpeechCall>, string, object]>([
    ['a file', {}, '/v1/audio/speech', openAi],
    ['MP3', { format: 'MP3' }, '/v1/audio/speech', { ...openAi, response_format: 'mp3' }],
    ['Opus', { format: 'OGG_OPUS' }, '/v1/audio/speech', { ...openAi, response_format: 'opus' }],
    ['a voice', { voice: 'Ryan.wav' }, '/v1/audio/speech', { ...openAi, voice: 'Ryan.wav' }],
    ['a speed', { speed: 0.25 }, '/v1/audio/speech', { ...openAi, speed: 0.25 }],
    ['samples, which the other server streams', { format: 'PCM', streaming: true }, '/v1/audio/speech', events],
    ['samples that are wanted whole', { format: 'PCM' }, '/v1/audio/speech', events],
    [
      'a voice of the other server',
      { format: 'PCM', voice: 'narrator' },
      '/v1/audio/speech',
      { ...events, voice: 'narrator' },
    ],
    ['the multilingual model', { model: multilingual }, '/tts', own],
    [
      'a language',
      { model: multilingual, language: 'pt-BR', speed: 2, format: 'OGG_OPUS' },
      '/tts',
      { ...own, language: 'pt', speed_factor: 2, output_format: 'opus' },
    ],
  ])('%s', (_name, changes, path, json) => {
    expect(requestOf(changes)).toEqual({ method: 'POST', path, headers: {}, json });
  });

  it.each(['../voices/x.wav', 'a/b.wav', 'a\\b.wav', '..', 'a\0.wav', '/etc/passwd'])(
    'a name that leads out of the voices, %j, is never sent',
    (voice) => expect(() => requestOf({ voice })).toThrow('has no such voice'),
  );

  it.each<[string, Partial<SpeechCall>]>([
    ['speed', { speed: 2 }],
    ['language', { language: 'en' }],
  ])('what the streaming server would ignore is refused: %s', (_name, changes) => {
    expect(() => requestOf({ ...changes, format: 'PCM' })).toThrow('leave them out');
  });

  it('a key of a gateway is sent as a bearer token, whichever route', () => {
    for (const changes of [{}, { format: 'PCM' as const }, { model: multilingual }]) {
      expect(requestOf(changes, PLATFORM_KEY).headers).toEqual({ authorization: `Bearer ${PLATFORM_KEY.secret}` });
    }
  });
});

describe('against the stand-ins', () => {
  let stub: ProviderStub;
  let provider: SpeechProvider;
  beforeAll(async () => {
    stub = await startProviderStub({ only: 'chatterbox' });
    provider = httpSpeechProvider(adapter, { baseUrl: stub.url });
  });
  afterEach(() => stub.fault(null));
  afterAll(async () => {
    await provider.close();
    await stub.close();
  });

  it.each(Object.keys(adapter.formats) as AudioFormat[])(
    '%s is that format, and as long as its text',
    async (format) => {
      const call = speechCall(adapter, { format, streaming: true });
      const response = await provider.speak(call, speakOptions());
      const audio = assembledAudio(await bytesOf(response.chunks), call);
      expect(audio.sampleRate).toBe(call.sampleRate);
      expect(Math.abs(audio.durationMs - speechMilliseconds(TEXT.length, 1))).toBeLessThanOrEqual(60);
      expect(response).toMatchObject({ upstreamRequestId: null, billedUnits: null });
    },
  );

  const list = () => provider.listVoices(NO_CREDENTIAL, new AbortController().signal);
  it('lists the files of the one server', async () => {
    expect((await list()).map(({ id }) => id)).toEqual(['default', ...CHATTERBOX_VOICES]);
  });
  it('lists the library of the other, which has the list elsewhere', async () => {
    stub.fault(({ path }) => (path === '/v1/audio/voices' ? { kind: 'answer', status: 404, body: {} } : undefined));
    expect((await list()).map(({ id }) => id)).toEqual(['default', ...CHATTERBOX_LIBRARY]);
  });
  it('a list that fails otherwise is not looked for elsewhere', async () => {
    stub.fault(() => ({ kind: 'answer', status: 500, body: {} }));
    const before = stub.requests.length;
    expect(await failureOf(list())).toMatchObject({ kind: 'UNAVAILABLE' });
    expect(stub.requests.length).toBe(before + 1);
  });
  it('names that lead out of the folder are left out of the list', () => {
    expect(adapter.voicesPage({ voices: ['../x.wav', { name: 'a/b' }, 'ok.wav', 7, {}] }).voices).toMatchObject([
      { id: 'default' },
      { id: 'ok.wav', name: 'ok' },
    ]);
  });

  it.each<[number, unknown, string, boolean, string]>([
    [400, { detail: 'Text is empty' }, 'REJECTED', false, 'Text is empty'],
    [404, { detail: "Voice file 'x.wav' not found." }, 'REJECTED', false, "Voice file 'x.wav' not found."],
    [500, { detail: 'Synthesis failed' }, 'UNAVAILABLE', true, 'Synthesis failed'],
    [503, { detail: 'Model not loaded' }, 'UNAVAILABLE', true, 'Model not loaded'],
    [400, { error: { message: 'Too long', type: 'invalid_request_error' } }, 'REJECTED', false, 'Too long'],
    [500, { error: { message: 'No memory', type: 'generation_error' } }, 'UNAVAILABLE', true, 'No memory'],
    [422, { detail: [{ loc: ['body', 'input'], msg: 'too long', type: 'string' }] }, 'REJECTED', false, 'too long'],
  ])('%i %j is %s', async (status, body, kind, retryable, words) => {
    stub.fault(() => ({ kind: 'answer', status, body }));
    const failure = await failureOf(provider.speak(speechCall(adapter), speakOptions()));
    expect(failure).toMatchObject({ provider: 'chatterbox', kind, retryable, status });
    expect(failure.message).toContain(words);
  });

  const sse = (...events: unknown[]) => events.map((event) => `data: ${JSON.stringify(event)}\n\n`);
  const delta = { type: 'speech.audio.delta', audio: Buffer.alloc(4_800).toString('base64') };
  const done = { type: 'speech.audio.done', usage: {} };
  const speakEvents = async (pieces: readonly string[]): Promise<Buffer> => {
    stub.fault(() => ({ kind: 'edit', edit: () => pieces }));
    return bytesOf((await provider.speak(speechCall(adapter, { format: 'PCM' }), speakOptions())).chunks);
  };
  it('events that are not audio, comments and [DONE] are tolerated', async () => {
    const extra = [
      ': keepalive\n\n',
      ...sse({ type: 'speech.audio.info' }, { type: 'new' }, delta),
      'data: [DONE]\n\n',
    ];
    expect((await speakEvents([...extra, ...sse(delta, done)])).length).toBe(9_600);
  });
  it('an error inside the events is a failure', async () => {
    const failure = await failureOf(
      speakEvents(sse(delta, { type: 'speech.audio.error', error: { message: 'boom' } })),
    );
    expect(failure.message).toContain('boom');
  });
  it('events that end without their last are a cut', async () => {
    expect(await failureOf(speakEvents(sse(delta, delta)))).toMatchObject({ kind: 'UNAVAILABLE', retryable: true });
  });
  it('a delta without audio is no answer', async () => {
    expect(await failureOf(speakEvents(sse({ type: 'speech.audio.delta' }, done)))).toMatchObject({ kind: 'REJECTED' });
  });
});
