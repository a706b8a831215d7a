import fc from 'fast-check';
import type { AudioFormat } from '../../../providers/contract/audio';
import type { SpeechCall } from '../../../providers/contract/tts';
import { inworldSpeech as adapter } from '../../../providers/inworld/tts';
import { INWORLD_VOICES } from '../../support/provider-stub/inworld';
import { adapterUnderTest, anyCall, requestOf, testSpeechAdapter } from '../../support/speech-adapter';
import { bytesOf, failureOf, PLATFORM_KEY, speakOptions, speechCall } from '../../support/speech-call';

const model = (name: string) => adapter.models.find((candidate) => candidate.name === name)!;
const sent = (changes: Partial<SpeechCall> = {}) => adapter.request(speechCall(adapter, changes), PLATFORM_KEY);

describe('the request, field by field', () => {
  const json = {
    text: 'The quick brown fox jumps over the lazy dog.',
    voiceId: 'Ashley',
    modelId: 'inworld-tts-2',
    audioConfig: { audioEncoding: 'MP3', sampleRateHertz: 48000 },
  };

  it.each<[string, Partial<SpeechCall>, string, object]>([
    ['one shot', {}, '/tts/v1/voice', json],
    ['streaming', { streaming: true }, '/tts/v1/voice:stream', json],
    [
      'another model and voice',
      { model: model('inworld-tts-1.5-mini'), voice: 'v' },
      '/tts/v1/voice',
      { ...json, voiceId: 'v', modelId: 'inworld-tts-1.5-mini' },
    ],
    ['a language, with its region', { language: 'pt-BR' }, '/tts/v1/voice', { ...json, language: 'pt-BR' }],
    [
      'a speed',
      { speed: 1.25 },
      '/tts/v1/voice',
      { ...json, audioConfig: { ...json.audioConfig, speakingRate: 1.25 } },
    ],
    [
      'a style, which is a way of delivery',
      { style: 'creative' },
      '/tts/v1/voice',
      { ...json, deliveryMode: 'CREATIVE' },
    ],
  ])('%s', (_name, changes, path, body) => {
    expect(sent(changes)).toEqual({
      method: 'POST',
      path,
      headers: { authorization: `Basic ${PLATFORM_KEY.secret}` },
      json: body,
    });
  });

  it.each<[AudioFormat, number, boolean, string, object]>([
    ['MP3', 22050, true, '/tts/v1/voice:stream', { audioEncoding: 'MP3', sampleRateHertz: 22050, bitRate: 64000 }],
    ['WAV', 48000, false, '/tts/v1/voice', { audioEncoding: 'WAV', sampleRateHertz: 48000 }],
    ['WAV', 24000, true, '/tts/v1/voice:stream', { audioEncoding: 'PCM', sampleRateHertz: 24000 }],
    ['PCM', 16000, true, '/tts/v1/voice:stream', { audioEncoding: 'PCM', sampleRateHertz: 16000 }],
    ['OGG_OPUS', 48000, true, '/tts/v1/voice:stream', { audioEncoding: 'OGG_OPUS', sampleRateHertz: 48000 }],
    ['FLAC', 48000, true, '/tts/v1/voice', { audioEncoding: 'FLAC', sampleRateHertz: 48000 }],
    ['MULAW', 8000, true, '/tts/v1/voice:stream', { audioEncoding: 'MULAW', sampleRateHertz: 8000 }],
  ])('%s at %i Hz (streaming: %s) is asked of %s as %j', (format, sampleRate, streaming, path, audioConfig) => {
    expect(sent({ format, sampleRate, streaming })).toMatchObject({ path, json: { audioConfig } });
  });

  it('a style, which the models of 1.5 do not have, is refused before anything is sent', () => {
    expect(() => sent({ style: 'stable', model: model('inworld-tts-1.5-max') })).toThrow(/only since inworld-tts-2/);
  });
});

testSpeechAdapter({
  adapter,
  keyHeader: 'authorization',
  keyValue: (secret) => `Basic ${secret}`,
  errorWith: (message) => ({ error: { code: 3, message, details: [] } }),
  errorInside: { kind: 'REJECTED', retryable: false },
  tooLong: { kind: 'REJECTED', status: 400 },
  errors: [
    ...(
      [
        [400, 3, 'REJECTED', false],
        [401, 16, 'UNAUTHORIZED', false],
        [402, 8, 'UNAUTHORIZED', false],
        [403, 7, 'UNAUTHORIZED', false],
        [404, 5, 'REJECTED', false],
        [422, 3, 'REJECTED', false],
        [429, 8, 'UNAVAILABLE', true],
        [500, 13, 'UNAVAILABLE', true],
        [503, 14, 'UNAVAILABLE', true],
      ] as const
    ).map(([status, code, kind, retryable]) => ({
      status,
      kind,
      retryable,
      code: String(code),
      body: { code, message: `About ${code}.`, details: [] },
    })),
    { status: 502, body: 'About a gateway.', kind: 'UNAVAILABLE', retryable: true },
  ],
});

describe('against the stand-in', () => {
  const under = adapterUnderTest(adapter);
  const options = () => speakOptions({ credential: PLATFORM_KEY });
  const long = (changes: Partial<SpeechCall> = {}) =>
    speechCall(adapter, { streaming: true, spans: [{ kind: 'text', text: 'x'.repeat(1_500) }], ...changes });

  it('every request that the declaration allows is taken', async () => {
    const calls = fc.sample(
      anyCall(adapter, () => ['Ashley']),
      { numRuns: 60, seed: 11 },
    );
    for (const call of calls) {
      if (requestOf(adapter, call) === null || adapter.render(call.spans) === '') continue;
      await bytesOf((await under.provider.speak(call, options())).chunks);
    }
  });

  it.each([true, false])('the characters that it processed are its count (streaming: %s)', async (streaming) => {
    const response = await under.provider.speak(long({ streaming }), options());
    await bytesOf(response.chunks);
    expect(response.billedUnits).toEqual({ unit: 'characters', quantity: 1_500 });
  });

  it.each([
    ['all so far', [500, 1_000, 1_500], 1_500],
    ['each alone', [500, 500, 500], 1_500],
    ['neither, a little more than was sent', [700, 1_100, 1_520], 1_520],
  ])('figures that count %s come to what is nearest to the text', async (_name, figures, quantity) => {
    const line = (characters: number) =>
      `${JSON.stringify({ result: { audioContent: 'AAAA', usage: { processedCharactersCount: characters } } })}\n`;
    under.stub.fault(() => ({ kind: 'edit', edit: () => figures.map(line) }));
    const response = await under.provider.speak(long({ format: 'PCM', sampleRate: 8_000 }), options());
    await bytesOf(response.chunks);
    expect(response.billedUnits).toEqual({ unit: 'characters', quantity });
  });

  it.each([
    [3, 'REJECTED', false],
    [4, 'TIMEOUT', true],
    [7, 'UNAUTHORIZED', false],
    [8, 'UNAVAILABLE', true],
    [13, 'UNAVAILABLE', true],
    [14, 'UNAVAILABLE', true],
    [16, 'UNAUTHORIZED', false],
  ])('an error of gRPC code %i after audio has come fails the reader as %s', async (code, kind, retryable) => {
    const error = `${JSON.stringify({ error: { code, message: 'About the middle.', details: [] } })}\n`;
    under.stub.fault(() => ({ kind: 'edit', edit: (pieces) => [pieces[0]!, error, ...pieces.slice(1)] }));
    const response = await under.provider.speak(long(), options());
    let bytes = 0;
    const failure = await failureOf(
      (async () => {
        for await (const chunk of response.chunks) bytes += chunk.length;
      })(),
    );
    expect(failure).toMatchObject({ kind, retryable, providerCode: String(code) });
    expect(failure.message).toContain('About the middle.');
    expect(bytes).toBe(6_000);
  });

  it('a line that is cut at the end of the body is UNAVAILABLE, one that is no JSON in the middle is REJECTED', async () => {
    under.stub.fault(() => ({ kind: 'edit', edit: (pieces) => [pieces[0]!, pieces[1]!.subarray(0, 100)] }));
    const cut = await under.provider.speak(long(), options());
    expect(await failureOf(bytesOf(cut.chunks))).toMatchObject({ kind: 'UNAVAILABLE', retryable: true });
    under.stub.fault(() => ({ kind: 'edit', edit: (pieces) => [pieces[0]!, 'what is this\n', pieces[1]!] }));
    const odd = await under.provider.speak(long(), options());
    expect(await failureOf(bytesOf(odd.chunks))).toMatchObject({ kind: 'REJECTED', retryable: false });
  });

  it('lines with news but no audio are passed over', async () => {
    const news = `${JSON.stringify({ result: { timestampInfo: { wordAlignment: { words: [] } } } })}\n\n`;
    const expected = await bytesOf((await under.provider.speak(long(), options())).chunks);
    under.stub.fault(() => ({ kind: 'edit', edit: (pieces) => [news, ...pieces.flatMap((piece) => [piece, news])] }));
    const audio = await bytesOf((await under.provider.speak(long(), options())).chunks);
    expect(audio.equals(expected)).toBe(true);
  });

  it('lists voices with tags for languages, and follows pages', async () => {
    const voices = await under.provider.listVoices(PLATFORM_KEY, new AbortController().signal);
    expect(voices.map(({ id }) => id)).toEqual(INWORLD_VOICES.map(({ voiceId }) => voiceId));
    expect(voices[0]).toEqual({
      id: 'Ashley',
      name: 'Ashley',
      languages: ['en-US', 'fr-FR'],
      gender: 'female',
      description: 'About Ashley.',
      previewUrl: null,
    });
    expect(voices[2]).toMatchObject({ languages: ['de-DE'], gender: null });
    expect(adapter.voicesPage({ voices: [null, 'x', {}], nextPageToken: 'a b' })).toEqual({ voices: [], next: 'a b' });
    expect(adapter.voicesRequest('a b', PLATFORM_KEY)!.path).toBe('/voices/v1/voices?pageToken=a%20b');
    expect(() => adapter.voicesPage({})).toThrow(TypeError);
  });
});
