import { defineEnum } from './define-enum';

export const VoiceQuality = defineEnum(
  'VoiceQuality',
  'Quality of a first-party voice. Each has a price of its own, and a plan lists those that it offers.',
  {
    STANDARD: 'The plain rendering, at the lowest price.',
    PREMIUM: 'More careful rendering, at twice the standard price in the default price book.',
    ULTRA: 'The best rendering, at four times the standard price in the default price book.',
  },
);
export type VoiceQuality = keyof typeof VoiceQuality;
