/**
 * What is to be spoken, after SSML has been read: a flat list of spans. Plain text is one span of kind `text`.
 * Providers render it to their own wire form; the parser lives with the operations, so providers stay free of XML.
 */
export type SpeechSpan =
  | {
      readonly kind: 'text';
      /** Entities resolved, NFC; never empty. */
      readonly text: string;
      readonly prosody?: { readonly rate?: string; readonly pitch?: string; readonly volume?: string };
      readonly emphasis?: 'strong' | 'moderate' | 'none' | 'reduced';
      readonly sayAs?: { readonly interpretAs: string; readonly format?: string };
      readonly phoneme?: { readonly alphabet: string; readonly ph: string };
      readonly language?: string;
    }
  | { readonly kind: 'break'; readonly milliseconds: number }
  /** End of a paragraph or sentence that the author marked; speakers pause there by themselves. */
  | { readonly kind: 'boundary'; readonly level: 'paragraph' | 'sentence' };

export type SpeechText = readonly SpeechSpan[];

/** Features of markup beyond plain sentences that an adapter can honour; others are refused as UNSUPPORTED. */
export const MARKUP_FEATURES = ['break', 'prosody', 'emphasis', 'say-as', 'phoneme', 'lang'] as const;
export type MarkupFeature = (typeof MARKUP_FEATURES)[number];
