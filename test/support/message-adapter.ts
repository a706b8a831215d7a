import type { HttpSpeechAdapter, SpeechFraming, SpeechMessage } from '../../providers/contract/tts';
import { elevenLabsSpeech } from '../../providers/elevenlabs/tts';
import { errorInAnswer } from '../../providers/http/error-in-answer';
import { PLATFORM_KEY } from './speech-call';

/** A provider whose messages say outright what the sender is to make of them, as `{ audio: "base64", ... }`. */
export function acme(framing: SpeechFraming, changes: Partial<HttpSpeechAdapter> = {}): HttpSpeechAdapter {
  const adapter: HttpSpeechAdapter = {
    ...elevenLabsSpeech,
    provider: 'acme',
    name: 'Acme',
    request: () => ({
      method: 'POST',
      path: '/speak',
      headers: { authorization: `Bearer ${PLATFORM_KEY.secret}` },
      json: {},
    }),
    requestIdOf: (headers) => (headers['x-id'] as string | undefined) ?? null,
    billedUnits: () => null,
    framing: () => framing,
    message({ data }): SpeechMessage {
      const said = data as Record<string, unknown>;
      if (said.error !== undefined) throw errorInAnswer(adapter, said.error);
      if (said.odd !== undefined) throw new TypeError(`odd: ${String(said.odd)}`);
      return {
        ...said,
        ...(typeof said.audio === 'string' ? { audio: Buffer.from(said.audio, 'base64') } : {}),
      } as SpeechMessage;
    },
    errorOf: (body) => ({ message: String((body as { words?: unknown }).words) }),
    audioHosts: ['files.acme.example', '*.store.example'],
    ...changes,
  };
  return adapter;
}
