import type { TranscriptionCall } from '../../../providers/contract/stt';
import { openAiTranscription as adapter } from '../../../providers/openai/stt';
import { openApiDocument } from '../../support/openapi';
import { PLATFORM_KEY } from '../../support/speech-call';
import { formOf, transcriptionCall } from '../../support/transcription-call';
import { transcriptionSuite } from '../support/transcription-suite';

type Changes = Parameters<typeof transcriptionCall>[1];
const DIARIZE = 'gpt-4o-transcribe-diarize';
const FILE = ['file', 'meeting.wav (audio/wav)'];

describe('the request, field by field', () => {
  it.each<[string, Changes, string[][]]>([
    ['the default', {}, [['model', 'gpt-transcribe'], ['response_format', 'json'], FILE]],
    [
      'a language for gpt-transcribe, in its list',
      { language: 'pt-BR', prompt: 'Polyphony, Ada' },
      [
        ['model', 'gpt-transcribe'],
        ['response_format', 'json'],
        ['languages[]', 'pt'],
        ['prompt', 'Polyphony, Ada'],
        FILE,
      ],
    ],
    [
      'a language without a two-letter code is left to be detected',
      { language: 'fil' },
      [['model', 'gpt-transcribe'], ['response_format', 'json'], FILE],
    ],
    [
      'whisper-1 always in the form that tells language and length',
      { model: 'whisper-1', language: 'de' },
      [['model', 'whisper-1'], ['response_format', 'verbose_json'], ['language', 'de'], FILE],
    ],
    [
      'segments of whisper-1 are the default',
      { model: 'whisper-1', timestamps: 'SEGMENT' },
      [['model', 'whisper-1'], ['response_format', 'verbose_json'], FILE],
    ],
    [
      'words of whisper-1, with the segments',
      { model: 'whisper-1', timestamps: 'WORD' },
      [
        ['model', 'whisper-1'],
        ['response_format', 'verbose_json'],
        ['timestamp_granularities[]', 'word'],
        ['timestamp_granularities[]', 'segment'],
        FILE,
      ],
    ],
    [
      'speakers, cut by the provider because long audio must be',
      { model: DIARIZE, diarize: true },
      [['model', DIARIZE], ['response_format', 'diarized_json'], ['chunking_strategy', 'auto'], FILE],
    ],
    [
      'times of the diarizing model',
      { model: DIARIZE, timestamps: 'SEGMENT' },
      [['model', DIARIZE], ['response_format', 'diarized_json'], ['chunking_strategy', 'auto'], FILE],
    ],
    [
      'the diarizing model for text alone',
      { model: DIARIZE },
      [['model', DIARIZE], ['response_format', 'json'], ['chunking_strategy', 'auto'], FILE],
    ],
  ])('%s', (_name, changes, form) => {
    const request = adapter.request(transcriptionCall(adapter, changes), PLATFORM_KEY);
    expect(request).toMatchObject({
      method: 'POST',
      path: '/v1/audio/transcriptions',
      headers: { authorization: `Bearer ${PLATFORM_KEY.secret}` },
    });
    expect(formOf(request)).toEqual(form);
  });
});

describe('answers in each documented form', () => {
  const read = (body: unknown, changes: Changes = {}) =>
    adapter.transcript(body, {}, transcriptionCall(adapter, { durationMs: 12_300, ...changes }));

  it('json with the languages that were heard, and a length', () => {
    const usage = { type: 'duration', seconds: 13 };
    expect(read({ text: ' Guten Tag. ', languages: [{ code: 'de' }, { code: 'en' }], usage })).toEqual({
      text: 'Guten Tag.',
      language: 'de',
      segments: [],
      words: [],
      billedUnits: { unit: 'seconds', quantity: 13 },
    });
  });

  it('silence has an empty text and no language', () => {
    expect(read({ text: '', languages: [] })).toMatchObject({ text: '', language: null, billedUnits: null });
  });

  it('json billed by tokens', () => {
    const usage = { type: 'tokens', input_tokens: 100, output_tokens: 21, total_tokens: 121 };
    expect(read({ text: 'a', usage })).toMatchObject({ billedUnits: { unit: 'tokens', quantity: 121 } });
  });

  it('verbose_json names its language in English, and tells segments, words and length', () => {
    const segment = { id: 0, seek: 0, start: 0.5, end: 3.25, text: ' Bonjour.', avg_logprob: Math.log(0.8) };
    const words = [{ word: 'Bonjour', start: 0.5, end: 1.1 }];
    const body = {
      task: 'transcribe',
      language: 'french',
      duration: 12.31,
      text: 'Bonjour.',
      segments: [segment],
      words,
    };
    expect(read(body, { model: 'whisper-1' })).toEqual({
      text: 'Bonjour.',
      language: 'fr',
      segments: [
        { startSeconds: 0.5, endSeconds: 3.25, text: 'Bonjour.', speaker: null, confidence: expect.closeTo(0.8, 6) },
      ],
      words: [{ startSeconds: 0.5, endSeconds: 1.1, text: 'Bonjour', speaker: null, confidence: null }],
      billedUnits: { unit: 'seconds', quantity: 12.31 },
    });
  });

  it('diarized_json names speakers by letters', () => {
    const segment = { type: 'transcript.text.segment', id: 'seg_1', start: 0, end: 2, text: 'Yes.', speaker: 'B' };
    const usage = { type: 'duration', seconds: 13 };
    const answer = read(
      { task: 'transcribe', duration: 12.3, text: 'Yes.', segments: [segment], usage },
      { model: DIARIZE },
    );
    expect(answer.segments).toEqual([{ startSeconds: 0, endSeconds: 2, text: 'Yes.', speaker: 'B', confidence: null }]);
    expect(answer.billedUnits).toEqual({ unit: 'seconds', quantity: 13 });
  });

  it.each<[string, object]>([
    ['begins before the audio', { start: -0.1, end: 1 }],
    ['ends before it begins', { start: 2, end: 1 }],
    ['has no times', { start: null }],
    ['begins long after the audio', { start: 60, end: 61 }],
    ['has a time that is no number', { start: 0, end: 'soon' }],
    ['has no words', { start: 0, end: 1, text: '  ' }],
  ])('a segment that %s is dropped, and the rest kept', (_name, broken) => {
    const kept = { start: 1, end: 2, text: 'kept' };
    expect(read({ text: 'kept', segments: [{ text: 'dropped', ...broken }, kept] }).segments).toHaveLength(1);
  });

  it.each([-1, '', 'NaN', null, true, {}])('a length of %j is no figure', (seconds) => {
    expect(read({ text: 'a', usage: { type: 'duration', seconds } }).billedUnits).toBeNull();
  });

  it.each([
    [0.7, null],
    [Number.NEGATIVE_INFINITY, 0],
    ['-1', null],
  ])('a logarithm of %j is a confidence of %j', (logarithm, confidence) => {
    const segments = [{ start: 0, end: 1, text: 'a', avg_logprob: logarithm }];
    expect(read({ text: 'a', segments }).segments[0]!.confidence).toBe(confidence);
  });
});

const error = (code: string | null, message: string, type = 'invalid_request_error') => ({
  error: { message, type, param: null, code },
});
const document = openApiDocument('openai.yaml');
transcriptionSuite({
  adapter,
  keyHeader: 'authorization',
  faultsOf:
    document &&
    (({ path, form }, _call: TranscriptionCall) => document.formFaults('post', '/audio/transcriptions', path, form!)),
  errors: [
    {
      name: '400 for audio that is too long',
      status: 400,
      body: error('invalid_value', 'audio duration 1500 seconds is longer than 1400 seconds'),
      expected: { kind: 'REJECTED', retryable: false, providerCode: 'invalid_value' },
      says: 'longer than 1400 seconds',
    },
    {
      name: '403',
      status: 403,
      body: error(null, 'Country not supported'),
      expected: { kind: 'UNAUTHORIZED', retryable: false },
    },
    {
      name: '404 for a model that was shut down',
      status: 404,
      body: error('model_not_found', 'The model whisper-1 does not exist'),
      expected: { kind: 'REJECTED', retryable: false, providerCode: 'model_not_found' },
    },
    {
      name: '413',
      status: 413,
      body: error(null, 'Maximum content size limit exceeded'),
      expected: { kind: 'REJECTED', retryable: false },
    },
    { name: '408', status: 408, body: error(null, 'slow'), expected: { kind: 'TIMEOUT', retryable: true } },
    { name: '409', status: 409, body: error(null, 'lock'), expected: { kind: 'UNAVAILABLE', retryable: true } },
    {
      name: '429 of the rate',
      status: 429,
      body: error('rate_limit_exceeded', 'Slow down', 'requests'),
      headers: { 'retry-after': '20' },
      expected: { kind: 'UNAVAILABLE', retryable: true, retryAfterMs: 20_000 },
    },
    {
      name: '429 of an empty account, where no waiting helps',
      status: 429,
      body: error('insufficient_quota', 'You exceeded your current quota', 'insufficient_quota'),
      expected: { retryable: false, providerCode: 'insufficient_quota' },
    },
    {
      name: '500',
      status: 500,
      body: error(null, 'The server had an error', 'server_error'),
      expected: { kind: 'UNAVAILABLE', retryable: true },
    },
    {
      name: '503 that asks not to be tried again',
      status: 503,
      body: 'upstream',
      headers: { 'x-should-retry': 'false' },
      expected: { kind: 'UNAVAILABLE', retryable: false },
    },
  ],
  disguised: [
    {
      name: 'a server error',
      status: 200,
      body: error(null, 'The server had an error', 'server_error'),
      expected: { kind: 'UNAVAILABLE' },
    },
  ],
});
