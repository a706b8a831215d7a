import type { EventBus } from '../events/event-bus';
import type { Connection } from '../identity/caller';
import type { Clock } from '../lib/clock';
import { newId } from '../lib/ids';
import type { LiveOperation, LiveOperations } from './live-operations';

/** A socket that broke has this long to come back before its operation is ended. */
const REJOIN_MS = 10_000;
/** A listener at another process says this often that it is still there, and is believed for as long as a broken socket. */
const PRESENCE_MS = 3_000;

export interface ListenersDependencies {
  readonly clock: Clock;
  readonly bus: EventBus;
  readonly live: LiveOperations;
}

/**
 * Who listens to operations that end with their listeners: subscriptions of this process, and those that reached
 * another process after their socket broke. Who unsubscribes has left, and with the last one the operation is ended; a
 * socket that broke may still come back, wherever it comes back to.
 */
export class Listeners {
  private readonly counts = new Map<string, number>();
  /** Told when somebody listens again. */
  private readonly waiting = new Map<string, () => void>();
  /** Ends of the time in which a broken socket may come back. */
  private readonly graces = new Map<string, () => void>();
  /** By listener: what ends the belief that it is there. */
  private readonly elsewhere = new Map<string, () => void>();
  private readonly stopHearing: () => void;

  constructor(private readonly dependencies: ListenersDependencies) {
    this.stopHearing = dependencies.bus.subscribe('operation', (message) => {
      const operation = dependencies.live.find(String(message.operationId), String(message.workspaceId));
      if (operation) this.heardOf(operation, String(message.listener), message.present === true);
    });
  }

  close(): void {
    this.stopHearing();
    for (const end of [...this.graces.values(), ...this.elsewhere.values()]) end();
  }

  /** Counts a listener of this process. The function that is returned tells that it left; again, it does nothing. */
  enter(operation: LiveOperation, connection: Connection | null): (onLast?: () => void) => void {
    this.count(operation.id);
    let left = false;
    return (onLast) => {
      if (left) return;
      left = true;
      if (!this.discount(operation.id)) return;
      if (onLast) onLast();
      else if (connection?.dropped) this.awaitReturn(operation);
      else operation.end('LEFT');
    };
  }

  /** Resolves when somebody listens, or the operation was ended: nothing more is bought for a stream without a listener. */
  async present(operation: LiveOperation): Promise<void> {
    while (!this.counts.has(operation.id) && !operation.signal.aborted) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          operation.signal.removeEventListener('abort', wake);
          this.waiting.delete(operation.id);
          resolve();
        };
        operation.signal.addEventListener('abort', wake, { once: true });
        this.waiting.set(operation.id, wake);
      });
    }
  }

  /**
   * Tells the process that runs an operation that somebody waits for it here, until the function that is returned is
   * called or the socket breaks too.
   */
  attend(operationId: string, workspaceId: string, connection: Connection | null): () => void {
    const { bus, clock } = this.dependencies;
    const listener = newId();
    const tell = (present: boolean): void => bus.publish('operation', { operationId, workspaceId, listener, present });
    let cancel = (): void => {};
    const tick = (): void => {
      if (connection?.dropped) return;
      tell(true);
      cancel = clock.schedule(tick, PRESENCE_MS);
    };
    tick();
    return () => {
      cancel();
      // A broken socket may come back, so nothing is said of it.
      if (!connection?.dropped) tell(false);
    };
  }

  private heardOf(operation: LiveOperation, listener: string, present: boolean): void {
    const known = this.elsewhere.get(listener);
    known?.();
    this.elsewhere.delete(listener);
    if (!present) {
      if (known && this.discount(operation.id)) operation.end('LEFT');
      return;
    }
    if (!known) this.count(operation.id);
    const cancel = this.dependencies.clock.schedule(() => {
      this.elsewhere.delete(listener);
      if (this.discount(operation.id)) operation.end('LEFT');
    }, REJOIN_MS);
    this.elsewhere.set(listener, cancel);
  }

  private count(operationId: string): void {
    this.counts.set(operationId, (this.counts.get(operationId) ?? 0) + 1);
    this.graces.get(operationId)?.();
    this.graces.delete(operationId);
    this.waiting.get(operationId)?.();
  }

  /** Whether that was the last one. */
  private discount(operationId: string): boolean {
    const left = (this.counts.get(operationId) ?? 1) - 1;
    if (left > 0) this.counts.set(operationId, left);
    else this.counts.delete(operationId);
    return left <= 0;
  }

  private awaitReturn(operation: LiveOperation): void {
    const cancel = this.dependencies.clock.schedule(() => {
      this.graces.delete(operation.id);
      operation.end('LEFT');
    }, REJOIN_MS);
    this.graces.set(operation.id, cancel);
  }
}
