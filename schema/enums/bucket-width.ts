import { defineEnum } from './define-enum';

export const BucketWidth = defineEnum('BucketWidth', 'How long a bucket of usage is, by the clocks of its time zone.', {
  HOUR: 'An hour: it begins whenever the clocks show a full hour, twice where they are set back over one. At most 31 days are asked for at a time.',
  DAY: 'A calendar day: 23 or 25 hours where the clocks are set. At most 400 days are asked for at a time.',
});
export type BucketWidth = keyof typeof BucketWidth;
