import { defineEnum } from './define-enum';

export const AttemptOutcome = defineEnum('AttemptOutcome', 'How one request to a provider ended.', {
  SERVED: 'It delivered the result.',
  REJECTED: 'The provider understood and refused, or answered with something that it does not promise.',
  UNAUTHORIZED: 'The provider refused the key.',
  UNAVAILABLE: 'Overload, outage or a broken connection.',
  TIMED_OUT: 'The provider did not answer in time.',
  CANCELLED: 'The platform ended it because the caller did.',
  SKIPPED: "It was not sent, as the provider's circuit is open or it could cost more than may be spent.",
  UNKNOWN: 'The process died before the outcome was recorded.',
});
export type AttemptOutcome = keyof typeof AttemptOutcome;
