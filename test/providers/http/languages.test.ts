import fc from 'fast-check';
import { languageTag, twoLetterCode, WHISPER_LANGUAGES } from '../../../providers/http/languages';

it.each([
  ['english', 'en'],
  ['English', 'en'],
  [' Haitian Creole ', 'ht'],
  ['myanmar', 'my'],
  ['burmese', 'my'],
  ['mandarin', 'zh'],
  ['eng', 'en'],
  ['deu', 'de'],
  ['ger', 'de'],
  ['en', 'en'],
  ['EN-us', 'en-US'],
  ['zh_tw', 'zh-TW'],
  ['zh-hant-tw', 'zh-Hant-TW'],
  ['jw', 'jv'],
  ['yue', 'yue'],
  ['und', null],
  ['mul', null],
  ['', null],
  ['unknown', null],
  ['e', null],
  ['en-', null],
  [null, null],
  [7, null],
  [{}, null],
])('%j is the language %j', (told, tag) => {
  expect(languageTag(told)).toBe(tag);
});

it('nothing that a provider may send makes it fail, and a tag is its own tag', () => {
  fc.assert(
    fc.property(fc.anything(), (told) => {
      const tag = languageTag(told);
      expect(tag === null || languageTag(tag) === tag).toBe(true);
    }),
  );
  for (const tag of WHISPER_LANGUAGES) expect(languageTag(tag)).not.toBeNull();
});

it.each([
  [null, null],
  ['pt-BR', 'pt'],
  ['deu', 'de'],
  ['fil', null],
  ['haw-US', null],
])('the two-letter code of %j is %j', (tag, code) => {
  expect(twoLetterCode(tag)).toBe(code);
});
