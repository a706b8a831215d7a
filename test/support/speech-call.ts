import { type Credential, NO_CREDENTIAL } from '../../providers/contract/credential';
import { ProviderError } from '../../providers/contract/errors';
import type { SpeakOptions, SpeechCall, SpeechDeclaration } from '../../providers/contract/tts';

export const PLATFORM_KEY: Credential = { source: 'PLATFORM', secret: 'sk-platform-0123456789abcdef' };

/** A call that the declaration allows: its default model, voice and format, and one plain sentence. */
export function speechCall(declaration: SpeechDeclaration, changes: Partial<SpeechCall> = {}): SpeechCall {
  const format = changes.format ?? declaration.defaultFormat;
  return {
    model: declaration.models.find(({ name }) => name === declaration.defaultModel)!,
    voice: declaration.defaultVoice,
    spans: [{ kind: 'text', text: 'The quick brown fox jumps over the lazy dog.' }],
    language: null,
    speed: 1,
    style: null,
    quality: declaration.qualities?.[0] ?? null,
    format,
    sampleRate: declaration.formats[format]!.sampleRates[0],
    streaming: false,
    ...changes,
  };
}

/** Options that no test runs into unless it says so. */
export function speakOptions(changes: Partial<SpeakOptions> = {}): SpeakOptions {
  return {
    credential: NO_CREDENTIAL,
    signal: new AbortController().signal,
    firstByteTimeoutMs: 30_000,
    idleTimeoutMs: 30_000,
    bytesMax: 64 * 1024 * 1024,
    ...changes,
  };
}

export async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const chunk of chunks) {
    if (chunk.length === 0) throw new Error('a piece of the answer is empty');
    pieces.push(chunk);
  }
  return Buffer.concat(pieces);
}

/** The ProviderError that a promise must end with. */
export async function failureOf(promise: Promise<unknown>): Promise<ProviderError> {
  let value: unknown;
  try {
    value = await promise;
  } catch (error) {
    if (error instanceof ProviderError) return error;
    throw error;
  }
  throw new Error(`expected a ProviderError, got ${String(value)}`);
}
