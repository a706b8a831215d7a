import fc from 'fast-check';
import { asciiText, isHeardByFlite } from '../../../providers/local/ascii-text';

const words = (text: string): string => asciiText(text).replace(/\s+/g, ' ').trim();

test.each([
  ['Crème brûlée à la façon', 'Creme brulee a la facon'],
  ['“Don’t”, she said – ‘never’ — ever…', "\"Don't\", she said - 'never' , ever..."],
  ['Straße, Ærø, Łódź, þorn, İstanbul, ışık', 'Strasse, AEro, Lodz, thorn, Istanbul, isik'],
  ['ＦＵＬＬ　ｗｉｄｔｈ ﬁne ﬂow', 'FULL width fine flow'],
  ['2½ cups, ¾ full, −5°, 10 m²', '2 1/2 cups, 3/4 full, -5 degrees , 10 m squared'],
  ['5 × 3 ± 1 ≤ 20 €', '5 times 3 plus or minus 1 is at most 20 euro'],
  ['zero\u200Bwidth soft\u00ADhyphen', 'zerowidth softhyphen'],
  ['rain☔today 東京 Москва', 'rain today'],
  ['a\u0000b\uD800c\uFFFDd', 'a b c d'],
])('%j is read as %j', (text, expected) => {
  expect(words(text)).toBe(expected);
});

test('any text becomes printable ASCII and white space, and what is ASCII already stays as it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(asciiText(text)).toMatch(/^[\s\x21-\x7E]*$/);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme-ascii' }), (text) => {
      expect(asciiText(text)).toBe(text);
    }),
  );
});

test('punctuation alone is not heard; letters, digits and named signs are', () => {
  expect(isHeardByFlite(' !"\'(),-.:;<>?[]`{}\n')).toBe(false);
  for (const sign of 'aZ09#$%&*+/=@\\^_|~') expect(isHeardByFlite(`- ${sign}`)).toBe(true);
});
