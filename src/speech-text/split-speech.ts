import type { SpeechText } from '../../providers/contract/speech-text';
import { AppError } from '../lib/errors';
import { CUT_LEVELS, cutPoints } from './cut-points';
import { evenCuts, greedyCuts } from './pack-ranges';
import { SpeechSlices } from './speech-slices';

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Measure of spans in the provider's own terms, such as the length of its rendered text. */
export type MeasureSpeech = (spans: SpeechText) => number;

/**
 * Splits a speech into few, even parts of which none measures more than `limit`: at sentence ends; where a sentence
 * is too long at its clauses, then between words, at last between graphemes. Spans keep their attributes; phoneme and
 * say-as spans are never split. No part is blank; every spoken character is in exactly one part, in order; only white
 * space at the seams is dropped. A speech that fits is returned as it is.
 * @param measure must not shrink when text is added, or parts come out smaller than they could be
 * @throws AppError TEXT_TOO_LONG (`limit`, `actual`) when one indivisible piece alone is over the limit
 */
export function splitSpeech(spans: SpeechText, limit: number, measure: MeasureSpeech): SpeechText[] {
  const whole = measure(spans);
  if (whole <= limit) return [spans];
  return new Splitter(new SpeechSlices(spans), limit, measure, whole).split();
}

class Splitter {
  /** Units of text that the limit is worth on average: where the search for the end of a part begins. */
  private readonly textPerPart: number;

  constructor(
    private readonly slices: SpeechSlices,
    private readonly limit: number,
    private readonly measure: MeasureSpeech,
    whole: number,
  ) {
    this.textPerPart = Math.max(1, Math.floor((slices.text.length * limit) / whole));
  }

  split(): SpeechText[] {
    const whole = { from: 0, to: this.slices.text.length };
    return this.divide(whole, 0).map(({ from, to }) => this.slices.slice(from, to));
  }

  /** Parts of a range that is too long, by cuts of this level; pieces that are still too long are divided further. */
  private divide(range: Range, level: number): Range[] {
    const name = CUT_LEVELS[level];
    if (name === undefined) throw this.tooLong(range);
    const pieces = this.piecesOf(range, level);
    if (pieces.length === 1) return this.divide(range, level + 1);
    // Pieces far below the limit are measured only as the parts they make, so that fine cuts stay linear.
    const small = this.textPerPart / 8;
    const packed = this.pack(
      pieces.flatMap((piece) =>
        piece.to - piece.from <= small || this.fits(piece) ? [piece] : this.divide(piece, level + 1),
      ),
    );
    return packed.flatMap((part) => (this.fits(part) ? [part] : this.divide(part, level + 1)));
  }

  private piecesOf({ from, to }: Range, level: number): Range[] {
    const name = CUT_LEVELS[level]!;
    const cuts = new Set<number>();
    const blocks = name === 'sentence' ? this.blocks(from, to) : [from, to];
    for (let index = 1; index < blocks.length; index++) {
      const start = blocks[index - 1]!;
      for (const offset of cutPoints(this.slices.text.slice(start, blocks[index]), name)) cuts.add(start + offset);
      if (index < blocks.length - 1) cuts.add(blocks[index]!);
    }
    const isWhole = name === 'grapheme' ? hasInk : hasSound;
    return this.rangesBetween(from, to, [...cuts], isWhole);
  }

  /** Ends of the stretches in which sentences are looked for: what the author marked as a sentence is one. */
  private blocks(from: number, to: number): number[] {
    return [from, ...new Set(this.slices.boundaries.filter((offset) => offset > from && offset < to)), to];
  }

  /** A piece that could not be spoken by itself (white space, a lone dash) joins the one before it, the first the next. */
  private rangesBetween(from: number, to: number, cuts: number[], isWhole: (text: string) => boolean): Range[] {
    const ranges: Range[] = [];
    let start = from;
    for (const end of [...cuts, to]) {
      if (end !== to && !this.slices.isCut(end)) continue;
      const text = this.slices.text.slice(start, end);
      if (isWhole(text)) {
        ranges.push({ from: start, to: end });
      } else if (ranges.length > 0) {
        ranges.push({ from: ranges.pop()!.from, to: end });
      } else if (end !== to) {
        continue;
      } else {
        ranges.push({ from: start, to: end });
      }
      start = end;
    }
    return ranges;
  }

  /** Joins neighbouring pieces that fit into few parts, of even length where that also fits. */
  private pack(pieces: readonly Range[]): Range[] {
    const joined = (first: number, last: number): Range => ({ from: pieces[first]!.from, to: pieces[last]!.to });
    const lengths = pieces.map(({ from, to }) => to - from);
    const toParts = (ends: readonly number[]) =>
      ends.map((end, index) => joined(index === 0 ? 0 : ends[index - 1]! + 1, end));
    const full = greedyCuts(lengths, this.textPerPart, (first, last) => this.fits(joined(first, last)));
    const even = toParts(evenCuts(lengths, full.length));
    return even.every((part) => this.fits(part)) ? even : toParts(full);
  }

  private fits({ from, to }: Range): boolean {
    return this.measure(this.slices.slice(from, to)) <= this.limit;
  }

  private tooLong({ from, to }: Range): AppError {
    const actual = this.measure(this.slices.slice(from, to));
    return new AppError(
      'TEXT_TOO_LONG',
      `One piece of the text that cannot be divided measures ${actual} and the provider takes ${this.limit} at once; shorten it or choose another provider.`,
      { limit: this.limit, actual },
    );
  }
}

const hasInk = (text: string): boolean => /\S/u.test(text);
const hasSound = (text: string): boolean => /[\p{L}\p{N}]/u.test(text);
