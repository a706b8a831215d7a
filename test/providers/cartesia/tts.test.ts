import fc from 'fast-check';
import { cartesiaSpeech as adapter } from '../../../providers/cartesia/tts';
import type { AudioFormat } from '../../../providers/contract/audio';
import type { SpeechSpan } from '../../../providers/contract/speech-text';
import type { SpeechCall } from '../../../providers/contract/tts';
import { openApiDocument } from '../../support/openapi';
import { CARTESIA_VOICES } from '../../support/provider-stub/cartesia';
import { adapterUnderTest, anyCall, requestOf, testSpeechAdapter } from '../../support/speech-adapter';
import { failureOf, PLATFORM_KEY, speakOptions, speechCall } from '../../support/speech-call';

const model = (name: string) => adapter.models.find((candidate) => candidate.name === name)!;
const text = (words: string): SpeechSpan => ({ kind: 'text', text: words });
const sent = (changes: Partial<SpeechCall> = {}) => adapter.request(speechCall(adapter, changes), PLATFORM_KEY);

describe('the request, field by field', () => {
  const json = {
    model_id: 'sonic-3.5',
    transcript: 'The quick brown fox jumps over the lazy dog.',
    voice: { mode: 'id', id: 'f786b574-daa5-4673-aa0c-cbe3e8534c02' },
    output_format: { container: 'mp3', sample_rate: 44100, bit_rate: 128000 },
  };

  it.each<[string, Partial<SpeechCall>, object]>([
    ['one shot', {}, json],
    ['streaming, which is the same', { streaming: true }, json],
    [
      'another model and voice',
      { model: model('sonic-3'), voice: 'v' },
      { ...json, model_id: 'sonic-3', voice: { mode: 'id', id: 'v' } },
    ],
    ['a language without its region', { language: 'pt-BR' }, { ...json, language: 'pt' }],
    ['Filipino, which is Tagalog there', { language: 'fil' }, { ...json, language: 'tl' }],
    ['Bokmål, which is Norwegian there', { language: 'nb-NO' }, { ...json, language: 'no' }],
    ['a speed', { speed: 1.25 }, { ...json, generation_config: { speed: 1.25 } }],
    ['a style, which is an emotion', { style: 'calm' }, { ...json, generation_config: { emotion: 'calm' } }],
    ['an older model', { model: model('sonic-2'), language: 'de' }, { ...json, model_id: 'sonic-2', language: 'de' }],
  ])('%s', (_name, changes, body) => {
    expect(sent(changes)).toEqual({
      method: 'POST',
      path: '/tts/bytes',
      headers: { 'cartesia-version': '2026-03-01', authorization: `Bearer ${PLATFORM_KEY.secret}` },
      json: body,
    });
  });

  it.each<[AudioFormat, number, object]>([
    ['MP3', 48000, { container: 'mp3', sample_rate: 48000, bit_rate: 128000 }],
    ['MP3', 22050, { container: 'mp3', sample_rate: 22050, bit_rate: 64000 }],
    ['MP3', 8000, { container: 'mp3', sample_rate: 8000, bit_rate: 64000 }],
    ['WAV', 24000, { container: 'wav', encoding: 'pcm_s16le', sample_rate: 24000 }],
    ['PCM', 16000, { container: 'raw', encoding: 'pcm_s16le', sample_rate: 16000 }],
    ['MULAW', 8000, { container: 'raw', encoding: 'pcm_mulaw', sample_rate: 8000 }],
  ])('%s at %i Hz is %j', (format, sampleRate, outputFormat) => {
    expect(sent({ format, sampleRate }).json).toMatchObject({ output_format: outputFormat });
  });

  it.each([
    ['a speed', { speed: 1.2 }],
    ['a style', { style: 'sad' }],
  ])('%s, on which a model before sonic-3 would not act, is refused before anything is sent', (_name, changes) => {
    expect(() => sent({ ...changes, model: model('sonic-turbo-2025-06-04') })).toThrow(/only since sonic-3/);
  });

  it('without a key there is no Authorization', () => {
    const { headers } = adapter.request(speechCall(adapter), { source: 'NONE', secret: null });
    expect(headers).toEqual({ 'cartesia-version': '2026-03-01' });
  });
});

it('the default model has no date of retirement, and every retired one names a successor that is served', () => {
  expect(model(adapter.defaultModel).retiredAt).toBeUndefined();
  const retired = adapter.models.filter(({ retiredAt }) => retiredAt !== undefined);
  expect(retired.map(({ name, retiredAt }) => [name, retiredAt])).toEqual([
    ['sonic', '2026-06-01'],
    ['sonic-english', '2026-06-01'],
    ['sonic-multilingual', '2026-06-01'],
    ['sonic-2-2025-03-07', '2026-06-01'],
    ['sonic-turbo-2025-03-07', '2026-06-01'],
  ]);
  for (const { successor } of retired) expect(model(successor!).retiredAt).toBeUndefined();
});

it('plain words never hold a tag, and lose nothing but gain spaces', () => {
  const words = fc.array(
    fc.constantFrom('<', '/', 'break', ' time="3s"', '/>', '>', 'a', '1', ' ', '!', 'é', '<emotion value="sad"/>'),
  );
  fc.assert(
    fc.property(words, (parts) => {
      const rendered = adapter.render(parts.map(text));
      expect(rendered).not.toMatch(/<[/!?\p{L}]/u);
      expect(rendered.replaceAll(' ', '')).toBe(parts.join('').replaceAll(' ', ''));
    }),
  );
});

testSpeechAdapter({
  adapter,
  keyHeader: 'authorization',
  keyValue: (secret) => `Bearer ${secret}`,
  errorWith: (message) => ({
    error_code: 'some_code',
    title: 'Some title',
    message,
    request_id: 'r',
    doc_url: 'https://d',
  }),
  errorInside: { kind: 'REJECTED', retryable: false },
  errors: [
    ...(
      [
        [400, 'model_not_found', 'REJECTED', false],
        [400, 'model_sunsetted', 'REJECTED', false],
        [401, 'unauthorized', 'UNAUTHORIZED', false],
        [402, 'out_of_credits', 'UNAUTHORIZED', false],
        [403, 'forbidden', 'UNAUTHORIZED', false],
        [404, 'voice_not_found', 'REJECTED', false],
        [408, 'timeout', 'TIMEOUT', true],
        [409, 'conflict', 'UNAVAILABLE', true],
        [422, 'unprocessable', 'REJECTED', false],
        [429, 'concurrency_limited', 'UNAVAILABLE', true],
        [500, 'internal', 'UNAVAILABLE', true],
        [503, 'unavailable', 'UNAVAILABLE', true],
      ] as const
    ).map(([status, code, kind, retryable]) => ({
      status,
      body: { error_code: code, title: 'A title', message: `About ${code}.`, request_id: 'r' },
      kind,
      retryable,
      code,
    })),
    {
      status: 400,
      body: { error_code: null, title: 'About a title', request_id: 'r' },
      kind: 'REJECTED',
      retryable: false,
    },
    { status: 400, body: 'Invalid model: About older versions.', kind: 'REJECTED', retryable: false },
  ],
});

describe('voices', () => {
  const under = adapterUnderTest(adapter);

  it('lists every page once, with locales for languages', async () => {
    const voices = await under.provider.listVoices(PLATFORM_KEY, new AbortController().signal);
    expect(voices.map(({ id }) => id)).toEqual(CARTESIA_VOICES.map(({ id }) => id));
    expect(voices.slice(0, 3)).toEqual([
      expect.objectContaining({
        name: 'Katie',
        languages: ['en-US', 'en-GB', 'en'],
        gender: 'female',
        previewUrl: null,
      }),
      expect.objectContaining({ name: 'Gustav', languages: ['de-DE', 'de'], gender: 'male' }),
      expect.objectContaining({ languages: ['fr'], gender: null, description: 'A voice for narration.' }),
    ]);
  });

  it('a list with gaps is read as far as it goes, and its last id is the cursor where none is named', () => {
    const data = [null, 'x', { name: 'no id' }, { id: 'v', gender: 'other' }];
    expect(adapter.voicesPage({ data, has_more: true })).toEqual({
      voices: [{ id: 'v', name: 'v', languages: [], gender: 'other', description: null, previewUrl: null }],
      next: 'v',
    });
    expect(() => adapter.voicesPage({})).toThrow(TypeError);
  });
});

it("the provider's id of the exchange is taken from its header, where there is one", async () => {
  expect(adapter.requestIdOf({ 'x-request-id': 'up-1' })).toBe('up-1');
  expect(adapter.requestIdOf({})).toBeNull();
});

describe('a retired model', () => {
  const under = adapterUnderTest(adapter);
  it('is asked for all the same, and refused with the code of the provider', async () => {
    const call = speechCall(adapter, { model: model('sonic-english') });
    const failure = await failureOf(under.provider.speak(call, speakOptions({ credential: PLATFORM_KEY })));
    expect(failure).toMatchObject({ kind: 'REJECTED', providerCode: 'model_sunsetted' });
    expect(under.stub.requests.at(-1)!.json).toMatchObject({ model_id: 'sonic-english' });
  });
});

const document = openApiDocument('cartesia.yaml');
const describeWithDocument = document === null ? describe.skip : describe;
describeWithDocument("against the provider's own OpenAPI file (skipped where PROVIDER_SPECS_DIR has none)", () => {
  const inFile = (name: string) => /^sonic-3/.test(name);

  it('every request that the declaration allows is valid, but for the names of models that the file has dropped', () => {
    fc.assert(
      fc.property(anyCall(adapter), (call) => {
        const request = requestOf(adapter, call);
        if (request === null) return;
        const json = { ...(request.json as object), ...(inFile(call.model.name) ? {} : { model_id: 'sonic-3' }) };
        expect(document!.requestFaults('post', '/tts/bytes', request.path, json)).toEqual([]);
      }),
    );
  });

  it.each([[null], ['00000000-0000-4000-8000-000000000001']])('the voices request after %s is valid', (cursor) => {
    const { path, json } = adapter.voicesRequest(cursor, PLATFORM_KEY)!;
    expect(document!.requestFaults('get', '/voices', path, json)).toEqual([]);
  });

  it('every style of the file is offered, and no other', () => {
    for (const emotion of adapter.styles!) expect(document!.schemaFaults('Emotion', emotion)).toEqual([]);
    expect(adapter.styles).toHaveLength(58);
  });

  it('the file would refuse another form of voice, an unknown field or an unknown rate', () => {
    const json = sent().json as object;
    const faults = (changes: object) =>
      document!.requestFaults('post', '/tts/bytes', '/tts/bytes', { ...json, ...changes });
    expect(faults({ voice: 'v' })).not.toEqual([]);
    expect(faults({ locale: 'en-GB' })).toEqual(['body.locale: unknown']);
    expect(faults({ output_format: { container: 'mp3', sample_rate: 32000, bit_rate: 128000 } })).not.toEqual([]);
  });
});
