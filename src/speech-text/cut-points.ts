/** Where a text may be cut, from the best places to the last resort. */
export const CUT_LEVELS = ['sentence', 'clause', 'space', 'word', 'grapheme'] as const;
export type CutLevel = (typeof CUT_LEVELS)[number];

// The rules of Unicode are the same in every locale that matters here; one is named so that no machine's default counts.
const SENTENCES = new Intl.Segmenter('en', { granularity: 'sentence' });
const WORDS = new Intl.Segmenter('en', { granularity: 'word' });
const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' });
const WINDOW = 1_024;

/**
 * Offsets inside `text` (UTF-16, neither 0 nor its length, ascending) at which a part may end at this level. White
 * space stays with what comes before it.
 */
export function cutPoints(text: string, level: CutLevel): number[] {
  switch (level) {
    case 'sentence':
      return sentenceEnds(text);
    case 'clause':
      return endsOf(text, CLAUSE_END);
    case 'space':
      return endsOf(text, /\s+/gu);
    case 'word':
      return wordStarts(text);
    case 'grapheme':
      return graphemeEnds(text);
  }
}

/** Starts of all graphemes of a text, as marks by offset. */
export function graphemeStarts(text: string): Uint8Array {
  const starts = new Uint8Array(text.length + 1);
  for (const { start } of segmentsOf(text, GRAPHEMES)) starts[start] = 1;
  starts[text.length] = 1;
  return starts;
}

/**
 * Segments in windows, as V8 takes time in proportion to the whole string for each segment of it. The end of a window
 * may fall into a segment, so its last one is looked at again in the next window, which begins there.
 */
function* segmentsOf(text: string, segmenter: Intl.Segmenter) {
  let from = 0;
  let size = WINDOW;
  while (from < text.length) {
    const isLast = from + size >= text.length;
    const window = [...segmenter.segment(text.slice(from, from + size))];
    const settled = isLast ? window.length : window.length - 1;
    if (settled === 0) {
      size *= 2;
      continue;
    }
    for (const { index, segment, isWordLike } of window.slice(0, settled)) {
      yield { start: from + index, segment, isWordLike: isWordLike ?? false };
    }
    from = isLast ? text.length : from + window[settled]!.index;
    size = WINDOW;
  }
}

/** Western clause punctuation before white space; wide punctuation, dashes and line ends by themselves. */
const CLAUSE_END = /(?:[,;:،؛)\]]|[-–])(?=\s)\s+|—\s*|[、，；：。！？…]+\s*|[\r\n]+\s*/gu;

function endsOf(text: string, pattern: RegExp): number[] {
  const ends: number[] = [];
  for (const match of text.matchAll(pattern)) {
    const end = match.index + match[0].length;
    if (end > 0 && end < text.length) ends.push(end);
  }
  return ends;
}

/** A full stop that most often does not end the sentence: titles, initials, "No. 5", "e.g. this". */
const ABBREVIATION =
  /(?:^|[\s("'“‘])(?:Mr|Mrs|Ms|Mx|Dr|Prof|Rev|Gen|Sgt|Capt|Lt|St|Sr|Jr|No|vs|cf|approx|e\.g|i\.e|\p{Lu})\.\s+$/u;
/** A line that was only wrapped: no stop at its end, one line end. */
const WRAPPED_LINE = /[^.!?…。！？:;"'”’)\]\s][^\S\r\n]*(?:\r\n|\r|\n)[^\S\r\n]*$/u;

function sentenceEnds(text: string): number[] {
  const ends: number[] = [];
  for (const { start, segment } of segmentsOf(text, SENTENCES)) {
    const end = start + segment.length;
    if (end >= text.length) break;
    const tail = segment.slice(-24);
    if (ABBREVIATION.test(tail)) continue;
    if (WRAPPED_LINE.test(tail) && /^\p{Ll}/u.test(text.slice(end, end + 2))) continue;
    ends.push(end);
  }
  return ends;
}

/** Before each word, so that the punctuation after a word stays with it; opening punctuation goes with the next. */
function wordStarts(text: string): number[] {
  const starts: number[] = [];
  let previous = '';
  for (const { start, segment, isWordLike } of segmentsOf(text, WORDS)) {
    if (isWordLike && start > 0 && !/[\p{Ps}\p{Pi}"'’]$/u.test(previous)) starts.push(start);
    previous = segment;
  }
  return starts;
}

function graphemeEnds(text: string): number[] {
  const ends: number[] = [];
  for (const { start } of segmentsOf(text, GRAPHEMES)) if (start > 0) ends.push(start);
  return ends;
}
