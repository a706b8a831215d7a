/**
 * How a provider failed.
 * REJECTED: it understood and refused, or answered something that is not what it promised; asking again is no use.
 * UNAUTHORIZED: the credential was refused. UNAVAILABLE: overload, outage, broken transport. TIMEOUT: no answer in time.
 * CANCELLED: we ended the call on the caller's behalf.
 */
export type ProviderErrorKind = 'REJECTED' | 'UNAUTHORIZED' | 'UNAVAILABLE' | 'TIMEOUT' | 'CANCELLED';

export interface ProviderErrorDetails {
  readonly provider: string;
  readonly kind: ProviderErrorKind;
  /** Safe to show to the caller: no key, no text of the request. At most 500 characters. */
  readonly message: string;
  readonly retryable: boolean;
  /** HTTP status, where there was an answer. */
  readonly status?: number;
  /** The provider's own machine-readable code. */
  readonly providerCode?: string;
  readonly upstreamRequestId?: string;
  /** From Retry-After, in milliseconds. */
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

export class ProviderError extends Error {
  readonly provider: string;
  readonly kind: ProviderErrorKind;
  readonly retryable: boolean;
  readonly status: number | undefined;
  readonly providerCode: string | undefined;
  readonly upstreamRequestId: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(details: ProviderErrorDetails) {
    super(details.message, { cause: details.cause });
    this.name = 'ProviderError';
    this.provider = details.provider;
    this.kind = details.kind;
    this.retryable = details.retryable;
    this.status = details.status;
    this.providerCode = details.providerCode;
    this.upstreamRequestId = details.upstreamRequestId;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** What was to be sent could not be read, or was not as long as it was said to be: a fault on our side of the call. */
export class RecordingSourceError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'RecordingSourceError';
  }
}
