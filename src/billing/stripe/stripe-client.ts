import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import Stripe from 'stripe';
import type { Secret } from '../../lib/secret';

/** How Stripe is reached. */
export interface StripeConnection {
  readonly secretKey: Secret;
  readonly webhookSecret: Secret;
  /** Scheme, host and port in place of Stripe's own; null: Stripe's own. */
  readonly baseUrl: string | null;
}

/** One try; with its repetitions a call ends within half a minute. */
const TIMEOUT_MS = 8_000;
const RETRIES = 2;

export interface StripeClient {
  readonly stripe: Stripe.Stripe;
  /** What an event must be to be of the same account; null: the key does not say. */
  readonly livemode: boolean | null;
  close(): void;
}

/** The SDK with bounded waiting. It repeats a request that failed on the way under one idempotency key. */
export function openStripeClient({ secretKey, baseUrl }: StripeConnection): StripeClient {
  const address = new URL(baseUrl ?? 'https://api.stripe.com');
  const secure = address.protocol === 'https:';
  const agent = secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
  const key = secretKey.reveal();
  const stripe = new Stripe(key, {
    host: address.hostname,
    port: address.port || (secure ? 443 : 80),
    protocol: secure ? 'https' : 'http',
    httpAgent: agent,
    timeout: TIMEOUT_MS,
    maxNetworkRetries: RETRIES,
    telemetry: false,
  });
  return { stripe, livemode: livemodeOf(key), close: () => agent.destroy() };
}

function livemodeOf(key: string): boolean | null {
  const mode = /^[a-z]+_(live|test)_/.exec(key)?.[1];
  return mode === undefined ? null : mode === 'live';
}
