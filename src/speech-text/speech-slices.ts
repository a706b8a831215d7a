import type { SpeechSpan, SpeechText } from '../../providers/contract/speech-text';
import { graphemeStarts } from './cut-points';
import { isIndivisible, joinText, trimOuter } from './spans';

interface Placed {
  readonly span: SpeechSpan;
  /** Offsets in the joined text; equal for breaks and boundaries. */
  readonly start: number;
  readonly end: number;
}

/** A speech addressed by offsets (UTF-16) into its joined text, so that it can be cut anywhere in linear time. */
export class SpeechSlices {
  readonly text: string;
  /** Where the sentences and paragraphs that the author marked end, the white space after them included. */
  readonly boundaries: readonly number[];
  private readonly placed: readonly Placed[];
  private graphemes: Uint8Array | undefined;

  constructor(spans: SpeechText) {
    this.text = joinText(spans);
    let offset = 0;
    this.placed = spans.map((span) => {
      const start = offset;
      if (span.kind === 'text') offset += span.text.length;
      return { span, start, end: offset };
    });
    this.boundaries = this.placed
      .filter(({ span }) => span.kind === 'boundary')
      .map(({ start }) => {
        const next = this.text.slice(start).search(/\S/u);
        return next < 0 ? this.text.length : start + next;
      });
  }

  /** Whether a cut here leaves every grapheme and every indivisible span whole. */
  isCut(offset: number): boolean {
    if (offset <= 0 || offset >= this.text.length) return false;
    const holder = this.placed[this.firstEndingAfter(offset)];
    if (holder && holder.start < offset && isIndivisible(holder.span)) return false;
    return this.isGraphemeStart(offset);
  }

  private isGraphemeStart(offset: number): boolean {
    const before = this.text.charCodeAt(offset - 1);
    const after = this.text.charCodeAt(offset);
    if (standsAlone(before) && standsAlone(after)) return !(before === 0x0d && after === 0x0a);
    this.graphemes ??= graphemeStarts(this.text);
    return this.graphemes[offset] === 1;
  }

  /**
   * The spans between two offsets, attributes kept, outer white space dropped. A break or boundary belongs to the
   * text before it, so that every one of them is in exactly one slice.
   */
  slice(from: number, to: number): SpeechText {
    const spans: SpeechSpan[] = [];
    for (let index = from === 0 ? 0 : this.firstEndingAfter(from); index < this.placed.length; index++) {
      const { span, start, end } = this.placed[index]!;
      if (start > to || (start === to && span.kind === 'text')) break;
      if (span.kind !== 'text') {
        spans.push(span);
      } else if (start >= from && end <= to) {
        spans.push(span);
      } else {
        spans.push({ ...span, text: span.text.slice(Math.max(0, from - start), to - start) });
      }
    }
    return trimOuter(spans);
  }

  /** Index of the first span that ends after `offset`; markers at the offset itself lie before it. */
  private firstEndingAfter(offset: number): number {
    let low = 0;
    let high = this.placed.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.placed[middle]!.end > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** Latin and Han, where no character combines with a neighbour of the same kind, so that most texts need no segmenter. */
const standsAlone = (unit: number): boolean => unit < 0x300 || (unit >= 0x3400 && unit <= 0x9fff);
