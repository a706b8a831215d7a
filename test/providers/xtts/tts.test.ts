import { NO_CREDENTIAL } from '../../../providers/contract/credential';
import type { SpeechCall, SpeechProvider, SpeechQuality } from '../../../providers/contract/tts';
import { httpSpeechProvider } from '../../../providers/http/speech-provider';
import { xttsSpeech } from '../../../providers/xtts/tts';
import { assembledAudio } from '../../support/assembled-audio';
import { type ProviderStub, speechMilliseconds, startProviderStub, XTTS_SPEAKERS } from '../../support/provider-stub';
import { bytesOf, failureOf, speakOptions, speechCall } from '../../support/speech-call';

const adapter = xttsSpeech;
const TEXT = 'The quick brown fox jumps over the lazy dog.';
const CONDITIONING = { speaker_embedding: [0.1, 0.2], gpt_cond_latent: [[0.3], [0.4]] };
const requestOf = (changes: Partial<SpeechCall> = {}) =>
  adapter.request(speechCall(adapter, changes), NO_CREDENTIAL, CONDITIONING);

describe('the request, field by field', () => {
  const whole = { ...CONDITIONING, text: TEXT, language: 'en' };
  const streamed = { ...whole, add_wav_header: true, stream_chunk_size: '20' };
  it.each<[string, Partial<SpeechCall>, string, object]>([
    ['STANDARD is streamed', {}, '/tts_stream', streamed],
    ['streaming or not', { streaming: true }, '/tts_stream', streamed],
    ['samples come without a header', { format: 'PCM' }, '/tts_stream', { ...streamed, add_wav_header: false }],
    ['PREMIUM is thought through', { quality: 'PREMIUM' }, '/tts', whole],
    ['ULTRA as well', { quality: 'ULTRA', format: 'PCM' }, '/tts', whole],
    ['a language', { language: 'pt-BR' }, '/tts_stream', { ...streamed, language: 'pt' }],
    ['Chinese has a name of its own', { language: 'zh' }, '/tts_stream', { ...streamed, language: 'zh-cn' }],
  ])('%s', (_name, changes, path, json) => {
    expect(requestOf(changes)).toEqual({ method: 'POST', path, headers: {}, json });
  });

  it('each language has its own limit of characters', () => {
    const [model] = adapter.models;
    expect(Object.keys(model.charactersMaxOfLanguage!).sort()).toEqual([...model.languages!].sort());
    expect(model.charactersMaxOfLanguage).toMatchObject({ en: 250, ja: 71, zh: 82, fr: 273 });
    expect(model.languages).toHaveLength(17);
  });
});

describe('against the stand-in', () => {
  let stub: ProviderStub;
  let provider: SpeechProvider;
  beforeEach(async () => {
    stub = await startProviderStub({ only: 'xtts' });
    provider = httpSpeechProvider(adapter, { baseUrl: stub.url });
  });
  afterEach(async () => {
    await provider.close();
    await stub.close();
  });
  const speak = (changes: Partial<SpeechCall> = {}, signal = new AbortController().signal) =>
    provider.speak(speechCall(adapter, changes), speakOptions({ signal }));
  const asked = (path: string): number => stub.requests.filter((request) => request.path === path).length;

  const everything = (['STANDARD', 'PREMIUM', 'ULTRA'] as SpeechQuality[]).flatMap((quality) =>
    (['WAV', 'PCM'] as const).map((format) => ({ quality, format })),
  );
  it.each(everything)('$quality as $format is that, and as long as its text', async ({ quality, format }) => {
    const { chunks } = await speak({ quality, format, streaming: true });
    const audio = assembledAudio(await bytesOf(chunks), { format, sampleRate: 24_000 });
    expect(audio).toMatchObject({ sampleRate: 24_000, durationMs: speechMilliseconds(TEXT.length, 1) });
  });

  it('lists the studio voices, and the first as its default', async () => {
    const voices = await provider.listVoices(NO_CREDENTIAL, new AbortController().signal);
    expect(voices.map(({ id }) => id)).toEqual(['default', ...XTTS_SPEAKERS]);
  });

  it('each call carries the numbers of its voice', async () => {
    for (const voice of ['default', XTTS_SPEAKERS[2], XTTS_SPEAKERS[0]]) await bytesOf((await speak({ voice })).chunks);
    const [first, third, again] = stub.requests
      .filter(({ path }) => path === '/tts_stream')
      .map(({ json }) => (json as { speaker_embedding: number[] }).speaker_embedding);
    expect(first).toHaveLength(512);
    expect(again).toEqual(first);
    expect(third).not.toEqual(first);
  });

  it('the voices are asked for once, however many calls and lists need them at the same time', async () => {
    await Promise.all([
      ...Array.from({ length: 5 }, async () => bytesOf((await speak()).chunks)),
      provider.listVoices(NO_CREDENTIAL, new AbortController().signal),
    ]);
    expect(asked('/studio_speakers')).toBe(1);
  });

  it('a caller who leaves while they are asked for does not stop the others', async () => {
    let calls = 0;
    const leaving = new AbortController();
    stub.fault(({ path }) => (path === '/studio_speakers' && calls++ > 0 ? { kind: 'hang-up' } : undefined));
    const left = failureOf(speak({}, leaving.signal));
    const stays = speak();
    leaving.abort();
    expect(await left).toMatchObject({ kind: 'CANCELLED' });
    await bytesOf((await stays).chunks);
    expect(asked('/tts_stream')).toBe(1);
  });

  it('a list that fails is asked for again by the next call', async () => {
    stub.fault(({ path }) =>
      path === '/studio_speakers' ? { kind: 'answer', status: 500, body: 'Internal Server Error' } : undefined,
    );
    expect(await failureOf(speak())).toMatchObject({ kind: 'UNAVAILABLE', retryable: true });
    stub.fault(null);
    await bytesOf((await speak()).chunks);
  });

  it('a voice that is not there is REJECTED, and nobody is asked to speak', async () => {
    expect(await failureOf(speak({ voice: 'Nobody' }))).toMatchObject({ kind: 'REJECTED', retryable: false });
    expect(asked('/tts_stream')).toBe(0);
  });

  it('a server without studio voices has none, and says so', async () => {
    stub.fault(({ path }) => (path === '/studio_speakers' ? { kind: 'error-in-200', body: {} } : undefined));
    expect(await provider.listVoices(NO_CREDENTIAL, new AbortController().signal)).toEqual([]);
    expect(await failureOf(speak())).toMatchObject({ kind: 'REJECTED' });
  });

  it.each([null, [], 'text', 7])('speakers that are %j are no documented answer', async (body) => {
    stub.fault(({ path }) => (path === '/studio_speakers' ? { kind: 'error-in-200', body } : undefined));
    expect(await failureOf(speak())).toMatchObject({ kind: 'REJECTED' });
  });

  it.each<[number, unknown, string, boolean, string]>([
    [
      422,
      { detail: [{ loc: ['body', 'text'], msg: 'field required', type: 'value_error.missing' }] },
      'REJECTED',
      false,
      'field required (body.text)',
    ],
    [500, 'Internal Server Error', 'UNAVAILABLE', true, 'Internal Server Error'],
  ])('%i %j is %s', async (status, body, kind, retryable, words) => {
    stub.fault(({ operation }) => (operation === 'speech' ? { kind: 'answer', status, body } : undefined));
    const failure = await failureOf(speak());
    expect(failure).toMatchObject({ provider: 'xtts', kind, retryable, status });
    expect(failure.message).toContain(words);
  });

  it.each([{ audio: '' }, 'not base64 at all!', '', 'UklGRg=='])(
    'PREMIUM that answers %j is no audio',
    async (body) => {
      stub.fault(({ operation }) => (operation === 'speech' ? { kind: 'error-in-200', body } : undefined));
      expect(['REJECTED', 'UNAVAILABLE']).toContain(
        (await failureOf(speak({ quality: 'PREMIUM', format: 'PCM' }))).kind,
      );
    },
  );
});
