import type { SpeechText } from '../contract/speech-text';
import type { HttpSpeechAdapter, ProviderVoice, SpeechCall } from '../contract/tts';
import { base64Bytes } from '../http/answer-messages';
import { writeSpeechText } from '../http/plain-text';
import { asObject } from '../http/wire';
import { errorOfCompatibleServer } from '../openai-compatible/speech';
import { samplesOfWav } from './wav-samples';

/** Characters of one synthesis by language (the tokenizer's table): longer texts may be cut off without an error. */
const CHARACTERS_MAX: Readonly<Record<string, number>> = {
  ...{ en: 250, es: 239, fr: 273, de: 253, it: 213, pt: 203, pl: 224, tr: 226, ru: 182 },
  ...{ nl: 251, cs: 186, ar: 166, zh: 82, ja: 71, hu: 224, ko: 95, hi: 150 },
};
const DEFAULT_LANGUAGE = 'en';

/** Whatever voice the server lists first: which studio voices a server has depends on its model. */
const DEFAULT_VOICE = 'default';

/** The server reads no markup. */
const render = (spans: SpeechText): string => writeSpeechText(spans, { plain: (text) => text });

/** GPT tokens of one piece of a stream, about 0.93 s of audio. A string: the server's schema says so. */
const STREAM_CHUNK_TOKENS = '20';

/**
 * STANDARD speaks while it thinks. PREMIUM thinks each part through before it speaks. ULTRA is PREMIUM on an engine that was
 * tuned to the voice; a studio voice has none, and is spoken as well as this engine can.
 */
const isStreamed = ({ quality }: SpeechCall): boolean => quality === null || quality === 'STANDARD';

/** What the server must be sent to speak with a voice; about 465 kB of JSON. */
interface Conditioning {
  readonly speaker_embedding: readonly number[];
  readonly gpt_cond_latent: readonly (readonly number[])[];
}

function conditioningOf(value: unknown): Conditioning | null {
  const speaker = asObject(value);
  return Array.isArray(speaker?.speaker_embedding) && Array.isArray(speaker.gpt_cond_latent)
    ? { speaker_embedding: speaker.speaker_embedding, gpt_cond_latent: speaker.gpt_cond_latent }
    : null;
}

function voice(id: string, description: string | null): ProviderVoice {
  return { id, name: id, languages: Object.keys(CHARACTERS_MAX), gender: null, description, previewUrl: null };
}

/** Language of the request as the server knows it: a primary subtag, but for Chinese. */
function wireLanguage(language: string | null): string {
  const primary = (language ?? DEFAULT_LANGUAGE).split('-', 1)[0]!.toLowerCase();
  return primary === 'zh' ? 'zh-cn' : primary;
}

/**
 * XTTS v2 behind the streaming server. https://github.com/coqui-ai/xtts-streaming-server
 * The server keeps no voices: each request carries the numbers of its voice, which `/studio_speakers` tells. It answers one
 * request at a time, asks for no key (a gateway before it may) and sends no usage. A failure after the first piece is a cut
 * connection. The model's licence is non-commercial: see XTTS_COMMERCIAL_USE.
 */
export const xttsSpeech: HttpSpeechAdapter = {
  transport: 'http',
  provider: 'xtts',
  name: 'XTTS',
  firstParty: true,
  keyHeader: null,
  keyRequired: false,
  defaultBaseUrl: null,
  models: [
    {
      name: 'xtts-v2',
      upstreamId: 'xtts_v2',
      charactersMax: CHARACTERS_MAX[DEFAULT_LANGUAGE]!,
      charactersMaxOfLanguage: CHARACTERS_MAX,
      languages: Object.keys(CHARACTERS_MAX),
      // A sign that is read by its name, alone, silence around it included; prose takes about 70. Ours: no list gives a figure.
      millisecondsPerCharacterMax: 1_000,
    },
  ],
  defaultModel: 'xtts-v2',
  defaultVoice: DEFAULT_VOICE,
  formats: {
    // The header of a stream says 0 bytes: its reader must take that for "until the end".
    WAV: { contentType: 'audio/wav', sampleRates: [24000], channels: 1 },
    PCM: { contentType: 'audio/pcm', sampleRates: [24000], channels: 1 },
  },
  defaultFormat: 'WAV',
  speed: null,
  styles: null,
  qualities: ['STANDARD', 'PREMIUM', 'ULTRA'],
  markup: [],
  render,
  voiceData: {
    request: ({ secret }) => ({ method: 'GET', path: '/studio_speakers', headers: keyHeaders(secret) }),
    read(body) {
      const speakers = asObject(body);
      if (speakers === null) throw new TypeError('the speakers are not an object');
      const found = Object.entries(speakers).flatMap(([name, value]) => {
        const data = conditioningOf(value);
        return data === null ? [] : [{ voice: voice(name, null), data }];
      });
      const [first] = found;
      // A model that was tuned to one's own voice has no studio voices.
      return first === undefined
        ? []
        : [
            { voice: voice(DEFAULT_VOICE, `The server's first voice, ${first.voice.name}.`), data: first.data },
            ...found,
          ];
    },
  },
  request(call, { secret }, voiceData) {
    const { speaker_embedding, gpt_cond_latent } = voiceData as Conditioning;
    const streamed = isStreamed(call);
    return {
      method: 'POST',
      path: streamed ? '/tts_stream' : '/tts',
      headers: keyHeaders(secret),
      json: {
        speaker_embedding,
        gpt_cond_latent,
        text: render(call.spans),
        language: wireLanguage(call.language),
        ...(streamed ? { add_wav_header: call.format === 'WAV', stream_chunk_size: STREAM_CHUNK_TOKENS } : {}),
      },
    };
  },
  framing: (call) => (isStreamed(call) ? 'bytes' : 'json'),
  message({ data }, call) {
    const file = Buffer.from(base64Bytes(data));
    return { audio: call.format === 'PCM' ? samplesOfWav(file) : file };
  },
  requestIdOf: () => null,
  billedUnits: () => null,
  voicesRequest: () => null,
  voicesPage: () => ({ voices: [], next: null }),
  // FastAPI's list for a field that is missing; "Internal Server Error" as text for everything else.
  errorOf: errorOfCompatibleServer,
};

function keyHeaders(secret: string | null): Record<string, string> {
  return secret === null ? {} : { authorization: `Bearer ${secret}` };
}
