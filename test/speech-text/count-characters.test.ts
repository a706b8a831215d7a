import fc from 'fast-check';
import { countCharacters, countText } from '../../src/speech-text/count-characters';
import { readPlainText } from '../../src/speech-text/read-plain-text';
import { readSsml } from '../../src/speech-text/read-ssml';

describe('counted characters of plain text', () => {
  test.each([
    ['ASCII letters', 'hello', 5],
    ['spaces and punctuation inside count', 'Hi, you there!', 14],
    ['outer white space does not count', ' \t\n Hi  there \r\n', 9],
    ['outer no-break and ideographic spaces do not count', '\u00a0\u3000Hi\u2003', 2],
    ['a line end of two characters counts as two', 'a\r\nb', 4],
    ['a letter with a combining accent is one', 'e\u0301', 1],
    ['an accent that composes with nothing stays its own', 'q\u0301', 2],
    ['Hangul jamo compose to a syllable', '\u1112\u1161\u11ab', 1],
    ['a composition exclusion decomposes to two', '\u0958', 2],
    ['a code point outside the basic plane is one', '𝒳😀', 2],
    ['a family emoji is its five code points', '👩‍👩‍👦', 5],
    ['Han characters are one each', '漢字', 2],
    ['nothing', '', 0],
  ])('%s', (_name, text, characters) => {
    expect(countText(text)).toBe(characters);
    expect(countCharacters(readPlainText(text))).toBe(characters);
  });

  test('the count is that of the code points of the trimmed NFC form, for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        expect(countText(text)).toBe([...text.normalize('NFC').trim()].length);
      }),
    );
  });

  test('known answers of the price list: 1,234 characters and 82 characters', () => {
    expect(countText(`${'word '.repeat(246)}word`)).toBe(1_234);
    expect(countText('x'.repeat(82))).toBe(82);
  });
});

describe('counted characters of SSML', () => {
  test.each([
    ['tags do not count', '<speak>Hello <emphasis>big</emphasis> world</speak>', 'Hello big world'.length],
    ['entities count as what they stand for', '<speak>R&amp;D &lt;5 &#x20AC;</speak>', 'R&D <5 €'.length],
    [
      'of sub its alias alone',
      '<speak>The <sub alias="World Wide Web Consortium">W3C</sub>.</speak>',
      'The World Wide Web Consortium.'.length,
    ],
    [
      'breaks, marks and descriptions count nothing',
      '<speak>a<break time="1s"/>b<mark name="x"/>c<desc>long words</desc></speak>',
      3,
    ],
    [
      'metadata counts nothing',
      '<speak><metadata><x:y>words</x:y></metadata><meta name="a" content="b"/>Hi</speak>',
      2,
    ],
    ['CDATA counts', '<speak><![CDATA[a < b]]></speak>', 5],
    ['comments and processing instructions do not count', '<speak>a<!-- no --><?no no?>b</speak>', 2],
    ['white space between elements counts inside, not outside', '<speak>\n<p>One.</p>\n<p>Two.</p>\n</speak>', 9],
    ['outer white space is trimmed over span ends', '<speak> <p> <s> Hi </s> </p> </speak>', 2],
    ['outer white space is trimmed beyond a break', '<speak> <break time="1s"/> Hi <break/> </speak>', 2],
    ['a letter and its accent in two spans are one character', '<speak>e<emphasis>&#x301;</emphasis></speak>', 1],
    ['phoneme counts its text, not its pronunciation', '<speak><phoneme ph="təˈmeɪtoʊ">tomato</phoneme></speak>', 6],
  ])('%s', (_name, ssml, characters) => {
    expect(countCharacters(readSsml(ssml))).toBe(characters);
  });
});
