import { AppError } from '../../src/lib/errors';
import { readSpeechText } from '../../src/speech-text/read-speech-text';
import { requireLength, validateText } from '../../src/speech-text/validate-text';

const refusal = (act: () => unknown): AppError => {
  try {
    act();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
};

describe('what cannot be spoken is refused with the field it stands in', () => {
  test.each([
    ['empty', '', /nothing to speak/],
    ['spaces and line ends', ' \t\r\n\u00a0', /nothing to speak/],
    ['characters that show nothing', '\u200b\u2060\ufeff', /nothing to speak/],
    ['NUL', 'ab\0', /U\+0000 as character 3/],
    ['a bell, placed in characters and not in UTF-16 units', '😀😀\u0007', /U\+0007 as character 3/],
    ['vertical tab', '\u000bA', /U\+000B as character 1/],
    ['DEL', 'A\u007f', /U\+007F as character 2/],
    ['C1', 'A\u0085', /U\+0085 as character 2/],
    ['a high surrogate at the end', 'A\ud83d', /\(U\+D83D\) as character 2/],
    ['a high surrogate before a letter', '\ud83dA', /\(U\+D83D\) as character 1/],
    ['a low surrogate alone', '\ude00', /\(U\+DE00\) as character 1/],
    ['a pair in the wrong order', '\ude00\ud83d', /\(U\+DE00\) as character 1/],
  ])('%s', (_name, text, message) => {
    const error = refusal(() => validateText(text));
    expect(error).toMatchObject({ code: 'BAD_USER_INPUT', fields: { field: 'text' } });
    expect(error.message).toMatch(message);
  });

  test.each([
    ['tab and line ends', 'a\tb\r\nc'],
    ['emoji', '😀'],
    ['one letter', 'a'],
    ['no-break space inside', 'a\u00a0b'],
  ])('%s: taken', (_name, text) => {
    expect(() => validateText(text)).not.toThrow();
  });
});

describe('length', () => {
  test('the limit itself is taken, one more is not, and the error tells both numbers', () => {
    expect(() => requireLength(500, 500)).not.toThrow();
    expect(refusal(() => requireLength(501, 500))).toMatchObject({
      code: 'TEXT_TOO_LONG',
      fields: { limit: 500, actual: 501 },
    });
  });

  test('is measured in counted characters: not outer white space, not tags, after NFC', () => {
    expect(readSpeechText('  hello  ', 'TEXT', 5).characters).toBe(5);
    expect(readSpeechText('e\u0301'.repeat(5), 'TEXT', 5).characters).toBe(5);
    expect(readSpeechText('<speak><p>hello</p></speak>', 'SSML', 5).characters).toBe(5);
    expect(refusal(() => readSpeechText('<speak><p>hello!</p></speak>', 'SSML', 5)).fields).toEqual({
      limit: 5,
      actual: 6,
    });
  });
});

test('plain text is one span, NFC and trimmed, and nothing in it is markup', () => {
  expect(readSpeechText(' <speak>Cafe\u0301 & co</speak>\n', 'TEXT', 100)).toEqual({
    spans: [{ kind: 'text', text: '<speak>Café & co</speak>' }],
    characters: 24,
  });
});
