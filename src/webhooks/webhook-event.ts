/** What an endpoint may be told of, as the schema names it and in its order. */
export const WEBHOOK_EVENTS = [
  'ALERT_RAISED',
  'USAGE_SETTLED',
  'BALANCE_CHANGED',
  'SUBSCRIPTION_CHANGED',
  'VOICE_JOB_FINISHED',
  'DOCUMENT_FINISHED',
] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** Things that happen one after another; each is told. */
export const LOG_EVENTS = ['ALERT_RAISED', 'USAGE_SETTLED'] as const satisfies readonly WebhookEvent[];
export type LogEvent = (typeof LOG_EVENTS)[number];

/** Something that is now thus and now otherwise; what it came to is told, not every step on the way. */
export const STATE_EVENTS = ['BALANCE_CHANGED', 'SUBSCRIPTION_CHANGED'] as const satisfies readonly WebhookEvent[];
export type StateEvent = (typeof STATE_EVENTS)[number];

export const isLog = (event: WebhookEvent): event is LogEvent =>
  (LOG_EVENTS as readonly WebhookEvent[]).includes(event);
export const isState = (event: WebhookEvent): event is StateEvent =>
  (STATE_EVENTS as readonly WebhookEvent[]).includes(event);

/** As messages name it: USAGE_SETTLED is `usage.settled`, VOICE_JOB_FINISHED is `voice_job.finished`. */
export const typeOf = (event: WebhookEvent): string => event.toLowerCase().replace(/_([a-z]+)$/, '.$1');
