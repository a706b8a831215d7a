import type { Logger } from 'pino';
import { StripeBilling } from './billing/stripe/stripe-billing';
import type { Settings } from './config';
import type { Core } from './core';
import type { Clock } from './lib/clock';
import { describe } from './transport/error-masking';

/** The payment provider of this server; null: none is configured, and everything else works. */
export function openPayments(
  settings: Settings,
  core: Core,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): StripeBilling | null {
  if (!settings.stripe) return null;
  return new StripeBilling(settings.stripe, {
    database: core.database,
    clock,
    book: core.priceBook,
    accounts: core.accounts,
    subscriptions: core.subscriptions,
    onError: (fields, error, message) => log.error({ ...fields, err: describe(error) }, message),
  });
}
