import type { AudioFormat } from '../../../providers/contract/audio';
import type { SpeechCall, SpeechProvider } from '../../../providers/contract/tts';
import { httpSpeechProvider } from '../../../providers/http/speech-provider';
import { qwenTtsSpeech } from '../../../providers/qwen-tts/tts';
import { assembledAudio } from '../../support/assembled-audio';
import { type ProviderStub, speechMilliseconds, startProviderStub } from '../../support/provider-stub';
import { bytesOf, failureOf, PLATFORM_KEY, speakOptions, speechCall } from '../../support/speech-call';

const adapter = qwenTtsSpeech;
const TEXT = 'The quick brown fox jumps over the lazy dog.';
const GENERATION = '/api/v1/services/aigc/multimodal-generation/generation';
const options = (changes: Parameters<typeof speakOptions>[0] = {}) =>
  speakOptions({ credential: PLATFORM_KEY, ...changes });

describe('the request, field by field', () => {
  const json = { model: 'qwen3-tts-flash', input: { text: TEXT, voice: 'Cherry' } };
  const key = { authorization: `Bearer ${PLATFORM_KEY.secret}` };
  const sse = { ...key, 'x-dashscope-sse': 'enable' };
  it.each<[string, Partial<SpeechCall>, object, object]>([
    ['a WAV that is wanted whole is an address', {}, key, json],
    ['a WAV that is wanted while it is made is events', { streaming: true }, sse, json],
    ['samples are events', { format: 'PCM' }, sse, json],
    ['a voice', { voice: 'Eldric Sage' }, key, { ...json, input: { ...json.input, voice: 'Eldric Sage' } }],
    ['a language', { language: 'zh-Hant' }, key, { ...json, input: { ...json.input, language_type: 'Chinese' } }],
    [
      'a model',
      { model: adapter.models.find(({ name }) => name === 'qwen3-tts-instruct-flash')! },
      key,
      { ...json, model: 'qwen3-tts-instruct-flash' },
    ],
  ])('%s', (_name, changes, headers, body) => {
    const request = adapter.request(speechCall(adapter, changes), PLATFORM_KEY);
    expect(request).toEqual({ method: 'POST', path: GENERATION, headers, json: body });
  });
});

describe('against the stand-in', () => {
  let stub: ProviderStub;
  let provider: SpeechProvider;
  beforeAll(async () => {
    stub = await startProviderStub();
    provider = httpSpeechProvider(adapter, { baseUrl: stub.url });
  });
  afterEach(() => {
    stub.fault(null);
    stub.requests.length = 0;
  });
  afterAll(async () => {
    await provider.close();
    await stub.close();
  });
  const speak = (changes: Partial<SpeechCall> = {}) => provider.speak(speechCall(adapter, changes), options());

  it.each(
    (Object.keys(adapter.formats) as AudioFormat[]).flatMap((format) =>
      [true, false].map((streaming) => ({ format, streaming })),
    ),
  )('$format (streaming: $streaming) is that format, as long as its text, and counted', async (asked) => {
    const response = await speak(asked);
    const audio = assembledAudio(await bytesOf(response.chunks), { ...asked, sampleRate: 24_000 });
    expect(audio).toMatchObject({ sampleRate: 24_000, durationMs: speechMilliseconds(TEXT.length, 1) });
    expect(response.billedUnits).toEqual({ unit: 'characters', quantity: TEXT.length });
    expect(response.upstreamRequestId).toMatch(/^stub-\d+$/);
  });

  it('a file is fetched with its signature and without the key', async () => {
    await bytesOf((await speak()).chunks);
    const [generation, file] = stub.requests;
    expect(generation).toMatchObject({ method: 'POST', path: GENERATION });
    expect(file).toMatchObject({ method: 'GET', provider: 'qwen-tts', operation: 'audio' });
    expect(file!.query.get('Signature')).toBe('stub+signature=');
    expect(JSON.stringify(file!.headers)).not.toContain(PLATFORM_KEY.secret);
  });

  it('no error about the file tells its signature', async () => {
    stub.fault(({ operation }) =>
      operation === 'audio' ? { kind: 'answer', status: 403, body: '<Error>stub+signature=</Error>' } : undefined,
    );
    const failure = await failureOf(speak());
    expect(failure.message).not.toMatch(/Signature|stub/);
  });

  it('a Han character is two in the count, which is kept and not ours', async () => {
    const { billedUnits, chunks } = await speak({ spans: [{ kind: 'text', text: '你好 ok' }] });
    await bytesOf(chunks);
    expect(billedUnits).toEqual({ unit: 'characters', quantity: 7 });
  });

  it('the older model counts tokens, which are left out', async () => {
    const response = await speak({ model: adapter.models.find(({ name }) => name === 'qwen-tts')! });
    await bytesOf(response.chunks);
    expect(response.billedUnits).toBeNull();
  });

  it.each<[number, string, string, boolean]>([
    [400, 'InvalidParameter', 'REJECTED', false],
    [400, 'DataInspectionFailed', 'REJECTED', false],
    [401, 'InvalidApiKey', 'UNAUTHORIZED', false],
    [403, 'AccessDenied', 'UNAUTHORIZED', false],
    [403, 'Arrearage', 'UNAUTHORIZED', false],
    [404, 'ModelNotFound', 'REJECTED', false],
    [429, 'Throttling', 'UNAVAILABLE', true],
    [429, 'Throttling.RateQuota', 'UNAVAILABLE', true],
    [429, 'Throttling.AllocationQuota', 'UNAVAILABLE', true],
    [500, 'InternalError', 'UNAVAILABLE', true],
  ])('%i %s is %s, as an answer and inside one', async (status, code, kind, retryable) => {
    const body = { code, message: `About ${code}.`, request_id: 'r-1' };
    stub.fault(() => ({ kind: 'answer', status, body }));
    const failure = await failureOf(speak());
    expect(failure).toMatchObject({ provider: 'qwen-tts', kind, retryable, status, providerCode: code });
    expect(failure.message).toContain(`About ${code}.`);

    stub.fault(() => ({ kind: 'error-in-200', body }));
    expect(await failureOf(speak())).toMatchObject({ kind, retryable, providerCode: code });
    stub.fault(() => ({ kind: 'edit', edit: () => [`data: ${JSON.stringify(body)}\n\n`] }));
    expect(await failureOf(speak({ format: 'PCM' }))).toMatchObject({ kind, retryable, providerCode: code });
  });

  const event = (output: unknown, more: object = {}) => `data: ${JSON.stringify({ output, ...more })}\n\n`;
  const piece = Buffer.alloc(4_800).toString('base64');
  it.each<[string, string[], number]>([
    [
      'null, "null" and a last event with data and an address',
      [
        event({ audio: { data: piece }, finish_reason: null }),
        event({ audio: { data: piece }, finish_reason: 'null' }),
        event({ audio: { data: piece, url: 'http://x.aliyuncs.com/a.wav' }, finish_reason: 'stop' }),
      ],
      14_400,
    ],
    ['a last event without audio', [event({ audio: { data: piece } }), event({ finish_reason: 'stop' })], 4_800],
    [
      'data that is the text "null"',
      [event({ audio: { data: piece } }), event({ audio: { data: 'null' }, finish_reason: 'stop' })],
      4_800,
    ],
  ])('the stream takes %s', async (_name, events, bytes) => {
    stub.fault(() => ({ kind: 'edit', edit: () => events }));
    expect((await bytesOf((await speak({ format: 'PCM' })).chunks)).length).toBe(bytes);
  });

  it('a stream without its "stop" is a cut, and one without audio is none', async () => {
    stub.fault(() => ({ kind: 'edit', edit: () => [event({ audio: { data: piece } })] }));
    const { chunks } = await speak({ format: 'PCM' });
    expect(await failureOf(bytesOf(chunks))).toMatchObject({ kind: 'UNAVAILABLE' });
    stub.fault(() => ({ kind: 'edit', edit: () => [event({ finish_reason: 'stop' })] }));
    expect(await failureOf(speak({ format: 'PCM' }))).toMatchObject({ kind: 'UNAVAILABLE' });
  });

  it('the key is the whole of what is needed, and a refused one says so', async () => {
    stub.refusedKeys.add(PLATFORM_KEY.secret!);
    expect(await failureOf(speak())).toMatchObject({ kind: 'UNAUTHORIZED', providerCode: 'InvalidApiKey' });
    stub.refusedKeys.clear();
  });
});

it('without a base URL, audio is fetched from the hosts of the store alone', () => {
  expect(adapter.audioHosts).toEqual(['*.aliyuncs.com']);
});
