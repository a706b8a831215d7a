import { defineEnum } from './define-enum';

export const SpeechStatus = defineEnum('SpeechStatus', 'Where a speech stands.', {
  GENERATING: 'The audio is being made; its URL plays what there is.',
  COMPLETED: 'All of the audio exists.',
  FAILED: 'The provider failed; there is no audio and no charge.',
  ABORTED: 'The caller ended it before it was complete.',
  UNKNOWN: 'The process died after the provider was called; there is no charge.',
});
export type SpeechStatus = keyof typeof SpeechStatus;
