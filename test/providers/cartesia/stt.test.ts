import { cartesiaTranscription as adapter } from '../../../providers/cartesia/stt';
import { openApiDocument } from '../../support/openapi';
import { PLATFORM_KEY } from '../../support/speech-call';
import { formOf, transcriptionCall } from '../../support/transcription-call';
import { transcriptionSuite } from '../support/transcription-suite';

type Changes = Parameters<typeof transcriptionCall>[1];
const FILE = ['file', 'meeting.wav (audio/wav)'];
const MODEL = ['model', 'ink-whisper'];

describe('the request, field by field', () => {
  it.each<[string, Changes, string[][]]>([
    ['the default: the language is always said, for none is detected', {}, [MODEL, ['language', 'en'], FILE]],
    ['a language', { language: 'pt-BR' }, [MODEL, ['language', 'pt'], FILE]],
    ['Javanese, under its old code', { language: 'jv' }, [MODEL, ['language', 'jw'], FILE]],
    [
      'words',
      { timestamps: 'WORD', model: 'ink-whisper-2025-06-04' },
      [['model', 'ink-whisper-2025-06-04'], ['language', 'en'], ['timestamp_granularities[]', 'word'], FILE],
    ],
  ])('%s', (_name, changes, form) => {
    const request = adapter.request(transcriptionCall(adapter, changes), PLATFORM_KEY);
    expect(request).toMatchObject({
      method: 'POST',
      path: '/stt',
      headers: { authorization: `Bearer ${PLATFORM_KEY.secret}`, 'cartesia-version': '2026-08-14' },
    });
    expect(formOf(request)).toEqual(form);
  });
});

describe('answers', () => {
  it('text, words, length, and the language that was asked for', () => {
    const words = [{ word: 'Sugeng', start: 0.1, end: 0.5 }];
    const body = {
      type: 'transcript',
      request_id: 'r-1',
      text: 'Sugeng',
      is_final: true,
      language: 'jw',
      duration: 0.9,
      words,
    };
    expect(adapter.transcript(body, {}, transcriptionCall(adapter, { timestamps: 'WORD' }))).toEqual({
      text: 'Sugeng',
      language: 'jv',
      segments: [],
      words: [{ startSeconds: 0.1, endSeconds: 0.5, text: 'Sugeng', speaker: null, confidence: null }],
      billedUnits: { unit: 'seconds', quantity: 0.9 },
      upstreamRequestId: 'r-1',
    });
  });

  it('what is optional may be missing', () => {
    expect(adapter.transcript({ type: 'transcript', text: 'a' }, {}, transcriptionCall(adapter))).toEqual({
      text: 'a',
      language: null,
      segments: [],
      words: [],
      billedUnits: null,
      upstreamRequestId: null,
    });
  });
});

const failure = (error_code: string | null, message: string) => ({
  error_code,
  title: 'Title',
  message,
  request_id: 'r',
});
const document = openApiDocument('cartesia.yaml');
transcriptionSuite({
  adapter,
  keyHeader: 'authorization',
  faultsOf: document && (({ path, form }) => document.formFaults('post', '/stt', path, form!)),
  errors: [
    {
      name: '400',
      status: 400,
      body: failure('unsupported_audio_format', 'No'),
      expected: { kind: 'REJECTED', retryable: false, providerCode: 'unsupported_audio_format' },
    },
    {
      name: '400 in the plain text of older versions',
      status: 400,
      body: 'Bad Request: no file',
      expected: { kind: 'REJECTED', retryable: false },
      says: 'no file',
    },
    {
      name: '400 with a title alone',
      status: 400,
      body: failure(null, ''),
      expected: { kind: 'REJECTED' },
      says: 'Title',
    },
    {
      name: '402',
      status: 402,
      body: failure('quota_exceeded', 'Empty'),
      expected: { kind: 'UNAUTHORIZED', retryable: false },
    },
    {
      name: '413',
      status: 413,
      body: failure('file_too_large', 'Big'),
      expected: { kind: 'REJECTED', retryable: false },
    },
    {
      name: '429 of an empty account, where no waiting helps',
      status: 429,
      body: failure('quota_exceeded', 'Empty'),
      expected: { kind: 'UNAUTHORIZED', retryable: false, providerCode: 'quota_exceeded' },
    },
    {
      name: '429 of concurrency',
      status: 429,
      body: failure('concurrency_limited', 'Busy'),
      expected: { kind: 'UNAVAILABLE', retryable: true },
    },
    { name: '409', status: 409, body: failure(null, 'x'), expected: { kind: 'UNAVAILABLE', retryable: true } },
    { name: '500', status: 500, body: failure(null, 'x'), expected: { kind: 'UNAVAILABLE', retryable: true } },
  ],
  disguised: [
    { name: 'an error', status: 200, body: failure('quota_exceeded', 'Empty'), expected: { kind: 'UNAUTHORIZED' } },
  ],
});
