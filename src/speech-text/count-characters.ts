import type { SpeechText } from '../../providers/contract/speech-text';
import { joinText } from './spans';

/**
 * Characters of a text that is billed: Unicode code points after NFC and after trimming outer white space. Interior
 * white space and punctuation count.
 */
export function countText(text: string): number {
  const trimmed = text.trim();
  for (let index = 0; index < trimmed.length; index++) {
    if (trimmed.charCodeAt(index) > 0x7f) return countCodePoints(trimmed.normalize('NFC'));
  }
  return trimmed.length;
}

/**
 * Characters of a speech, counted once on its whole text: the text of all spans joined, then as `countText` does. A
 * letter and its accent are one character even where markup stands between them.
 */
export const countCharacters = (spans: SpeechText): number => countText(joinText(spans));

/** Code points of well-formed UTF-16. */
export function countCodePoints(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length; index++) {
    if ((text.charCodeAt(index) & 0xfc00) === 0xd800) count--;
  }
  return count;
}
