import type { SpeechText } from '../contract/speech-text';

export type SpeechPiece =
  | { readonly kind: 'sentence'; readonly text: string }
  | { readonly kind: 'silence'; readonly milliseconds: number };

export interface PieceReader {
  /** BCP 47; its rules for the ends of sentences are used. */
  readonly language: string;
  /** See LocalEngine. */
  readable(text: string): string;
  speakable(text: string): boolean;
}

/** UTF-16 units. A longer sentence is cut at a clause: it would keep listeners waiting and could not be stopped. */
export const PIECE_LENGTH_MAX = 300;
/** Added between paragraphs to the pause that ends every sentence. */
export const PARAGRAPH_PAUSE_MS = 300;

/**
 * Cuts a speech into what is spoken at one go, in order. All of the readable text is in the sentences, white space between
 * them apart; what could not be heard is left out.
 */
export function speechPieces(spans: SpeechText, reader: PieceReader): SpeechPiece[] {
  const pieces: SpeechPiece[] = [];
  let run = '';
  const flush = (): void => {
    pieces.push(...runPieces(run, reader));
    run = '';
  };
  for (const span of spans) {
    if (span.kind === 'text') {
      run += span.text;
    } else if (span.kind === 'boundary') {
      // An ended sentence may lack its full stop, so it is flushed and not left to be found again.
      flush();
      if (span.level === 'paragraph') pieces.push(PARAGRAPH_PAUSE);
    } else {
      flush();
      if (span.milliseconds > 0) pieces.push({ kind: 'silence', milliseconds: span.milliseconds });
    }
  }
  flush();
  return betweenSentences(pieces);
}

const PARAGRAPH_PAUSE: SpeechPiece = { kind: 'silence', milliseconds: PARAGRAPH_PAUSE_MS };

/** Drops the pauses of paragraphs that nothing follows or precedes, and doubled ones; asked-for silence stays. */
function betweenSentences(pieces: readonly SpeechPiece[]): SpeechPiece[] {
  const kept: SpeechPiece[] = [];
  let begun = false;
  let pausePending = false;
  for (const piece of pieces) {
    if (piece === PARAGRAPH_PAUSE) {
      pausePending = begun;
      continue;
    }
    if (piece.kind === 'sentence') {
      if (pausePending) kept.push(PARAGRAPH_PAUSE);
      pausePending = false;
      begun = true;
    }
    kept.push(piece);
  }
  return kept;
}

function runPieces(run: string, reader: PieceReader): SpeechPiece[] {
  const pieces: SpeechPiece[] = [];
  // A line break alone is only where a line was full; an empty line ends a paragraph.
  for (const paragraph of reader.readable(run).split(/\r?\n\s*\n|\u2029/)) {
    const sentences = sentencesOf(paragraph.replace(/\s+/g, ' ').trim(), reader.language)
      .flatMap((sentence) => cutLong(sentence))
      .filter((sentence) => reader.speakable(sentence));
    if (sentences.length === 0) continue;
    if (pieces.length > 0) pieces.push(PARAGRAPH_PAUSE);
    for (const text of sentences) pieces.push({ kind: 'sentence', text });
  }
  return pieces;
}

/** Ends that the rules of Unicode take for the end of a sentence, and that seldom are. */
const ABBREVIATION =
  /(?:^|[\s("'])(?:Mr|Mrs|Ms|Dr|Prof|Rev|Hon|St|Sr|Jr|Gen|Col|Capt|Lt|Sgt|Gov|Sen|Rep|No|vs|e\.g|i\.e|cf|approx|\p{Lu})\.\s*$/u;

function sentencesOf(paragraph: string, language: string): string[] {
  const sentences: string[] = [];
  let open = '';
  for (const { segment } of new Intl.Segmenter(language, { granularity: 'sentence' }).segment(paragraph)) {
    open += segment;
    if (ABBREVIATION.test(segment) && open.length < PIECE_LENGTH_MAX) continue;
    sentences.push(open.trim());
    open = '';
  }
  if (open !== '') sentences.push(open.trim());
  return sentences;
}

function cutLong(sentence: string): string[] {
  const pieces: string[] = [];
  let rest = sentence;
  while (rest.length > PIECE_LENGTH_MAX) {
    const at = cutPoint(rest);
    pieces.push(rest.slice(0, at).trimEnd());
    rest = rest.slice(at).trimStart();
  }
  if (rest !== '') pieces.push(rest);
  return pieces;
}

/** After the last clause that fits, or the last word; in the middle of a word only where there is neither. */
function cutPoint(text: string): number {
  const window = text.slice(0, PIECE_LENGTH_MAX);
  const clause = [...window.matchAll(/[,;:](?=\s)|[\u060C\u061B\u3001\uFF0C\uFF1A\uFF1B]/g)].at(-1);
  if (clause !== undefined && clause.index >= PIECE_LENGTH_MAX / 3) return clause.index + 1;
  const space = window.lastIndexOf(' ');
  if (space > 0) return space;
  const splitsPair = /[\uD800-\uDBFF]$/.test(window) && /^[\uDC00-\uDFFF]/.test(text.slice(PIECE_LENGTH_MAX));
  return splitsPair ? PIECE_LENGTH_MAX - 1 : PIECE_LENGTH_MAX;
}
