import type { SpeechAdapter, SpeechProvider } from './contract/tts';
import { elevenLabsSpeech } from './elevenlabs/tts';
import { engineSpeechProvider } from './engine/speech-provider';
import { httpSpeechProvider } from './http/speech-provider';
import { kokoroSpeech } from './kokoro/tts';
import { createLocalSpeech, type LocalSpeechOptions } from './local/tts';

/** What the operator set for one provider: <PROVIDER>_API_KEY and <PROVIDER>_BASE_URL. */
export interface ProviderSettings {
  readonly apiKey?: string;
  readonly baseUrl?: string;
}

/** The only list of adapters, in the order in which providers are shown. Engines are made here because they hold a process. */
function speechAdapters(local: LocalSpeechOptions): readonly SpeechAdapter[] {
  return [createLocalSpeech(local), elevenLabsSpeech, kokoroSpeech];
}

/**
 * Every speech provider by id, with or without settings: one that the platform cannot serve by itself is there too, for
 * callers with a key of their own, and says so with `configured`. `extra` are adapters from outside this repository; one
 * with the id of another takes its place. `local` configures the built-in engine, which by default looks for its native
 * helper on the PATH. Throws TypeError for a base URL that is none. Who asks for the providers closes each of them.
 */
export function createSpeechProviders(
  settings: Readonly<Record<string, ProviderSettings | undefined>> = {},
  extra: readonly SpeechAdapter[] = [],
  local: LocalSpeechOptions = { searchPath: process.env.PATH },
): Map<string, SpeechProvider> {
  const adapters = new Map([...speechAdapters(local), ...extra].map((adapter) => [adapter.provider, adapter]));
  return new Map(
    [...adapters].map(([id, adapter]) => [
      id,
      adapter.transport === 'http' ? httpSpeechProvider(adapter, settings[id]) : engineSpeechProvider(adapter),
    ]),
  );
}
