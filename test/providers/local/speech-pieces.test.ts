import fc from 'fast-check';
import type { SpeechText } from '../../../providers/contract/speech-text';
import { PARAGRAPH_PAUSE_MS, PIECE_LENGTH_MAX, speechPieces } from '../../../providers/local/speech-pieces';

const reader = (language: string) => ({
  language,
  readable: (text: string) => text,
  speakable: (text: string) => /[\p{L}\p{N}]/u.test(text),
});
const pieces = (spans: SpeechText | string, language = 'en'): (string | number)[] =>
  speechPieces(typeof spans === 'string' ? [{ kind: 'text', text: spans }] : spans, reader(language)).map((piece) =>
    piece.kind === 'sentence' ? piece.text : piece.milliseconds,
  );

test.each<[string, string, (string | number)[]]>([
  ['en', 'One. Two! Three? Four', ['One.', 'Two!', 'Three?', 'Four']],
  ['en', 'Mr. Smith met J. R. Hale at 3.5 km. He left.', ['Mr. Smith met J. R. Hale at 3.5 km.', 'He left.']],
  ['en', 'A line that was\nfull.', ['A line that was full.']],
  ['en', 'First\n\n \nSecond', ['First', PARAGRAPH_PAUSE_MS, 'Second']],
  ['en', '... !!! Hello. --', ['Hello. --']],
  ['ja', 'こんにちは。元気ですか？', ['こんにちは。', '元気ですか？']],
  ['hi', 'एक। दो।', ['एक।', 'दो।']],
  ['en', '...\n\n!!! -', []],
  ['en', ' \n ', []],
])('%s %j is spoken as %j', (language, text, expected) => {
  expect(pieces(text, language)).toEqual(expected);
});

test('neighbouring spans are one text; breaks and boundaries end a sentence', () => {
  const text = (words: string) => ({ kind: 'text', text: words }) as const;
  expect(
    pieces([
      { kind: 'boundary', level: 'paragraph' },
      text('un'),
      text('believable'),
      { kind: 'break', milliseconds: 200 },
      text('then'),
      { kind: 'boundary', level: 'sentence' },
      text('next'),
      { kind: 'boundary', level: 'paragraph' },
      { kind: 'boundary', level: 'paragraph' },
      text('last'),
      { kind: 'break', milliseconds: 0 },
      { kind: 'boundary', level: 'paragraph' },
    ]),
  ).toEqual(['unbelievable', 200, 'then', 'next', PARAGRAPH_PAUSE_MS, 'last']);
});

test('a long sentence is cut after a clause, else between words, else inside a word but never inside a character', () => {
  const clauses = pieces(`${'word '.repeat(50)}end, ${'more '.repeat(50)}`.trim());
  expect(clauses[0]).toMatch(/end,$/);
  expect(pieces(`${'word '.repeat(100)}`.trim()).every((piece) => /^word( word)*$/.test(String(piece)))).toBe(true);
  for (const piece of pieces(`a${'\u{20000}'.repeat(400)}`)) expect(String(piece)).not.toMatch(/\p{Cs}/u);
});

test('no piece is too long, and nothing that can be heard is lost or moved', () => {
  const unit = fc.oneof(
    { weight: 8, arbitrary: fc.string({ unit: 'grapheme', maxLength: 12 }) },
    fc.constantFrom('. ', ', ', '\n', '\n\n', ' Mr. ', '? ', 'x'.repeat(350)),
  );
  fc.assert(
    fc.property(fc.array(unit, { maxLength: 60 }), fc.constantFrom('en', 'ja', 'ar'), (parts, language) => {
      const text = parts.join('');
      const made = pieces(text, language).filter((piece) => typeof piece === 'string');
      for (const piece of made) {
        expect(piece.length).toBeGreaterThan(0);
        expect(piece.length).toBeLessThanOrEqual(PIECE_LENGTH_MAX);
      }
      const heard = (of: string): string => of.replace(/[^\p{L}\p{N}]/gu, '');
      expect(heard(made.join(''))).toBe(heard(text));
    }),
  );
});
