import Stripe from 'stripe';
import type {
  Charge,
  CheckoutSession,
  Dispute,
  Invoice,
  Meter,
  MeterEvent,
  PaymentIntent,
  Price,
  Schedule,
  StripeEvent,
  Subscription,
} from './objects';
import { missing } from './refusal';

export interface Customer {
  id: string;
  object: 'customer';
  created: number;
  livemode: false;
  metadata: Record<string, string>;
  name: string | null;
}

/** Everything that the double remembers, its clock, and the events that tell of its changes. */
export class Store {
  /** Milliseconds since 1970. */
  nowMs: number;
  readonly customers = new Map<string, Customer>();
  readonly prices = new Map<string, Price>();
  readonly subscriptions = new Map<string, Subscription>();
  readonly schedules = new Map<string, Schedule>();
  readonly invoices = new Map<string, Invoice>();
  readonly sessions = new Map<string, CheckoutSession>();
  readonly payments = new Map<string, PaymentIntent>();
  readonly charges = new Map<string, Charge>();
  readonly disputes = new Map<string, Dispute>();
  readonly meters = new Map<string, Meter>();
  readonly meterEvents: MeterEvent[] = [];
  /** Customers whose payments are declined. */
  readonly declined = new Set<string>();
  readonly events: StripeEvent[] = [];
  private counter = 0;

  /** @param tag ends every id, so that the ids of two doubles differ */
  constructor(
    startMs: number,
    private readonly tag: string,
  ) {
    this.nowMs = startMs;
  }

  get now(): number {
    return Math.floor(this.nowMs / 1000);
  }

  id(prefix: string): string {
    this.counter += 1;
    return `${prefix}_${this.counter.toString().padStart(8, '0')}${this.tag}`;
  }

  find<T>(objects: ReadonlyMap<string, T>, kind: string, id: string, param?: string): T {
    const object = objects.get(id);
    if (!object) throw missing(kind, id, param);
    return object;
  }

  /** The event carries the object as it is at this moment. */
  emit(type: string, object: object): StripeEvent {
    const event: StripeEvent = {
      id: this.id('evt'),
      object: 'event',
      api_version: Stripe.API_VERSION,
      created: this.now,
      data: { object: structuredClone(object) as Record<string, unknown> },
      livemode: false,
      pending_webhooks: 1,
      request: { id: null, idempotency_key: null },
      type,
    };
    this.events.push(event);
    return event;
  }
}
