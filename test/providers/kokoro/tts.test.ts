import fc from 'fast-check';
import type { AudioFormat } from '../../../providers/contract/audio';
import { NO_CREDENTIAL } from '../../../providers/contract/credential';
import type { SpeechSpan } from '../../../providers/contract/speech-text';
import type { SpeechCall, SpeechProvider } from '../../../providers/contract/tts';
import { httpSpeechProvider } from '../../../providers/http/speech-provider';
import { kokoroSpeech } from '../../../providers/kokoro/tts';
import { assembledAudio } from '../../support/assembled-audio';
import { KOKORO_VOICES, type ProviderStub, speechMilliseconds, startProviderStub } from '../../support/provider-stub';
import { bytesOf, failureOf, speakOptions, speechCall } from '../../support/speech-call';

const adapter = kokoroSpeech;
const text = (words: string): SpeechSpan => ({ kind: 'text', text: words });
const spoken = (words: string, alphabet: string, ph: string): SpeechSpan => ({
  kind: 'text',
  text: words,
  phoneme: { alphabet, ph },
});
const requestOf = (changes: Partial<SpeechCall> = {}) => adapter.request(speechCall(adapter, changes), NO_CREDENTIAL);

describe('the request, field by field', () => {
  const json = {
    model: 'kokoro',
    input: 'The quick brown fox jumps over the lazy dog.',
    voice: 'af_heart',
    response_format: 'mp3',
    stream: false,
  };

  it.each<[string, Partial<SpeechCall>, object]>([
    ['one shot', {}, json],
    ['streaming', { streaming: true }, { ...json, stream: true }],
    ['a speed', { speed: 0.25 }, { ...json, speed: 0.25 }],
    ['a voice', { voice: 'bm_george' }, { ...json, voice: 'bm_george' }],
    ['a language', { language: 'fr' }, { ...json, lang_code: 'f' }],
  ])('%s', (_name, changes, body) => {
    expect(requestOf(changes)).toEqual({ method: 'POST', path: '/v1/audio/speech', headers: {}, json: body });
  });

  it.each<[AudioFormat, string]>([
    ['MP3', 'mp3'],
    ['OGG_OPUS', 'opus'],
    ['FLAC', 'flac'],
    ['WAV', 'wav'],
    ['PCM', 'pcm'],
  ])('%s is asked for as %s', (format, responseFormat) => {
    expect(requestOf({ format }).json).toMatchObject({ response_format: responseFormat });
  });

  it.each([
    ['en', 'af_heart', 'a'],
    ['en', 'bf_emma', 'b'],
    ['en-US', 'bf_emma', 'a'],
    ['en-GB', 'af_heart', 'b'],
    ['en-AU', 'ff_siwis', 'a'],
    ['es-MX', 'af_heart', 'e'],
    ['fr', 'af_heart', 'f'],
    ['hi', 'af_heart', 'h'],
    ['it', 'af_heart', 'i'],
    ['ja', 'af_heart', 'j'],
    ['pt', 'af_heart', 'p'],
    ['pt-BR', 'af_heart', 'p'],
    ['zh-Hans-CN', 'af_heart', 'z'],
  ])('language %s with voice %s is lang_code %s', (language, voice, code) => {
    expect(requestOf({ language, voice }).json).toMatchObject({ lang_code: code });
  });

  it('every language that is declared has a lang_code', () => {
    for (const language of adapter.models[0].languages!)
      expect(requestOf({ language }).json).toHaveProperty('lang_code');
  });
});

describe('markup', () => {
  it.each<[string, SpeechSpan[], string]>([
    ['a pause', [text('One '), { kind: 'break', milliseconds: 1_500 }, text(' two')], 'One [pause:1.5s] two'],
    ['a pause over 60 s', [text('a'), { kind: 'break', milliseconds: 90_000 }, text('b')], 'a[pause:60s]b'],
    ['a pause of nothing', [text('a'), { kind: 'break', milliseconds: 0 }, text('b')], 'ab'],
    [
      'a pronunciation',
      [text('I say '), spoken('tomato', 'ipa', 'təˈmɑːtəʊ'), text('.')],
      'I say [tomato](/təˈmɑːtəʊ/).',
    ],
    [
      'a pronunciation in another alphabet, which the server cannot read',
      [spoken('tomato', 'x-sampa', 't@"mA:t@U')],
      'tomato',
    ],
    ['a pronunciation that would break out', [spoken('to[ma]to', 'ipa', 'tə/)[pause:9s](/')], '[tomato](/təpause:9s/)'],
    ['a pronunciation whose word would make a pause', [spoken('pause:9s', 'ipa', 'x')], 'pause:9s'],
    ['a pause in plain words', [text('[pause:9s] [PAUSE:1.5s] [ pause:2s]')], '[ pause:9s] [ PAUSE:1.5s] [  pause:2s]'],
    ['a pause put together out of spans', [text('['), text('pause:9s]')], '[ pause:9s]'],
    [
      'a pronunciation in plain words',
      [text('see [the guide](/usr/) and a[0](1)')],
      'see [the guide] (/usr/) and a[0] (1)',
    ],
    ['brackets that mean nothing', [text('[sic] (and so on)')], '[sic] (and so on)'],
  ])('%s', (_name, spans, rendered) => {
    expect(adapter.render(spans)).toBe(rendered);
    expect(requestOf({ spans }).json).toMatchObject({ input: rendered });
  });

  it('plain words never hold markup, and lose nothing but gain spaces', () => {
    const words = fc.array(
      fc.constantFrom('[', ']', '(', ')', '/', 'pause', ':', '2', 's', 'PAUSE:1s', 'word', ' ', '](/x/)'),
      { maxLength: 14 },
    );
    fc.assert(
      fc.property(words, (parts) => {
        const rendered = adapter.render(parts.map(text));
        expect(rendered).not.toMatch(/\[pause:\d+(\.\d+)?s\]/i);
        expect(rendered).not.toMatch(/\[[^\]]*\]\(/);
        expect(rendered.replaceAll(' ', '')).toBe(parts.join('').replaceAll(' ', ''));
      }),
    );
  });

  it('no pronunciation holds markup of another kind', () => {
    const parts = fc.string({ unit: fc.constantFrom('[', ']', '(', ')', '/', 'pause:', '2s', ' ', 'a'), maxLength: 8 });
    fc.assert(
      fc.property(parts, parts, (word, ph) => {
        fc.pre(word.trim() !== '');
        expect(adapter.render([spoken(word, 'ipa', ph)]).replace(/^\[[^[\]]*\]\(\/[^/()[\]]*\/\)$/, '')).not.toMatch(
          /\[pause:\d+s\]|\]\(/i,
        );
      }),
    );
  });
});

describe('against the stand-in', () => {
  let stub: ProviderStub;
  let provider: SpeechProvider;
  beforeAll(async () => {
    stub = await startProviderStub();
    provider = httpSpeechProvider(adapter, { baseUrl: stub.url });
  });
  afterEach(() => stub.fault(null));
  afterAll(async () => {
    await provider.close();
    await stub.close();
  });

  const everyFormat = Object.entries(adapter.formats).flatMap(([format, offer]) =>
    [true, false].map((streaming) => ({ format: format as AudioFormat, sampleRate: offer.sampleRates[0], streaming })),
  );
  it.each(everyFormat)('$format (streaming: $streaming) is that format, and as long as its text', async (asked) => {
    const response = await provider.speak(speechCall(adapter, asked), speakOptions());
    const audio = assembledAudio(await bytesOf(response.chunks), asked);
    expect(audio.sampleRate).toBe(asked.sampleRate);
    expect(Math.abs(audio.durationMs - speechMilliseconds(44, 1))).toBeLessThanOrEqual(60);
    expect(response).toMatchObject({ upstreamRequestId: null, billedUnits: null });
  });

  it('a pause is heard, and the same words as plain text are not one', async () => {
    const lengthOf = async (spans: SpeechSpan[]) => {
      const { chunks } = await provider.speak(speechCall(adapter, { format: 'PCM', spans }), speakOptions());
      return (await bytesOf(chunks)).length / 48;
    };
    const words = await lengthOf([text('Hello there, world.')]);
    expect(
      (await lengthOf([text('Hello there,'), { kind: 'break', milliseconds: 9_000 }, text(' world.')])) - words,
    ).toBe(9_000);
    expect((await lengthOf([text('Hello there,[pause:9s] world.')])) - words).toBeLessThan(2_000);
  });

  it('lists the voices, with language and gender out of their names', async () => {
    const voices = await provider.listVoices(NO_CREDENTIAL, new AbortController().signal);
    expect(voices.map(({ id }) => id)).toEqual(KOKORO_VOICES);
    expect(voices.map(({ languages, gender }) => [languages.join(), gender])).toEqual([
      ['en-US', 'female'],
      ['en-US', 'female'],
      ['en-US', 'male'],
      ['en-GB', 'female'],
      ['en-GB', 'male'],
      ['fr', 'female'],
      ['pt-BR', 'female'],
      ['zh', 'male'],
      ['en-US', 'female'],
    ]);
    expect(adapter.voicesPage({ voices: ['af_heart', { id: 'custom', name: 'Custom' }, 7] }).voices).toMatchObject([
      { id: 'af_heart', name: 'af_heart', languages: ['en-US'] },
      { id: 'custom', name: 'Custom', languages: [], gender: null },
    ]);
  });

  const envelope = (error: string) => ({
    detail: { error, message: `About ${error}.`, type: 'invalid_request_error' },
  });
  it.each<[number, unknown, string, boolean, string]>([
    [400, envelope('validation_error'), 'REJECTED', false, 'validation_error'],
    [400, envelope('invalid_model'), 'REJECTED', false, 'invalid_model'],
    [403, envelope('permission_denied'), 'UNAUTHORIZED', false, 'permission_denied'],
    [404, envelope('not_found'), 'REJECTED', false, 'not_found'],
    [422, { detail: [{ loc: ['body', 'speed'], msg: 'About speed', type: 'range' }] }, 'REJECTED', false, 'range'],
    [500, envelope('processing_error'), 'UNAVAILABLE', true, 'processing_error'],
    [500, envelope('server_error'), 'UNAVAILABLE', true, 'server_error'],
  ])('%i %j is %s', async (status, body, kind, retryable, providerCode) => {
    stub.fault(() => ({ kind: 'answer', status, body }));
    const failure = await failureOf(provider.speak(speechCall(adapter), speakOptions()));
    expect(failure).toMatchObject({ provider: 'kokoro', kind, retryable, status, providerCode });
    expect(failure.message).toMatch(/^Kokoro .*: About /);
  });

  it('an unknown voice is REJECTED in the words of the server', async () => {
    const failure = await failureOf(provider.speak(speechCall(adapter, { voice: 'nobody' }), speakOptions()));
    expect(failure).toMatchObject({ kind: 'REJECTED', message: expect.stringContaining("Voice 'nobody' not found") });
  });
});
