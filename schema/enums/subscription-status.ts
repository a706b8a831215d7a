import { defineEnum } from './define-enum';

export const SubscriptionStatus = defineEnum('SubscriptionStatus', 'State of a paid plan.', {
  ACTIVE: 'Paid up.',
  TRIALING: 'In a trial that costs nothing.',
  PAST_DUE: 'A payment failed and is being tried again; operations are still served.',
  CANCELED: 'Ended.',
  UNPAID: 'Payment has failed for good; nothing more is served until it is paid.',
  INCOMPLETE: 'The first payment has not gone through.',
});
export type SubscriptionStatus = keyof typeof SubscriptionStatus;
