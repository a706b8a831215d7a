import { groqTranscription as adapter } from '../../../providers/groq/stt';
import { openApiDocument } from '../../support/openapi';
import { PLATFORM_KEY } from '../../support/speech-call';
import { formOf, transcriptionCall } from '../../support/transcription-call';
import { transcriptionSuite } from '../support/transcription-suite';

type Changes = Parameters<typeof transcriptionCall>[1];
const FILE = ['file', 'meeting.wav (audio/wav)'];
const FIXED = [
  ['model', 'whisper-large-v3-turbo'],
  ['response_format', 'verbose_json'],
];

describe('the request, field by field', () => {
  it.each<[string, Changes, string[][]]>([
    ['the default, in the form that tells the length', {}, [...FIXED, FILE]],
    [
      'a language and words that guide',
      { language: 'yue-HK', prompt: 'Ada' },
      [...FIXED, ['language', 'yue'], ['prompt', 'Ada'], FILE],
    ],
    ['segments are the default', { timestamps: 'SEGMENT' }, [...FIXED, FILE]],
    [
      'words, with the segments',
      { timestamps: 'WORD' },
      [...FIXED, ['timestamp_granularities[]', 'word'], ['timestamp_granularities[]', 'segment'], FILE],
    ],
    [
      'the larger model',
      { model: 'whisper-large-v3' },
      [['model', 'whisper-large-v3'], ['response_format', 'verbose_json'], FILE],
    ],
  ])('%s', (_name, changes, form) => {
    const request = adapter.request(transcriptionCall(adapter, changes), PLATFORM_KEY);
    expect(request).toMatchObject({
      method: 'POST',
      path: '/openai/v1/audio/transcriptions',
      headers: { authorization: `Bearer ${PLATFORM_KEY.secret}` },
    });
    expect(formOf(request)).toEqual(form);
  });
});

describe('answers', () => {
  it.each([
    ['a number, as it is on the wire', 7.25],
    ['a string, as the document types it', '7.25'],
  ])('verbose_json with a length that is %s', (_name, duration) => {
    const body = { text: ' Hola.', language: 'Spanish', duration, segments: [], words: [], x_groq: { id: 'req_1' } };
    expect(adapter.transcript(body, {}, transcriptionCall(adapter))).toEqual({
      text: 'Hola.',
      language: 'es',
      segments: [],
      words: [],
      billedUnits: { unit: 'seconds', quantity: 7.25 },
      upstreamRequestId: 'req_1',
    });
  });
});

const error = (message: string, code?: string) => ({
  error: { message, type: 'invalid_request_error', ...(code ? { code } : {}) },
});
const document = openApiDocument('groq.yaml');
transcriptionSuite({
  adapter,
  keyHeader: 'authorization',
  faultsOf:
    document && (({ path, form }) => document.formFaults('post', '/openai/v1/audio/transcriptions', path, form!)),
  errors: [
    {
      name: '400',
      status: 400,
      body: error('bad file'),
      expected: { kind: 'REJECTED', retryable: false },
      says: 'bad file',
    },
    {
      name: '404',
      status: 404,
      body: error('no model', 'model_not_found'),
      expected: { kind: 'REJECTED', retryable: false },
    },
    { name: '413', status: 413, body: error('too large'), expected: { kind: 'REJECTED', retryable: false } },
    { name: '424', status: 424, body: error('dependency'), expected: { kind: 'REJECTED', retryable: false } },
    {
      name: '429',
      status: 429,
      body: error('Rate limit reached', 'rate_limit_exceeded'),
      headers: { 'retry-after': '7' },
      expected: { kind: 'UNAVAILABLE', retryable: true, retryAfterMs: 7_000 },
    },
    {
      name: '498, its own status for no capacity',
      status: 498,
      body: error('Capacity exceeded', 'capacity_exceeded'),
      expected: { kind: 'UNAVAILABLE', retryable: true },
    },
    { name: '500', status: 500, body: error('oops'), expected: { kind: 'UNAVAILABLE', retryable: true } },
    { name: '502 of a gateway', status: 502, body: '<html>', expected: { kind: 'UNAVAILABLE', retryable: true } },
  ],
});
