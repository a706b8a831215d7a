import type { EventBus } from '../events/event-bus';
import type { LiveOperations } from './live-operations';
import type { UsageRepository } from './usage-repository';
import { shortUsage } from './views/operation-usage-view';

const POLL_MS = 500;
const CANCEL_MS = 15_000;

export interface RemoteOperationsDependencies {
  readonly bus: EventBus;
  readonly usage: UsageRepository;
  readonly live: LiveOperations;
  readonly processId: string;
}

/** Operations that another server process runs: waiting for them, and asking for them to be ended. */
export class RemoteOperations {
  private readonly waiting = new Map<string, Set<() => void>>();
  private readonly stops: (() => void)[];

  constructor(private readonly dependencies: RemoteOperationsDependencies) {
    const { bus, live } = dependencies;
    this.stops = [
      bus.subscribe('cancel', (message) => {
        live.find(String(message.operationId), String(message.workspaceId))?.end('CANCELLED');
      }),
      bus.subscribe('usage', (message) => {
        for (const wake of this.waiting.get(String(message.workspaceId)) ?? []) wake();
      }),
    ];
  }

  /** Resolves when the operation no longer holds anything: it was settled, or expired. */
  async awaitSettled(operationId: string, workspaceId: string, deadlineMs = Number.POSITIVE_INFINITY): Promise<void> {
    const { live, usage } = this.dependencies;
    const began = performance.now();
    while (performance.now() - began < deadlineMs) {
      const here = live.find(operationId, workspaceId);
      if (here) {
        await here.settled.catch(() => {});
        return;
      }
      if (!(await usage.isHeld(operationId))) return;
      await this.nextEvent(workspaceId);
    }
  }

  /** Asks whichever process runs it to end an operation; resolves when it is final, or at last when patience ends. */
  async cancel(operationId: string, workspaceId: string): Promise<void> {
    this.dependencies.bus.publish('cancel', { operationId, workspaceId });
    await this.awaitSettled(operationId, workspaceId, CANCEL_MS);
  }

  /** A short account of a settled operation, for the fields of an error. */
  async usageOf(operationId: string, workspaceId: string): Promise<unknown> {
    const event = await this.dependencies.usage.event(operationId, workspaceId);
    return event && shortUsage(event);
  }

  close(): void {
    for (const stop of this.stops) stop();
    for (const waiting of this.waiting.values()) for (const wake of waiting) wake();
  }

  /** The next event of the workspace, or a little while where events do not arrive. */
  private nextEvent(workspaceId: string): Promise<void> {
    return new Promise((resolve) => {
      const set = this.waiting.get(workspaceId) ?? new Set();
      this.waiting.set(workspaceId, set);
      const done = (): void => {
        clearTimeout(timer);
        set.delete(done);
        if (set.size === 0) this.waiting.delete(workspaceId);
        resolve();
      };
      const timer = setTimeout(done, POLL_MS);
      set.add(done);
    });
  }
}
