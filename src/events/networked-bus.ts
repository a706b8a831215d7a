import type { Clock } from '../lib/clock';
import { decodeEnvelope } from './envelope';
import type { BusHandler, BusLog, BusMessage, EventBus, EventChannel } from './event-bus';
import { LocalHandlers } from './local-handlers';
import { Outbox } from './outbox';

/** Carries payloads between processes; knows nothing of what is in them. */
export interface BusTransport {
  readonly payloadBytesMost: number;
  /**
   * Begins to receive and returns after the first attempt, whether or not it succeeded. `onState(true)` once every
   * later payload will be received, `onState(false)` while that is not so.
   */
  start(onPayload: (payload: string) => void, onState: (up: boolean) => void): Promise<void>;
  send(payload: string): Promise<void>;
  stop(): Promise<void>;
}

export interface NetworkedBusOptions {
  /** Unique to this run of this process. */
  readonly processId: string;
  readonly clock: Clock;
  readonly log: BusLog;
}

/** The bus over any transport: local delivery at once, the others through the outbox. */
export class NetworkedBus implements EventBus {
  private readonly handlers: LocalHandlers;
  private readonly outbox: Outbox;
  private readonly stateHandlers = new Set<{ readonly handler: (connected: boolean) => void }>();
  private up = false;
  private closed: Promise<void> | null = null;

  private constructor(
    private readonly transport: BusTransport,
    private readonly options: NetworkedBusOptions,
  ) {
    this.handlers = new LocalHandlers(options.log);
    this.outbox = new Outbox({
      ...options,
      payloadBytesMost: transport.payloadBytesMost,
      send: (payload) => transport.send(payload),
    });
  }

  /** Returns after the first attempt to connect; `connected` says how it went, and attempts go on. */
  static async open(transport: BusTransport, options: NetworkedBusOptions): Promise<NetworkedBus> {
    const bus = new NetworkedBus(transport, options);
    await transport.start(
      (payload) => bus.receive(payload),
      (up) => bus.tell(up),
    );
    return bus;
  }

  get connected(): boolean {
    return this.up;
  }

  publish(channel: EventChannel, message: BusMessage): void {
    if (this.closed) return;
    this.handlers.deliver(channel, message);
    try {
      this.outbox.add(channel, message);
    } catch (error) {
      this.options.log.warn({ channel, err: error }, 'an event is not JSON and cannot be sent');
    }
  }

  subscribe(channel: EventChannel, handler: BusHandler): () => void {
    return this.handlers.add(channel, handler);
  }

  onConnectionChange(handler: (connected: boolean) => void): () => void {
    const entry = { handler };
    this.stateHandlers.add(entry);
    return () => void this.stateHandlers.delete(entry);
  }

  close(): Promise<void> {
    this.closed ??= this.shutDown();
    return this.closed;
  }

  private async shutDown(): Promise<void> {
    this.stateHandlers.clear();
    this.handlers.clear();
    await this.outbox.close();
    await this.transport.stop();
    this.up = false;
  }

  private receive(payload: string): void {
    const envelope = decodeEnvelope(payload);
    if (!envelope) {
      this.options.log.warn({ bytes: payload.length }, 'something that is not an event arrived on the bus');
      return;
    }
    if (envelope.from === this.options.processId) return;
    for (const [channel, message] of envelope.messages) this.handlers.deliver(channel, message);
    if (envelope.gap) this.tell(true);
  }

  private tell(up: boolean): void {
    // Every failed attempt to reconnect says `false` again; `true` is always news.
    if (this.closed || (!up && !this.up)) return;
    if (this.up !== up) this.options.log.warn({ connected: up }, 'the connection to the other processes changed');
    this.up = up;
    for (const { handler } of this.stateHandlers) {
      try {
        handler(up);
      } catch (error) {
        this.options.log.warn({ err: error }, 'a handler of the connection state failed');
      }
    }
  }
}
