import { defineEnum } from './define-enum';

export const FinishReason = defineEnum('FinishReason', 'Why an answer of a language model ended.', {
  STOP: 'The answer is complete.',
  LENGTH: 'It reached maxOutputTokens, or the end of what the model can hold.',
  TOOL_CALLS: 'The model waits for the results of the tools that it called.',
  CONTENT_FILTER: "The provider's rules on content ended it.",
  OTHER: 'The provider gave another reason, or none.',
});
export type FinishReason = keyof typeof FinishReason;
