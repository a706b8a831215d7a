import { defineEnum } from './define-enum';

export const ChatRole = defineEnum('ChatRole', 'Who wrote a message of a conversation.', {
  SYSTEM: 'Instructions that stand above the conversation.',
  USER: 'The person, or the program, that asks.',
  ASSISTANT: 'The language model.',
  TOOL: 'The result of a tool that the assistant called; toolCallId says which call.',
});
export type ChatRole = keyof typeof ChatRole;
