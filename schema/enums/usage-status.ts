import { defineEnum } from './define-enum';

export const UsageStatus = defineEnum('UsageStatus', 'How a metered operation ended.', {
  SUCCEEDED: 'It delivered all of its result and was charged.',
  FAILED: 'The provider failed; nothing was charged, whatever had been delivered.',
  ABORTED:
    'The caller ended it; charged is what the provider had been sent, and nothing where no audio or text had reached the caller.',
  UNKNOWN:
    'The provider was called and the outcome was lost (a crash); it cost the workspace nothing and waits for reconciliation.',
});
export type UsageStatus = keyof typeof UsageStatus;
