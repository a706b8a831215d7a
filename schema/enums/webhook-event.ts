import { defineEnum } from './define-enum';

export const WebhookEvent = defineEnum('WebhookEvent', 'What a webhook endpoint may be told of.', {
  ALERT_RAISED: 'alert.raised: an alert rule found something. Each alert once.',
  USAGE_SETTLED: 'usage.settled: a metered operation has ended, and what it used. Each operation once.',
  BALANCE_CHANGED:
    'balance.changed: the balance as it is now, at most about once a second; what came in between is left out.',
  SUBSCRIPTION_CHANGED: 'subscription.changed: the subscription as it is now.',
  VOICE_JOB_FINISHED: 'voice_job.finished: work on a voice has ended.',
  DOCUMENT_FINISHED: 'document.finished: a document can be searched, or could not be read.',
});
export type WebhookEvent = keyof typeof WebhookEvent;
