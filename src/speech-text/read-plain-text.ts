import type { SpeechText } from '../../providers/contract/speech-text';

/**
 * Plain text as one span: NFC, without outer white space. Nothing in it is markup. Blank text, which `validateText`
 * refuses, gives no span.
 */
export function readPlainText(text: string): SpeechText {
  const spoken = text.normalize('NFC').trim();
  return spoken === '' ? [] : [{ kind: 'text', text: spoken }];
}
