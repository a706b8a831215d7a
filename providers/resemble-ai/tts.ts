import type { Credential } from '../contract/credential';
import type { ErrorAnswer, ProviderWords } from '../contract/provider';
import type { SpeechText } from '../contract/speech-text';
import type { HttpSpeechAdapter, ProviderVoice, SpeechCall, SpeechMessage } from '../contract/tts';
import { base64Bytes } from '../http/answer-messages';
import { errorInAnswer } from '../http/error-in-answer';
import { breakUpTags, secondsText, writeSpeechText } from '../http/plain-text';
import { firstHeader } from '../http/provider-failures';
import { asArray, asCode, asObject, asText, type JsonObject } from '../http/wire';

/** Lists and accounts live on another host than synthesis. */
const MANAGEMENT_ORIGIN = 'https://app.resemble.ai';

/** The streaming endpoint knows WAV alone; everything else comes whole, as base64 in a document. */
const isStreamed = (call: SpeechCall): boolean => call.streaming && call.format === 'WAV';

/**
 * Text, or SSML when it has pauses (https://docs.app.resemble.ai/docs/getting_started/ssml): a document of SSML has the root
 * `speak`. Which other elements the streaming endpoint honours is UNCONFIRMED, so none is offered.
 */
function render(spans: SpeechText): string {
  if (!spans.some(({ kind }) => kind === 'break')) return writeSpeechText(spans, { plain: breakUpTags });
  const body = writeSpeechText(spans, {
    plain: escapeXml,
    pause: (milliseconds) => (milliseconds === 0 ? '' : `<break time="${secondsText(milliseconds)}s"/>`),
  });
  return `<speak>${body}</speak>`;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function requestBody(call: SpeechCall): JsonObject {
  return {
    voice_uuid: call.voice,
    data: render(call.spans),
    // Left out it depends on the voice. The provider's OpenAPI file has it as a string.
    sample_rate: String(call.sampleRate),
    // 32-bit samples otherwise.
    ...(call.format === 'WAV' ? { precision: 'PCM_16' } : {}),
    ...(isStreamed(call) ? {} : { output_format: call.format.toLowerCase() }),
  };
}

function keyHeaders({ secret }: Credential): Record<string, string> {
  return secret === null ? {} : { authorization: `Bearer ${secret}` };
}

/** The whole answer of the one-shot endpoint; a failure can come with 200 and `success: false`. */
function read(data: unknown): SpeechMessage {
  const answer = asObject(data);
  if (answer === null) throw new TypeError('the answer is not an object');
  if (answer.success === false || answer.audio_content === undefined) throw errorInAnswer(resembleAiSpeech, answer);
  const { duration } = answer;
  return {
    audio: base64Bytes(answer.audio_content),
    ...(typeof duration === 'number' ? { billedUnits: { unit: 'seconds', quantity: duration } } : {}),
    last: true,
  };
}

/** Words of states in which a voice cannot speak yet, or never will; the values are UNCONFIRMED, and others pass. */
const NOT_READY = /train|build|pending|queue|process|init|running|draft|fail|error/i;

function voiceOf(value: unknown): ProviderVoice[] {
  const voice = asObject(value);
  const id = asText(voice?.uuid);
  if (voice === null || id === null || NOT_READY.test(asText(voice.status) ?? '')) return [];
  const languages = [voice.default_language, ...asArray(voice.supported_languages)].flatMap((tag) => asText(tag) ?? []);
  return [
    {
      id,
      name: asText(voice.name) ?? id,
      languages: [...new Set(languages)],
      gender: null,
      description: null,
      previewUrl: null,
    },
  ];
}

/** The first reason of `errors`, a list, or lists by field. */
function firstReason(errors: unknown): string | null {
  const object = asObject(errors);
  const [field, reasons] = object === null ? [null, errors] : (Object.entries(object)[0] ?? [null, null]);
  const reason = asText(asArray(reasons)[0]) ?? asText(reasons);
  return reason === null || field === null ? reason : `${field}: ${reason}`;
}

/** `message`, `error`, `error_name` and `errors` all occur, alone or together. */
function words(body: unknown, answer?: ErrorAnswer): ProviderWords {
  const error = asObject(body);
  if (error === null) return { message: asText(body) ?? undefined };
  const code = asCode(error.error_name);
  const message = asText(error.message) ?? asText(error.error) ?? code ?? firstReason(error.errors) ?? undefined;
  // Without a status of its own a failed synthesis fails again: nothing says otherwise.
  return answer === undefined ? { code, message, kind: 'REJECTED' } : { code, message };
}

/**
 * Resemble AI text to speech. https://docs.resemble.ai/voice-generation/text-to-speech/synchronous and /streaming-http
 * The service takes the model that a voice is bound to; that it still hears `model` is UNCONFIRMED, so none is sent. Language
 * and speed are the voice's.
 */
export const resembleAiSpeech: HttpSpeechAdapter = {
  transport: 'http',
  provider: 'resemble-ai',
  name: 'Resemble AI',
  firstParty: false,
  keyHeader: 'X-Provider-Key-ResembleAI',
  keyRequired: true,
  defaultBaseUrl: 'https://f.cluster.resemble.ai',
  models: [
    {
      name: 'resemble-default',
      upstreamId: 'resemble-default',
      // Of the streaming endpoint; the other takes 3,000.
      charactersMax: 2_000,
      languages: null,
      // A sign that is read by its name, alone, silence around it included; prose takes about 70. Ours: no list gives a figure.
      millisecondsPerCharacterMax: 1_000,
    },
  ],
  defaultModel: 'resemble-default',
  /** The library voice of the provider's own examples; that every account has it is UNCONFIRMED. */
  defaultVoice: '55592656',
  // Library voices that an account never took up are not on its list.
  listsEveryVoice: false,
  formats: {
    WAV: { contentType: 'audio/wav', sampleRates: [48000, 8000, 16000, 22050, 32000, 44100], channels: 1 },
    MP3: { contentType: 'audio/mpeg', sampleRates: [48000, 8000, 16000, 22050, 32000, 44100], channels: 1 },
  },
  defaultFormat: 'WAV',
  streamedFormats: ['WAV'],
  speed: null,
  styles: null,
  markup: ['break'],
  render,
  request: (call, credential) => ({
    method: 'POST',
    path: isStreamed(call) ? '/stream' : '/synthesize',
    headers: keyHeaders(credential),
    json: requestBody(call),
  }),
  framing: (call) => (isStreamed(call) ? 'bytes' : 'json'),
  message: ({ data }) => read(data),
  // UNCONFIRMED.
  requestIdOf: (headers) => asText(firstHeader(headers, 'x-request-id')),
  billedUnits: () => null,
  voicesRequest: (cursor, credential) => ({
    method: 'GET',
    origin: MANAGEMENT_ORIGIN,
    path: `/api/v2/voices?page=${cursor ?? '1'}&page_size=1000`,
    headers: keyHeaders(credential),
  }),
  voicesPage(body) {
    const answer = asObject(body);
    if (!Array.isArray(answer?.items)) throw new TypeError('items is not a list');
    const { page, num_pages: pages } = answer;
    const more = typeof page === 'number' && typeof pages === 'number' && page < pages;
    return { voices: answer.items.flatMap(voiceOf), next: more ? String(page + 1) : null };
  },
  errorOf: words,
};
