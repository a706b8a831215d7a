export const EVENT_CHANNELS = ['usage', 'balance', 'revocation', 'operation', 'cancel', 'alert'] as const;
export type EventChannel = (typeof EVENT_CHANNELS)[number];

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [field: string]: JsonValue };

/**
 * Small JSON that says *what* changed, never the only copy of it: `{ workspaceId, sequence }`, `{ apiKeyId }`. At most
 * about 7 kB once encoded. `sequence` is a whole number or its decimal digits, and grows within a workspace.
 */
export type BusMessage = { readonly [field: string]: JsonValue };

export type BusHandler = (message: BusMessage) => void;

/**
 * Tells every server process what one of them has committed.
 *
 * Other processes hear a message at least once while they are connected; the order between channels is not kept.
 * Handlers of this process are called inside `publish`, exactly once for each call, and never again for the same
 * message from outside.
 */
export interface EventBus {
  /**
   * Fire and forget: never throws, never waits. Faults go to the log and the message is tried again; if it must be
   * given up, the other processes are told through `onConnectionChange(true)`.
   */
  publish(channel: EventChannel, message: BusMessage): void;
  /** Hears this process at once and the others as soon as they are heard. Returns the function that ends it. */
  subscribe(channel: EventChannel, handler: BusHandler): () => void;
  /** Whether messages of other processes arrive now. */
  readonly connected: boolean;
  /**
   * `false`: messages of other processes may be missed from now on. `true`: they arrive again, **and some may have been
   * lost: read anew what you keep in memory**. `true` can come twice in a row, when another process had to give up
   * messages. Not called for the state at the time of the call. Returns the function that ends it.
   */
  onConnectionChange(handler: (connected: boolean) => void): () => void;
  /** Sends what waits (for at most 2 s), then disconnects. Later calls of `publish` do nothing. */
  close(): Promise<void>;
}

/** What the bus needs of a logger; a pino logger is one. */
export interface BusLog {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}
