import type { AudioFormat } from '../contract/audio';
import type { SpeechText } from '../contract/speech-text';
import type { HttpSpeechAdapter, ProviderVoice, SpeechCall, SpeechModel } from '../contract/tts';
import { secondsText, writeSpeechText } from '../http/plain-text';
import { firstHeader } from '../http/provider-failures';
import { asArray, asCount, asObject, asText, asWebLink, type JsonObject } from '../http/wire';
import { elevenLabs, elevenLabsHeaders } from './vendor';

/** A sign that is read by its name, alone, silence around it included; prose takes about 70. Ours: no list gives a figure. */
const MILLISECONDS_PER_CHARACTER_MAX = 1_000;

function model(name: string, charactersMax: number, more: Partial<SpeechModel> = {}): SpeechModel {
  return {
    name,
    upstreamId: name,
    charactersMax,
    languages: null,
    millisecondsPerCharacterMax: MILLISECONDS_PER_CHARACTER_MAX,
    ...more,
  };
}

/**
 * `output_format` by format and sample rate. The default of each is open to every tier: 192 kbit/s MP3 needs Creator, and
 * PCM and WAV at 44.1 kHz need Pro (403 otherwise). That the container of "opus" is Ogg is UNCONFIRMED.
 */
const OUTPUT_FORMATS: Partial<Record<AudioFormat, (sampleRate: number) => string>> = {
  MP3: (sampleRate) => `mp3_${sampleRate}_${MP3_KILOBITS[sampleRate] ?? 128}`,
  WAV: (sampleRate) => `wav_${sampleRate}`,
  PCM: (sampleRate) => `pcm_${sampleRate}`,
  OGG_OPUS: (sampleRate) => `opus_${sampleRate}_128`,
  MULAW: (sampleRate) => `ulaw_${sampleRate}`,
};
const MP3_KILOBITS: Readonly<Record<number, number>> = { 44100: 128, 24000: 48, 22050: 32 };
const LINEAR_SAMPLE_RATES = [24000, 8000, 16000, 22050, 32000, 44100, 48000] as const;

/** Longest pause of one tag; a longer one is written as several. */
const BREAK_MILLISECONDS_MAX = 3_000;

/**
 * Breaks are tags inside the text, 3 s at most, on every model but v3 (https://help.elevenlabs.io article 24352686926609),
 * and nothing switches that off over HTTP; that tags in a row add up is UNCONFIRMED. Phoneme tags exist for two English
 * models alone and are not offered.
 * There is no documented escape, so in plain words a space is put after every `<` that could open a tag: white space
 * cannot follow it in a tag, and is not heard.
 */
function render(spans: SpeechText): string {
  return writeSpeechText(spans, {
    plain: breakUpTags,
    pause(milliseconds) {
      let tags = '';
      for (let rest = milliseconds; rest > 0; rest -= BREAK_MILLISECONDS_MAX) {
        tags += `<break time="${secondsText(Math.min(rest, BREAK_MILLISECONDS_MAX))}s" />`;
      }
      return tags;
    },
  });
}

/** v3 has no break tags; it takes stage directions, whose length is the model's own. Never longer than `render`. */
function renderForV3(spans: SpeechText): string {
  return writeSpeechText(spans, {
    plain: breakUpTags,
    pause: (milliseconds) => (milliseconds < 500 ? '[short pause]' : milliseconds < 1_500 ? '[pause]' : '[long pause]'),
  });
}

function breakUpTags(text: string): string {
  return text.replace(/<(?=[\p{L}/!?_:]|$)/gu, '< ');
}

function requestBody(call: SpeechCall): JsonObject {
  const { upstreamId } = call.model;
  const language = call.language?.split('-', 1)[0]?.toLowerCase();
  return {
    text: upstreamId === 'eleven_v3' ? renderForV3(call.spans) : render(call.spans),
    model_id: upstreamId,
    // ISO 639-1; refused by multilingual v2, which hears the language itself.
    ...(language?.length === 2 && upstreamId !== 'eleven_multilingual_v2' ? { language_code: language } : {}),
    // Left out at natural speed, so that the voice keeps its stored settings.
    ...(call.speed === 1 ? {} : { voice_settings: { speed: call.speed } }),
  };
}

function voiceOf(value: unknown): ProviderVoice[] {
  const voice = asObject(value);
  const id = asText(voice?.voice_id);
  if (voice === null || id === null) return [];
  const labels = asObject(voice.labels);
  const languages = [...asArray(voice.verified_languages).map((entry) => asObject(entry)?.language), labels?.language];
  return [
    {
      id,
      name: asText(voice.name) ?? id,
      languages: [
        ...new Set(languages.filter((tag): tag is string => typeof tag === 'string' && LANGUAGE_TAG.test(tag))),
      ],
      gender: asText(labels?.gender),
      description: asText(voice.description),
      previewUrl: asWebLink(voice.preview_url),
    },
  ];
}

/** Labels are free text ("English"); only tags are taken for languages. */
const LANGUAGE_TAG = /^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i;

/**
 * ElevenLabs text to speech. https://elevenlabs.io/docs/api-reference/text-to-speech
 * The text's own `[directions]` are the documented way to direct v3 and are passed on as they are written.
 */
export const elevenLabsSpeech: HttpSpeechAdapter = {
  ...elevenLabs,
  transport: 'http',
  models: [
    model('eleven_multilingual_v2', 10_000),
    model('eleven_flash_v2_5', 40_000),
    model('eleven_flash_v2', 30_000, { languages: ['en'] }),
    model('eleven_turbo_v2_5', 40_000, { successor: 'eleven_flash_v2_5' }),
    model('eleven_turbo_v2', 30_000, { languages: ['en'], successor: 'eleven_flash_v2' }),
    // The documentation's figure of 2025; a later one is UNCONFIRMED.
    model('eleven_v3', 3_000),
  ],
  defaultModel: 'eleven_multilingual_v2',
  /** "Rachel", the stock voice of the provider's own examples; that every account still has it is UNCONFIRMED. */
  defaultVoice: '21m00Tcm4TlvDq8ikWAM',
  formats: {
    MP3: { contentType: 'audio/mpeg', sampleRates: [44100, 22050, 24000], channels: 1 },
    WAV: { contentType: 'audio/wav', sampleRates: LINEAR_SAMPLE_RATES, channels: 1 },
    OGG_OPUS: { contentType: 'audio/ogg', sampleRates: [48000], channels: 1 },
    PCM: { contentType: 'audio/pcm', sampleRates: LINEAR_SAMPLE_RATES, channels: 1 },
    MULAW: { contentType: 'audio/basic', sampleRates: [8000], channels: 1 },
  },
  defaultFormat: 'MP3',
  streamedFormats: ['MP3', 'OGG_OPUS', 'PCM', 'MULAW'],
  speed: { min: 0.7, max: 1.2 },
  styles: null,
  markup: ['break'],
  render,
  request(call, credential) {
    // The streaming endpoint knows no WAV.
    const stream = call.streaming && call.format !== 'WAV' ? '/stream' : '';
    const outputFormat = OUTPUT_FORMATS[call.format]?.(call.sampleRate) ?? '';
    return {
      method: 'POST',
      path: `/v1/text-to-speech/${encodeURIComponent(call.voice)}${stream}?output_format=${outputFormat}`,
      headers: elevenLabsHeaders(credential),
      json: requestBody(call),
    };
  },
  requestIdOf: (headers) => asText(firstHeader(headers, 'request-id')),
  billedUnits(headers) {
    // Credits after the model's multiplier; which of the two headers is sent today is UNCONFIRMED.
    const credits = asCount(firstHeader(headers, 'character-cost'));
    if (credits !== null) return { unit: 'credits', quantity: credits };
    const characters = asCount(firstHeader(headers, 'x-character-count'));
    return characters === null ? null : { unit: 'characters', quantity: characters };
  },
  voicesRequest(cursor, credential) {
    const query = new URLSearchParams({ page_size: '100', include_total_count: 'false' });
    if (cursor !== null) query.set('next_page_token', cursor);
    return { method: 'GET', path: `/v2/voices?${query}`, headers: elevenLabsHeaders(credential) };
  },
  voicesPage(body) {
    const page = asObject(body);
    if (!Array.isArray(page?.voices)) throw new TypeError('voices is not a list');
    return {
      voices: page.voices.flatMap(voiceOf),
      next: page.has_more === true ? asText(page.next_page_token) : null,
    };
  },
};
