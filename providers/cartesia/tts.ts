import type { AudioFormat } from '../contract/audio';
import type { SpeechText } from '../contract/speech-text';
import type { HttpSpeechAdapter, ProviderVoice, SpeechCall, SpeechModel } from '../contract/tts';
import { breakUpTags, writeSpeechText } from '../http/plain-text';
import { rejected } from '../http/provider-failures';
import { asArray, asObject, asText, type JsonObject } from '../http/wire';
import { cartesia, cartesiaHeaders } from './vendor';

/**
 * The newest version whose form of `voice` (`{ mode, id }`) the provider's OpenAPI file describes, and the first whose errors
 * are JSON. 2026-08-14 changes nothing else in speech: there `voice` has no mode.
 */
const API_VERSION = '2026-03-01';

/** The languages of the current models; two are also known by another tag. */
const LANGUAGES =
  'en fr de es pt zh ja hi it ko nl pl ru sv tr tl bg ro ar cs el fi hr ms sk da ta uk hu no vi bn th he ka id te gu kn ml mr pa'.split(
    ' ',
  );
const LANGUAGE_OF_TAG: Readonly<Record<string, string>> = { fil: 'tl', nb: 'no', nn: 'no' };
const OLDER_LANGUAGES = 'en de es fr ja ko pt zh'.split(' ');

/** Primary emotions of https://docs.cartesia.ai/build-with-cartesia/sonic-3/volume-speed-emotion first, then the others. */
const EMOTIONS =
  `neutral calm angry content sad scared happy excited enthusiastic elated euphoric triumphant amazed surprised flirtatious
  curious peaceful serene grateful affectionate trust sympathetic anticipation mysterious mad outraged frustrated agitated
  threatened disgusted contempt envious sarcastic ironic dejected melancholic disappointed hurt guilty bored tired rejected
  nostalgic wistful apologetic hesitant insecure confused resigned anxious panicked alarmed proud confident distant skeptical
  contemplative determined`.split(/\s+/);

/** Neither the documents nor the clients name a limit of one request: ours, and far below what has been seen to work. */
const CHARACTERS_MAX = 5_000;

function model(name: string, more: Partial<SpeechModel> = {}): SpeechModel {
  return {
    name,
    upstreamId: name,
    charactersMax: CHARACTERS_MAX,
    languages: [...LANGUAGES, ...Object.keys(LANGUAGE_OF_TAG)],
    // A sign that is read by its name, alone, silence around it included; prose takes about 70. Ours: no list gives a figure.
    millisecondsPerCharacterMax: 1_000,
    ...more,
  };
}

const older = (name: string, more: Partial<SpeechModel> = {}): SpeechModel =>
  model(name, { languages: OLDER_LANGUAGES, successor: 'sonic-3.5', ...more });
/** Answers `model_sunsetted` since that day. */
const retired = (name: string): SpeechModel => older(name, { retiredAt: '2026-06-01' });

/** `generation_config` has no effect on models before sonic-3: asked of them it is refused rather than dropped. */
const takesGenerationConfig = ({ upstreamId }: SpeechModel): boolean => upstreamId.startsWith('sonic-3');

const SAMPLE_RATES = [24000, 8000, 16000, 22050, 44100, 48000] as const;

/** `output_format` of each format; nothing in it has a default. MP3 below 32 kHz is MPEG-2, which ends at lower bit rates. */
const OUTPUT_FORMATS: Partial<Record<AudioFormat, (sampleRate: number) => JsonObject>> = {
  MP3: (sample_rate) => ({ container: 'mp3', sample_rate, bit_rate: sample_rate < 32_000 ? 64_000 : 128_000 }),
  WAV: (sample_rate) => ({ container: 'wav', encoding: 'pcm_s16le', sample_rate }),
  PCM: (sample_rate) => ({ container: 'raw', encoding: 'pcm_s16le', sample_rate }),
  MULAW: (sample_rate) => ({ container: 'raw', encoding: 'pcm_mulaw', sample_rate }),
};

/** Whether sonic-3 reads tags inside the text is UNCONFIRMED: none is offered, and plain words never hold one. */
const render = (spans: SpeechText): string => writeSpeechText(spans, { plain: breakUpTags });

function requestBody(call: SpeechCall): JsonObject {
  const generation: JsonObject = {
    ...(call.speed === 1 ? {} : { speed: call.speed }),
    ...(call.style === null ? {} : { emotion: call.style }),
  };
  const configured = Object.keys(generation).length > 0;
  if (configured && !takesGenerationConfig(call.model)) {
    throw rejected(cartesiaSpeech, `has speed and styles only since sonic-3; ${call.model.name} takes neither`);
  }
  const language = call.language?.split('-', 1)[0]?.toLowerCase();
  return {
    model_id: call.model.upstreamId,
    transcript: render(call.spans),
    voice: { mode: 'id', id: call.voice },
    output_format: OUTPUT_FORMATS[call.format]?.(call.sampleRate),
    ...(language === undefined ? {} : { language: LANGUAGE_OF_TAG[language] ?? language }),
    ...(configured ? { generation_config: generation } : {}),
  };
}

const GENDERS: Readonly<Record<string, string>> = { masculine: 'male', feminine: 'female', gender_neutral: 'neutral' };

function voiceOf(value: unknown): ProviderVoice[] {
  const voice = asObject(value);
  const id = asText(voice?.id);
  if (voice === null || id === null) return [];
  const locales = asArray(voice.locales).map((entry) => asText(asObject(entry)?.locale));
  const languages = [...locales, asText(voice.language)].filter((tag) => tag !== null);
  const gender = asText(voice.gender);
  return [
    {
      id,
      name: asText(voice.name) ?? id,
      languages: [...new Set(languages)],
      gender: gender === null ? null : (GENDERS[gender] ?? gender),
      description: asText(voice.description),
      // Previews are given out only with the key.
      previewUrl: null,
    },
  ];
}

/**
 * Cartesia text to speech. https://docs.cartesia.ai/api-reference/tts/bytes
 * One endpoint serves both ways: its body is the audio, sent as it is made. Aliases that move without notice
 * (`sonic-latest`, `sonic-3-latest`) are left out; so is Sonic 3.6, whose id is UNCONFIRMED.
 */
export const cartesiaSpeech: HttpSpeechAdapter = {
  ...cartesia,
  transport: 'http',
  models: [
    model('sonic-3.5'),
    model('sonic-3.5-2026-05-04'),
    model('sonic-3'),
    model('sonic-3-2026-01-12'),
    model('sonic-3-2025-10-27'),
    older('sonic-2'),
    older('sonic-2-2025-06-11'),
    older('sonic-2-2025-05-08'),
    older('sonic-2-2025-04-16'),
    older('sonic-turbo-2025-06-04', { languages: [...OLDER_LANGUAGES, 'hi'] }),
    retired('sonic'),
    retired('sonic-english'),
    retired('sonic-multilingual'),
    retired('sonic-2-2025-03-07'),
    retired('sonic-turbo-2025-03-07'),
  ],
  defaultModel: 'sonic-3.5',
  /** "Katie", a stock voice; that every account has it is UNCONFIRMED. */
  defaultVoice: 'f786b574-daa5-4673-aa0c-cbe3e8534c02',
  formats: {
    MP3: { contentType: 'audio/mpeg', sampleRates: [44100, 8000, 16000, 22050, 24000, 48000], channels: 1 },
    WAV: { contentType: 'audio/wav', sampleRates: SAMPLE_RATES, channels: 1 },
    PCM: { contentType: 'audio/pcm', sampleRates: SAMPLE_RATES, channels: 1 },
    // audio/basic means 8 kHz, so that of the documented rates it is the only one that can be named honestly.
    MULAW: { contentType: 'audio/basic', sampleRates: [8000], channels: 1 },
  },
  defaultFormat: 'MP3',
  speed: { min: 0.6, max: 1.5 },
  /** Emotions; on sonic-3.5 they are UNCONFIRMED and sent all the same. */
  styles: EMOTIONS,
  markup: [],
  render,
  request: (call, credential) => ({
    method: 'POST',
    path: '/tts/bytes',
    headers: cartesiaHeaders(credential, API_VERSION),
    json: requestBody(call),
  }),
  billedUnits: () => null,
  voicesRequest(cursor, credential) {
    const query = new URLSearchParams({ limit: '100' });
    if (cursor !== null) query.set('starting_after', cursor);
    return { method: 'GET', path: `/voices?${query}`, headers: cartesiaHeaders(credential, API_VERSION) };
  },
  voicesPage(body) {
    const page = asObject(body);
    if (!Array.isArray(page?.data)) throw new TypeError('data is not a list');
    return {
      voices: page.data.flatMap(voiceOf),
      next: page.has_more === true ? (asText(page.next_page) ?? asText(asObject(page.data.at(-1))?.id)) : null,
    };
  },
};
