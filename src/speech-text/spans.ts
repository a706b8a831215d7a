import type { MarkupFeature, SpeechSpan, SpeechText } from '../../providers/contract/speech-text';

export type TextSpan = Extract<SpeechSpan, { readonly kind: 'text' }>;

/** All that is spoken, in order: the text spans joined with nothing between them. Breaks and boundaries add nothing. */
export function joinText(spans: SpeechText): string {
  const only = spans.length === 1 ? spans[0] : undefined;
  if (only?.kind === 'text') return only.text;
  let joined = '';
  for (const span of spans) if (span.kind === 'text') joined += span.text;
  return joined;
}

/** Whether a span must reach the provider whole: its text has one reading that parts of it would not have. */
export const isIndivisible = (span: SpeechSpan): boolean =>
  span.kind === 'text' && (span.phoneme !== undefined || span.sayAs !== undefined);

/**
 * The spans without the white space around their whole text, and without boundaries that separate nothing. Breaks
 * stay where they are: a pause at the start or the end was asked for. Spans that become empty are left out.
 */
export function trimOuter(spans: SpeechText): SpeechText {
  const only = spans.length === 1 ? spans[0] : undefined;
  if (only?.kind === 'text') {
    const text = only.text.trim();
    if (text.length === only.text.length) return spans;
    return text === '' ? [] : [{ ...only, text }];
  }
  const isSpoken = (span: SpeechSpan) => span.kind === 'text' && span.text.trim() !== '';
  const first = spans.findIndex(isSpoken);
  const last = spans.findLastIndex(isSpoken);
  const trimmed: SpeechSpan[] = [];
  spans.forEach((span, index) => {
    if (span.kind === 'break' || (index > first && index < last)) {
      trimmed.push(span);
    } else if (span.kind === 'text' && (index === first || index === last)) {
      let text = span.text;
      if (index === first) text = text.trimStart();
      if (index === last) text = text.trimEnd();
      trimmed.push(text.length === span.text.length ? span : { ...span, text });
    }
  });
  return trimmed;
}

/** The features of markup that a text uses, each once: what an adapter must declare to be given it. */
export function usedMarkup(spans: SpeechText): readonly MarkupFeature[] {
  const used = new Set<MarkupFeature>();
  for (const span of spans) {
    if (span.kind === 'break') used.add('break');
    if (span.kind !== 'text') continue;
    if (span.prosody) used.add('prosody');
    if (span.emphasis) used.add('emphasis');
    if (span.sayAs) used.add('say-as');
    if (span.phoneme) used.add('phoneme');
    if (span.language) used.add('lang');
  }
  return [...used];
}
