import { AppError, badInput } from '../lib/errors';
import { countCodePoints } from './count-characters';

/** Anything but white space and characters that by their nature show and sound nothing (joiners, marks of direction). */
const SPEAKABLE = /[^\s\p{Default_Ignorable_Code_Point}]/u;

/** Whether there is nothing in a text that could be spoken. */
export const isBlank = (text: string): boolean => !SPEAKABLE.test(text);

/**
 * Refuses what no provider can be given, before anything is counted or priced: blank text, half a surrogate pair, and
 * control characters (C0, DEL and C1) other than tab and line ends.
 * @throws AppError BAD_USER_INPUT, field `text`
 */
export function validateText(text: string): void {
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x20) {
      if (unit !== 0x09 && unit !== 0x0a && unit !== 0x0d) throw controlCharacter(text, index);
    } else if (unit >= 0x7f) {
      if (unit <= 0x9f) throw controlCharacter(text, index);
      if (unit >= 0xd800 && unit <= 0xdfff) {
        const isPair = unit <= 0xdbff && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00;
        if (!isPair) throw unpairedSurrogate(text, index);
        index++;
      }
    }
  }
  if (isBlank(text)) throw blankText();
}

/**
 * Refuses a text of more characters than are taken at once.
 * @throws AppError TEXT_TOO_LONG with `limit` and `actual`, both in counted characters
 */
export function requireLength(characters: number, limit: number): void {
  if (characters > limit) {
    throw new AppError(
      'TEXT_TOO_LONG',
      `The text has ${characters} characters and at most ${limit} are taken in one request; shorten it, or send it as several requests.`,
      { limit, actual: characters },
    );
  }
}

const blankText = (): AppError =>
  badInput('text', 'The text has nothing to speak; give at least one character that is not white space.');

const position = (text: string, index: number): number => countCodePoints(text.slice(0, index)) + 1;
const codePoint = (unit: number): string => `U+${unit.toString(16).toUpperCase().padStart(4, '0')}`;

const controlCharacter = (text: string, index: number): AppError =>
  badInput(
    'text',
    `The text has the control character ${codePoint(text.charCodeAt(index))} as character ${position(text, index)}; remove it. Of the control characters, only tabs and line ends are taken.`,
  );

const unpairedSurrogate = (text: string, index: number): AppError =>
  badInput(
    'text',
    `The text has half of a surrogate pair (${codePoint(text.charCodeAt(index))}) as character ${position(text, index)}; send well-formed Unicode.`,
  );
