import { wavHeader } from '../audio/wav-header';
import type { ProviderErrorKind } from '../contract/errors';
import type { ErrorAnswer, ProviderWords } from '../contract/provider';
import type { SpeechText } from '../contract/speech-text';
import type { HttpSpeechAdapter, ProviderVoice, SpeechCall, SpeechMessage, SpeechModel } from '../contract/tts';
import { base64Bytes } from '../http/answer-messages';
import { errorInAnswer } from '../http/error-in-answer';
import { writeSpeechText } from '../http/plain-text';
import { firstHeader } from '../http/provider-failures';
import { asCode, asObject, asText } from '../http/wire';

const GENERATION_PATH = '/api/v1/services/aigc/multimodal-generation/generation';
const SAMPLE_RATE = 24_000;

/** Values of `language_type` by BCP 47 primary subtag; left out it is "Auto". */
const LANGUAGES: Readonly<Record<string, string>> = {
  zh: 'Chinese',
  en: 'English',
  de: 'German',
  it: 'Italian',
  pt: 'Portuguese',
  es: 'Spanish',
  ja: 'Japanese',
  ko: 'Korean',
  fr: 'French',
  ru: 'Russian',
};

/**
 * System voices of qwen3-tts-flash; the service has no list to ask for. Those of the 49 that its pages name are here, and
 * the instruct model takes fewer of them (which: UNCONFIRMED); a wrong one is refused by the service.
 */
const VOICES: readonly ProviderVoice[] = [
  ...['Cherry', 'Serena', 'Ethan', 'Chelsie', 'Momo', 'Vivian', 'Moon', 'Maia', 'Kai', 'Nofish', 'Bella', 'Jennifer'],
  ...['Ryan', 'Katerina', 'Elias', 'Jada', 'Dylan', 'Sunny', 'Li', 'Marcus', 'Roy', 'Peter', 'Rocky', 'Kiki', 'Eric'],
  ...['Eldric Sage', 'Mia', 'Mochi', 'Bellona', 'Vincent', 'Bunny', 'Neil', 'Arthur', 'Nini', 'Seren', 'Pip', 'Stella'],
].map((id) => ({
  id,
  name: id,
  languages: Object.keys(LANGUAGES),
  gender: null,
  description: null,
  previewUrl: null,
}));

function model(name: string, charactersMax: number, more: Partial<SpeechModel> = {}): SpeechModel {
  return {
    name,
    upstreamId: name,
    charactersMax,
    languages: Object.keys(LANGUAGES),
    // A sign that is read by its name, alone, silence around it included; prose takes about 70. Ours: no list gives a figure.
    millisecondsPerCharacterMax: 1_000,
    ...more,
  };
}

/** The service reads no markup. */
const render = (spans: SpeechText): string => writeSpeechText(spans, { plain: (text) => text });

/** Samples come only as events. A WAV is an address, unless it is wanted while it is made: then its header is ours. */
const asEvents = (call: SpeechCall): boolean => call.streaming || call.format === 'PCM';

/**
 * One event, or the whole answer. Earlier events carry null or the text "null" as `finish_reason`, and the last may name the
 * whole file beside its data (both UNCONFIRMED): every form is taken.
 */
function read(data: unknown, call: SpeechCall): SpeechMessage {
  const answer = asObject(data);
  const output = asObject(answer?.output);
  if (answer === null) throw new TypeError('the answer is not an object');
  // `{ code, message, request_id }` in place of an answer; that an event carries the same three is UNCONFIRMED.
  if (output === null) throw errorInAnswer(qwenTtsSpeech, answer);
  const audio = asObject(output.audio);
  const base64 = asText(audio?.data);
  const characters = asObject(answer.usage)?.characters;
  const shared = {
    ...(typeof characters === 'number' ? { billedUnits: { unit: 'characters', quantity: characters } } : {}),
    ...(asText(answer.request_id) === null ? {} : { upstreamRequestId: asText(answer.request_id)! }),
  };
  if (!asEvents(call)) {
    const url = asText(audio?.url);
    if (url === null) throw new TypeError('output.audio.url is missing');
    return { ...shared, audioUrl: url };
  }
  return {
    ...shared,
    ...(base64 === null || base64 === 'null' ? {} : { audio: base64Bytes(base64) }),
    last: output.finish_reason === 'stop',
  };
}

/** What the codes mean where there is no status to tell it, by how they begin; the others refuse. */
const KINDS: readonly (readonly [RegExp, ProviderErrorKind, boolean])[] = [
  [/^(InvalidApiKey|AccessDenied|Arrearage)/, 'UNAUTHORIZED', false],
  [/^(Throttling|InternalError|ServiceUnavailable)/, 'UNAVAILABLE', true],
];

function words(body: unknown, answer?: ErrorAnswer): ProviderWords {
  const object = asObject(body);
  const code = asCode(object?.code);
  const message = asText(object?.message) ?? asText(body) ?? undefined;
  if (answer !== undefined) return { code, message };
  const [, kind = 'REJECTED', retryable = false] = KINDS.find(([pattern]) => pattern.test(code ?? '')) ?? [];
  return { code, message, kind, retryable };
}

/**
 * Qwen TTS of Alibaba Cloud Model Studio. https://www.alibabacloud.com/help/en/model-studio/qwen-tts-api
 * Keys belong to a region: the address is Singapore's, another region or a workspace's own host is a base URL. Models of
 * cloned and designed voices are left out, as they speak with enrolled voices alone.
 */
export const qwenTtsSpeech: HttpSpeechAdapter = {
  transport: 'http',
  provider: 'qwen-tts',
  name: 'Qwen TTS',
  firstParty: false,
  keyHeader: 'X-Provider-Key-Qwen',
  keyRequired: true,
  defaultBaseUrl: 'https://dashscope-intl.aliyuncs.com',
  models: [
    model('qwen3-tts-flash', 600),
    // The same limit as its sister's; its own is UNCONFIRMED.
    model('qwen3-tts-instruct-flash', 600),
    // 512 tokens; no character of ordinary text is more than one.
    model('qwen-tts', 500, { successor: 'qwen3-tts-flash' }),
  ],
  defaultModel: 'qwen3-tts-flash',
  defaultVoice: 'Cherry',
  formats: {
    WAV: { contentType: 'audio/wav', sampleRates: [SAMPLE_RATE], channels: 1 },
    PCM: { contentType: 'audio/pcm', sampleRates: [SAMPLE_RATE], channels: 1 },
  },
  defaultFormat: 'WAV',
  speed: null,
  styles: null,
  markup: [],
  render,
  request(call, { secret }) {
    const language = LANGUAGES[call.language?.split('-', 1)[0]?.toLowerCase() ?? ''];
    return {
      method: 'POST',
      path: GENERATION_PATH,
      headers: {
        authorization: `Bearer ${secret}`,
        ...(asEvents(call) ? { 'x-dashscope-sse': 'enable' } : {}),
      },
      json: {
        model: call.model.upstreamId,
        input: {
          text: render(call.spans),
          voice: call.voice,
          ...(language === undefined ? {} : { language_type: language }),
        },
      },
    };
  },
  framing: (call) => (asEvents(call) ? 'events' : 'json'),
  message: ({ data }, call) => read(data, call),
  preamble: (call) => (asEvents(call) && call.format === 'WAV' ? wavHeader(SAMPLE_RATE, 1, null) : null),
  audioHosts: ['*.aliyuncs.com'],
  // Every body has a `request_id`; which header repeats it is UNCONFIRMED.
  requestIdOf: (headers) => asText(firstHeader(headers, 'x-request-id')),
  billedUnits: () => null,
  voicesRequest: () => null,
  voicesPage: () => ({ voices: VOICES, next: null }),
  voices: VOICES,
  errorOf: words,
};
