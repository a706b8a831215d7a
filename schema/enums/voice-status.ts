import { defineEnum } from './define-enum';

export const VoiceStatus = defineEnum('VoiceStatus', 'Whether a voice can be used.', {
  DRAFT: 'It is being made; only the operator sees it.',
  ENABLED: 'It speaks.',
  RETIRED: 'It speaks no more; what it has spoken stays.',
});
export type VoiceStatus = keyof typeof VoiceStatus;
