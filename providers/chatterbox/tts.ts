import { ProviderError } from '../contract/errors';
import type { HttpSpeechAdapter, ProviderVoice, SpeechCall, SpeechModel } from '../contract/tts';
import { writeSpeechText } from '../http/plain-text';
import { asArray, asObject, asText } from '../http/wire';
import { openAiCompatibleSpeech } from '../openai-compatible/speech';
import { speechEvent } from '../openai-compatible/speech-events';

const PROVIDER = { provider: 'chatterbox', name: 'Chatterbox' } as const;

/**
 * The server's own default: the first voice of the documents on Chatterbox-TTS-Server, and on chatterbox-tts-api, which takes a
 * name that it does not know for it, the voice that its operator chose.
 */
const DEFAULT_VOICE = 'default';
const BUNDLED_VOICE = 'Emily.wav';
const ALIAS_OF_DEFAULT = 'alloy';

/** Where chatterbox-tts-api has its list; the other server has none there. */
const LIBRARY = '/v1/voices';

const LANGUAGES = [
  ...['ar', 'da', 'de', 'el', 'en', 'es', 'fi', 'fr', 'he', 'hi', 'it', 'ja', 'ko', 'ms', 'nl', 'no', 'pl', 'pt'],
  ...['ru', 'sv', 'sw', 'tr', 'zh'],
];
const MULTILINGUAL = 'chatterbox-multilingual';

/** Characters that the server synthesises at a time on its own route (50 to 500). */
const CHUNK_CHARACTERS = 240;

function model(name: string, languages: readonly string[]): SpeechModel {
  return {
    name,
    upstreamId: name,
    // Neither server says more before a whole text is spoken (3,000 characters is the stricter's limit). Half a minute of
    // speech keeps the wait for the first byte short, whatever the machine.
    charactersMax: 500,
    languages,
    // A sign that is read by its name, alone, silence around it included; prose takes about 70. Ours: no list gives a figure.
    millisecondsPerCharacterMax: 1_000,
  };
}

/** Only one of the servers makes it, as events; it has neither a speed nor a language, which come with the voice. */
const asEvents = (call: SpeechCall): boolean => call.format === 'PCM';

const openAi = openAiCompatibleSpeech({
  ...PROVIDER,
  firstParty: false,
  keyHeader: null,
  keyRequired: false,
  defaultBaseUrl: null,
  models: [model('chatterbox', ['en']), model(MULTILINGUAL, LANGUAGES)],
  defaultModel: 'chatterbox',
  defaultVoice: DEFAULT_VOICE,
  formats: {
    WAV: { responseFormat: 'wav', contentType: 'audio/wav', sampleRates: [24000], channels: 1 },
    MP3: { responseFormat: 'mp3', contentType: 'audio/mpeg', sampleRates: [24000], channels: 1 },
    // Made from 24 kHz; Opus always decodes to 48 kHz.
    OGG_OPUS: { responseFormat: 'opus', contentType: 'audio/ogg', sampleRates: [48000], channels: 1 },
    PCM: { responseFormat: 'pcm', contentType: 'audio/pcm', sampleRates: [24000], channels: 1 },
  },
  defaultFormat: 'WAV',
  streamedFormats: ['PCM'],
  // Beyond 0.25 to 4 the server's own page stops, though its route takes anything.
  speed: { min: 0.25, max: 4 },
  styles: null,
  markup: [],
  streamMode: 'none',
  // The text's own `[laugh]`, `[sigh]` and their like are the documented way to direct the Turbo model, and are passed on.
  render: (spans) => writeSpeechText(spans, { plain: (text) => text }),
  voices: { path: '/v1/audio/voices', parse: voicesOf },
});

/** `{ voices: ["Emily.wav"] }` of one server, `{ voices: [{ name }], count }` of the other. */
function voicesOf(body: unknown): ProviderVoice[] {
  const list = asObject(body)?.voices;
  if (!Array.isArray(list)) throw new TypeError('voices is not a list');
  const names = asArray(list).flatMap((entry) => asText(entry) ?? asText(asObject(entry)?.name) ?? []);
  return [
    voice(DEFAULT_VOICE, 'Default', 'Whatever voice the server speaks with when none is named.'),
    ...names.filter(isName).map((name) => voice(name, name.replace(/\.(wav|mp3)$/i, ''), null)),
  ];
}

function voice(id: string, name: string, description: string | null): ProviderVoice {
  return { id, name, languages: [], gender: null, description, previewUrl: null };
}

/** A name is joined to a folder on the server, unchecked: one that could lead out of it is never sent. */
function isName(voiceId: string): boolean {
  return !/[/\\\p{Cc}]|\.\./u.test(voiceId);
}

function refused(what: string): ProviderError {
  return new ProviderError({
    provider: PROVIDER.provider,
    kind: 'REJECTED',
    message: `${PROVIDER.name} ${what}.`,
    retryable: false,
  });
}

/**
 * Chatterbox, Resemble AI's open model, on a server of one's own: https://github.com/devnen/Chatterbox-TTS-Server for files (its
 * OpenAI route, and its own where a language is to be named), https://github.com/travisvn/chatterbox-tts-api for PCM, which it
 * streams. Both answer the default, WAV. The model is the one that the server has loaded. The sample rate of MP3, and that no
 * server's WAV has other than 16-bit samples, are UNCONFIRMED: what comes is looked at.
 */
export const chatterboxSpeech: HttpSpeechAdapter = {
  ...openAi,
  request(call, credential) {
    if (!isName(call.voice)) throw refused('has no such voice; choose one of its list');
    const named = (ofDefault: string): string => (call.voice === DEFAULT_VOICE ? ofDefault : call.voice);
    const { headers } = openAi.request(call, credential);
    if (asEvents(call)) {
      if (call.speed !== 1 || call.language !== null) {
        throw refused('takes speed and language from the voice in PCM; leave them out, or choose WAV');
      }
      const json = {
        input: openAi.render(call.spans),
        voice: named(ALIAS_OF_DEFAULT),
        response_format: 'wav',
        stream_format: 'sse',
      };
      return { method: 'POST', path: '/v1/audio/speech', headers, json };
    }
    const spoken = { ...call, voice: named(BUNDLED_VOICE) };
    if (call.model.name !== MULTILINGUAL) return openAi.request(spoken, credential);
    const json = {
      text: openAi.render(call.spans),
      voice_mode: 'predefined',
      predefined_voice_id: spoken.voice,
      output_format: { MP3: 'mp3', OGG_OPUS: 'opus' }[call.format as string] ?? 'wav',
      split_text: true,
      chunk_size: CHUNK_CHARACTERS,
      language: call.language?.split('-', 1)[0]?.toLowerCase() ?? 'en',
      ...(call.speed === 1 ? {} : { speed_factor: call.speed }),
    };
    return { method: 'POST', path: '/tts', headers, json };
  },
  framing: (call) => (asEvents(call) ? 'events' : 'bytes'),
  message: (message) => speechEvent(openAi, message),
  voicesRequest: (cursor, credential) => ({
    ...openAi.voicesRequest(null, credential)!,
    ...(cursor && { path: cursor }),
  }),
  voicesElsewhere: LIBRARY,
};
