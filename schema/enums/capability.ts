import { defineEnum } from './define-enum';

export const Capability = defineEnum('Capability', 'What a provider does for the caller.', {
  TEXT_TO_SPEECH:
    'Text in, audio out; charged by the character, or by the second of audio where the rate card says so.',
  SPEECH_TO_TEXT: 'Audio in, text out; charged by the length of the audio.',
  LANGUAGE_MODEL: 'Messages in, a reply out; charged by the token.',
  EMBEDDING: 'Text in, vectors out; made while documents are taken in. Counted under rag in a breakdown.',
  RETRIEVAL: 'A search in a collection; charged by the query, and no provider is asked.',
});
export type Capability = keyof typeof Capability;
