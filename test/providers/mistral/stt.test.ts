import { mistralTranscription as adapter } from '../../../providers/mistral/stt';
import { openApiDocument } from '../../support/openapi';
import { PLATFORM_KEY } from '../../support/speech-call';
import { formOf, transcriptionCall } from '../../support/transcription-call';
import { transcriptionSuite } from '../support/transcription-suite';

type Changes = Parameters<typeof transcriptionCall>[1];
const FILE = ['file', 'meeting.wav (audio/wav)'];
const MODEL = ['model', 'voxtral-mini-2602'];

describe('the request, field by field', () => {
  it.each<[string, Changes, string[][]]>([
    ['the default', {}, [MODEL, FILE]],
    ['a language', { language: 'fr-CA' }, [MODEL, ['language', 'fr'], FILE]],
    ['a language without a two-letter code is left to be detected', { language: 'haw' }, [MODEL, FILE]],
    [
      'times, which exclude the language',
      { language: 'fr', timestamps: 'SEGMENT' },
      [MODEL, ['timestamp_granularities', 'segment'], FILE],
    ],
    ['words', { timestamps: 'WORD' }, [MODEL, ['timestamp_granularities', 'word'], FILE]],
    [
      'speakers, who come with segments',
      { diarize: true },
      [MODEL, ['timestamp_granularities', 'segment'], ['diarize', 'true'], FILE],
    ],
    [
      'speakers of words',
      { diarize: true, timestamps: 'WORD' },
      [MODEL, ['timestamp_granularities', 'word'], ['diarize', 'true'], FILE],
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

describe('answers', () => {
  const usage = { prompt_audio_seconds: 4, prompt_tokens: 4, completion_tokens: 9, total_tokens: 50, request_count: 1 };
  const chunk = (text: string, start: number, end: number, more: object = {}) => {
    return { type: 'transcription_segment', text, start, end, ...more };
  };
  const read = (segments: object[], changes: Changes = {}, more: object = {}) =>
    adapter.transcript(
      { model: 'voxtral-mini-2602', text: 'Oui. Non.', language: 'fr', segments, usage, finish_reason: null, ...more },
      {},
      transcriptionCall(adapter, changes),
    );

  it('segments with speakers', () => {
    const segments = [
      chunk(' Oui.', 0, 1, { speaker_id: 'speaker_1', score: 0.7 }),
      chunk('Non.', 1.5, 2, { score: -0.2 }),
    ];
    expect(read(segments, { diarize: true })).toEqual({
      text: 'Oui. Non.',
      language: 'fr',
      segments: [
        { startSeconds: 0, endSeconds: 1, text: 'Oui.', speaker: 'speaker_1', confidence: 0.7 },
        { startSeconds: 1.5, endSeconds: 2, text: 'Non.', speaker: null, confidence: null },
      ],
      words: [],
      billedUnits: { unit: 'seconds', quantity: 4 },
    });
  });

  it('words come in the place of segments, and make the turns of speakers where they were asked for', () => {
    const words = [
      chunk(' Oui', 0, 0.4, { speaker_id: 'speaker_1' }),
      chunk(' bien.', 0.4, 0.9, { speaker_id: 'speaker_1' }),
      chunk(' Non.', 1, 1.4, { speaker_id: 'speaker_2' }),
    ];
    const plain = read(words, { timestamps: 'WORD' });
    expect(plain.words.map(({ text }) => text)).toEqual(['Oui', 'bien.', 'Non.']);
    expect(plain.segments).toEqual([]);
    expect(read(words, { timestamps: 'WORD', diarize: true }).segments).toEqual([
      { startSeconds: 0, endSeconds: 0.9, text: 'Oui bien.', speaker: 'speaker_1', confidence: null },
      { startSeconds: 1, endSeconds: 1.4, text: 'Non.', speaker: 'speaker_2', confidence: null },
    ]);
  });

  it('words without speakers make no turns', () => {
    expect(read([chunk('a', 0, 1)], { timestamps: 'WORD', diarize: true }).segments).toEqual([]);
  });

  it.each([[null], [-3], ['x'], [undefined]])('a length of %j is no figure', (seconds) => {
    const answer = read([], {}, { usage: { ...usage, prompt_audio_seconds: seconds }, language: null });
    expect(answer).toMatchObject({ billedUnits: null, language: null });
  });
});

const error = (message: unknown, type = 'invalid_request_error', code: string | null = null) => {
  return { object: 'error', message, type, param: null, code };
};
const document = openApiDocument('mistral.yaml');
transcriptionSuite({
  adapter,
  keyHeader: 'authorization',
  faultsOf: document && (({ path, form }) => document.formFaults('post', '/v1/audio/transcriptions', path, form!)),
  errors: [
    {
      name: '400',
      status: 400,
      body: error('Bad file', 'invalid_request_file', '3310'),
      expected: { kind: 'REJECTED', retryable: false, providerCode: '3310' },
      says: 'Bad file',
    },
    {
      name: '422 with the list of a validation',
      status: 422,
      body: { detail: [{ loc: ['body', 'model'], msg: 'Field required', type: 'missing' }] },
      expected: { kind: 'REJECTED', retryable: false, providerCode: 'missing' },
      says: 'Field required (body.model)',
    },
    {
      name: '422 with that list inside the message',
      status: 422,
      body: error({ detail: [{ loc: ['body'], msg: 'Bad value', type: 'value_error' }] }),
      expected: { kind: 'REJECTED', retryable: false },
      says: 'Bad value',
    },
    {
      name: '401 of a gateway',
      status: 401,
      body: { message: 'Unauthorized', request_id: 'r' },
      expected: { kind: 'UNAUTHORIZED', retryable: false },
    },
    { name: '403', status: 403, body: error('No'), expected: { kind: 'UNAUTHORIZED', retryable: false } },
    { name: '404', status: 404, body: error('No'), expected: { kind: 'REJECTED', retryable: false } },
    {
      name: '429',
      status: 429,
      body: error('Slow', 'rate_limited'),
      headers: { 'retry-after': '2' },
      expected: { kind: 'UNAVAILABLE', retryable: true, retryAfterMs: 2_000 },
    },
    { name: '502', status: 502, body: '', expected: { kind: 'UNAVAILABLE', retryable: true } },
    { name: '504', status: 504, body: error('x'), expected: { kind: 'UNAVAILABLE', retryable: true } },
  ],
  disguised: [{ name: 'an error', status: 200, body: error('It broke'), expected: { kind: 'REJECTED' } }],
});
