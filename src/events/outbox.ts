import { backoffMs } from '../lib/backoff';
import type { Clock } from '../lib/clock';
import { withDeadline } from '../lib/deadline';
import { encodeEnvelope, envelopeOverheadBytes } from './envelope';
import type { BusLog, BusMessage, EventChannel } from './event-bus';
import { PendingMessages, pendingMessage } from './pending-messages';

/** More than this waits only while the transport is down; then the oldest are given up. */
const PENDING_MOST = 10_000;
const SEND_MS = 10_000;
const CLOSE_MS = 2_000;

export interface OutboxOptions {
  readonly processId: string;
  readonly payloadBytesMost: number;
  readonly send: (payload: string) => Promise<void>;
  readonly clock: Clock;
  readonly log: BusLog;
}

/**
 * What this process has to tell the others. Idle, it sends at the end of the current turn of the event loop; while a
 * payload is under way, messages gather and go together in the next. A payload that fails is tried again with
 * back-off, so a message may arrive twice; messages that are given up become a gap that the next payload declares.
 */
export class Outbox {
  private readonly pending = new PendingMessages();
  private readonly room: number;
  private gap = false;
  private running: Promise<void> | null = null;
  private closing = false;
  private wake: () => void = () => {};

  constructor(private readonly options: OutboxOptions) {
    this.room = options.payloadBytesMost - envelopeOverheadBytes(options.processId);
  }

  /** Throws TypeError on what is not JSON. */
  add(channel: EventChannel, message: BusMessage): void {
    if (this.closing) return;
    const pending = pendingMessage(channel, message);
    if (pending.bytes > this.room) {
      this.gap = true;
      this.options.log.warn({ channel, bytes: pending.bytes, most: this.room }, 'an event is too large to be sent');
    } else {
      this.pending.add(pending);
    }
    const lost = this.pending.trim(PENDING_MOST);
    if (lost > 0 && !this.gap) {
      this.gap = true;
      this.options.log.warn({ most: PENDING_MOST }, 'too many events wait to be sent; the oldest are given up');
    }
    this.running ??= this.run();
  }

  async close(): Promise<void> {
    this.closing = true;
    this.wake();
    const { clock } = this.options;
    await withDeadline(this.running ?? Promise.resolve(), CLOSE_MS, clock, 'Sending the last events').catch(() => {});
    if (this.pending.size > 0) {
      this.options.log.warn({ events: this.pending.size }, 'events were not sent before the bus was closed');
    }
  }

  private async run(): Promise<void> {
    await Promise.resolve();
    let failures = 0;
    while (this.pending.size > 0 || this.gap) {
      const batch = this.pending.take(this.room);
      const gap = this.gap;
      this.gap = false;
      try {
        await this.send(
          encodeEnvelope(
            this.options.processId,
            gap,
            batch.map(({ encoded }) => encoded),
          ),
        );
        failures = 0;
      } catch (error) {
        this.pending.putBack(batch);
        this.gap ||= gap;
        failures += 1;
        this.options.log.warn({ failures, reason: reasonOf(error) }, 'events could not be sent to the other processes');
        // Closing, one failure is the last.
        if (this.closing) break;
        await this.pause(backoffMs(failures));
      }
    }
    this.running = null;
  }

  private async send(payload: string): Promise<void> {
    await withDeadline(this.options.send(payload), SEND_MS, this.options.clock, 'Sending events');
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.options.clock.schedule(resolve, ms);
      this.wake = () => {
        cancel();
        resolve();
      };
    });
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
