import type { Clock } from '../lib/clock';
import type { Entry, EventLog } from '../lib/shared-events';
import type { InFlight } from './intake';
import type { SharedReader } from './shared-reader';

/** What could not be read is tried again after this. */
const RETRY_MS = 1_000;

export interface SharedSubscriptionDependencies<Event extends object> {
  readonly log: EventLog<Event>;
  /** The payload of an event, as JSON, and whether it is the same whenever it is made. Never rejects. */
  readonly execute: (event: Event) => Promise<{ readonly payload: string; readonly lasts: boolean }>;
  /** The last payload of a reader that is ended, as JSON. */
  readonly failure: (error: unknown) => string;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
  /** Counts what has come and is not sent yet. */
  readonly deliveries: InFlight;
  /** A reader who was up to date and is more events behind than this is let go. */
  readonly behindMax: number;
  readonly onEmpty: () => void;
}

/**
 * Subscriptions of the same events in the same shape: each event is executed and written as JSON once and sent to every
 * reader. Readers that are up to date are sent an event in one go; one who is behind, because he came with a cursor or
 * because his socket was full, follows at his own pace until he is up to date.
 */
export class SharedSubscription<Event extends object> {
  private readonly readers = new Set<SharedReader<Event>>();
  /** Of the last event that was sent to those who are up to date. */
  private position: number;
  private pumping = false;
  private readonly payloads = new WeakMap<Event, Promise<string>>();
  private readonly stopListening: () => void;

  constructor(private readonly dependencies: SharedSubscriptionDependencies<Event>) {
    const { log } = dependencies;
    this.position = log.last;
    this.stopListening = log.listen(() => this.pump());
  }

  get behindMax(): number {
    return this.dependencies.behindMax;
  }

  add(reader: SharedReader<Event>): void {
    this.readers.add(reader);
  }

  remove(reader: SharedReader<Event>): void {
    if (!this.readers.delete(reader) || this.readers.size > 0) return;
    this.stopListening();
    this.dependencies.onEmpty();
  }

  /** Sends a reader what he has missed; from then on he is sent what comes. */
  async follow(reader: SharedReader<Event>): Promise<void> {
    const { log, deliveries, failure } = this.dependencies;
    const sent = deliveries.begin();
    try {
      while (reader.position < this.position) {
        const entries = await log.read(reader.position);
        // Looked for, and no longer there.
        if (entries.length === 0) reader.position = Math.max(reader.position, this.position);
        // Begun together: what they look up in common is looked up once.
        const payloads = entries.map(({ event }) => this.payloadOf(event));
        for (const [n, payload] of payloads.entries()) {
          const text = await payload;
          if (reader.isOver || reader.waitsForRoom()) return;
          reader.push(text, entries[n]!.position);
        }
      }
      reader.isLive = !reader.isOver;
    } catch (error) {
      reader.fail(failure(error));
    } finally {
      sent();
    }
  }

  failureOf(error: unknown): string {
    return this.dependencies.failure(error);
  }

  private pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    void this.sendNew();
  }

  private async sendNew(): Promise<void> {
    const { log, deliveries, clock, onError } = this.dependencies;
    const sent = deliveries.begin();
    try {
      while (this.position < log.last && this.readers.size > 0) {
        const { last } = log;
        const page = log.read(this.position);
        const entries = page instanceof Promise ? await page : page;
        if (entries.length === 0) this.position = last;
        const payloads = entries.map(({ event }) => this.payloadOf(event));
        for (const [n, payload] of payloads.entries()) this.deliver(entries[n]!, await payload);
      }
    } catch (error) {
      onError(error);
      clock.schedule(() => this.pump(), RETRY_MS);
    } finally {
      // In the turn of the last look at the log: what comes from now on begins anew.
      this.pumping = false;
      sent();
    }
  }

  private deliver({ position }: Entry<Event>, payload: string): void {
    for (const reader of this.readers) reader.deliver(payload, position);
    this.position = position;
  }

  private payloadOf(event: Event): Promise<string> {
    let payload = this.payloads.get(event);
    if (!payload) {
      payload = this.dependencies.execute(event).then(({ payload, lasts }) => {
        if (!lasts) this.payloads.delete(event);
        return payload;
      });
      this.payloads.set(event, payload);
    }
    return payload;
  }
}
