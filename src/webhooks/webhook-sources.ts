import type { LogEvent, StateEvent } from './webhook-event';

/** What a message says, as JSON takes it. Never bytes of audio, and never a secret. */
export type MessageData = Readonly<Record<string, unknown>>;

/** One thing that happened. */
export interface LoggedItem {
  /** Grows within a workspace, in the order in which things were committed. */
  readonly sequence: bigint;
  readonly occurredAt: Date;
  readonly data: MessageData;
}

/** In order, what happened in a workspace after a sequence. */
export type ReadLog = (workspaceId: string, after: bigint, limit: number) => Promise<readonly LoggedItem[]>;

/** How something of a workspace is now; null: there is no such thing. */
export type ReadState = (workspaceId: string) => Promise<MessageData | null>;

/** Where messages are made from. Asked outside of transactions. */
export interface WebhookSources {
  readonly logs: Readonly<Record<LogEvent, ReadLog>>;
  readonly states: Readonly<Record<StateEvent, ReadState>>;
}
