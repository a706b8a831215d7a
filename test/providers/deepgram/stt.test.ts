import { deepgramTranscription as adapter } from '../../../providers/deepgram/stt';
import { openApiDocument } from '../../support/openapi';
import { PLATFORM_KEY } from '../../support/speech-call';
import { audioOf, transcriptionCall } from '../../support/transcription-call';
import { transcriptionSuite } from '../support/transcription-suite';

type Changes = Parameters<typeof transcriptionCall>[1];
const BASE = { model: 'nova-3', smart_format: 'true' };

describe('the request, parameter by parameter', () => {
  it.each<[string, Changes, Readonly<Record<string, string>>]>([
    ['the default: the model is always named, the language detected', {}, { ...BASE, detect_language: 'true' }],
    ['a language with its region', { language: 'zh-tw' }, { ...BASE, language: 'zh-TW' }],
    ['a model of English alone', { model: 'nova-3-medical' }, { ...BASE, model: 'nova-3-medical', language: 'en' }],
    [
      'speakers, by the newer of the two switches',
      { language: 'en', diarize: true },
      { ...BASE, language: 'en', diarize_model: 'latest', utterances: 'true' },
    ],
    ['segments', { language: 'en', timestamps: 'SEGMENT' }, { ...BASE, language: 'en', utterances: 'true' }],
    ['words', { language: 'en', timestamps: 'WORD' }, { ...BASE, language: 'en', utterances: 'true' }],
  ])('%s', (_name, changes, query) => {
    const call = transcriptionCall(adapter, changes);
    const request = adapter.request(call, PLATFORM_KEY);
    const url = new URL(request.path, 'http://host');
    expect(url.pathname).toBe('/v1/listen');
    expect(Object.fromEntries(url.searchParams)).toEqual(query);
    expect(request).toMatchObject({ method: 'POST', headers: { authorization: `Token ${PLATFORM_KEY.secret}` } });
    expect(request.form).toBeUndefined();
    expect(request.bytes).toBe(call.audio);
  });

  it('the body has the type of the audio, or that of any bytes', async () => {
    const call = transcriptionCall(adapter, { audio: audioOf(Buffer.from('fLaC'), 'FLAC', 'audio/flac') });
    expect(adapter.request(call, PLATFORM_KEY).bytes).toMatchObject({ contentType: 'audio/flac', sizeBytes: 4 });
  });
});

describe('answers', () => {
  const read = (body: unknown) => adapter.transcript(body, {}, transcriptionCall(adapter, { durationMs: 5_000 }));
  const answer = (alternative: object, results: object = {}) => ({
    metadata: { request_id: 'r-1', duration: 5.02, channels: 1 },
    results: { channels: [{ detected_language: 'es', alternatives: [alternative] }], ...results },
  });

  it('words with punctuation and speakers, utterances as segments', () => {
    const words = [
      {
        word: 'hola',
        start: 0.1,
        end: 0.4,
        confidence: 0.99,
        punctuated_word: 'Hola,',
        speaker: 0,
        speaker_confidence: 0.5,
      },
      { word: 'ana', start: 0.4, end: 0.8, confidence: 0.8, speaker: 1 },
    ];
    const utterances = [
      { id: 'u', start: 0.1, end: 0.8, confidence: 0.9, channel: 0, transcript: 'Hola, ana', words, speaker: 0 },
    ];
    expect(read(answer({ transcript: 'Hola, ana', confidence: 0.9, words }, { utterances }))).toEqual({
      text: 'Hola, ana',
      language: 'es',
      segments: [{ startSeconds: 0.1, endSeconds: 0.8, text: 'Hola, ana', speaker: 'speaker_0', confidence: 0.9 }],
      words: [
        { startSeconds: 0.1, endSeconds: 0.4, text: 'Hola,', speaker: 'speaker_0', confidence: 0.99 },
        { startSeconds: 0.4, endSeconds: 0.8, text: 'ana', speaker: 'speaker_1', confidence: 0.8 },
      ],
      billedUnits: { unit: 'seconds', quantity: 5.02 },
      upstreamRequestId: 'r-1',
    });
  });

  it('silence: an empty transcript without words', () => {
    expect(read(answer({ transcript: '', confidence: 0, words: [] }))).toMatchObject({
      text: '',
      words: [],
      segments: [],
    });
  });

  it.each([
    ['no channels', { metadata: {}, results: { channels: [] } }],
    ['no results', { metadata: { duration: 1 } }],
    ['the receipt of a request that is answered elsewhere', { request_id: 'r-2' }],
  ])('an answer with %s is none', (_name, body) => {
    expect(() => read(body)).toThrow(TypeError);
  });

  it.each([
    [1.2, null],
    [-0.1, null],
    ['0.9', null],
    [0, 0],
  ])('a confidence of %j is %j', (confidence, expected) => {
    const words = [{ word: 'a', start: 0, end: 1, confidence }];
    expect(read(answer({ transcript: 'a', words })).words[0]!.confidence).toBe(expected);
  });
});

const legacy = (err_code: string, err_msg: string) => ({ err_code, err_msg, request_id: 'r-3' });
const document = openApiDocument('deepgram.yaml');
transcriptionSuite({
  adapter,
  keyHeader: 'authorization',
  // The document knows a body with an address alone: path and query are held against it.
  faultsOf:
    document &&
    (({ path }) => document.requestFaults('post', '/v1/listen', path, { url: 'https://host.example/a.wav' })),
  errors: [
    {
      name: '400 in the newer form',
      status: 400,
      body: { category: 'INVALID_QUERY_PARAMETER', message: 'Unknown parameter', details: 'x', request_id: 'r' },
      expected: { kind: 'REJECTED', retryable: false, providerCode: 'INVALID_QUERY_PARAMETER' },
      says: 'Unknown parameter',
    },
    {
      name: '400 in plain text',
      status: 400,
      body: 'bad audio',
      expected: { kind: 'REJECTED', retryable: false },
      says: 'bad audio',
    },
    {
      name: '402, an account without credit',
      status: 402,
      body: legacy('ASR_PAYMENT_REQUIRED', 'Project does not have enough credits'),
      expected: { kind: 'UNAUTHORIZED', retryable: false, providerCode: 'ASR_PAYMENT_REQUIRED' },
    },
    {
      name: '403',
      status: 403,
      body: legacy('INSUFFICIENT_PERMISSIONS', 'no'),
      expected: { kind: 'UNAUTHORIZED', retryable: false },
    },
    { name: '408', status: 408, body: '', expected: { kind: 'TIMEOUT', retryable: true } },
    { name: '411', status: 411, body: '', expected: { kind: 'REJECTED', retryable: false } },
    {
      name: '413',
      status: 413,
      body: legacy('PAYLOAD_TOO_LARGE', 'big'),
      expected: { kind: 'REJECTED', retryable: false },
    },
    {
      name: '422 of an interrupted upload, which may be sent again',
      status: 422,
      body: legacy('ASR_UNPROCESSABLE_ENTITY', 'The upload was interrupted'),
      expected: { kind: 'UNAVAILABLE', retryable: true },
    },
    {
      name: '422 of anything else',
      status: 422,
      body: legacy('OTHER', 'no'),
      expected: { kind: 'REJECTED', retryable: false },
    },
    {
      name: '429',
      status: 429,
      body: legacy('TOO_MANY_REQUESTS', 'Too many requests'),
      expected: { kind: 'UNAVAILABLE', retryable: true },
    },
    { name: '499', status: 499, body: '', expected: { kind: 'UNAVAILABLE', retryable: true } },
    { name: '503', status: 503, body: 'busy', expected: { kind: 'UNAVAILABLE', retryable: true } },
    { name: '504', status: 504, body: legacy('TIMEOUT', 'slow'), expected: { kind: 'UNAVAILABLE', retryable: true } },
  ],
  disguised: [{ name: 'an error', status: 200, body: legacy('INTERNAL', 'oops'), expected: { kind: 'REJECTED' } }],
});
