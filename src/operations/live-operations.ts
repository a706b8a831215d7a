import type { LiveAudio } from '../audio-store/live-audio';
import type { EventDraft } from '../ledger/entries';
import type { UsageEventRow } from '../ledger/usage-event';
import type { AppError } from '../lib/errors';
import type { LiveAnswer } from './chat/live-answer';

/** Why an operation was ended before its provider was done. All but STOPPING are the caller's doing. */
export type EndReason = 'CANCELLED' | 'LEFT' | 'TIMEOUT' | 'SLOW_CONSUMER' | 'STOPPING';

/** An operation that holds credits and is under way in this process. */
export class LiveOperation {
  private readonly controller = new AbortController();
  private stopController: AbortController | null = null;
  private reason: EndReason | null = null;
  /** The audio it makes, once the first part of it has begun. */
  audio: LiveAudio | null = null;
  /** What a language model answers, once it was asked. */
  answer: LiveAnswer | null = null;
  /** Why it did not succeed; set before it settles. */
  error: AppError | null = null;
  /** Settles when the operation is final. Rejects with OUTCOME_UNKNOWN when its lease was lost. */
  settled!: Promise<UsageEventRow>;

  constructor(
    readonly id: string,
    private readonly caller: { readonly workspaceId: string; readonly clientTokenId: string | null },
    readonly createdAt: Date,
    /** What was known before the provider was called. */
    readonly draft: EventDraft,
  ) {}

  get workspaceId(): string {
    return this.caller.workspaceId;
  }

  get clientTokenId(): string | null {
    return this.caller.clientTokenId;
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  get endReason(): EndReason | null {
    return this.reason;
  }

  /** The server stops: what still went on after the operation was ended, ends too. */
  get stopping(): AbortSignal {
    this.stopController ??= new AbortController();
    return this.stopController.signal;
  }

  /** Ends the operation at once; the first reason stands. */
  end(reason: EndReason): void {
    if (reason === 'STOPPING') this.stopController?.abort();
    if (this.reason) return;
    this.reason = reason;
    this.controller.abort();
  }
}

/** What runs in this process, by operation id. */
export class LiveOperations {
  private readonly operations = new Map<string, LiveOperation>();

  add(operation: LiveOperation): void {
    this.operations.set(operation.id, operation);
  }

  remove(operationId: string): void {
    this.operations.delete(operationId);
  }

  find(operationId: string, workspaceId: string): LiveOperation | null {
    const operation = this.operations.get(operationId);
    return operation?.workspaceId === workspaceId ? operation : null;
  }

  /** For addresses that carry their own proof. */
  findSigned(operationId: string): LiveOperation | null {
    return this.operations.get(operationId) ?? null;
  }

  get count(): number {
    return this.operations.size;
  }

  all(): LiveOperation[] {
    return [...this.operations.values()];
  }
}
