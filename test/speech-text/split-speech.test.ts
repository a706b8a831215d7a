import fc from 'fast-check';
import type { SpeechSpan, SpeechText } from '../../providers/contract/speech-text';
import { AppError } from '../../src/lib/errors';
import { countCharacters, countCodePoints } from '../../src/speech-text/count-characters';
import { readPlainText } from '../../src/speech-text/read-plain-text';
import { readSsml } from '../../src/speech-text/read-ssml';
import { joinText } from '../../src/speech-text/spans';
import { splitSpeech } from '../../src/speech-text/split-speech';

const inCodePoints = (spans: SpeechText) => countCodePoints(joinText(spans));
/** What an adapter that writes SSML would send: every span costs its tags. */
const asMarkup = (spans: SpeechText) =>
  spans.reduce(
    (sum, span) => sum + (span.kind === 'text' ? span.text.length + (Object.keys(span).length > 2 ? 30 : 0) : 20),
    '<speak></speak>'.length,
  );
const plain = (text: string, limit: number) => splitSpeech(readPlainText(text), limit, inCodePoints).map(joinText);

describe('a text is cut at the best place there is', () => {
  test.each<[string, string, number, string[]]>([
    ['a text that fits is one part', 'One. Two. Three.', 16, ['One. Two. Three.']],
    [
      'at sentence ends',
      'One is here. Two is there. Three is gone.',
      27,
      ['One is here. Two is there.', 'Three is gone.'],
    ],
    ['into even parts, not a full one and a rest', 'Aaaa. Bbbb. Cccc. Dddd.', 17, ['Aaaa. Bbbb.', 'Cccc. Dddd.']],
    [
      'not after a title or an initial',
      'It was he. Mr. J. Smith came in.',
      25,
      ['It was he.', 'Mr. J. Smith came in.'],
    ],
    [
      'not at the end of a line that was only wrapped',
      'A line that\nwas wrapped. And another\none here.',
      25,
      ['A line that\nwas wrapped.', 'And another\none here.'],
    ],
    ['at a blank line', 'A headline\n\nThe body of it', 15, ['A headline', 'The body of it']],
    [
      'at clauses, where a sentence is too long',
      'When it rains, we stay at home, and read',
      26,
      ['When it rains,', 'we stay at home, and read'],
    ],
    [
      'between words, where a clause is too long',
      'one two three four five six',
      10,
      ['one two', 'three four', 'five six'],
    ],
    ['between graphemes, where a word is too long', 'abcdefghij', 4, ['abcd', 'efgh', 'ij']],
    ['Chinese at its full stops', '你好吗。我很好。谢谢你。', 8, ['你好吗。我很好。', '谢谢你。']],
    ['a number keeps its comma', 'It costs 1,000,000 now', 12, ['It costs', '1,000,000', 'now']],
    ['white space longer than a part is dropped at the seam', `a${' '.repeat(50)}b`, 10, ['a', 'b']],
  ])('%s', (_name, text, limit, parts) => {
    expect(plain(text, limit)).toEqual(parts);
  });
});

describe('markup is cut with its text', () => {
  const split = (ssml: string, limit: number) => splitSpeech(readSsml(ssml), limit, inCodePoints);

  test('spans keep their attributes on both sides of a seam', () => {
    expect(split('<speak><prosody rate="slow">One is here. Two is there.</prosody></speak>', 15)).toEqual([
      [{ kind: 'text', text: 'One is here.', prosody: { rate: 'slow' } }],
      [{ kind: 'text', text: 'Two is there.', prosody: { rate: 'slow' } }],
    ]);
  });

  test('sentences that the author marked are sentences, whatever their punctuation', () => {
    expect(split('<speak><s>one two</s><s>three four</s></speak>', 12).map(joinText)).toEqual([
      'one two',
      'three four',
    ]);
  });

  test('a break stays with the text before it, a boundary at a seam is dropped', () => {
    expect(split('<speak><p>One is here.</p> <break time="1s"/><p>Two is there.</p></speak>', 15)).toEqual([
      [
        { kind: 'text', text: 'One is here.' },
        { kind: 'break', milliseconds: 1_000 },
      ],
      [{ kind: 'text', text: 'Two is there.' }],
    ]);
  });

  test('say-as and phoneme are never divided', () => {
    const ssml = '<speak>call <say-as interpret-as="telephone">555 123 456</say-as> right now</speak>';
    expect(split(ssml, 12).map(joinText)).toEqual(['call', '555 123 456', 'right now']);
  });

  test.each([
    ['a say-as span', '<speak>call <say-as interpret-as="telephone">555 123 456</say-as></speak>', 8, 11],
    ['a grapheme', `<speak>a q${'&#x301;'.repeat(20)} b</speak>`, 8, 21],
  ])('%s that is over the limit alone is refused with both numbers', (_name, ssml, limit, actual) => {
    let error: unknown;
    try {
      split(ssml, limit);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: 'TEXT_TOO_LONG', fields: { limit, actual } });
  });
});

describe('for any speech and any limit', () => {
  const words = fc.constantFrom(
    'word',
    'Sentence ends. ',
    'why? ',
    ', ',
    ' ',
    '  \n\n ',
    '\r\n',
    '你好。',
    'ภาษาไทย',
    '한국어 ',
    '\u1112\u1161\u11ab',
    '👩‍👩‍👦',
    '🇩🇪🇫🇷',
    'e\u0323\u0301',
    'Mr. ',
    '1,000',
    '—',
    '"quoted." ',
    'Ünïcödé ',
    'x'.repeat(30),
    '...',
    '\u00a0',
    '(aside) ',
    '\u200d',
    '\u0301',
  );
  const text = fc.array(words, { minLength: 1, maxLength: 25 }).map((parts) => parts.join(''));
  const attributes = fc.constantFrom(
    {},
    {},
    { prosody: { rate: 'slow' } },
    { emphasis: 'strong' as const },
    { language: 'de' },
    { sayAs: { interpretAs: 'date' } },
    { phoneme: { alphabet: 'ipa', ph: 'a' } },
  );
  const span: fc.Arbitrary<SpeechSpan> = fc.oneof(
    {
      weight: 5,
      arbitrary: fc
        .tuple(text, attributes)
        .map(([value, extra]) => ({ kind: 'text' as const, text: value.normalize('NFC'), ...extra })),
    },
    {
      weight: 1,
      arbitrary: fc.integer({ min: 1, max: 999 }).map((milliseconds) => ({ kind: 'break' as const, milliseconds })),
    },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        { kind: 'boundary' as const, level: 'sentence' as const },
        { kind: 'boundary' as const, level: 'paragraph' as const },
      ),
    },
  );
  const speech = fc.array(span, { minLength: 1, maxLength: 8 }).filter((spans) => joinText(spans).trim() !== '');
  const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
  const inked = (spans: SpeechText) =>
    spans.flatMap((item) =>
      item.kind === 'text' ? [...item.text.replace(/\s/gu, '')].map((letter) => ({ ...item, text: letter })) : [],
    );
  const breaks = (spans: SpeechText) => spans.filter((item) => item.kind === 'break');

  const check = (spans: SpeechText, limit: number, measure: (spans: SpeechText) => number): void => {
    let parts: SpeechText[];
    try {
      parts = splitSpeech(spans, limit, measure);
    } catch (error) {
      // Only something that may not be divided can be over the limit alone.
      expect(error).toMatchObject({ code: 'TEXT_TOO_LONG' });
      return;
    }
    const joined = joinText(spans);
    let cursor = 0;
    let dropped = 0;
    for (const part of parts) {
      expect(measure(part)).toBeLessThanOrEqual(limit);
      const spoken = joinText(part);
      expect(spoken.trim()).not.toBe('');
      const start = joined.indexOf(spoken, cursor);
      expect(start).toBeGreaterThanOrEqual(0);
      const seam = joined.slice(cursor, start);
      expect(seam.trim()).toBe('');
      if (cursor > 0) dropped += countCodePoints(seam);
      for (const offset of [start, start + spoken.length]) {
        const isSpace = /\s/u.test(joined[offset - 1] ?? ' ') || /\s/u.test(joined[offset] ?? ' ');
        expect(isSpace || graphemes.segment(joined).containing(offset)?.index === offset).toBe(true);
      }
      cursor = start + spoken.length;
    }
    expect(joined.slice(cursor).trim()).toBe('');
    expect(parts.flatMap(inked)).toEqual(inked(spans));
    expect(parts.flatMap(breaks)).toEqual(breaks(spans));
    const counted = parts.reduce((sum, part) => sum + countCharacters(part), 0);
    if (parts.length > 1) expect(counted).toBe(countCharacters(spans) - dropped);
  };

  test('no part is over the limit or blank, nothing spoken is lost, doubled, moved or restyled', () => {
    fc.assert(
      fc.property(speech, fc.integer({ min: 12, max: 200 }), (spans, limit) => check(spans, limit, inCodePoints)),
      { numRuns: 400 },
    );
  });

  test('the same where the provider reads markup that takes room of its own', () => {
    fc.assert(
      fc.property(speech, fc.integer({ min: 120, max: 400 }), (spans, limit) => check(spans, limit, asMarkup)),
      { numRuns: 400 },
    );
  });

  test('plain text is always divided, down to single graphemes, and never refused from the longest of them on', () => {
    fc.assert(
      fc.property(
        text.filter((value) => value.trim() !== ''),
        (value) => {
          const spans = readPlainText(value);
          const longest = Math.max(
            ...[...graphemes.segment(joinText(spans))].map(({ segment }) => countCodePoints(segment)),
          );
          const parts = splitSpeech(spans, longest, inCodePoints);
          for (const part of parts) expect(inCodePoints(part)).toBeLessThanOrEqual(longest);
        },
      ),
      { numRuns: 300 },
    );
  });
});

test('100,000 characters are measured a bounded number of times over, and come out in few and even parts', () => {
  const sentence = 'The quick brown fox jumps over the lazy dog while the band plays on. ';
  const spans = readPlainText(sentence.repeat(1_500));
  let measured = 0;
  const parts = splitSpeech(spans, 5_000, (part) => {
    const length = joinText(part).length;
    measured += length;
    return length;
  });
  const lengths = parts.map((part) => joinText(part).length);
  expect(parts).toHaveLength(21);
  expect(Math.min(...lengths)).toBeGreaterThan(4_000);
  expect(measured).toBeLessThan(12 * joinText(spans).length);
});
