import type { AudioFormat } from '../contract/audio';
import type { SpeechText } from '../contract/speech-text';
import type { HttpSpeechAdapter, ProviderVoice, SpeechCall, SpeechModel } from '../contract/tts';
import { writeSpeechText } from '../http/plain-text';
import { asArray, asObject, asText, asWebLink, type JsonObject } from '../http/wire';
import { fishAudio, fishAudioHeaders } from './vendor';

function model(name: string, more: Partial<SpeechModel> = {}): SpeechModel {
  return {
    name,
    upstreamId: name,
    // The service names no limit; resellers stop at 10,000 (UNCONFIRMED).
    charactersMax: 5_000,
    // It hears the language itself.
    languages: null,
    // A sign that is read by its name, alone, silence around it included; prose takes about 70. Ours: no list gives a figure.
    millisecondsPerCharacterMax: 1_000,
    ...more,
  };
}

const FORMATS: Partial<Record<AudioFormat, string>> = { MP3: 'mp3', WAV: 'wav', PCM: 'pcm', OGG_OPUS: 'opus' };
const LINEAR_SAMPLE_RATES = [44100, 8000, 16000, 24000, 32000] as const;

/**
 * `<|speaker:0|>` changes the speaker, so in plain words no `<` stands before a `|`. The text's own `[directions]` are the
 * documented way to direct the S2 models and are passed on as they are written, as are the `(directions)` of s1.
 */
const render = (spans: SpeechText): string =>
  writeSpeechText(spans, { plain: (text) => text.replace(/<(?=\||$)/g, '< ') });

function requestBody(call: SpeechCall): JsonObject {
  return {
    text: render(call.spans),
    reference_id: call.voice,
    format: FORMATS[call.format],
    // Always said: left out it is 44.1 kHz, or 48 kHz for Opus.
    sample_rate: call.sampleRate,
    ...(call.format === 'MP3' ? { mp3_bitrate: 128 } : {}),
    ...(call.speed === 1 ? {} : { prosody: { speed: call.speed } }),
  };
}

/**
 * Public voices are without number and come as a bounded window, the most popular first. A list is the account's own voices
 * and this many pages of the window; any other id is the service's to judge.
 */
const PAGE_SIZE = 100;
const PUBLIC_PAGES_MAX = 10;
const CURSOR = /^(own|public) (\d+)$/;
const FIRST_PAGE = 'own 1';

function voiceOf(value: unknown): ProviderVoice[] {
  const voice = asObject(value);
  const id = asText(voice?._id);
  // What is still in training, or for singing, cannot speak.
  if (voice === null || id === null || voice.state !== 'trained' || voice.type !== 'tts') return [];
  const tags = asArray(voice.tags).flatMap((tag) => (typeof tag === 'string' ? [tag.toLowerCase()] : []));
  const languages = asArray(voice.languages).filter((tag) => typeof tag === 'string' && LANGUAGE_TAG.test(tag));
  return [
    {
      id,
      name: asText(voice.title) ?? id,
      languages: [...new Set(languages as string[])],
      gender: ['female', 'male'].find((gender) => tags.includes(gender)) ?? null,
      description: asText(voice.description),
      previewUrl: asWebLink(asObject(asArray(voice.samples)[0])?.audio),
    },
  ];
}

const LANGUAGE_TAG = /^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i;

/**
 * Fish Audio text to speech. https://docs.fish.audio/api-reference/endpoint/openapi-v1/text-to-speech
 * The body is the audio, sent as it is made. An unknown model is served, and billed, as s2.1-pro, so only documented ones are
 * sent; drama-3 is left out while its limits and price are UNCONFIRMED.
 */
export const fishAudioSpeech: HttpSpeechAdapter = {
  ...fishAudio,
  transport: 'http',
  models: [
    model('s2.1-pro'),
    // Without a data-processing agreement: served only to those who ask for it by name.
    model('s2.1-pro-free'),
    model('s2-pro'),
    model('s1', { retiredAt: '2026-12-31', successor: 's2.1-pro' }),
  ],
  defaultModel: 's2.1-pro',
  /** A public voice of the provider's own examples; that it stays public is UNCONFIRMED. */
  defaultVoice: '7f92f8afb8ec43bf81429cc1c9199cb1',
  listsEveryVoice: false,
  formats: {
    MP3: { contentType: 'audio/mpeg', sampleRates: [44100, 32000], channels: 1 },
    WAV: { contentType: 'audio/wav', sampleRates: LINEAR_SAMPLE_RATES, channels: 1 },
    // That the container of "opus" is Ogg is UNCONFIRMED.
    OGG_OPUS: { contentType: 'audio/ogg', sampleRates: [48000], channels: 1 },
    PCM: { contentType: 'audio/pcm', sampleRates: LINEAR_SAMPLE_RATES, channels: 1 },
  },
  defaultFormat: 'MP3',
  speed: { min: 0.5, max: 2 },
  styles: null,
  markup: [],
  render,
  request(call, credential) {
    return {
      method: 'POST',
      path: '/v1/tts',
      headers: { ...fishAudioHeaders(credential), model: call.model.upstreamId },
      json: requestBody(call),
    };
  },
  /** Nothing in an answer tells it; the documents say that every byte of the text in UTF-8 is counted. */
  billedUnits: (_headers, call) => ({ unit: 'bytes', quantity: Buffer.byteLength(render(call.spans)) }),
  voicesRequest(cursor, credential) {
    const [, list, page] = CURSOR.exec(cursor ?? FIRST_PAGE) ?? [];
    const query = new URLSearchParams({ page_size: String(PAGE_SIZE), page_number: page ?? '1' });
    if (list === 'own') query.set('self', 'true');
    return { method: 'GET', path: `/model?${query}`, headers: fishAudioHeaders(credential) };
  },
  voicesPage(body, cursor) {
    const answer = asObject(body);
    if (!Array.isArray(answer?.items)) throw new TypeError('items is not a list');
    const [, list, page] = CURSOR.exec(cursor ?? FIRST_PAGE) ?? [];
    const number = Number(page ?? 1);
    const own = list === 'own';
    // `max_offset` bounds the window; `has_more` is not in every answer.
    const reachable = Math.min(
      typeof answer.total === 'number' ? answer.total : Number.POSITIVE_INFINITY,
      typeof answer.max_offset === 'number' ? answer.max_offset : Number.POSITIVE_INFINITY,
    );
    const more =
      answer.items.length === PAGE_SIZE &&
      answer.has_more !== false &&
      number * PAGE_SIZE < reachable &&
      (own || number < PUBLIC_PAGES_MAX);
    const next = more ? `${list} ${number + 1}` : own ? 'public 1' : null;
    return { voices: answer.items.flatMap(voiceOf), next };
  },
};
