import type { AnswerMessage, HttpEndpoint } from '../contract/provider';
import type { SpeechMessage } from '../contract/tts';
import { base64Bytes } from '../http/answer-messages';
import { errorInAnswer } from '../http/error-in-answer';
import { asObject } from '../http/wire';

/**
 * One event of a speech with `stream_format: "sse"`, told by the `type` inside its data, as some servers send no name. `[DONE]`,
 * `speech.audio.info` and whatever else is not known carry no audio. The usage of the last event is a guess on some servers, so
 * it is left out. Throws TypeError for a delta without audio, and ProviderError for `speech.audio.error`.
 */
export function speechEvent(adapter: HttpEndpoint, { data }: AnswerMessage): SpeechMessage {
  const event = asObject(data);
  if (event === null) return {};
  if (event.error !== undefined) throw errorInAnswer(adapter, event);
  if (event.type === 'speech.audio.done') return { last: true };
  if (event.type !== 'speech.audio.delta') return {};
  return { audio: base64Bytes(event.audio) };
}
