import type { Principal } from './principal';

/** Sums over the operations of one request that were settled when its answer left, for the X-Usage-* headers. */
export interface UsageTally {
  inputTokens: number;
  totalTokens: number;
  audioMilliseconds: number;
}

/** How a socket ended: a network that broke may come back, a client that closed it has left. */
export interface Connection {
  dropped: boolean;
}

/** What the layers below the transport know of a request. One is made for each HTTP request, and one for each operation of a socket. */
export interface Caller {
  readonly requestId: string;
  /** null: neither a key nor a token was sent. Wrong ones never come this far. */
  readonly principal: Principal | null;
  readonly transport: 'http' | 'websocket';
  /** Provider id to the caller's own key of this request or socket. Never logged, never stored. */
  readonly providerKeys: ReadonlyMap<string, string>;
  readonly tally: UsageTally;
  /** The socket of a subscription; null over HTTP. */
  readonly connection: Connection | null;
}

/** A request whose rights have been checked: see src/resolvers/rights.ts. */
export interface PrincipalContext extends Caller {
  readonly principal: Principal;
}
