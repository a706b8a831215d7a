import type { SpeechText } from '../../providers/contract/speech-text';
import { countCharacters } from './count-characters';
import { readPlainText } from './read-plain-text';
import { readSsml } from './read-ssml';
import { requireLength, validateText } from './validate-text';

export interface CountedSpeech {
  readonly spans: SpeechText;
  /** Counted once, on the whole text; parts that it is split into later are never counted again. */
  readonly characters: number;
}

/**
 * What a caller sent, checked, read and counted.
 * @param limit most counted characters, tags not among them
 * @throws AppError BAD_USER_INPUT (field `text`), TEXT_TOO_LONG, or UNSUPPORTED for markup that cannot be spoken
 */
export function readSpeechText(text: string, type: 'TEXT' | 'SSML', limit: number): CountedSpeech {
  validateText(text);
  const spans = type === 'SSML' ? readSsml(text) : readPlainText(text);
  const characters = countCharacters(spans);
  requireLength(characters, limit);
  return { spans, characters };
}
