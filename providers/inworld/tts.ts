import { wavHeader } from '../audio/wav-header';
import type { AudioFormat } from '../contract/audio';
import type { Credential } from '../contract/credential';
import type { ProviderErrorKind } from '../contract/errors';
import type { ErrorAnswer, ProviderWords } from '../contract/provider';
import type { SpeechText } from '../contract/speech-text';
import type { HttpSpeechAdapter, ProviderVoice, SpeechCall, SpeechMessage, SpeechModel } from '../contract/tts';
import { base64Bytes } from '../http/answer-messages';
import { errorInAnswer } from '../http/error-in-answer';
import { breakUpTags, writeSpeechText } from '../http/plain-text';
import { firstHeader, rejected } from '../http/provider-failures';
import { asArray, asCode, asObject, asText, type JsonObject } from '../http/wire';

function model(name: string): SpeechModel {
  return {
    name,
    upstreamId: name,
    charactersMax: 2_000,
    languages: null,
    // A sign that is read by its name, alone, silence around it included; prose takes about 70. Ours: no list gives a figure.
    millisecondsPerCharacterMax: 1_000,
  };
}

const SAMPLE_RATES = [48000, 44100, 32000, 24000, 22050, 16000, 8000] as const;

const ENCODINGS: Partial<Record<AudioFormat, string>> = {
  MP3: 'MP3',
  WAV: 'WAV',
  OGG_OPUS: 'OGG_OPUS',
  FLAC: 'FLAC',
  PCM: 'PCM',
  MULAW: 'MULAW',
};

/** Whether the pieces of a streamed FLAC are one file is UNCONFIRMED, and files in a row are none: it is asked for whole. */
const isStreamed = (call: SpeechCall): boolean => call.streaming && call.format !== 'FLAC';

/** A streamed WAV begins anew with every piece, so bare samples are asked for, and the header is ours. */
const isBareWav = (call: SpeechCall): boolean => isStreamed(call) && call.format === 'WAV';

/** Values of `deliveryMode`, which only the second generation has. */
const DELIVERY_MODES: Readonly<Record<string, string>> = {
  balanced: 'BALANCED',
  stable: 'STABLE',
  creative: 'CREATIVE',
};
const takesDeliveryMode = ({ upstreamId }: SpeechModel): boolean => upstreamId === 'inworld-tts-2';

/** No markup is documented; that tags are read all the same is UNCONFIRMED, so plain words never hold one. */
const render = (spans: SpeechText): string => writeSpeechText(spans, { plain: breakUpTags });

function requestBody(call: SpeechCall): JsonObject {
  if (call.style !== null && !takesDeliveryMode(call.model)) {
    throw rejected(inworldSpeech, `has styles only since inworld-tts-2; ${call.model.name} takes none`);
  }
  return {
    text: render(call.spans),
    voiceId: call.voice,
    modelId: call.model.upstreamId,
    audioConfig: {
      audioEncoding: isBareWav(call) ? 'PCM' : ENCODINGS[call.format],
      sampleRateHertz: call.sampleRate,
      // The default of 128 kbit/s is more than MP3 has at low rates.
      ...(call.format === 'MP3' && call.sampleRate < 32_000 ? { bitRate: 64_000 } : {}),
      ...(call.speed === 1 ? {} : { speakingRate: call.speed }),
    },
    ...(call.language === null ? {} : { language: call.language }),
    ...(call.style === null ? {} : { deliveryMode: DELIVERY_MODES[call.style] }),
  };
}

/** The portal's key is base64 already. */
function keyHeaders({ secret }: Credential): Record<string, string> {
  return secret === null ? {} : { authorization: `Basic ${secret}` };
}

/** The whole answer, or a line of a stream: `{ result }` or `{ error }`; a line may hold news without audio. */
function read(data: unknown, call: SpeechCall): SpeechMessage {
  const answer = asObject(data);
  if (answer === null) throw new TypeError('the answer is not an object');
  const result = asObject(isStreamed(call) ? answer.result : answer);
  const failed = answer.error !== undefined || (result?.audioContent === undefined && answer.code !== undefined);
  if (failed) throw errorInAnswer(inworldSpeech, answer);
  if (result === null) throw new TypeError('result is missing');
  const characters = asObject(result.usage)?.processedCharactersCount;
  return {
    ...(isStreamed(call) && result.audioContent === undefined ? {} : { audio: base64Bytes(result.audioContent) }),
    ...(typeof characters === 'number' ? { billedUnits: { unit: 'characters', quantity: characters } } : {}),
  };
}

/** What the gRPC codes mean where no HTTP status says it; the others refuse the request. */
const KINDS: Readonly<Record<string, ProviderErrorKind>> = {
  1: 'UNAVAILABLE',
  2: 'UNAVAILABLE',
  4: 'TIMEOUT',
  7: 'UNAUTHORIZED',
  8: 'UNAVAILABLE',
  10: 'UNAVAILABLE',
  13: 'UNAVAILABLE',
  14: 'UNAVAILABLE',
  16: 'UNAUTHORIZED',
};

function words(body: unknown, answer?: ErrorAnswer): ProviderWords {
  const error = asObject(asObject(body)?.error) ?? asObject(body);
  if (error === null) return { message: asText(body) ?? undefined };
  const code = asCode(error.code);
  const message = asText(error.message) ?? undefined;
  if (answer !== undefined) return { code, message };
  const kind = KINDS[code ?? ''] ?? 'REJECTED';
  return { code, message, kind, retryable: kind === 'UNAVAILABLE' || kind === 'TIMEOUT' };
}

/** `EN_US` as a BCP 47 tag. */
function languageTag(code: unknown): string[] {
  const [language, ...rest] = asText(code)?.split(/[_-]/) ?? [];
  return language === undefined ? [] : [[language.toLowerCase(), ...rest].join('-')];
}

function voiceOf(value: unknown): ProviderVoice[] {
  const voice = asObject(value);
  const id = asText(voice?.voiceId);
  if (voice === null || id === null) return [];
  return [
    {
      id,
      name: asText(voice.displayName) ?? id,
      languages: [...new Set([voice.langCode, ...asArray(voice.promptLanguages)].flatMap(languageTag))],
      gender: asText(voice.gender)?.toLowerCase() ?? null,
      description: asText(voice.description),
      previewUrl: null,
    },
  ];
}

/**
 * Inworld text to speech. https://docs.inworld.ai/api-reference/ttsAPI/texttospeech/synthesize-speech and
 * /synthesize-speech-stream
 * Audio comes as base64 in JSON: in one document, or a line at a time. The first generation is left out, as its retirement is
 * UNCONFIRMED.
 */
export const inworldSpeech: HttpSpeechAdapter = {
  transport: 'http',
  provider: 'inworld',
  name: 'Inworld',
  firstParty: false,
  keyHeader: 'X-Provider-Key-Inworld',
  keyRequired: true,
  defaultBaseUrl: 'https://api.inworld.ai',
  models: [model('inworld-tts-2'), model('inworld-tts-1.5-max'), model('inworld-tts-1.5-mini')],
  defaultModel: 'inworld-tts-2',
  defaultVoice: 'Ashley',
  formats: {
    MP3: { contentType: 'audio/mpeg', sampleRates: SAMPLE_RATES, channels: 1 },
    WAV: { contentType: 'audio/wav', sampleRates: SAMPLE_RATES, channels: 1 },
    OGG_OPUS: { contentType: 'audio/ogg', sampleRates: [48000], channels: 1 },
    FLAC: { contentType: 'audio/flac', sampleRates: SAMPLE_RATES, channels: 1 },
    PCM: { contentType: 'audio/pcm', sampleRates: SAMPLE_RATES, channels: 1 },
    MULAW: { contentType: 'audio/basic', sampleRates: [8000], channels: 1 },
  },
  defaultFormat: 'MP3',
  streamedFormats: ['MP3', 'WAV', 'OGG_OPUS', 'PCM', 'MULAW'],
  speed: { min: 0.5, max: 1.5 },
  styles: Object.keys(DELIVERY_MODES),
  markup: [],
  render,
  request: (call, credential) => ({
    method: 'POST',
    path: `/tts/v1/voice${isStreamed(call) ? ':stream' : ''}`,
    headers: keyHeaders(credential),
    json: requestBody(call),
  }),
  framing: (call) => (isStreamed(call) ? 'json-lines' : 'json'),
  message: ({ data }, call) => read(data, call),
  endsWithBody: true,
  preamble: (call) => (isBareWav(call) ? wavHeader(call.sampleRate, 1, null) : null),
  /** Every line has a figure, and whether each counts alone or all so far is UNCONFIRMED: the reading nearer to the text. */
  billedTotal(last, sum, call) {
    const characters = [...render(call.spans)].length;
    return Math.abs(sum - characters) < Math.abs(last - characters) ? sum : last;
  },
  // UNCONFIRMED.
  requestIdOf: (headers) => asText(firstHeader(headers, 'x-request-id')),
  billedUnits: () => null,
  /** Without parameters the whole list comes at once. */
  voicesRequest: (cursor, credential) => ({
    method: 'GET',
    path: `/voices/v1/voices${cursor === null ? '' : `?pageToken=${encodeURIComponent(cursor)}`}`,
    headers: keyHeaders(credential),
  }),
  voicesPage(body) {
    const page = asObject(body);
    if (!Array.isArray(page?.voices)) throw new TypeError('voices is not a list');
    return { voices: page.voices.flatMap(voiceOf), next: asText(page.nextPageToken) };
  },
  errorOf: words,
};
