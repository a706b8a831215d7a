import type { BusHandler, BusLog, BusMessage, EventBus, EventChannel } from './event-bus';
import { LocalHandlers } from './local-handlers';

/** The bus of a server that is one process: everything is local, and nothing can be missed. */
export class InProcessBus implements EventBus {
  readonly connected = true;
  private readonly handlers: LocalHandlers;

  constructor(log: BusLog) {
    this.handlers = new LocalHandlers(log);
  }

  publish(channel: EventChannel, message: BusMessage): void {
    this.handlers.deliver(channel, message);
  }

  subscribe(channel: EventChannel, handler: BusHandler): () => void {
    return this.handlers.add(channel, handler);
  }

  onConnectionChange(): () => void {
    return () => {};
  }

  async close(): Promise<void> {
    this.handlers.clear();
  }
}
