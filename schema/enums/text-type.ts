import { defineEnum } from './define-enum';

export const TextType = defineEnum('TextType', 'How the text of a speech is read.', {
  TEXT: 'Plain text; every character counts.',
  SSML: 'Speech Synthesis Markup Language with the root element speak; tags do not count, what is spoken does.',
});
export type TextType = keyof typeof TextType;
