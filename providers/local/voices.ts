import type { ProviderVoice } from '../contract/tts';
import type { EngineVoice } from './engine';

export const FLITE_MODEL = 'flite';
export const ESPEAK_MODEL = 'espeak-ng';
export type LocalModel = typeof FLITE_MODEL | typeof ESPEAK_MODEL;

export interface LocalVoice extends EngineVoice {
  readonly id: string;
  readonly model: LocalModel;
  readonly name: string;
  readonly gender: string | null;
  readonly description: string;
}

const STATISTICAL = 'Flite, statistical parametric voice. Basic quality: clear, but plainly a machine. 16 kHz.';
const DIPHONE = 'Flite, diphone voice. The fastest and the most robotic. 16 kHz.';

/**
 * The voices inside the module that speak at 16 kHz. Its fifth, the 8 kHz form of kal16, would only be a worse copy.
 * kal16's own timing is 1.1 times the neutral one (`duration_stretch` in flite's cmu_us_kal16.c); the others' is 1.
 */
const FLITE_VOICES: readonly LocalVoice[] = [
  fliteVoice('slt', 'SLT (US English, woman, basic)', 'en-US', 'female', 1, STATISTICAL),
  fliteVoice('rms', 'RMS (US English, man, basic)', 'en-US', 'male', 1, STATISTICAL),
  fliteVoice('awb', 'AWB (Scottish English, man, basic)', 'en-GB', 'male', 1, STATISTICAL),
  fliteVoice('kal16', 'Kal (US English, man, robotic)', 'en-US', 'male', 1.1, DIPHONE),
];

function fliteVoice(
  id: string,
  name: string,
  language: string,
  gender: string,
  stretch: number,
  description: string,
): LocalVoice {
  return { id, upstreamId: id, model: FLITE_MODEL, name, language, gender, description, stretch };
}

/** Voice after `espeak-`, the program's own name for it, BCP 47 tag, name of the language. */
const ESPEAK_LANGUAGES: readonly (readonly [id: string, upstreamId: string, language: string, name: string])[] = [
  ['en-us', 'en-us', 'en-US', 'US English'],
  ['en-gb', 'en-gb', 'en-GB', 'British English'],
  ['es', 'es', 'es', 'Spanish'],
  ['fr', 'fr-fr', 'fr-FR', 'French'],
  ['de', 'de', 'de', 'German'],
  ['it', 'it', 'it', 'Italian'],
  ['pt', 'pt', 'pt-PT', 'Portuguese'],
  ['pt-br', 'pt-br', 'pt-BR', 'Brazilian Portuguese'],
  ['pl', 'pl', 'pl', 'Polish'],
  ['tr', 'tr', 'tr', 'Turkish'],
  ['ru', 'ru', 'ru', 'Russian'],
  ['nl', 'nl', 'nl', 'Dutch'],
  ['cs', 'cs', 'cs', 'Czech'],
  ['ar', 'ar', 'ar', 'Arabic'],
  ['zh', 'cmn', 'zh', 'Mandarin Chinese'],
  ['hu', 'hu', 'hu', 'Hungarian'],
  ['ko', 'ko', 'ko', 'Korean'],
  ['ja', 'ja', 'ja', 'Japanese'],
  ['hi', 'hi', 'hi', 'Hindi'],
];
const ESPEAK_PREFIX = 'espeak-';
/** Written with signs whose readings the program's small dictionaries mostly lack. */
const POORLY_READ: ReadonlySet<string> = new Set(['zh', 'ja']);

const ESPEAK_VOICES: readonly LocalVoice[] = ESPEAK_LANGUAGES.map(([id, upstreamId, language, name]) => ({
  id: `${ESPEAK_PREFIX}${id}`,
  upstreamId,
  model: ESPEAK_MODEL,
  name: `eSpeak NG ${name} (robotic)`,
  language,
  gender: null,
  description: POORLY_READ.has(id)
    ? 'eSpeak NG, formant synthesis. Many characters of this language are misread.'
    : 'eSpeak NG, formant synthesis. Understandable and robotic.',
  stretch: 1,
}));

const VOICES: ReadonlyMap<string, LocalVoice> = new Map(
  [...FLITE_VOICES, ...ESPEAK_VOICES].map((voice) => [voice.id, voice]),
);

/** A voice of either engine, installed or not. */
export const findLocalVoice = (id: string): LocalVoice | null => VOICES.get(id) ?? null;

/**
 * Bare name of the one model that speaks with a voice; null for an id that is no voice of this provider. `espeak-ng` is
 * among the models of the adapter only where the program is installed.
 */
export const localModelForVoice = (voiceId: string): LocalModel | null => findLocalVoice(voiceId)?.model ?? null;

export const voicesOfModel = (model: LocalModel): readonly LocalVoice[] =>
  model === FLITE_MODEL ? FLITE_VOICES : ESPEAK_VOICES;

/** BCP 47 primary subtags of a model's voices, each once. */
export const languagesOfModel = (model: LocalModel): readonly string[] => [
  ...new Set(voicesOfModel(model).map((voice) => primarySubtag(voice.language))),
];

export const primarySubtag = (language: string): string => language.split('-', 1)[0]!.toLowerCase();

export const asProviderVoice = (voice: LocalVoice): ProviderVoice => ({
  id: voice.id,
  name: voice.name,
  languages: [voice.language],
  gender: voice.gender,
  description: `${voice.description} Model ${voice.model}.`,
  previewUrl: null,
});
