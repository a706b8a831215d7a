import { defineEnum } from './define-enum';

export const TimestampGranularity = defineEnum('TimestampGranularity', 'How finely a transcription tells its times.', {
  NONE: 'Not at all: the text alone.',
  SEGMENT: 'For each segment, such as a sentence.',
  WORD: 'For each word, and for each segment where the provider has them.',
});
export type TimestampGranularity = keyof typeof TimestampGranularity;
