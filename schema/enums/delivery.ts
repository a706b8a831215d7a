import { defineEnum } from './define-enum';

export const Delivery = defineEnum(
  'Delivery',
  'When a speech is answered. Either way it runs to its end and is charged alike.',
  {
    COMPLETE: 'The answer comes when all the audio exists.',
    STREAM: 'The answer comes at once, with a URL that plays while the audio is made.',
  },
);
export type Delivery = keyof typeof Delivery;
