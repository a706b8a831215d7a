import fc from 'fast-check';
import type { AudioFormat } from '../../../providers/contract/audio';
import type { SpeechCall } from '../../../providers/contract/tts';
import { deepgramSpeech as adapter } from '../../../providers/deepgram/tts';
import { openApiDocument } from '../../support/openapi';
import { DEEPGRAM_VOICES } from '../../support/provider-stub/deepgram';
import { adapterUnderTest, anyCall, requestOf, testSpeechAdapter } from '../../support/speech-adapter';
import { bytesOf, PLATFORM_KEY, speakOptions, speechCall } from '../../support/speech-call';

const model = (name: string) => adapter.models.find((candidate) => candidate.name === name)!;
const sent = (changes: Partial<SpeechCall> = {}) => adapter.request(speechCall(adapter, changes), PLATFORM_KEY);
const flux = { model: model('flux'), voice: 'flux-alexis-en' };

describe('the request, field by field', () => {
  it.each<[string, Partial<SpeechCall>, string]>([
    ['one shot', {}, '/v1/speak?model=aura-2-thalia-en&encoding=mp3'],
    ['streaming, which is the same', { streaming: true }, '/v1/speak?model=aura-2-thalia-en&encoding=mp3'],
    [
      'another voice, which is its model',
      { voice: 'aura-2-hector-fr' },
      '/v1/speak?model=aura-2-hector-fr&encoding=mp3',
    ],
    [
      'a voice of the first Aura',
      { model: model('aura-1'), voice: 'aura-luna-en' },
      '/v1/speak?model=aura-luna-en&encoding=mp3',
    ],
    ['a voice of Flux', flux, '/v2/speak?model=flux-alexis-en&encoding=mp3'],
    ['a speed', { speed: 1.13 }, '/v1/speak?model=aura-2-thalia-en&encoding=mp3&speed=1.13'],
    [
      'a speed of Flux, in its steps',
      { ...flux, speed: 1.13 },
      '/v2/speak?model=flux-alexis-en&encoding=mp3&speed=1.15',
    ],
    [
      'a speed of Flux that is natural to its step',
      { ...flux, speed: 1.02 },
      '/v2/speak?model=flux-alexis-en&encoding=mp3',
    ],
    ['the language of the voice', { language: 'en-GB' }, '/v1/speak?model=aura-2-thalia-en&encoding=mp3'],
    ['a voice that must be escaped', { voice: 'a b&c=d' }, '/v1/speak?model=a+b%26c%3Dd&encoding=mp3'],
  ])('%s', (_name, changes, path) => {
    expect(sent(changes)).toEqual({
      method: 'POST',
      path,
      headers: { authorization: `Token ${PLATFORM_KEY.secret}` },
      json: { text: 'The quick brown fox jumps over the lazy dog.' },
    });
  });

  it.each<[AudioFormat, number, string]>([
    ['MP3', 22050, 'encoding=mp3'],
    ['WAV', 24000, 'encoding=linear16&container=wav&sample_rate=24000'],
    ['PCM', 8000, 'encoding=linear16&container=none&sample_rate=8000'],
    ['MULAW', 8000, 'encoding=mulaw&container=none&sample_rate=8000'],
    ['OGG_OPUS', 48000, 'encoding=opus&container=ogg'],
    ['FLAC', 22050, 'encoding=flac&sample_rate=22050'],
  ])('%s at %i Hz is %s, with no parameter that the encoding has not', (format, sampleRate, query) => {
    expect(sent({ format, sampleRate }).path).toBe(`/v1/speak?model=aura-2-thalia-en&${query}`);
  });

  it('a language that the voice does not speak is refused before anything is sent', () => {
    expect(() => sent({ language: 'de' })).toThrow(/speaks "en"/);
  });

  it('without a key there is no Authorization', () => {
    expect(adapter.request(speechCall(adapter), { source: 'NONE', secret: null }).headers).toEqual({});
  });
});

describe('voices and models', () => {
  it.each([
    ['aura-2-thalia-en', 'aura-2'],
    ['aura-luna-en', 'aura-1'],
    ['flux-kai-en', 'flux'],
    ['nova-3', null],
  ])('the voice %s is bound to the model %s', (voice, name) => {
    expect(adapter.modelOfVoice!(voice)).toBe(name);
  });

  it.each([
    [null, null, 'aura-2-thalia-en'],
    [null, 'es-MX', 'aura-2-celeste-es'],
    ['aura-2', 'ja', 'aura-2-izanami-ja'],
    ['aura-1', null, 'aura-asteria-en'],
    ['flux', 'en', 'flux-alexis-en'],
    [null, 'xx', null],
  ])('without a voice, the model %s in the language %s is spoken by %s', (name, language, voice) => {
    expect(adapter.voiceFor!(name, language)).toBe(voice);
  });

  it('every voice that is chosen for a language belongs to the model and speaks the language', () => {
    for (const { name, languages } of adapter.models) {
      for (const language of languages!) {
        const voice = adapter.voiceFor!(name, language)!;
        expect(adapter.modelOfVoice!(voice)).toBe(name);
        expect(voice.endsWith(`-${language}`)).toBe(true);
      }
    }
  });
});

const errors = (
  [
    [400, 'Bad Request', 'REJECTED', false],
    [400, 'INVALID_QUERY_PARAMETER', 'REJECTED', false],
    [400, 'PAYLOAD_ERROR', 'REJECTED', false],
    [401, 'INVALID_AUTH', 'UNAUTHORIZED', false],
    [402, 'ASR_PAYMENT_REQUIRED', 'UNAUTHORIZED', false],
    [403, 'INSUFFICIENT_PERMISSIONS', 'UNAUTHORIZED', false],
    [408, 'SLOW_UPLOAD', 'TIMEOUT', true],
    [413, 'Payload Too Large', 'REJECTED', false],
    [415, 'UNSUPPORTED_MEDIA_TYPE', 'REJECTED', false],
    [429, 'Too Many Requests', 'UNAVAILABLE', true],
    [500, 'INTERNAL', 'UNAVAILABLE', true],
    [503, 'UNAVAILABLE', 'UNAVAILABLE', true],
  ] as const
).map(([status, code, kind, retryable]) => ({ status, code, kind, retryable }));

testSpeechAdapter({
  adapter,
  keyHeader: 'authorization',
  keyValue: (secret) => `Token ${secret}`,
  errorWith: (message) => ({ err_code: 'Bad Request', err_msg: message, request_id: 'r' }),
  errorInside: { kind: 'REJECTED', retryable: false },
  tooLong: { kind: 'REJECTED', status: 413 },
  errors: [
    ...errors.map((error) => ({
      ...error,
      body: { err_code: error.code, err_msg: `About ${error.code}.`, request_id: 'r' },
    })),
    ...errors.map((error) => ({
      ...error,
      body: { category: error.code, message: `About ${error.code}.`, details: 'Details.', request_id: 'r' },
    })),
    { status: 503, body: 'About an outage.', kind: 'UNAVAILABLE', retryable: true },
  ],
});

describe('against the stand-in', () => {
  const under = adapterUnderTest(adapter);

  it.each([
    ['Aura-2', {}, 44],
    ['Aura-1', { model: model('aura-1'), voice: 'aura-asteria-en' }, 44],
    ['Flux', flux, 44],
  ])('%s tells its id and its count in the headers that it has for them', async (_name, changes, quantity) => {
    const response = await under.provider.speak(
      speechCall(adapter, changes),
      speakOptions({ credential: PLATFORM_KEY }),
    );
    await bytesOf(response.chunks);
    expect(response.upstreamRequestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(response.billedUnits).toEqual({ unit: 'characters', quantity });
  });

  it('lists the voices of speech, and no model of transcription', async () => {
    const voices = await under.provider.listVoices(PLATFORM_KEY, new AbortController().signal);
    expect(voices.map(({ id }) => id)).toEqual(DEEPGRAM_VOICES.map((voice) => voice.canonical_name));
    expect(voices[0]).toEqual({
      id: 'aura-2-thalia-en',
      name: 'thalia',
      languages: ['en', 'en-US'],
      gender: 'female',
      description: 'American accent',
      previewUrl: 'https://static.example/thalia.wav',
    });
    expect(voices[4]).toMatchObject({ gender: null, description: null });
  });

  it('a list with gaps is read as far as it goes', () => {
    const tts = [
      null,
      'x',
      { name: 'no id' },
      { canonical_name: 'nova-3' },
      { canonical_name: 'flux-a-en', metadata: { sample: 'ftp://x' } },
    ];
    expect(adapter.voicesPage({ tts })).toEqual({
      voices: [
        { id: 'flux-a-en', name: 'flux-a-en', languages: [], gender: null, description: null, previewUrl: null },
      ],
      next: null,
    });
    expect(() => adapter.voicesPage({})).toThrow(TypeError);
  });

  it('where the list has no voice of Flux, the documented ones stand in', () => {
    const { voices } = adapter.voicesPage({ tts: DEEPGRAM_VOICES.slice(0, 1) });
    expect(voices).toHaveLength(1 + 36);
    expect(voices.every(({ id }) => adapter.modelOfVoice!(id) !== null)).toBe(true);
    expect(voices.map(({ id }) => id)).toContain('flux-alexis-en');
  });
});

const document = openApiDocument('deepgram.yaml');
const describeWithDocument = document === null ? describe.skip : describe;
describeWithDocument("against the provider's own OpenAPI file (skipped where PROVIDER_SPECS_DIR has none)", () => {
  const VOICES: Readonly<Record<string, readonly string[]>> = {
    'aura-2': ['aura-2-thalia-en', 'aura-2-hector-fr'],
    'aura-1': ['aura-zeus-en'],
    flux: ['flux-kai-en'],
  };

  it('every request that the declaration allows is valid, but for the speed of Flux, which the file predates', () => {
    fc.assert(
      fc.property(
        anyCall(adapter, ({ name }) => VOICES[name]!),
        (call) => {
          const request = requestOf(adapter, call);
          if (request === null) return;
          const template = call.model.name === 'flux' ? '/v2/speak' : '/v1/speak';
          const faults = document!.requestFaults('post', template, request.path, request.json);
          expect(faults.filter((fault) => !(template === '/v2/speak' && fault === 'query speed: unknown'))).toEqual([]);
        },
      ),
    );
  });

  it('the voices request is valid', () => {
    const { path, json } = adapter.voicesRequest(null, PLATFORM_KEY)!;
    expect(document!.requestFaults('get', '/v1/models', path, json)).toEqual([]);
  });

  it('every voice that is chosen for a language is a model of the file', () => {
    for (const language of model('aura-2').languages!) {
      const voice = adapter.voiceFor!('aura-2', language);
      expect(document!.requestFaults('post', '/v1/speak', `/v1/speak?model=${voice}`, { text: 'a' })).toEqual([]);
    }
  });

  it('the file would refuse an unknown voice, parameter or field, and Flux without its model', () => {
    const faults = (path: string, json: unknown) =>
      document!.requestFaults('post', path.startsWith('/v2') ? '/v2/speak' : '/v1/speak', path, json);
    expect(faults('/v1/speak?model=aura-2-nobody-en', { text: 'a' })).not.toEqual([]);
    expect(faults('/v1/speak?voice=thalia', { text: 'a' })).toEqual(['query voice: unknown']);
    expect(faults('/v1/speak', { text: 'a', model: 'b' })).toEqual(['body.model: unknown']);
    expect(faults('/v2/speak', { text: 'a' })).toEqual(['query model: missing']);
  });
});
