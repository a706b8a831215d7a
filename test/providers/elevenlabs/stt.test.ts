import { elevenLabsTranscription as adapter } from '../../../providers/elevenlabs/stt';
import { openApiDocument } from '../../support/openapi';
import { PLATFORM_KEY } from '../../support/speech-call';
import { formOf, transcriptionCall } from '../../support/transcription-call';
import { transcriptionSuite } from '../support/transcription-suite';

type Changes = Parameters<typeof transcriptionCall>[1];
const FILE = ['file', 'meeting.wav (audio/wav)'];
const fields = (timestamps: string, diarize: string, ...language: string[][]) => [
  ['model_id', 'scribe_v2'],
  ...language,
  ['tag_audio_events', 'false'],
  ['timestamps_granularity', timestamps],
  ['diarize', diarize],
  FILE,
];

describe('the request, field by field', () => {
  it.each<[string, Changes, string[][]]>([
    ['the default: clean text, no times', {}, fields('none', 'false')],
    [
      'a language, with three letters where it has no two',
      { language: 'fil-PH' },
      fields('none', 'false', ['language_code', 'fil']),
    ],
    ['words', { timestamps: 'WORD' }, fields('word', 'false')],
    ['speakers, who are told of words', { diarize: true }, fields('word', 'true')],
  ])('%s', (_name, changes, form) => {
    const request = adapter.request(transcriptionCall(adapter, changes), PLATFORM_KEY);
    expect(request).toMatchObject({
      method: 'POST',
      path: '/v1/speech-to-text',
      headers: { 'xi-api-key': PLATFORM_KEY.secret },
    });
    expect(formOf(request)).toEqual(form);
  });
});

describe('answers', () => {
  const part = (text: string, start: number | null, end: number | null, speaker_id: string | null, type = 'word') => {
    return { text, start, end, type, speaker_id, logprob: Math.log(0.5) };
  };
  const body = {
    language_code: 'deu',
    language_probability: 0.97,
    text: 'Ja. (laughter) Nein doch.',
    words: [
      part('Ja.', 0, 0.4, 'speaker_0'),
      part(' ', 0.4, 0.5, 'speaker_0', 'spacing'),
      part('(laughter)', 0.5, 1, 'speaker_1', 'audio_event'),
      part('Nein', 1.1, 1.4, 'speaker_1'),
      part(' ', 1.4, 1.5, 'speaker_1', 'spacing'),
      part('doch.', 1.5, 1.9, 'speaker_1'),
      part('lost', null, null, 'speaker_1'),
    ],
    audio_duration_secs: 2.004,
  };
  const read = (changes: Changes) => adapter.transcript(body, {}, transcriptionCall(adapter, changes));

  it('words without spaces, sounds and times that are missing; the language by its tag', () => {
    expect(read({ timestamps: 'WORD' })).toEqual({
      text: 'Ja. (laughter) Nein doch.',
      language: 'de',
      segments: [],
      words: [
        { startSeconds: 0, endSeconds: 0.4, text: 'Ja.', speaker: 'speaker_0', confidence: 0.5 },
        { startSeconds: 1.1, endSeconds: 1.4, text: 'Nein', speaker: 'speaker_1', confidence: 0.5 },
        { startSeconds: 1.5, endSeconds: 1.9, text: 'doch.', speaker: 'speaker_1', confidence: 0.5 },
      ],
      billedUnits: { unit: 'seconds', quantity: 2.004 },
    });
  });

  it('the turns of speakers as segments, with the spaces that the provider tells', () => {
    expect(read({ diarize: true }).segments).toEqual([
      { startSeconds: 0, endSeconds: 0.4, text: 'Ja.', speaker: 'speaker_0', confidence: null },
      { startSeconds: 1.1, endSeconds: 1.9, text: 'Nein doch.lost', speaker: 'speaker_1', confidence: null },
    ]);
  });

  it('without a figure of the length there is none', () => {
    const { audio_duration_secs: _, ...rest } = body;
    expect(adapter.transcript(rest, {}, transcriptionCall(adapter)).billedUnits).toBeNull();
  });
});

const detail = (code: string, message: string) => ({
  detail: { type: 'error', code, message, status: code, request_id: 'r' },
});
const document = openApiDocument('elevenlabs.json');
transcriptionSuite({
  adapter,
  keyHeader: 'xi-api-key',
  faultsOf: document && (({ path, form }) => document.formFaults('post', '/v1/speech-to-text', path, form!)),
  errors: [
    {
      name: '400',
      status: 400,
      body: detail('invalid_parameters', 'A parameter is wrong'),
      expected: { kind: 'REJECTED', retryable: false, providerCode: 'invalid_parameters' },
      says: 'A parameter is wrong',
    },
    {
      name: '422 with the list of a validation',
      status: 422,
      body: { detail: [{ loc: ['body', 'model_id'], msg: 'Field required', type: 'missing' }] },
      expected: { kind: 'REJECTED', retryable: false, providerCode: 'missing' },
      says: 'Field required (body.model_id)',
    },
    {
      name: '401 in the older form',
      status: 401,
      body: { detail: { status: 'quota_exceeded', message: 'No credits left' } },
      expected: { kind: 'UNAUTHORIZED', retryable: false, providerCode: 'quota_exceeded' },
    },
    {
      name: '402',
      status: 402,
      body: detail('insufficient_credits', 'Not enough credits'),
      expected: { kind: 'UNAUTHORIZED', retryable: false },
    },
    {
      name: '403',
      status: 403,
      body: { detail: 'Forbidden' },
      expected: { kind: 'UNAUTHORIZED', retryable: false },
      says: 'Forbidden',
    },
    {
      name: '425, not ready yet',
      status: 425,
      body: detail('too_early', 'Later'),
      expected: { kind: 'UNAVAILABLE', retryable: true },
    },
    {
      name: '429',
      status: 429,
      body: detail('concurrent_limit_exceeded', 'Too many at once'),
      headers: { 'retry-after': '3' },
      expected: { kind: 'UNAVAILABLE', retryable: true, retryAfterMs: 3_000 },
    },
    {
      name: '500',
      status: 500,
      body: detail('internal_error', 'x'),
      expected: { kind: 'UNAVAILABLE', retryable: true },
    },
    { name: '503', status: 503, body: detail('maintenance', 'x'), expected: { kind: 'UNAVAILABLE', retryable: true } },
  ],
  disguised: [
    {
      name: 'the receipt of a request that is answered elsewhere',
      status: 200,
      body: { message: 'Request accepted.', request_id: 'r', transcription_id: null },
      expected: { kind: 'REJECTED' },
    },
    { name: 'an error', status: 200, body: detail('quota_exceeded', 'No credits'), expected: { kind: 'REJECTED' } },
  ],
});
