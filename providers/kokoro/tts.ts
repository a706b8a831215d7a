import type { SpeechText } from '../contract/speech-text';
import type { ProviderVoice, SpeechCall } from '../contract/tts';
import { secondsText, writeSpeechText } from '../http/plain-text';
import { asObject, asText } from '../http/wire';
import { openAiCompatibleSpeech } from '../openai-compatible/speech';

/** First letter of a voice's name: the language it was trained on. The same letters are the values of `lang_code`. */
const LANGUAGE_OF_LETTER: Readonly<Record<string, string>> = {
  a: 'en-US',
  b: 'en-GB',
  e: 'es',
  f: 'fr',
  h: 'hi',
  i: 'it',
  j: 'ja',
  p: 'pt-BR',
  z: 'zh',
};
/** Second letter: sex. */
const GENDER_OF_LETTER: Readonly<Record<string, string>> = { f: 'female', m: 'male' };

/** `lang_code` for a language tag; undefined leaves it to the voice. English without a region keeps the voice's own. */
function languageLetter(language: string, voice: string): string | undefined {
  const [primary, ...rest] = language.toLowerCase().split('-');
  if (primary === 'en') {
    if (rest.includes('gb')) return 'b';
    return rest.includes('us') || !voice.startsWith('b') ? 'a' : 'b';
  }
  return Object.entries(LANGUAGE_OF_LETTER).find(([, tag]) => tag.split('-', 1)[0] === primary)?.[0];
}

function extensions(call: SpeechCall): Record<string, unknown> {
  const letter = call.language === null ? undefined : languageLetter(call.language, call.voice);
  return letter === undefined ? {} : { lang_code: letter };
}

/** Longest pause of one mark; the platform's own limit is shorter. */
const PAUSE_MILLISECONDS_MAX = 60_000;

/**
 * `[pause:1.5s]` and `[word](/ipa/)` are read in every text, and the server has no switch or escape for them. Plain words get
 * a space after a `[` before "pause" and between `](`: the server's patterns allow none there, brackets and spaces are not
 * heard, and the words in them are. Pronunciations are read for English alone, and in IPA alone; in another alphabet the
 * word is spoken as it is written. `[voice:x]` and `[rate:n]` need `allow_voice_tags`, which is never sent.
 */
function render(spans: SpeechText): string {
  return writeSpeechText(spans, {
    plain: (text) => text.replace(/\[(?=\s*pause)/gi, '[ ').replaceAll('](', '] ('),
    pause: (milliseconds) =>
      milliseconds > 0 ? `[pause:${secondsText(Math.min(milliseconds, PAUSE_MILLISECONDS_MAX))}s]` : '',
    marked({ text, phoneme }) {
      if (phoneme === undefined || phoneme.alphabet.toLowerCase() !== 'ipa') return null;
      // Neither part may hold a bracket or a slash that ends it, and the word may not make a pause of the whole.
      const word = text.replace(/[[\]]/g, '');
      const sounds = phoneme.ph.replace(/[/()[\]]/g, '').trim();
      return word.trim() === '' || sounds === '' || /^\s*pause/i.test(word) ? null : `[${word}](/${sounds}/)`;
    },
  });
}

function voiceOf(value: unknown): ProviderVoice[] {
  const id = asText(value) ?? asText(asObject(value)?.id);
  if (id === null) return [];
  const [, language = '', gender = ''] = /^([a-z])([fm])_/.exec(id) ?? [];
  const tag = LANGUAGE_OF_LETTER[language];
  return [
    {
      id,
      name: asText(asObject(value)?.name) ?? id,
      languages: tag === undefined ? [] : [tag],
      gender: GENDER_OF_LETTER[gender] ?? null,
      description: null,
      previewUrl: null,
    },
  ];
}

/** Kokoro-82M on a server of one's own. https://github.com/remsky/Kokoro-FastAPI (0.8) */
export const kokoroSpeech = openAiCompatibleSpeech({
  provider: 'kokoro',
  name: 'Kokoro',
  firstParty: false,
  keyHeader: null,
  keyRequired: false,
  defaultBaseUrl: null,
  models: [
    {
      name: 'kokoro',
      upstreamId: 'kokoro',
      // The server splits texts itself and sets no limit; this one, about two hours of speech, keeps one call finite.
      charactersMax: 100_000,
      languages: ['en', 'es', 'fr', 'hi', 'it', 'ja', 'pt', 'zh'],
      // A sign that is read by its name, alone, silence around it included; prose takes about 70. Ours: no list gives a figure.
      millisecondsPerCharacterMax: 1_000,
    },
  ],
  defaultModel: 'kokoro',
  defaultVoice: 'af_heart',
  formats: {
    MP3: { responseFormat: 'mp3', contentType: 'audio/mpeg', sampleRates: [24000], channels: 1 },
    WAV: { responseFormat: 'wav', contentType: 'audio/wav', sampleRates: [24000], channels: 1 },
    // Made from 24 kHz; Opus always decodes to 48 kHz.
    OGG_OPUS: { responseFormat: 'opus', contentType: 'audio/ogg', sampleRates: [48000], channels: 1 },
    FLAC: { responseFormat: 'flac', contentType: 'audio/flac', sampleRates: [24000], channels: 1 },
    PCM: { responseFormat: 'pcm', contentType: 'audio/pcm', sampleRates: [24000], channels: 1 },
  },
  defaultFormat: 'MP3',
  speed: { min: 0.25, max: 4 },
  styles: null,
  markup: ['break', 'phoneme'],
  // WAV that is streamed has placeholder lengths (0xFFFFFFFF): its reader must take them for "until the end".
  streamMode: 'chunked',
  extensions,
  render,
  voices: {
    path: '/v1/audio/voices',
    parse(body) {
      const voices = asObject(body)?.voices;
      if (!Array.isArray(voices)) throw new TypeError('voices is not a list');
      return voices.flatMap(voiceOf);
    },
  },
});
