import type { SpeechSpan, SpeechText } from '../contract/speech-text';

type TextSpan = Extract<SpeechSpan, { kind: 'text' }>;

/** How a provider writes what is not plain words. */
export interface MarkupWriter {
  /**
   * Makes plain words harmless: what would be read as markup is broken up, so that it is spoken as it is written. It is given
   * whole runs between two pieces of markup, so nothing can be put together out of neighbouring spans.
   */
  plain(text: string): string;
  /** A pause; left out where the provider has none. */
  pause?(milliseconds: number): string;
  /** A span that needs markup of its own; null where it is plain words after all. */
  marked?(span: TextSpan): string | null;
}

/** Sentences and paragraphs are told apart by white space, as in any text. */
const BOUNDARIES = { sentence: ' ', paragraph: '\n\n' } as const;

/** Writes a text in a provider's own terms. */
export function writeSpeechText(spans: SpeechText, writer: MarkupWriter): string {
  let written = '';
  let run = '';
  const flush = (): void => {
    if (run !== '') written += writer.plain(run);
    run = '';
  };
  for (const span of spans) {
    if (span.kind === 'boundary') {
      run += BOUNDARIES[span.level];
      continue;
    }
    const markup = span.kind === 'break' ? (writer.pause?.(span.milliseconds) ?? '') : (writer.marked?.(span) ?? null);
    if (markup === null) {
      run += (span as TextSpan).text;
    } else if (markup !== '') {
      flush();
      written += markup;
    }
  }
  flush();
  return written.trim();
}

/** Seconds as providers write them: up to three decimals, no trailing zero. */
export function secondsText(milliseconds: number): string {
  return String(Math.round(milliseconds) / 1000);
}

/**
 * Plain words in which nothing opens a tag: a space is put after every `<` that could. White space cannot follow it in a tag,
 * and is not heard. For providers that read tags and document no escape.
 */
export function breakUpTags(text: string): string {
  return text.replace(/<(?=[\p{L}/!?_:|]|$)/gu, '< ');
}
