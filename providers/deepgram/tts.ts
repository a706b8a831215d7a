import type { AudioFormat } from '../contract/audio';
import type { SpeechText } from '../contract/speech-text';
import type { HttpSpeechAdapter, ProviderVoice, SpeechCall, SpeechModel } from '../contract/tts';
import { writeSpeechText } from '../http/plain-text';
import { firstHeader, rejected } from '../http/provider-failures';
import { asArray, asCount, asObject, asText, asWebLink } from '../http/wire';
import { deepgram, deepgramHeaders } from './vendor';

function model(name: string, languages: readonly string[], more: Partial<SpeechModel> = {}): SpeechModel {
  return {
    name,
    upstreamId: name,
    // Of Aura; over HTTP that of Flux is UNCONFIRMED, and taken for the same.
    charactersMax: 2_000,
    languages,
    // A sign that is read by its name, alone, silence around it included; prose takes about 70. Ours: no list gives a figure.
    millisecondsPerCharacterMax: 1_000,
    ...more,
  };
}

/** The voice that speaks a language when the request names none. */
const AURA_2_VOICES: Readonly<Record<string, string>> = {
  en: 'aura-2-thalia-en',
  es: 'aura-2-celeste-es',
  de: 'aura-2-viktoria-de',
  nl: 'aura-2-rhea-nl',
  fr: 'aura-2-agathe-fr',
  it: 'aura-2-livia-it',
  ja: 'aura-2-izanami-ja',
};
const ENGLISH_VOICES: Readonly<Record<string, string>> = { 'aura-1': 'aura-asteria-en', flux: 'flux-alexis-en' };

/** A voice's id is what the service calls a model: `aura-2-{voice}-{language}`, `aura-{voice}-en`, `flux-{voice}-en`. */
function modelOfVoice(voice: string): string | null {
  if (voice.startsWith('aura-2-')) return 'aura-2';
  if (voice.startsWith('aura-')) return 'aura-1';
  return voice.startsWith('flux-') ? 'flux' : null;
}

const languageOfVoice = (voice: string): string | null => /-([a-z]{2})$/.exec(voice)?.[1] ?? null;

/**
 * `encoding`, `container` and whether the rate is chosen: a parameter that an encoding does not have is a 400, whatever
 * default the OpenAPI file gives it.
 */
const ENCODINGS: Partial<
  Record<AudioFormat, { readonly encoding: string; readonly container?: string; readonly rated?: boolean }>
> = {
  MP3: { encoding: 'mp3' },
  WAV: { encoding: 'linear16', container: 'wav', rated: true },
  PCM: { encoding: 'linear16', container: 'none', rated: true },
  MULAW: { encoding: 'mulaw', container: 'none', rated: true },
  OGG_OPUS: { encoding: 'opus', container: 'ogg' },
  FLAC: { encoding: 'flac', rated: true },
};
const LINEAR_SAMPLE_RATES = [24000, 8000, 16000, 32000, 48000] as const;

/** Flux takes steps of 0.05; the nearest is sent, at most 0.025 away. */
const FLUX_SPEED_STEPS = 20;

function queryOf(call: SpeechCall): URLSearchParams {
  const { encoding, container, rated } = ENCODINGS[call.format]!;
  const query = new URLSearchParams({ model: call.voice, encoding });
  if (container !== undefined) query.set('container', container);
  if (rated === true) query.set('sample_rate', String(call.sampleRate));
  const speed = isFlux(call) ? Math.round(call.speed * FLUX_SPEED_STEPS) / FLUX_SPEED_STEPS : call.speed;
  if (speed !== 1) query.set('speed', String(speed));
  return query;
}

const isFlux = ({ model: { upstreamId } }: SpeechCall): boolean => upstreamId === 'flux';

/** A voice speaks its own language alone, and nothing on the wire could name another. */
function refuseOtherLanguage({ voice, language }: SpeechCall): void {
  const spoken = languageOfVoice(voice);
  if (language === null || spoken === null || language.toLowerCase().split('-', 1)[0] === spoken) return;
  throw rejected(
    deepgramSpeech,
    `has no "${language}" in this voice, which speaks "${spoken}"; leave voice out or change it`,
  );
}

/** No markup is documented for HTTP. */
const render = (spans: SpeechText): string => writeSpeechText(spans, { plain: (text) => text });

const GENDERS: Readonly<Record<string, string>> = { masculine: 'male', feminine: 'female' };

function voiceOf(value: unknown): ProviderVoice[] {
  const voice = asObject(value);
  const id = asText(voice?.canonical_name);
  if (voice === null || id === null || modelOfVoice(id) === null) return [];
  const metadata = asObject(voice.metadata);
  const tags = asArray(metadata?.tags).filter((tag) => typeof tag === 'string');
  const languages = asArray(voice.languages).filter((tag) => typeof tag === 'string');
  const accent = asText(metadata?.accent);
  return [
    {
      id,
      name: asText(voice.name) ?? id,
      languages: [...new Set(languages)],
      gender: tags.map((tag) => GENDERS[tag]).find((gender) => gender !== undefined) ?? null,
      description: accent === null ? null : `${accent} accent`,
      previewUrl: asWebLink(metadata?.sample),
    },
  ];
}

/** The documented voices of Flux; whether the list of models has them is UNCONFIRMED, so they stand in where it has none. */
const FLUX_VOICES: readonly ProviderVoice[] =
  `alexis bree brittany brooke bruce cliff cole colin conor donovan drew elise gemma haley hannah heather jack kai kelsey kit
  maeve marcelo marcus meena meghan miles naveen paige priya rufus sean sharon sienna tanner wade wes`
    .split(/\s+/)
    .map((name) => ({
      id: `flux-${name}-en`,
      name,
      languages: ['en'],
      gender: null,
      description: null,
      previewUrl: null,
    }));

/**
 * Deepgram text to speech: Aura at https://developers.deepgram.com/reference/text-to-speech/speak-request and Flux at
 * https://developers.deepgram.com/reference/text-to-speech/speak-flux
 * The body is the audio, sent as it is made, whether or not it is wanted while it comes.
 */
export const deepgramSpeech: HttpSpeechAdapter = {
  ...deepgram,
  transport: 'http',
  models: [
    model('aura-2', Object.keys(AURA_2_VOICES)),
    model('aura-1', ['en'], { successor: 'aura-2' }),
    model('flux', ['en']),
  ],
  defaultModel: 'aura-2',
  defaultVoice: 'aura-2-thalia-en',
  modelOfVoice,
  voiceFor(name, language) {
    if (name !== null && name !== 'aura-2') return ENGLISH_VOICES[name] ?? null;
    return AURA_2_VOICES[language?.toLowerCase().split('-', 1)[0] ?? 'en'] ?? null;
  },
  formats: {
    MP3: { contentType: 'audio/mpeg', sampleRates: [22050], channels: 1 },
    WAV: { contentType: 'audio/wav', sampleRates: LINEAR_SAMPLE_RATES, channels: 1 },
    OGG_OPUS: { contentType: 'audio/ogg', sampleRates: [48000], channels: 1 },
    FLAC: { contentType: 'audio/flac', sampleRates: [48000, 8000, 16000, 22050, 32000], channels: 1 },
    PCM: { contentType: 'audio/pcm', sampleRates: LINEAR_SAMPLE_RATES, channels: 1 },
    // 16 kHz is documented too, but audio/basic means 8 kHz, and no player knows another name.
    MULAW: { contentType: 'audio/basic', sampleRates: [8000], channels: 1 },
  },
  defaultFormat: 'MP3',
  /** Of Aura; not every language follows. Flux goes down to 0.5. */
  speed: { min: 0.7, max: 1.5 },
  styles: null,
  markup: [],
  render,
  request(call, credential) {
    refuseOtherLanguage(call);
    return {
      method: 'POST',
      path: `/${isFlux(call) ? 'v2' : 'v1'}/speak?${queryOf(call)}`,
      headers: deepgramHeaders(credential),
      json: { text: render(call.spans) },
    };
  },
  billedUnits(headers) {
    const characters =
      asCount(firstHeader(headers, 'dg-char-count')) ?? asCount(firstHeader(headers, 'x-dg-characters'));
    return characters === null ? null : { unit: 'characters', quantity: characters };
  },
  voicesRequest: (_cursor, credential) => ({ method: 'GET', path: '/v1/models', headers: deepgramHeaders(credential) }),
  voicesPage(body) {
    const voices = asObject(body)?.tts;
    if (!Array.isArray(voices)) throw new TypeError('tts is not a list');
    const listed = voices.flatMap(voiceOf);
    return {
      voices: listed.some(({ id }) => id.startsWith('flux-')) ? listed : [...listed, ...FLUX_VOICES],
      next: null,
    };
  },
};
