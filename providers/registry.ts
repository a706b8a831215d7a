import { anthropicChat } from './anthropic/llm';
import { anthropicUsage } from './anthropic/usage';
import { cartesiaTranscription } from './cartesia/stt';
import { cartesiaSpeech } from './cartesia/tts';
import { cartesiaUsage } from './cartesia/usage';
import { chatterboxSpeech } from './chatterbox/tts';
import type { ChatAdapter, ChatProvider } from './contract/llm';
import type { TranscriptionAdapter, TranscriptionProvider } from './contract/stt';
import type { SpeechAdapter, SpeechProvider } from './contract/tts';
import type { HttpUsageAdapter, UsageSource } from './contract/usage';
import { deepgramTranscription } from './deepgram/stt';
import { deepgramSpeech } from './deepgram/tts';
import { deepgramUsage } from './deepgram/usage';
import { elevenLabsTranscription } from './elevenlabs/stt';
import { elevenLabsSpeech } from './elevenlabs/tts';
import { elevenLabsUsage } from './elevenlabs/usage';
import { engineSpeechProvider } from './engine/speech-provider';
import { fishAudioTranscription } from './fish-audio/stt';
import { fishAudioSpeech } from './fish-audio/tts';
import { groqChat } from './groq/llm';
import { groqTranscription } from './groq/stt';
import { httpChatProvider } from './http/chat-provider';
import { httpSpeechProvider } from './http/speech-provider';
import { httpTranscriptionProvider } from './http/transcription-provider';
import { httpUsageSource } from './http/usage-source';
import { inworldSpeech } from './inworld/tts';
import { kokoroSpeech } from './kokoro/tts';
import { createLocalSpeech, type LocalSpeechOptions } from './local/tts';
import { mistralTranscription } from './mistral/stt';
import { mistralUsage } from './mistral/usage';
import { openAiChat } from './openai/llm';
import { openAiTranscription } from './openai/stt';
import { openAiUsage } from './openai/usage';
import { pocketTtsSpeech } from './pocket-tts/tts';
import { qwenTtsSpeech } from './qwen-tts/tts';
import { resembleAiSpeech } from './resemble-ai/tts';
import { resembleAiUsage } from './resemble-ai/usage';
import { xttsSpeech } from './xtts/tts';

/** What the operator set for one provider: <PROVIDER>_API_KEY, <PROVIDER>_ADMIN_KEY and <PROVIDER>_BASE_URL. */
export interface ProviderSettings {
  readonly apiKey?: string;
  /** Opens the account's records of usage, and is sent for nothing else. */
  readonly adminKey?: string;
  readonly baseUrl?: string;
}

/** The only list of adapters, in the order in which providers are shown. Engines are made here because they hold a process. */
function speechAdapters(local: LocalSpeechOptions): readonly SpeechAdapter[] {
  return [
    createLocalSpeech(local),
    xttsSpeech,
    cartesiaSpeech,
    elevenLabsSpeech,
    deepgramSpeech,
    fishAudioSpeech,
    resembleAiSpeech,
    inworldSpeech,
    chatterboxSpeech,
    pocketTtsSpeech,
    kokoroSpeech,
    qwenTtsSpeech,
  ];
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

/** The only list of chat adapters, in the order in which providers are shown. */
const CHAT_ADAPTERS: readonly ChatAdapter[] = [openAiChat, anthropicChat, groqChat];

/** Every provider of language models by id; see createSpeechProviders. */
export function createChatProviders(
  settings: Readonly<Record<string, ProviderSettings | undefined>> = {},
  extra: readonly ChatAdapter[] = [],
): Map<string, ChatProvider> {
  const adapters = new Map([...CHAT_ADAPTERS, ...extra].map((adapter) => [adapter.provider, adapter]));
  return new Map([...adapters].map(([id, adapter]) => [id, httpChatProvider(adapter, settings[id])]));
}

/** The only list of transcription adapters, in the order in which providers are shown. */
const TRANSCRIPTION_ADAPTERS: readonly TranscriptionAdapter[] = [
  openAiTranscription,
  deepgramTranscription,
  elevenLabsTranscription,
  fishAudioTranscription,
  cartesiaTranscription,
  mistralTranscription,
  groqTranscription,
];

/** Every provider of transcription by id; see createSpeechProviders. */
export function createTranscriptionProviders(
  settings: Readonly<Record<string, ProviderSettings | undefined>> = {},
  extra: readonly TranscriptionAdapter[] = [],
): Map<string, TranscriptionProvider> {
  const adapters = new Map([...TRANSCRIPTION_ADAPTERS, ...extra].map((adapter) => [adapter.provider, adapter]));
  return new Map([...adapters].map(([id, adapter]) => [id, httpTranscriptionProvider(adapter, settings[id])]));
}

/** The only list of providers that tell what they counted. */
const USAGE_ADAPTERS: readonly HttpUsageAdapter[] = [
  openAiUsage,
  anthropicUsage,
  elevenLabsUsage,
  deepgramUsage,
  cartesiaUsage,
  mistralUsage,
  resembleAiUsage,
];

/** Every provider that tells what it counted, by id; see createSpeechProviders. */
export function createUsageSources(
  settings: Readonly<Record<string, ProviderSettings | undefined>> = {},
): Map<string, UsageSource> {
  return new Map(
    USAGE_ADAPTERS.map((adapter) => [adapter.provider, httpUsageSource(adapter, settings[adapter.provider])]),
  );
}
