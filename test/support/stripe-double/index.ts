import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import Stripe from 'stripe';
import { addPrice, catalogueEndpoints } from './catalogue-endpoints';
import { checkParameters, type Endpoint } from './endpoint';
import { parseForm } from './form';
import type { StripeEvent } from './objects';
import { type Cart, paymentEndpoints } from './payment-endpoints';
import { invalid, Refusal } from './refusal';
import { Shop } from './shop';
import { Store } from './store';
import { subscriptionEndpoints } from './subscription-endpoints';
import { SubscriptionLife } from './subscription-life';

export type { StripeEvent } from './objects';

/** What becomes of a request: it never arrives, Stripe breaks, or it is done and the answer is lost. */
export type Fault = 'unreachable' | 'broken' | 'answer-lost';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly idempotencyKey: string | null;
  readonly body: string;
  readonly status: number;
}

interface Replay {
  readonly request: string;
  readonly status: number;
  readonly body: string;
  readonly at: number;
}

export const STRIPE_KEY = 'sk_test_double';
export const WEBHOOK_SECRET = 'whsec_double';
const KEY_KNOWN_SECONDS = 86_400;

/**
 * Stands in for Stripe over HTTP, for the real SDK: it remembers, has a clock that tests move, refuses what Stripe
 * refuses, and signs its events as Stripe does. What customers and the dashboard do is `shop`.
 */
export class StripeDouble {
  readonly store: Store;
  readonly shop: Shop;
  readonly requests: SeenRequest[] = [];
  private readonly life: SubscriptionLife;
  private readonly endpoints: readonly Endpoint[];
  private readonly replays = new Map<string, Replay>();
  private faults: { readonly path: RegExp; readonly fault: Fault; left: number }[] = [];
  private readonly server: Server;

  constructor(startMs: number = Date.now(), tag = 'double') {
    this.store = new Store(startMs, tag);
    this.life = new SubscriptionLife(this.store);
    const carts = new Map<string, Cart>();
    this.shop = new Shop(this.store, this.life, carts);
    this.endpoints = [
      ...catalogueEndpoints(this.store),
      ...subscriptionEndpoints(this.store, this.life),
      ...paymentEndpoints(this.store, carts),
    ];
    this.server = createServer((request, response) => void this.serve(request, response));
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Settings of a server that pays through this double. */
  get env(): Readonly<Record<string, string>> {
    return { STRIPE_SECRET_KEY: STRIPE_KEY, STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET, STRIPE_BASE_URL: this.url };
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  /** The prices of the default price book, as an operator makes them. */
  addPlanPrices(cents: Readonly<Record<string, number>> = { starter: 2_900, pro: 9_900, scale: 49_900 }): void {
    for (const [plan, amount] of Object.entries(cents)) {
      addPrice(this.store, { lookupKey: plan, unitAmountDecimal: String(amount), product: plan });
    }
  }

  /** Time goes on, and with it periods, trials and drafts. */
  advance(ms: number): void {
    this.life.advanceTo(this.store.nowMs + ms);
  }

  /** The next `times` requests whose "METHOD path" matches have this fault; the SDK itself tries three times. */
  fail(path: RegExp, fault: Fault, times = Number.POSITIVE_INFINITY): void {
    this.faults.push({ path, fault, left: times });
  }

  heal(): void {
    this.faults = [];
  }

  /** An event as it is sent: the raw body and the header Stripe-Signature. */
  sign(
    event: StripeEvent,
    options: { readonly secret?: string; readonly atSeconds?: number } = {},
  ): { body: string; signature: string } {
    const body = JSON.stringify(event, null, 2);
    const signature = Stripe.webhooks.generateTestHeaderString({
      payload: body,
      secret: options.secret ?? WEBHOOK_SECRET,
      timestamp: options.atSeconds ?? this.store.now,
    });
    return { body, signature };
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const { pathname, search } = new URL(request.url!, 'http://stripe');
    const method = request.method!;
    const key = request.headers['idempotency-key'] as string | undefined;
    const fault = this.faultOf(`${method} ${pathname}`);
    if (fault === 'unreachable') return void request.socket.destroy();
    const answer =
      fault === 'broken'
        ? { status: 500, body: JSON.stringify({ error: { type: 'api_error', message: 'Something broke.' } }) }
        : this.answer(request, method, pathname, method === 'GET' ? search.slice(1) : body, key);
    this.requests.push({ method, path: pathname, idempotencyKey: key ?? null, body, status: answer.status });
    if (fault === 'answer-lost') return void request.socket.destroy();
    response.writeHead(answer.status, {
      'content-type': 'application/json',
      'request-id': `req_${this.requests.length}`,
    });
    response.end(answer.body);
  }

  private answer(request: IncomingMessage, method: string, path: string, form: string, key: string | undefined) {
    if (request.headers.authorization !== `Bearer ${STRIPE_KEY}`) {
      return {
        status: 401,
        body: JSON.stringify({
          error: { type: 'invalid_request_error', message: 'Invalid API Key provided: sk_test_****' },
        }),
      };
    }
    const fingerprint = createHash('sha256').update(`${method} ${path}\n${form}`).digest('hex');
    const known = key === undefined ? undefined : this.replays.get(key);
    if (known && known.at > this.store.now - KEY_KNOWN_SECONDS) {
      if (known.request === fingerprint) return known;
      const refusal = new Refusal(
        400,
        'idempotency_error',
        `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
      );
      return { status: 400, body: JSON.stringify(refusal.body) };
    }
    const answer = this.run(method, path, form);
    if (key !== undefined && method === 'POST' && answer.isExecuted) {
      this.replays.set(key, { request: fingerprint, ...answer, at: this.store.now });
    }
    return answer;
  }

  /** What fails before it is executed may be sent again under its key with other parameters. */
  private run(method: string, path: string, form: string): { status: number; body: string; isExecuted: boolean } {
    let isExecuted = false;
    try {
      for (const endpoint of this.endpoints) {
        const id = endpoint.method === method ? idIn(path, endpoint.path) : null;
        if (id === null) continue;
        const parameters = parseForm(form);
        checkParameters(endpoint, parameters);
        isExecuted = true;
        return { status: 200, body: JSON.stringify(endpoint.run(parameters, id)), isExecuted };
      }
      throw invalid(`Unrecognized request URL (${method}: ${path}).`);
    } catch (error) {
      if (error instanceof Refusal) return { status: error.status, body: JSON.stringify(error.body), isExecuted };
      throw error;
    }
  }

  private faultOf(request: string): Fault | null {
    const found = this.faults.find(({ path, left }) => left > 0 && path.test(request));
    if (!found) return null;
    found.left -= 1;
    return found.fault;
  }
}

/** The id in a path that has the form of a pattern, '' when the pattern has none; null when it has another form. */
function idIn(path: string, pattern: string): string | null {
  const match = new RegExp(`^${pattern.replace(':id', '([^/]+)')}$`).exec(path);
  return match && (match[1] ?? '');
}
