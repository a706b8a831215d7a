import fc from 'fast-check';
import type { AudioFormat } from '../../../providers/contract/audio';
import type { SpeechSpan } from '../../../providers/contract/speech-text';
import type { SpeechCall } from '../../../providers/contract/tts';
import { fishAudioSpeech as adapter } from '../../../providers/fish-audio/tts';
import { openApiDocument } from '../../support/openapi';
import { adapterUnderTest, anyCall, requestOf, testSpeechAdapter } from '../../support/speech-adapter';
import { bytesOf, PLATFORM_KEY, speakOptions, speechCall } from '../../support/speech-call';

const model = (name: string) => adapter.models.find((candidate) => candidate.name === name)!;
const text = (words: string): SpeechSpan => ({ kind: 'text', text: words });
const sent = (changes: Partial<SpeechCall> = {}) => adapter.request(speechCall(adapter, changes), PLATFORM_KEY);

describe('the request, field by field', () => {
  const json = {
    text: 'The quick brown fox jumps over the lazy dog.',
    reference_id: '7f92f8afb8ec43bf81429cc1c9199cb1',
    format: 'mp3',
    sample_rate: 44100,
    mp3_bitrate: 128,
  };

  it.each<[string, Partial<SpeechCall>, string, object]>([
    ['one shot', {}, 's2.1-pro', json],
    ['streaming, which is the same', { streaming: true }, 's2.1-pro', json],
    ['another model, in its header', { model: model('s2-pro') }, 's2-pro', json],
    ['another voice', { voice: 'v' }, 's2.1-pro', { ...json, reference_id: 'v' }],
    ['a speed', { speed: 1.5 }, 's2.1-pro', { ...json, prosody: { speed: 1.5 } }],
    ['a language, which it hears itself', { language: 'de' }, 's2.1-pro', json],
  ])('%s', (_name, changes, modelHeader, body) => {
    expect(sent(changes)).toEqual({
      method: 'POST',
      path: '/v1/tts',
      headers: { authorization: `Bearer ${PLATFORM_KEY.secret}`, model: modelHeader },
      json: body,
    });
  });

  it.each<[AudioFormat, number, object]>([
    ['MP3', 32000, { format: 'mp3', sample_rate: 32000, mp3_bitrate: 128 }],
    ['WAV', 16000, { format: 'wav', sample_rate: 16000 }],
    ['PCM', 24000, { format: 'pcm', sample_rate: 24000 }],
    ['OGG_OPUS', 48000, { format: 'opus', sample_rate: 48000 }],
  ])('%s at %i Hz is %j', (format, sampleRate, fields) => {
    const { text: _text, reference_id: _voice, ...rest } = sent({ format, sampleRate }).json as Record<string, unknown>;
    expect(rest).toEqual(fields);
  });

  it('s1 is served until its day, and names what follows it', () => {
    expect(model('s1')).toMatchObject({ retiredAt: '2026-12-31', successor: 's2.1-pro' });
    expect(adapter.defaultModel).toBe('s2.1-pro');
  });
});

it('plain words never change the speaker, while directions are passed on', () => {
  expect(adapter.render([text('[happy] Hi. <|speaker:1|>Me too. 1 < 2')])).toBe(
    '[happy] Hi. < |speaker:1|>Me too. 1 < 2',
  );
  fc.assert(
    fc.property(fc.array(fc.constantFrom('<', '|', 'speaker:1', '|>', ' ', 'a', '<|speaker:0|>')), (parts) => {
      const rendered = adapter.render(parts.map(text));
      expect(rendered).not.toContain('<|');
      expect(rendered.replaceAll(' ', '')).toBe(parts.join('').replaceAll(' ', ''));
    }),
  );
});

it('the count is of bytes, as the documents say, of the text as it is sent', async () => {
  const call = speechCall(adapter, { spans: [text('añ漢🎉')] });
  expect(adapter.billedUnits({}, call)).toEqual({ unit: 'bytes', quantity: 1 + 2 + 3 + 4 });
});

testSpeechAdapter({
  adapter,
  keyHeader: 'authorization',
  keyValue: (secret) => `Bearer ${secret}`,
  errorWith: (message) => ({ message, status: 400 }),
  errorInside: { kind: 'REJECTED', retryable: false },
  errors: [
    ...(
      [
        [400, 'REJECTED', false],
        [401, 'UNAUTHORIZED', false],
        [402, 'UNAUTHORIZED', false],
        [403, 'UNAUTHORIZED', false],
        [404, 'REJECTED', false],
        [429, 'UNAVAILABLE', true],
        [500, 'UNAVAILABLE', true],
        [503, 'UNAVAILABLE', true],
      ] as const
    ).map(([status, kind, retryable]) => ({ status, kind, retryable, body: { message: `About ${status}.`, status } })),
    {
      status: 401,
      body: { message: 'About a key.', status: 401, reason: 'expired' },
      kind: 'UNAUTHORIZED',
      retryable: false,
      code: 'expired',
    },
    {
      status: 422,
      body: [{ loc: ['body', 'format'], type: 'enum', msg: 'About a format', ctx: {}, in: 'body' }],
      kind: 'REJECTED',
      retryable: false,
      code: 'enum',
    },
    { status: 400, body: 'About a body that is not JSON.', kind: 'REJECTED', retryable: false },
  ],
});

describe('against the stand-in', () => {
  const under = adapterUnderTest(adapter);

  it('tells the bytes that are billed', async () => {
    const response = await under.provider.speak(speechCall(adapter), speakOptions({ credential: PLATFORM_KEY }));
    await bytesOf(response.chunks);
    expect(response).toMatchObject({ upstreamRequestId: null, billedUnits: { unit: 'bytes', quantity: 44 } });
  });

  it('lists the own voices that can speak, then ten pages of the public ones', async () => {
    const from = under.stub.requests.length;
    const voices = await under.provider.listVoices(PLATFORM_KEY, new AbortController().signal);
    expect(under.stub.requests.slice(from).map(({ query }) => query.toString())).toEqual([
      'page_size=100&page_number=1&self=true',
      ...Array.from({ length: 10 }, (_, index) => `page_size=100&page_number=${index + 1}`),
    ]);
    expect(voices).toHaveLength(1 + 999);
    expect(voices.slice(0, 2)).toEqual([
      {
        id: 'a0000000000000000000000000000001',
        name: 'Mine',
        languages: ['en', 'zh'],
        gender: 'male',
        description: 'About Mine.',
        previewUrl: 'https://platform.example/a0000000000000000000000000000001.mp3',
      },
      expect.objectContaining({ name: 'Narrator', languages: ['en'], gender: 'female' }),
    ]);
  });

  it.each([
    ['the window ends', { total: 200_000, max_offset: 200 }, 'public 2', null],
    ['nothing more is there', { total: 200 }, 'public 2', null],
    ['the service says so', { total: 200_000, has_more: false }, 'public 1', null],
    ['there is more', { total: 200_000 }, 'public 9', 'public 10'],
    ['ten pages have been read', { total: 200_000 }, 'public 10', null],
    ['own voices end, and the public ones begin', { total: 100 }, 'own 1', 'public 1'],
    ['own voices go on', { total: 101 }, 'own 1', 'own 2'],
  ])('the list goes on as far as it may: %s', (_name, page, cursor, next) => {
    const items = Array.from({ length: 100 }, (_, index) => ({ _id: `v${index}`, state: 'trained', type: 'tts' }));
    expect(adapter.voicesPage({ ...page, items }, cursor).next).toBe(next);
  });

  it('a list with gaps is read as far as it goes', () => {
    const items = [
      null,
      'x',
      { title: 'no id' },
      { _id: 'f', type: 'tts', state: 'failed' },
      { _id: 'v', type: 'tts', state: 'trained' },
    ];
    expect(adapter.voicesPage({ items }, 'public 1')).toEqual({
      voices: [{ id: 'v', name: 'v', languages: [], gender: null, description: null, previewUrl: null }],
      next: null,
    });
    expect(() => adapter.voicesPage({}, null)).toThrow(TypeError);
  });
});

const document = openApiDocument('fish-audio.json');
const describeWithDocument = document === null ? describe.skip : describe;
describeWithDocument("against the provider's own OpenAPI file (skipped where PROVIDER_SPECS_DIR has none)", () => {
  it('every request that the declaration allows is valid, its model header too', () => {
    fc.assert(
      fc.property(anyCall(adapter), (call) => {
        const { path, json, headers } = requestOf(adapter, call)!;
        expect(document!.requestFaults('post', '/v1/tts', path, json)).toEqual([]);
        expect(document!.headerFaults('post', '/v1/tts', headers)).toEqual([]);
      }),
    );
  });

  it.each([[null], ['own 2'], ['public 1'], ['public 7']])('the voices request after %s is valid', (cursor) => {
    const { path, json } = adapter.voicesRequest(cursor, PLATFORM_KEY)!;
    expect(document!.requestFaults('get', '/model', path, json)).toEqual([]);
  });

  it('the file would refuse an unknown field, format or model', () => {
    const json = sent().json as object;
    const faults = (changes: object) => document!.requestFaults('post', '/v1/tts', '/v1/tts', { ...json, ...changes });
    expect(faults({ language: 'en' })).toEqual(['body.language: unknown']);
    expect(faults({ format: 'flac' })).not.toEqual([]);
    expect(document!.headerFaults('post', '/v1/tts', { model: 'drama-3' })).not.toEqual([]);
  });
});
