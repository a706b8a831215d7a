import { fishAudioTranscription as adapter } from '../../../providers/fish-audio/stt';
import { openApiDocument } from '../../support/openapi';
import { PLATFORM_KEY } from '../../support/speech-call';
import { formOf, transcriptionCall } from '../../support/transcription-call';
import { transcriptionSuite } from '../support/transcription-suite';

type Changes = Parameters<typeof transcriptionCall>[1];
const AUDIO = ['audio', 'meeting.wav (audio/wav)'];

describe('the request, field by field', () => {
  it.each<[string, Changes, string[][]]>([
    ['the default, without the wait for precise times', {}, [['ignore_timestamps', 'true'], AUDIO]],
    ['a language', { language: 'ja-JP' }, [['language', 'ja'], ['ignore_timestamps', 'true'], AUDIO]],
    ['segments, with precise times', { timestamps: 'SEGMENT' }, [['ignore_timestamps', 'false'], AUDIO]],
  ])('%s', (_name, changes, form) => {
    const request = adapter.request(transcriptionCall(adapter, changes), PLATFORM_KEY);
    expect(request).toMatchObject({ method: 'POST', path: '/v1/asr' });
    // No choice of model is on the wire; the header that speech has for it is not sent.
    expect(request.headers).toEqual({ authorization: `Bearer ${PLATFORM_KEY.secret}` });
    expect(formOf(request)).toEqual(form);
  });
});

describe('answers', () => {
  const read = (body: unknown) => adapter.transcript(body, {}, transcriptionCall(adapter));

  it('text, segments and length, with the code of the language before its name', () => {
    const segments = [{ text: 'One', start: 0, end: 0.24 }];
    expect(read({ text: 'One', duration: 1.9, segments, language_code: 'en', language: 'English' })).toEqual({
      text: 'One',
      language: 'en',
      segments: [{ startSeconds: 0, endSeconds: 0.24, text: 'One', speaker: null, confidence: null }],
      words: [],
      billedUnits: { unit: 'seconds', quantity: 1.9 },
    });
  });

  it('a language that was not detected is none', () => {
    expect(read({ text: '', duration: 2, segments: [] }).language).toBeNull();
    expect(read({ text: 'x', duration: 2, segments: [], language: 'Japanese' }).language).toBe('ja');
  });
});

const failure = (status: number, message: string, reason: string | null = null) => ({ status, message, reason });
const document = openApiDocument('fish-audio.json');
transcriptionSuite({
  adapter,
  keyHeader: 'authorization',
  faultsOf: document && (({ path, form }) => document.formFaults('post', '/v1/asr', path, form!)),
  errors: [
    {
      name: '400',
      status: 400,
      body: failure(400, 'Bad audio', 'bad_audio'),
      expected: { kind: 'REJECTED', retryable: false, providerCode: 'bad_audio' },
      says: 'Bad audio',
    },
    {
      name: '400 in plain text',
      status: 400,
      body: 'cannot parse',
      expected: { kind: 'REJECTED', retryable: false },
      says: 'cannot parse',
    },
    { name: '402', status: 402, body: failure(402, 'No credit'), expected: { kind: 'UNAUTHORIZED', retryable: false } },
    { name: '403', status: 403, body: failure(403, 'No'), expected: { kind: 'UNAUTHORIZED', retryable: false } },
    { name: '404', status: 404, body: failure(404, 'No'), expected: { kind: 'REJECTED', retryable: false } },
    { name: '422', status: 422, body: failure(422, 'No'), expected: { kind: 'REJECTED', retryable: false } },
    { name: '429', status: 429, body: failure(429, 'Busy'), expected: { kind: 'UNAVAILABLE', retryable: true } },
    { name: '503', status: 503, body: failure(503, 'High load'), expected: { kind: 'UNAVAILABLE', retryable: true } },
  ],
  disguised: [{ name: 'an error', status: 200, body: failure(500, 'It broke'), expected: { kind: 'REJECTED' } }],
});
