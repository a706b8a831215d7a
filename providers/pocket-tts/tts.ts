import { ProviderError } from '../contract/errors';
import type { SpeechText } from '../contract/speech-text';
import type { HttpSpeechAdapter, ProviderVoice } from '../contract/tts';
import { writeSpeechText } from '../http/plain-text';
import { errorOfCompatibleServer } from '../openai-compatible/speech';

const PROVIDER = { provider: 'pocket-tts', name: 'Pocket TTS' } as const;

/** The server reads no markup. */
const render = (spans: SpeechText): string => writeSpeechText(spans, { plain: (text) => text });

/** The server's own choice: no voice is sent, and it speaks with the one of the language that it was started for. */
const DEFAULT_VOICE = 'default';

/**
 * The presets, by the language of the people who spoke them. There is no route that lists them, and a preset for which the
 * server's model ships no embedding is refused by the server.
 */
const PRESETS: Readonly<Record<string, readonly string[]>> = {
  en: [
    ...['alba', 'cosette', 'marius', 'javert', 'jean', 'anna', 'vera', 'fantine', 'charles', 'paul', 'eponine'],
    ...[
      'azelma',
      'george',
      'mary',
      'jane',
      'michael',
      'eve',
      'bill_boerst',
      'peter_yearsley',
      'stuart_bell',
      'caro_davy',
    ],
  ],
  fr: ['estelle'],
  de: ['juergen'],
  it: ['giovanni'],
  pt: ['rafael'],
  es: ['lola'],
};

const VOICES: readonly ProviderVoice[] = [
  voice(DEFAULT_VOICE, [], 'Whatever voice the server speaks with when none is named.'),
  ...Object.entries(PRESETS).flatMap(([language, names]) => names.map((name) => voice(name, [language], null))),
];

function voice(id: string, languages: readonly string[], description: string | null): ProviderVoice {
  return { id, name: id, languages, gender: null, description, previewUrl: null };
}

/**
 * Pocket TTS on a server of one's own, made for processors without a GPU. https://github.com/kyutai-labs/pocket-tts (2.1.0)
 * Each server speaks one language, which no request can choose: a named language picks the preset of that language.
 * Generation that fails can leave the answer hanging; the time-out between bytes ends it.
 */
export const pocketTtsSpeech: HttpSpeechAdapter = {
  ...PROVIDER,
  transport: 'http',
  firstParty: false,
  keyHeader: null,
  keyRequired: false,
  defaultBaseUrl: null,
  models: [
    {
      name: 'pocket-tts',
      upstreamId: 'pocket-tts',
      // The server splits texts itself and sets no limit; this one, about six minutes of speech, keeps one call finite.
      charactersMax: 5_000,
      languages: Object.keys(PRESETS),
      // A sign that is read by its name, alone, silence around it included; prose takes about 70. Ours: no list gives a figure.
      millisecondsPerCharacterMax: 1_000,
    },
  ],
  defaultModel: 'pocket-tts',
  defaultVoice: DEFAULT_VOICE,
  voiceFor: (_model, language) => PRESETS[language?.split('-', 1)[0]?.toLowerCase() ?? '']?.[0] ?? null,
  // Its lengths are placeholders (2,000,000,000): its reader must take them for "until the end".
  formats: { WAV: { contentType: 'audio/wav', sampleRates: [24000], channels: 1 } },
  defaultFormat: 'WAV',
  speed: null,
  styles: null,
  markup: [],
  render,
  request(call, { secret }) {
    // `voice_url` would have the server fetch any address, so nothing but a preset is ever put there.
    if (!VOICES.some(({ id }) => id === call.voice)) {
      throw new ProviderError({
        provider: PROVIDER.provider,
        kind: 'REJECTED',
        message: `${PROVIDER.name} has no such voice; choose one of its list.`,
        retryable: false,
      });
    }
    return {
      method: 'POST',
      path: '/tts',
      // The server itself asks for no key; a gateway before it may.
      headers: keyHeaders(secret),
      form: [
        { name: 'text', value: render(call.spans) },
        ...(call.voice === DEFAULT_VOICE ? [] : [{ name: 'voice_url', value: call.voice }]),
      ],
    };
  },
  requestIdOf: () => null,
  billedUnits: () => null,
  voicesRequest: () => null,
  voicesPage: () => ({ voices: VOICES, next: null }),
  voices: VOICES,
  // `{"detail": string}`, FastAPI's list for a missing field, and bare text for what it did not foresee.
  errorOf: errorOfCompatibleServer,
};

function keyHeaders(secret: string | null): Record<string, string> {
  return secret === null ? {} : { authorization: `Bearer ${secret}` };
}
