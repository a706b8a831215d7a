import type { Credential } from '../../../providers/contract/credential';

/** A model that its provider has stopped serving, or will have by the time of the call. */
export interface Retirement {
  /** RFC 3339 date. */
  readonly retiredAt: string;
  /** provider/name of the model that follows; null where the provider names none. */
  readonly successor: string | null;
}

/**
 * One way to serve an operation: who, with which model, on whose account. An operation's own routes extend it with what
 * the call needs besides (voice, format, adapter).
 */
export interface Candidate {
  readonly providerId: string;
  /** Name of the provider, for people. */
  readonly name: string;
  /** Unique over all providers of a capability: provider/name. */
  readonly modelId: string;
  readonly credential: Credential;
  /** Set where the model was asked for by name though it is retired. */
  readonly retirement: Retirement | null;
}
