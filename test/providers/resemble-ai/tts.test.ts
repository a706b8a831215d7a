import fc from 'fast-check';
import type { SpeechSpan } from '../../../providers/contract/speech-text';
import type { SpeechCall } from '../../../providers/contract/tts';
import { resembleAiSpeech as adapter } from '../../../providers/resemble-ai/tts';
import { openApiDocument } from '../../support/openapi';
import { RESEMBLE_VOICES } from '../../support/provider-stub/resemble-ai';
import { adapterUnderTest, anyCall, requestOf, testSpeechAdapter } from '../../support/speech-adapter';
import { bytesOf, failureOf, PLATFORM_KEY, speakOptions, speechCall } from '../../support/speech-call';

const text = (words: string): SpeechSpan => ({ kind: 'text', text: words });
const sent = (changes: Partial<SpeechCall> = {}) => adapter.request(speechCall(adapter, changes), PLATFORM_KEY);

describe('the request, field by field', () => {
  const json = {
    voice_uuid: '55592656',
    data: 'The quick brown fox jumps over the lazy dog.',
    sample_rate: '48000',
  };

  it.each<[string, Partial<SpeechCall>, string, object]>([
    ['WAV whole', {}, '/synthesize', { ...json, precision: 'PCM_16', output_format: 'wav' }],
    ['WAV streaming', { streaming: true }, '/stream', { ...json, precision: 'PCM_16' }],
    ['MP3 whole', { format: 'MP3' }, '/synthesize', { ...json, output_format: 'mp3' }],
    [
      'MP3, which does not stream',
      { format: 'MP3', streaming: true },
      '/synthesize',
      { ...json, output_format: 'mp3' },
    ],
    [
      'another voice and rate',
      { voice: 'v', sampleRate: 22050, streaming: true },
      '/stream',
      { ...json, voice_uuid: 'v', sample_rate: '22050', precision: 'PCM_16' },
    ],
  ])('%s', (_name, changes, path, body) => {
    expect(sent(changes)).toEqual({
      method: 'POST',
      path,
      headers: { authorization: `Bearer ${PLATFORM_KEY.secret}` },
      json: body,
    });
  });

  it('voices are asked of the management host, for as many as a page may have', () => {
    expect(adapter.voicesRequest('2', PLATFORM_KEY)).toEqual({
      method: 'GET',
      origin: 'https://app.resemble.ai',
      path: '/api/v2/voices?page=2&page_size=1000',
      headers: { authorization: `Bearer ${PLATFORM_KEY.secret}` },
    });
  });
});

describe('markup', () => {
  it.each<[string, SpeechSpan[], string]>([
    ['plain words stay plain', [text('AT&T says "1 < 2".')], 'AT&T says "1 < 2".'],
    ['a tag in plain words is broken up', [text('say <speak>hi</speak>')], 'say < speak>hi< /speak>'],
    [
      'a pause makes it SSML, in which words are escaped',
      [text('AT&T <b> '), { kind: 'break', milliseconds: 1_500 }, text(' two')],
      '<speak>AT&amp;T &lt;b&gt; <break time="1.5s"/> two</speak>',
    ],
    ['a pause of nothing', [text('a'), { kind: 'break', milliseconds: 0 }, text('b')], '<speak>ab</speak>'],
  ])('%s', (_name, spans, rendered) => {
    expect(adapter.render(spans)).toBe(rendered);
    expect((sent({ spans }).json as { data: string }).data).toBe(rendered);
  });

  it('no tag but a pause is ever written, whatever the words are', () => {
    const parts = fc.array(
      fc.oneof(
        fc.constantFrom('<', '/', 'speak', '>', 'a', '&', 'lt;', ' ', '</speak>', '<break time="9s"/>').map(text),
        fc.constant<SpeechSpan>({ kind: 'break', milliseconds: 250 }),
      ),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(parts, (spans) => {
        const rendered = adapter.render(spans).replaceAll('<break time="0.25s"/>', '');
        expect(rendered.replace(/^<speak>|<\/speak>$/g, '')).not.toMatch(/<[/!?\p{L}]/u);
      }),
    );
  });
});

testSpeechAdapter({
  adapter,
  keyHeader: 'authorization',
  keyValue: (secret) => `Bearer ${secret}`,
  errorWith: (message) => ({ success: false, message }),
  errorInside: { kind: 'REJECTED', retryable: false },
  tooLong: { kind: 'REJECTED', status: 400 },
  errors: [
    ...(
      [
        [400, 'REJECTED', false],
        [401, 'UNAUTHORIZED', false],
        [402, 'UNAUTHORIZED', false],
        [403, 'UNAUTHORIZED', false],
        [404, 'REJECTED', false],
        [422, 'REJECTED', false],
        [429, 'UNAVAILABLE', true],
        [500, 'UNAVAILABLE', true],
        [503, 'UNAVAILABLE', true],
      ] as const
    ).map(([status, kind, retryable]) => ({
      status,
      kind,
      retryable,
      body: { success: false, message: `About ${status}.` },
    })),
    { status: 400, body: { success: false, error: 'About data.' }, kind: 'REJECTED', retryable: false },
    {
      status: 400,
      body: { success: false, errors: { data: ['About its length'] } },
      kind: 'REJECTED',
      retryable: false,
    },
    { status: 400, body: { success: false, errors: ['About a list'] }, kind: 'REJECTED', retryable: false },
    {
      status: 500,
      body: { success: false, error_name: 'SynthesisError', error_params: {}, message: 'About synthesis.', issues: [] },
      kind: 'UNAVAILABLE',
      retryable: true,
      code: 'SynthesisError',
    },
    { status: 502, body: 'About a gateway.', kind: 'UNAVAILABLE', retryable: true },
  ],
});

describe('against the stand-in', () => {
  const under = adapterUnderTest(adapter);
  const options = () => speakOptions({ credential: PLATFORM_KEY });

  it('the seconds of a whole answer are its count; a stream tells none', async () => {
    const whole = await under.provider.speak(speechCall(adapter), options());
    await bytesOf(whole.chunks);
    expect(whole.billedUnits).toEqual({ unit: 'seconds', quantity: 2.64 });
    const streamed = await under.provider.speak(speechCall(adapter, { streaming: true }), options());
    await bytesOf(streamed.chunks);
    expect(streamed.billedUnits).toBeNull();
  });

  it.each([
    ['success is false', { success: false, message: 'About a voice.' }, /About a voice/],
    ['success is false beside audio', { success: false, error_name: 'Odd', audio_content: 'AAAA' }, /Odd/],
    ['there is no audio', { success: true, issues: [] }, /gave no reason/],
  ])('a 200 in which %s is REJECTED in its own words', async (_name, body, message) => {
    under.stub.fault(() => ({ kind: 'error-in-200', body }));
    const failure = await failureOf(under.provider.speak(speechCall(adapter), options()));
    expect(failure).toMatchObject({ kind: 'REJECTED', retryable: false });
    expect(failure.message).toMatch(message);
  });

  it.each([
    ['is not base64', 'no base64 at all!'],
    ['is no text', 5],
  ])('audio that %s is REJECTED', async (_name, audio) => {
    under.stub.fault(() => ({ kind: 'error-in-200', body: { success: true, audio_content: audio } }));
    expect(await failureOf(under.provider.speak(speechCall(adapter), options()))).toMatchObject({ kind: 'REJECTED' });
  });

  it('lists every page of voices that are ready', async () => {
    const voices = await under.provider.listVoices(PLATFORM_KEY, new AbortController().signal);
    const ready = RESEMBLE_VOICES.filter(({ status }) => status !== 'Training');
    expect(voices.map(({ id }) => id)).toEqual(ready.map(({ uuid }) => uuid));
    expect(voices[0]).toMatchObject({ name: 'Library voice', languages: ['en-US', 'fr-FR'] });
  });

  it('a list with gaps is read as far as it goes', () => {
    const items = [null, 'x', { name: 'no id' }, { uuid: 'v' }];
    expect(adapter.voicesPage({ items, page: 1, num_pages: 'many' })).toEqual({
      voices: [{ id: 'v', name: 'v', languages: [], gender: null, description: null, previewUrl: null }],
      next: null,
    });
    expect(() => adapter.voicesPage({})).toThrow(TypeError);
  });
});

const document = openApiDocument('resemble.yaml');
const describeWithDocument = document === null ? describe.skip : describe;
describeWithDocument("against the provider's own OpenAPI file (skipped where PROVIDER_SPECS_DIR has none)", () => {
  it('every request that the declaration allows is valid', () => {
    fc.assert(
      fc.property(anyCall(adapter), (call) => {
        const { path, json } = requestOf(adapter, call)!;
        expect(document!.requestFaults('post', path, path, json)).toEqual([]);
      }),
    );
  });

  it.each([[null], ['2']])('the voices request after %s is valid', (cursor) => {
    const { path, json } = adapter.voicesRequest(cursor, PLATFORM_KEY)!;
    expect(document!.requestFaults('get', '/voices', path, json)).toEqual([]);
  });

  it('the file would refuse a rate as a number, a format that streams, and a missing page', () => {
    const json = sent({ streaming: true }).json as object;
    const faults = (changes: object) => document!.requestFaults('post', '/stream', '/stream', { ...json, ...changes });
    expect(faults({ sample_rate: 48000 })).not.toEqual([]);
    expect(faults({ output_format: 'wav' })).toEqual(['body.output_format: unknown']);
    expect(document!.requestFaults('get', '/voices', '/api/v2/voices', undefined)).toEqual(['query page: missing']);
  });
});
