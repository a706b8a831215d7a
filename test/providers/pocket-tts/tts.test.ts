import { NO_CREDENTIAL } from '../../../providers/contract/credential';
import type { SpeechCall, SpeechProvider } from '../../../providers/contract/tts';
import { httpSpeechProvider } from '../../../providers/http/speech-provider';
import { pocketTtsSpeech } from '../../../providers/pocket-tts/tts';
import { assembledAudio } from '../../support/assembled-audio';
import { type ProviderStub, speechMilliseconds, startProviderStub } from '../../support/provider-stub';
import { bytesOf, failureOf, PLATFORM_KEY, speakOptions, speechCall } from '../../support/speech-call';

const adapter = pocketTtsSpeech;
const requestOf = (changes: Partial<SpeechCall> = {}, credential = NO_CREDENTIAL) =>
  adapter.request(speechCall(adapter, changes), credential);
const TEXT = 'The quick brown fox jumps over the lazy dog.';

describe('the request, field by field', () => {
  it.each<[string, Partial<SpeechCall>, object[]]>([
    ['the default voice is left to the server', {}, [{ name: 'text', value: TEXT }]],
    ['streaming is the same, as the server knows nothing else', { streaming: true }, [{ name: 'text', value: TEXT }]],
    [
      'a preset is named in voice_url',
      { voice: 'alba' },
      [
        { name: 'text', value: TEXT },
        { name: 'voice_url', value: 'alba' },
      ],
    ],
  ])('%s', (_name, changes, form) => {
    expect(requestOf(changes)).toEqual({ method: 'POST', path: '/tts', headers: {}, form });
  });

  it.each([
    'http://169.254.169.254/',
    'https://example.com/a.wav',
    'hf://a/b',
    '../alba',
    'nobody',
    'file:///etc/passwd',
  ])('the server is never made to fetch %s', (voice) =>
    expect(() => requestOf({ voice })).toThrow('has no such voice'),
  );

  it('a key of a gateway is sent as a bearer token', () => {
    expect(requestOf({}, PLATFORM_KEY).headers).toEqual({ authorization: `Bearer ${PLATFORM_KEY.secret}` });
  });

  it.each([
    [null, null],
    ['en-GB', 'alba'],
    ['it', 'giovanni'],
    ['es-MX', 'lola'],
    ['DE', 'juergen'],
    ['pt-BR', 'rafael'],
    ['fr', 'estelle'],
    ['ja', null],
  ])('the voice for the language %s is %s', (language, voice) => {
    expect(adapter.voiceFor!(null, language)).toBe(voice);
  });
});

describe('against the stand-in', () => {
  let stub: ProviderStub;
  let provider: SpeechProvider;
  beforeAll(async () => {
    stub = await startProviderStub({ only: 'pocket-tts' });
    provider = httpSpeechProvider(adapter, { baseUrl: stub.url });
  });
  afterEach(() => stub.fault(null));
  afterAll(async () => {
    await provider.close();
    await stub.close();
  });

  it('WAV of placeholder lengths is read to its end, tail and all', async () => {
    const { chunks, upstreamRequestId, billedUnits } = await provider.speak(speechCall(adapter), speakOptions());
    const audio = assembledAudio(await bytesOf(chunks), { format: 'WAV', sampleRate: 24_000 });
    expect(audio).toMatchObject({ sampleRate: 24_000, durationMs: speechMilliseconds(TEXT.length, 1) + 200 });
    expect([upstreamRequestId, billedUnits]).toEqual([null, null]);
  });

  it('every voice of the list speaks', async () => {
    const voices = await provider.listVoices(NO_CREDENTIAL, new AbortController().signal);
    expect(voices).toHaveLength(27);
    for (const { id } of voices) await provider.speak(speechCall(adapter, { voice: id }), speakOptions()).then(drop);
  });

  it.each<[number, unknown, string, boolean, string]>([
    [400, { detail: 'Text cannot be empty' }, 'REJECTED', false, 'Text cannot be empty'],
    [
      400,
      { detail: 'voice_url must start with http://, https://, or hf://' },
      'REJECTED',
      false,
      'voice_url must start with http://, https://, or hf://',
    ],
    [
      422,
      { detail: [{ loc: ['body', 'text'], msg: 'Field required', type: 'missing' }] },
      'REJECTED',
      false,
      'Field required (body.text)',
    ],
    [500, 'Internal Server Error', 'UNAVAILABLE', true, 'Internal Server Error'],
  ])('%i %j is %s', async (status, body, kind, retryable, words) => {
    stub.fault(() => ({ kind: 'answer', status, body }));
    const failure = await failureOf(provider.speak(speechCall(adapter), speakOptions()));
    expect(failure).toMatchObject({ provider: 'pocket-tts', kind, retryable, status });
    expect(failure.message).toContain(words);
  });

  it('generation that hangs in the middle is a TIMEOUT', async () => {
    stub.fault(() => ({ kind: 'stall-mid-body' }));
    const { chunks } = await provider.speak(speechCall(adapter), speakOptions({ idleTimeoutMs: 50 }));
    expect(await failureOf(bytesOf(chunks))).toMatchObject({ kind: 'TIMEOUT', retryable: true });
  });
});

async function drop({ chunks }: { chunks: AsyncIterable<Uint8Array> }): Promise<void> {
  for await (const _piece of chunks) break;
}
