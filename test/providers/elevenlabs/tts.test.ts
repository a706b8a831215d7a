import fc from 'fast-check';
import type { AudioFormat } from '../../../providers/contract/audio';
import type { SpeechSpan } from '../../../providers/contract/speech-text';
import type { SpeechCall, SpeechProvider } from '../../../providers/contract/tts';
import { elevenLabsSpeech } from '../../../providers/elevenlabs/tts';
import { httpSpeechProvider } from '../../../providers/http/speech-provider';
import { assembledAudio } from '../../support/assembled-audio';
import { openApiDocument } from '../../support/openapi';
import { type ProviderStub, speechMilliseconds, startProviderStub } from '../../support/provider-stub';
import { bytesOf, failureOf, PLATFORM_KEY, speakOptions, speechCall } from '../../support/speech-call';

const adapter = elevenLabsSpeech;
const model = (name: string) => adapter.models.find((candidate) => candidate.name === name)!;
const text = (words: string): SpeechSpan => ({ kind: 'text', text: words });
const requestOf = (changes: Partial<SpeechCall> = {}) => adapter.request(speechCall(adapter, changes), PLATFORM_KEY);

describe('the request, field by field', () => {
  const json = { text: 'The quick brown fox jumps over the lazy dog.', model_id: 'eleven_multilingual_v2' };
  const voice = '/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM';

  it.each<[string, Partial<SpeechCall>, string, object]>([
    ['one shot', {}, `${voice}?output_format=mp3_44100_128`, json],
    ['streaming', { streaming: true }, `${voice}/stream?output_format=mp3_44100_128`, json],
    [
      'WAV, which only the one-shot endpoint has',
      { streaming: true, format: 'WAV' },
      `${voice}?output_format=wav_24000`,
      json,
    ],
    ['another voice, escaped', { voice: 'a/b?c' }, '/v1/text-to-speech/a%2Fb%3Fc?output_format=mp3_44100_128', json],
    ['a speed', { speed: 1.15 }, `${voice}?output_format=mp3_44100_128`, { ...json, voice_settings: { speed: 1.15 } }],
    ['a language, which multilingual v2 refuses', { language: 'de-DE' }, `${voice}?output_format=mp3_44100_128`, json],
    [
      'a language, for a model that takes one',
      { language: 'pt-BR', model: model('eleven_flash_v2_5') },
      `${voice}?output_format=mp3_44100_128`,
      { ...json, model_id: 'eleven_flash_v2_5', language_code: 'pt' },
    ],
    [
      'a language without a two-letter code',
      { language: 'fil', model: model('eleven_v3') },
      `${voice}?output_format=mp3_44100_128`,
      { ...json, model_id: 'eleven_v3' },
    ],
  ])('%s', (_name, changes, path, body) => {
    expect(requestOf(changes)).toEqual({
      method: 'POST',
      path,
      headers: { 'xi-api-key': PLATFORM_KEY.secret },
      json: body,
    });
  });

  it.each<[AudioFormat, number, string]>([
    ['MP3', 44100, 'mp3_44100_128'],
    ['MP3', 24000, 'mp3_24000_48'],
    ['MP3', 22050, 'mp3_22050_32'],
    ['WAV', 16000, 'wav_16000'],
    ['PCM', 24000, 'pcm_24000'],
    ['PCM', 8000, 'pcm_8000'],
    ['MULAW', 8000, 'ulaw_8000'],
    ['OGG_OPUS', 48000, 'opus_48000_128'],
  ])('%s at %i Hz is %s', (format, sampleRate, outputFormat) => {
    expect(requestOf({ format, sampleRate }).path).toContain(`?output_format=${outputFormat}`);
  });

  it('without a key there is no key header', () => {
    expect(adapter.request(speechCall(adapter), { source: 'NONE', secret: null }).headers).toEqual({});
  });
});

describe('markup', () => {
  it.each<[string, SpeechSpan[], string]>([
    ['a pause', [text('One '), { kind: 'break', milliseconds: 1_500 }, text(' two')], 'One <break time="1.5s" /> two'],
    [
      'a pause over 3 s, as several',
      [text('a'), { kind: 'break', milliseconds: 7_250 }, text('b')],
      'a<break time="3s" /><break time="3s" /><break time="1.25s" />b',
    ],
    ['a pause of nothing', [text('a'), { kind: 'break', milliseconds: 0 }, text('b')], 'ab'],
    [
      'marked sentences and paragraphs',
      [
        text('a.'),
        { kind: 'boundary', level: 'sentence' },
        text('b.'),
        { kind: 'boundary', level: 'paragraph' },
        text('c.'),
      ],
      'a. b.\n\nc.',
    ],
    ['a tag in plain words', [text('say <break time="3s" /> and </p>')], 'say < break time="3s" /> and < /p>'],
    ['a tag put together out of two spans', [text('<'), text('break time="3s" />')], '< break time="3s" />'],
    [
      'a tag put together with a pause',
      [text('x <'), { kind: 'break', milliseconds: 500 }, text('y')],
      'x < <break time="0.5s" />y',
    ],
    ['comparisons and hearts', [text('1 < 2, 3<4, <3 & "quotes"')], '1 < 2, 3<4, <3 & "quotes"'],
  ])('%s', (_name, spans, rendered) => {
    expect(adapter.render(spans)).toBe(rendered);
    expect((requestOf({ spans }).json as { text: string }).text).toBe(rendered);
  });

  it('plain words never hold a tag, and lose nothing but gain spaces', () => {
    const words = fc.array(
      fc.constantFrom('<', '/', 'break', ' time="3s"', '/>', '>', 'a', '1', ' ', '!', '?', 'é', '<break time="1s"/>'),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(words, (parts) => {
        const rendered = adapter.render(parts.map(text));
        expect(rendered).not.toMatch(/<[/!?\p{L}]/u);
        expect(rendered.replaceAll(' ', '')).toBe(parts.join('').replaceAll(' ', ''));
      }),
    );
  });

  it('v3, which has no break tags, gets stage directions that are never longer than the measured text', () => {
    const spans = [
      text('a'),
      { kind: 'break', milliseconds: 200 },
      text('b'),
      { kind: 'break', milliseconds: 1_000 },
      text('c'),
      { kind: 'break', milliseconds: 9_000 },
    ] as SpeechSpan[];
    const sent = (requestOf({ spans, model: model('eleven_v3') }).json as { text: string }).text;
    expect(sent).toBe('a[short pause]b[pause]c[long pause]');
    expect(sent.length).toBeLessThanOrEqual(adapter.render(spans).length);
  });
});

describe('what the answer tells', () => {
  it.each([
    [
      'credits',
      { 'request-id': 'r1', 'character-cost': '22' },
      { upstreamRequestId: 'r1', billedUnits: { unit: 'credits', quantity: 22 } },
    ],
    [
      'characters',
      { 'x-character-count': '44' },
      { upstreamRequestId: null, billedUnits: { unit: 'characters', quantity: 44 } },
    ],
    [
      'both: credits count',
      { 'character-cost': '22', 'x-character-count': '44' },
      { upstreamRequestId: null, billedUnits: { unit: 'credits', quantity: 22 } },
    ],
    ['nonsense', { 'character-cost': 'many' }, { upstreamRequestId: null, billedUnits: null }],
  ])('%s', (_name, headers, report) => {
    expect({
      upstreamRequestId: adapter.requestIdOf(headers),
      billedUnits: adapter.billedUnits(headers, speechCall(adapter)),
    }).toEqual(report);
  });
});

describe('against the stand-in', () => {
  let stub: ProviderStub;
  let provider: SpeechProvider;
  beforeAll(async () => {
    stub = await startProviderStub();
    provider = httpSpeechProvider(adapter, { baseUrl: stub.url, apiKey: PLATFORM_KEY.secret! });
  });
  afterEach(() => stub.fault(null));
  afterAll(async () => {
    await provider.close();
    await stub.close();
  });
  const options = () => speakOptions({ credential: PLATFORM_KEY });

  const everyFormat = Object.entries(adapter.formats).flatMap(([format, offer]) =>
    offer.sampleRates.flatMap((sampleRate) =>
      [true, false].map((streaming) => ({ format: format as AudioFormat, sampleRate, streaming })),
    ),
  );
  it.each(everyFormat)(
    '$format at $sampleRate Hz (streaming: $streaming) is that format, and as long as its text',
    async (asked) => {
      const call = speechCall(adapter, asked);
      const response = await provider.speak(call, options());
      const audio = assembledAudio(await bytesOf(response.chunks), asked);
      expect(audio.sampleRate).toBe(asked.sampleRate);
      expect(Math.abs(audio.durationMs - speechMilliseconds(44, 1))).toBeLessThanOrEqual(60);
      expect(response).toMatchObject({
        upstreamRequestId: expect.stringMatching(/^stub-request-/),
        billedUnits: { unit: 'credits', quantity: 44 },
      });
    },
  );

  it.each(adapter.models.map((each) => [each.name, each] as const))(
    '%s is served, and refuses one character more than it declares',
    async (_name, each) => {
      const spans = (characters: number) => [text('a'.repeat(characters))];
      const fits = await provider.speak(
        speechCall(adapter, { model: each, language: 'en', spans: spans(100) }),
        options(),
      );
      await bytesOf(fits.chunks);
      const over = speechCall(adapter, { model: each, spans: spans(each.charactersMax + 1) });
      expect(await failureOf(provider.speak(over, options()))).toMatchObject({
        kind: 'REJECTED',
        providerCode: 'max_character_limit_exceeded',
      });
    },
  );

  it('lists every page of voices once, with tags for languages', async () => {
    const voices = await provider.listVoices(PLATFORM_KEY, new AbortController().signal);
    expect(voices).toHaveLength(123);
    expect(voices[0]).toEqual({
      id: '21m00Tcm4TlvDq8ikWAM',
      name: 'Rachel',
      languages: ['fr', 'en'],
      gender: 'female',
      description: 'A calm voice for narration.',
      previewUrl: 'https://storage.example/21m00Tcm4TlvDq8ikWAM.mp3',
    });
    expect(voices[2]).toMatchObject({ languages: [], gender: null, description: null, previewUrl: null });
  });

  it('a voice list with gaps is read as far as it goes', () => {
    const voices = [
      null,
      'x',
      { name: 'no id' },
      { voice_id: 'v', labels: { language: 'English' }, preview_url: 'javascript:alert(1)' },
    ];
    expect(adapter.voicesPage({ voices, has_more: true, next_page_token: null })).toEqual({
      voices: [{ id: 'v', name: 'v', languages: [], gender: null, description: null, previewUrl: null }],
      next: null,
    });
  });

  const current = (code: string) => ({
    detail: { type: 'some_error', code, message: `About ${code}.`, status: 'legacy', request_id: 'r', param: null },
  });
  const legacy = (status: string) => ({ detail: { status, message: `About ${status}.` } });
  it.each<[number, unknown, string, boolean, string | undefined]>([
    [400, current('max_character_limit_exceeded'), 'REJECTED', false, 'max_character_limit_exceeded'],
    [400, current('voice_not_found'), 'REJECTED', false, 'voice_not_found'],
    [401, current('invalid_api_key'), 'UNAUTHORIZED', false, 'invalid_api_key'],
    [401, legacy('quota_exceeded'), 'UNAUTHORIZED', false, 'quota_exceeded'],
    [402, current('payment_required'), 'UNAUTHORIZED', false, 'payment_required'],
    [403, legacy('only_for_creator+'), 'UNAUTHORIZED', false, 'only_for_creator+'],
    [404, current('voice_not_found'), 'REJECTED', false, 'voice_not_found'],
    [408, { detail: 'About waiting.' }, 'TIMEOUT', true, undefined],
    [422, { detail: [{ loc: ['body', 'text'], msg: 'About a field', type: 'missing' }] }, 'REJECTED', false, 'missing'],
    [429, current('rate_limit_exceeded'), 'UNAVAILABLE', true, 'rate_limit_exceeded'],
    [429, legacy('too_many_concurrent_requests'), 'UNAVAILABLE', true, 'too_many_concurrent_requests'],
    [429, current('system_busy'), 'UNAVAILABLE', true, 'system_busy'],
    [500, { detail: 'About a failure.' }, 'UNAVAILABLE', true, undefined],
    [503, 'About an outage.', 'UNAVAILABLE', true, undefined],
  ])('%i %j is %s', async (status, body, kind, retryable, providerCode) => {
    stub.fault(() => ({ kind: 'answer', status, body, headers: { 'request-id': 'up-1', 'retry-after': '2' } }));
    const failure = await failureOf(provider.speak(speechCall(adapter), options()));
    expect(failure).toMatchObject({
      provider: 'elevenlabs',
      kind,
      retryable,
      status,
      upstreamRequestId: 'up-1',
      retryAfterMs: 2_000,
    });
    expect(failure.providerCode).toBe(providerCode);
    expect(failure.message).toMatch(/^ElevenLabs .*: About /);
  });

  it('a page for people is not quoted', async () => {
    stub.fault(() => ({ kind: 'answer', status: 502, body: '<html>Bad gateway</html>' }));
    expect((await failureOf(provider.speak(speechCall(adapter), options()))).message).toBe(
      'ElevenLabs failed: HTTP 502',
    );
  });

  it('a key that is refused is UNAUTHORIZED, for speech and for voices', async () => {
    stub.refusedKeys.add('sk-revoked-0123456789');
    const credential = { source: 'REQUEST_KEY', secret: 'sk-revoked-0123456789' } as const;
    expect((await failureOf(provider.speak(speechCall(adapter), speakOptions({ credential })))).kind).toBe(
      'UNAUTHORIZED',
    );
    expect((await failureOf(provider.listVoices(credential, new AbortController().signal))).kind).toBe('UNAUTHORIZED');
  });
});

const document = openApiDocument('elevenlabs.json');
const describeWithDocument = document === null ? describe.skip : describe;
describeWithDocument("against the provider's own OpenAPI file (skipped where PROVIDER_SPECS_DIR has none)", () => {
  const oneShot = '/v1/text-to-speech/{voice_id}';

  it('every request that the declaration allows is valid', () => {
    const calls = fc.record({
      model: fc.constantFrom(...adapter.models),
      language: fc.constantFrom(null, 'en', 'de-AT', 'zh-Hans-CN', 'fil'),
      speed: fc.double({ min: adapter.speed!.min, max: adapter.speed!.max, noNaN: true }),
      streaming: fc.boolean(),
      voice: fc.constantFrom('21m00Tcm4TlvDq8ikWAM', 'ä b/c'),
      output: fc.constantFrom(
        ...Object.entries(adapter.formats).flatMap(([format, offer]) =>
          offer.sampleRates.map((sampleRate) => ({ format: format as AudioFormat, sampleRate })),
        ),
      ),
      spans: fc.array(
        fc.oneof(
          fc.string({ minLength: 1 }).map(text),
          fc.nat(10_000).map((milliseconds): SpeechSpan => ({ kind: 'break', milliseconds })),
        ),
        { minLength: 1 },
      ),
    });
    fc.assert(
      fc.property(calls, ({ output, ...rest }) => {
        const { method, path, json } = requestOf({ ...rest, ...output });
        const template = new URL(path, 'http://host').pathname.endsWith('/stream') ? `${oneShot}/stream` : oneShot;
        expect(method).toBe('POST');
        expect(document!.requestFaults('post', template, path, json)).toEqual([]);
      }),
    );
  });

  it.each([[null], ['100']])('the voices request after %s is valid', (cursor) => {
    const { path, json } = adapter.voicesRequest(cursor, PLATFORM_KEY)!;
    expect(document!.requestFaults('get', '/v2/voices', path, json)).toEqual([]);
  });

  it('the file would refuse an unknown format, field or path', () => {
    const path = '/v1/text-to-speech/voice?output_format=wav_24000';
    expect(
      document!.requestFaults('post', `${oneShot}/stream`, path.replace('?', '/stream?'), { text: 'a' }),
    ).not.toEqual([]);
    expect(document!.requestFaults('post', oneShot, path, { text: 'a', stream: true })).toEqual([
      'body.stream: unknown',
    ]);
    expect(document!.requestFaults('post', oneShot, path, {})).toEqual(['body.text: missing']);
    expect(document!.requestFaults('post', oneShot, '/v2/text-to-speech/voice', { text: 'a' })).not.toEqual([]);
  });

  it('the stand-in answers voices and validation failures in the documented form', async () => {
    const stub = await startProviderStub();
    const headers = { 'xi-api-key': 'key', 'content-type': 'application/json' };
    const voices = await fetch(`${stub.url}/v2/voices?page_size=100`, { headers });
    expect(document!.schemaFaults('GetVoicesV2ResponseModel', await voices.json())).toEqual([]);
    const refusal = await fetch(`${stub.url}/v1/text-to-speech/x`, { method: 'POST', headers, body: '{"text":1}' });
    expect(refusal.status).toBe(422);
    expect(document!.schemaFaults('HTTPValidationError', await refusal.json())).toEqual([]);
    await stub.close();
  });
});
