import type { EngineSpeechAdapter, SpeechCall } from '../../../../providers/contract/tts';
import { localModelForVoice } from '../../../../providers/local/tts';

export const neverAborted = (): AbortSignal => new AbortController().signal;

/** A call as an operation would make it: everything default, the model of the voice. */
export function speechCall(
  adapter: EngineSpeechAdapter,
  overrides: Partial<SpeechCall> & { text?: string },
): SpeechCall {
  const { text = 'Hello there.', ...rest } = overrides;
  const voice = rest.voice ?? adapter.defaultVoice;
  return {
    model: adapter.models.find(({ name }) => name === localModelForVoice(voice)) ?? adapter.models[0],
    voice,
    spans: [{ kind: 'text', text }],
    language: null,
    speed: 1,
    style: null,
    quality: null,
    format: 'PCM',
    sampleRate: 16_000,
    streaming: true,
    ...rest,
  };
}

export async function spoken(
  adapter: EngineSpeechAdapter,
  overrides: Partial<SpeechCall> & { text?: string } = {},
): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of adapter.synthesize(speechCall(adapter, overrides), neverAborted())) pieces.push(piece);
  return Buffer.concat(pieces);
}

export const linearSamples = (pcm: Buffer): number[] =>
  Array.from({ length: pcm.length >> 1 }, (_, index) => pcm.readInt16LE(2 * index));

/** What a decoder makes of G.711 mu-law, from the formula of the standard. */
export const mulawSamples = (bytes: Buffer): number[] =>
  Array.from(bytes, (byte) => {
    const code = ~byte & 0xff;
    const magnitude = (((code & 15) << 3) + 132) * 2 ** ((code >> 4) & 7) - 132;
    return code & 0x80 ? -magnitude : magnitude;
  });

export const rms = (samples: readonly number[]): number =>
  Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);

/** Speech is loud enough, does not sit at the limit, and swells and fades with its syllables; noise and tones do not. */
export function expectSpeech(samples: readonly number[], sampleRate: number): void {
  const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  expect(peak).toBeGreaterThan(3_000);
  expect(rms(samples)).toBeGreaterThan(500);
  expect(samples.filter((sample) => Math.abs(sample) >= 32_700).length / samples.length).toBeLessThan(0.01);
  const frame = Math.round(sampleRate / 50);
  const levels: number[] = [];
  for (let at = 0; at + frame <= samples.length; at += frame) levels.push(rms(samples.slice(at, at + frame)));
  const mean = levels.reduce((sum, level) => sum + level, 0) / levels.length;
  const spread = Math.sqrt(levels.reduce((sum, level) => sum + (level - mean) ** 2, 0) / levels.length);
  expect(spread / mean).toBeGreaterThan(0.4);
  expect(Math.min(...levels)).toBeLessThan(mean / 4);
}
