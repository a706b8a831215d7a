import { type AnswerFunction, type Check, type DocumentedError, speechConformance } from '../../providers/conformance';
import type { AudioFormat } from '../../providers/contract/audio';
import type { HttpSpeechAdapter } from '../../providers/contract/tts';
import { asObject, asText } from '../../providers/http/wire';
import { audioFixture } from '../support/audio-fixtures';

/** A suite that lets everything pass proves nothing: each of its guarantees is broken here once, and it must say so. */

const sound: HttpSpeechAdapter = {
  transport: 'http',
  provider: 'acme',
  name: 'Acme',
  firstParty: false,
  keyHeader: 'X-Provider-Key-Acme',
  keyRequired: true,
  defaultBaseUrl: null,
  models: [
    { name: 'acme-2', upstreamId: 'acme-2', charactersMax: 900, languages: ['en'], millisecondsPerCharacterMax: 1_000 },
  ],
  defaultModel: 'acme-2',
  defaultVoice: 'nova',
  formats: {
    PCM: { contentType: 'audio/pcm', sampleRates: [24_000, 16_000], channels: 1 },
    WAV: { contentType: 'audio/wav', sampleRates: [24_000], channels: 1 },
  },
  defaultFormat: 'WAV',
  speed: { min: 0.5, max: 2 },
  styles: null,
  markup: [],
  render: (spans) => spans.map((span) => (span.kind === 'text' ? span.text : ' ')).join(''),
  request: (call, { secret }) => ({
    method: 'POST',
    path: '/speak',
    headers: { authorization: `Bearer ${secret}` },
    json: {
      text: sound.render(call.spans),
      format: call.format,
      rate: call.sampleRate,
      speed: call.speed,
      language: call.language,
    },
  }),
  requestIdOf: () => null,
  billedUnits: () => ({ unit: 'characters', quantity: 1 }),
  voicesRequest: () => null,
  voicesPage: () => ({ voices: [], next: null }),
  voices: [{ id: 'nova', name: 'Nova', languages: [], gender: null, description: null, previewUrl: null }],
  errorOf: (body) => {
    const error = asObject(asObject(body)?.error);
    return { code: asText(error?.code) ?? undefined, message: asText(error?.message) ?? undefined };
  },
};

const refused = { status: 400, headers: { 'content-type': 'application/json' }, body: '{"error":{"code":"no"}}' };
const answer: AnswerFunction = ({ path, query, headers, body }) => {
  if (path !== '/speak' || query.size > 0 || !headers.authorization?.startsWith('Bearer ')) return refused;
  const { text, format, rate, speed, ...rest } = JSON.parse(body.toString('utf8')) as Record<string, unknown>;
  const unknown = Object.keys(rest).some((name) => name !== 'language');
  if (unknown || String(text).length > 900 || Number(speed) < 0.5 || Number(speed) > 2) return refused;
  const bytes = audioFixture(format as AudioFormat, Number(rate), 1_500);
  return { status: 200, headers: { 'content-type': 'audio/any' }, body: bytes };
};
const errors: DocumentedError[] = [
  {
    status: 429,
    body: { error: { code: 'slow_down' } },
    kind: 'UNAVAILABLE',
    retryable: true,
    providerCode: 'slow_down',
  },
];

/** Names of the checks that fail. What a broken adapter never gives is not waited for long. */
async function failed(changes: Partial<HttpSpeechAdapter>, answering = answer, patienceMs = 500): Promise<string[]> {
  const adapter = { ...sound, ...changes };
  const checks: Check[] = speechConformance({ adapter, answer: answering, errors, patienceMs });
  const names: string[] = [];
  for (const { name, run } of checks) {
    await run().catch(() => names.push(name));
  }
  return names;
}

it('a sound adapter passes every check', async () => {
  expect(await failed({}, answer, 60_000)).toEqual([]);
});

const request = (change: (made: ReturnType<HttpSpeechAdapter['request']>) => object): Partial<HttpSpeechAdapter> => ({
  request: (call, credential) => {
    const made = sound.request(call, credential);
    return { ...made, ...change(made) };
  },
});

it.each<[string, Partial<HttpSpeechAdapter>, RegExp]>([
  ['says nothing of its rates', { formats: { WAV: { contentType: 'audio/wav' } } as never }, /declares all of itself/],
  ['changes plain words', { render: (spans) => sound.render(spans).toUpperCase() }, /declares all of itself/],
  [
    'asks for another format than it was asked for',
    request(({ json }) => ({ json: { ...(json as object), format: 'WAV' } })),
    /^PCM at 24000 Hz, whole/,
  ],
  [
    'declares a rate that is not what comes',
    request(({ json }) => ({ json: { ...(json as object), rate: 24_000 } })),
    /^no two formats or rates/,
  ],
  [
    'takes longer texts than its provider',
    { models: [{ ...sound.models[0], charactersMax: 1_000 }] },
    /characters is asked/,
  ],
  ['allows more speed than its provider', { speed: { min: 0.5, max: 3 } }, /^speed 3 is asked/],
  [
    'sends a field that nobody knows',
    request(({ json }) => ({ json: { ...(json as object), x: 1 } })),
    /^WAV at 24000 Hz/,
  ],
  [
    'puts the key into the body',
    {
      request: (call, credential) => {
        const made = sound.request(call, credential);
        return { ...made, json: { ...(made.json as object), language: credential.secret } };
      },
    },
    /^a key travels in one header/,
  ],
  [
    'sends the key twice',
    request(({ headers }) => ({ headers: { ...headers, 'x-key': headers.authorization ?? '' } })),
    /^a key travels in one header/,
  ],
  ['does not read its errors', { errorOf: () => ({}) }, /^429 slow_down is UNAVAILABLE/],
  ['calls every error final', { errorOf: () => ({ code: 'slow_down', retryable: false }) }, /^429 slow_down is/],
  ['lists no default voice', { defaultVoice: 'sol' }, /^the voices that it lists include its default/],
  ['counts what is no number', { billedUnits: () => ({ unit: 'characters', quantity: Number.NaN }) }, /^WAV at 24000/],
  [
    'waits for the whole, and says that it streams',
    { framing: () => 'json', message: () => ({}) },
    /is forwarded before the rest of it exists$/,
  ],
])('an adapter that %s is caught', async (_fault, changes, check) => {
  expect(await failed(changes)).toEqual(expect.arrayContaining([expect.stringMatching(check)]));
});

it('a stand-in whose audio is not what it is called is caught', async () => {
  const noise: AnswerFunction = async (asked) => ({
    ...(await answer(asked)),
    body: Buffer.from('<html>not audio</html>'),
  });
  expect(await failed({}, noise)).toEqual(expect.arrayContaining([expect.stringMatching(/^WAV at 24000 Hz, whole/)]));
});
