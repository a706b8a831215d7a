import type { SpeechCall } from '../../../providers/contract/tts';
import {
  errorOfCompatibleServer,
  type OpenAiCompatibleProfile,
  openAiCompatibleSpeech,
} from '../../../providers/openai-compatible/speech';
import { PLATFORM_KEY, speechCall } from '../../support/speech-call';

const profile: OpenAiCompatibleProfile = {
  provider: 'acme',
  name: 'Acme',
  firstParty: false,
  keyHeader: null,
  keyRequired: false,
  defaultBaseUrl: null,
  models: [
    { name: 'one', upstreamId: 'acme-1', charactersMax: 100, languages: null, millisecondsPerCharacterMax: 400 },
  ],
  defaultModel: 'one',
  defaultVoice: 'alloy',
  formats: { OGG_OPUS: { responseFormat: 'opus', contentType: 'audio/ogg', sampleRates: [48_000], channels: 1 } },
  defaultFormat: 'OGG_OPUS',
  speed: null,
  styles: null,
  markup: [],
  render: (spans) => spans.map((span) => (span.kind === 'text' ? span.text : '')).join(''),
  streamMode: 'none',
  voices: null,
};
const bodyOf = (changes: Partial<OpenAiCompatibleProfile>, call: Partial<SpeechCall> = {}) => {
  const adapter = openAiCompatibleSpeech({ ...profile, ...changes });
  return adapter.request(speechCall(adapter, { spans: [{ kind: 'text', text: 'Hi.' }], ...call }), PLATFORM_KEY).json;
};

describe('the request', () => {
  const four = { model: 'acme-1', input: 'Hi.', voice: 'alloy', response_format: 'opus' };

  it.each<[string, Partial<OpenAiCompatibleProfile>, Partial<SpeechCall>, object]>([
    [
      'the four common fields, and none that the profile does not name',
      {},
      { speed: 2, streaming: true, language: 'de', style: 'sad' },
      four,
    ],
    ['a speed, where there is a range', { speed: { min: 0.25, max: 4 } }, { speed: 2 }, { ...four, speed: 2 }],
    ['no speed at natural speed', { speed: { min: 0.25, max: 4 } }, {}, four],
    [
      'the streaming switch, where there is one',
      { streamMode: 'chunked' },
      { streaming: true },
      { ...four, stream: true },
    ],
    ['the streaming switch, off', { streamMode: 'chunked' }, {}, { ...four, stream: false }],
    ['extensions', { extensions: ({ language }) => ({ lang: language }) }, { language: 'de' }, { ...four, lang: 'de' }],
  ])('has %s', (_name, changes, call, expected) => {
    expect(bodyOf(changes, call)).toEqual(expected);
  });

  it('goes to the documented path, with the key as a bearer token or without any', () => {
    const adapter = openAiCompatibleSpeech(profile);
    expect(adapter.request(speechCall(adapter), PLATFORM_KEY)).toMatchObject({
      method: 'POST',
      path: '/v1/audio/speech',
      headers: { authorization: `Bearer ${PLATFORM_KEY.secret}` },
    });
    expect(adapter.request(speechCall(adapter), { source: 'NONE', secret: null }).headers).toEqual({});
  });

  it('the answer names its request', () => {
    expect(openAiCompatibleSpeech(profile).requestIdOf({ 'x-request-id': 'r1' })).toBe('r1');
  });

  it('a server without a list of voices has its default voice', () => {
    const adapter = openAiCompatibleSpeech(profile);
    expect(adapter.voicesPage({ object: 'list', data: [] }).voices.map(({ id }) => id)).toEqual(['alloy']);
  });
});

describe('the error, in the first form that fits', () => {
  it.each<[string, unknown, object]>([
    [
      "OpenAI's",
      { error: { message: 'a', type: 't', param: null, code: 'c' }, detail: 'z', message: 'z' },
      { code: 'c', message: 'a' },
    ],
    [
      "OpenAI's, without a code",
      { error: { message: 'a', type: 't', param: null, code: null } },
      { code: 't', message: 'a' },
    ],
    ["vLLM's, with a number", { error: { message: 'a', code: 404 } }, { code: '404', message: 'a' }],
    ['error as a string', { error: 'a', detail: 'z', message: 'z' }, { message: 'a' }],
    [
      'detail as an object',
      { detail: { error: 'e', message: 'a', type: 't' }, message: 'z' },
      { code: 'e', message: 'a' },
    ],
    ['detail as an object with a type alone', { detail: { message: 'a', type: 't' } }, { code: 't', message: 'a' }],
    ['detail as a string', { detail: 'a', message: 'z' }, { message: 'a' }],
    [
      'detail as a list, without the quoted input',
      { detail: [{ loc: ['body', 'speed'], msg: 'a', type: 't', input: 'secret' }, { msg: 'z' }] },
      { code: 't', message: 'a (body.speed)' },
    ],
    ['message', { message: 'a' }, { message: 'a' }],
    ['bare text', 'a', { message: 'a' }],
  ])('%s', (_name, body, expected) => {
    expect(errorOfCompatibleServer(body)).toEqual(expected);
  });

  it.each([
    [null],
    [42],
    [[]],
    [{}],
    [{ error: {} }],
    [{ detail: [] }],
    [{ detail: [{ msg: 5 }] }],
    [{ error: null, detail: null }],
  ])('%j has no words', (body) => {
    expect(errorOfCompatibleServer(body).message).toBeUndefined();
  });
});
