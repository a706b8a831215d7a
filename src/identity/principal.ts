import type { Scope } from './scopes';

/** Who a request speaks for, as the transport found it. A client token never holds more than its API key does. */
export interface Principal {
  readonly kind: 'api-key' | 'client-token';
  readonly workspaceId: string;
  /** Whether that is the operator's own workspace. */
  readonly operator: boolean;
  /** Plan of the workspace when the request was authenticated. */
  readonly planId: string;
  /** What was agreed with the workspace where its plan is by agreement; the price book's to read. */
  readonly agreedTerms?: Readonly<Record<string, unknown>> | null;
  /** The key itself, or the key that made the token. */
  readonly apiKeyId: string;
  readonly apiKeyName?: string;
  /** null for an API key. */
  readonly clientTokenId: string | null;
  readonly scopes: readonly Scope[];
  /** Values of the schema's Capability; null: all of them. */
  readonly capabilities: readonly string[] | null;
  /** Stamped on every operation of a client token, whose inputs may then name none; null: inputs may. */
  readonly endUserId: string | null;
  /** Whether the workspace's stored provider keys may be used. */
  readonly allowStoredKeys: boolean;
  /** Metered requests a minute of the client token alone; null for an API key: the plan's number is all there is. */
  readonly requestsPerMinute: number | null;
  /** Web origins that may use a client token; null: all. */
  readonly origins: readonly string[] | null;
  /** Milliseconds since the epoch from which the secret opens nothing; null: never. */
  readonly expiresAtMs: number | null;
}
