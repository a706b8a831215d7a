import type { SpeechAdapter, SpeechProvider } from './contract/tts';
import { elevenLabsSpeech } from './elevenlabs/tts';
import { engineSpeechProvider } from './engine/speech-provider';
import { httpSpeechProvider } from './http/speech-provider';
import { kokoroSpeech } from './kokoro/tts';
import { createLocalSpeech } from './local/tts';

/** What the operator set for one provider: <PROVIDER>_API_KEY and <PROVIDER>_BASE_URL. */
export interface ProviderSettings {
  readonly apiKey?: string;
  readonly baseUrl?: string;
}

/** The only list of adapters, in the order in which providers are shown. Engines are made here because they hold a process. */
function speechAdapters(): readonly SpeechAdapter[] {
  return [createLocalSpeech({}), elevenLabsSpeech, kokoroSpeech];
}

/**
 * Every speech provider by id, with or without settings: one that the platform cannot serve by itself is there too, for
 * callers with a key of their own, and says so with `configured`. `extra` are adapters from outside this repository; one
 * with the id of another takes its place. Throws TypeError for a base URL that is none. Each is closed by its owner.
 */
export function createSpeechProviders(
  settings: Readonly<Record<string, ProviderSettings | undefined>> = {},
  extra: readonly SpeechAdapter[] = [],
): Map<string, SpeechProvider> {
  const adapters = new Map([...speechAdapters(), ...extra].map((adapter) => [adapter.provider, adapter]));
  return new Map(
    [...adapters].map(([id, adapter]) => [
      id,
      adapter.transport === 'http' ? httpSpeechProvider(adapter, settings[id]) : engineSpeechProvider(adapter),
    ]),
  );
}
