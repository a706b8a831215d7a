import type { BusHandler, BusLog, BusMessage, EventChannel } from './event-bus';

/** The handlers of this process. One that throws is logged and stops neither the others nor the caller. */
export class LocalHandlers {
  private readonly byChannel = new Map<EventChannel, Set<{ readonly handler: BusHandler }>>();

  constructor(private readonly log: BusLog) {}

  add(channel: EventChannel, handler: BusHandler): () => void {
    // Wrapped, so that the same function added twice is called twice and removed once.
    const entry = { handler };
    const entries = this.byChannel.get(channel);
    if (entries) entries.add(entry);
    else this.byChannel.set(channel, new Set([entry]));
    return () => void this.byChannel.get(channel)?.delete(entry);
  }

  deliver(channel: EventChannel, message: BusMessage): void {
    for (const { handler } of this.byChannel.get(channel) ?? []) {
      try {
        handler(message);
      } catch (error) {
        this.log.warn({ channel, err: error }, 'a handler of an event failed');
      }
    }
  }

  clear(): void {
    this.byChannel.clear();
  }
}
