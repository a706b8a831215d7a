import type { Logger } from 'pino';
import { AlertLog } from './alerts/alert-log';
import type { Balances } from './billing/balances';
import type { Settings } from './config';
import type { Core } from './core';
import type { Clock } from './lib/clock';
import type { KeyRing } from './lib/keys';
import { webhookSources } from './operations/account/webhook-messages';
import { WebhookOperations } from './operations/account/webhook-operations';
import type { UsageRepository } from './operations/usage-repository';
import { type Resolve, resolveByDns } from './outbound/outbound-target';
import { describe } from './transport/error-masking';
import { DeliveryLog } from './webhooks/delivery-log';
import { EndpointWork } from './webhooks/endpoint-work';
import { WaitingMessages } from './webhooks/waiting-messages';
import { WebhookDispatcher } from './webhooks/webhook-dispatcher';
import { WebhookEndpoints } from './webhooks/webhook-endpoints';
import { WebhookSecretSealer } from './webhooks/webhook-secret';

export interface WebhookParts {
  readonly settings: Settings;
  readonly core: Core;
  readonly clock: Clock;
  readonly log: Logger;
  /** Of this process. */
  readonly processId: string;
  readonly keyRing: KeyRing;
  readonly usage: UsageRepository;
  readonly balances: Balances;
  /** In place of DNS, for tests. */
  readonly resolve?: Resolve;
}

export interface WebhookDelivery {
  readonly operations: WebhookOperations;
  readonly dispatcher: WebhookDispatcher;
  /** What is done every minute: what is old is removed, and endpoints that were made elsewhere are learned of. */
  readonly upkeep: () => Promise<void>;
}

/** What tells workspaces of what happens, by signed messages to endpoints of theirs. */
export function buildWebhooks(parts: WebhookParts): WebhookDelivery {
  const { settings, core, clock, log, keyRing, usage, balances } = parts;
  const { database, subscriptions, priceBook: book } = core;
  const sealer = new WebhookSecretSealer(keyRing);
  const sources = webhookSources({ usage, alerts: new AlertLog(database), balances, subscriptions, book });
  const rules = { resolve: parts.resolve ?? resolveByDns, allowed: settings.outboundAllow };
  const endpoints = new WebhookEndpoints({ ...rules, database, clock, sealer, sources });
  const deliveryLog = new DeliveryLog(database);
  const dispatcher = new WebhookDispatcher({
    ...rules,
    clock,
    sealer,
    sources,
    work: new EndpointWork(database, parts.processId),
    messages: new WaitingMessages(database, clock),
    onError: (error) => log.error({ err: describe(error) }, 'webhooks could not be worked on and are tried again'),
  });
  return {
    operations: new WebhookOperations(endpoints, deliveryLog, dispatcher),
    dispatcher,
    async upkeep() {
      await dispatcher.refresh();
      await endpoints.forgetPreviousSecrets();
      await deliveryLog.removeOld();
    },
  };
}
