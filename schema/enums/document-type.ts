import { defineEnum } from './define-enum';

export const DocumentType = defineEnum('DocumentType', 'What a document of a collection is made of.', {
  TEXT: 'Plain text.',
  MARKDOWN: 'Markdown.',
  HTML: 'HTML; what is shown counts.',
  PDF: 'PDF with text in it.',
  TRANSCRIPT: 'What was said, written down.',
  AUDIO: 'Recorded speech, which is transcribed first.',
});
export type DocumentType = keyof typeof DocumentType;
