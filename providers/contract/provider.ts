import type { Credential } from './credential';
import type { ProviderErrorKind } from './errors';

/** What every adapter says of its provider, whatever it can do. */
export interface ProviderDeclaration {
  /** Id in inputs, settings and prices: lower case, words joined by hyphens. */
  readonly provider: string;
  /** Name for people. */
  readonly name: string;
  readonly firstParty: boolean;
  /** Header that carries the caller's own key; null where the provider takes none. */
  readonly keyHeader: string | null;
}

/** What an adapter over HTTP says besides, for the shared sender. */
export interface HttpEndpoint extends ProviderDeclaration {
  /** Scheme and host of the fact sheet; null for self-hosted providers, which exist only when their base URL is set. */
  readonly defaultBaseUrl: string | null;
  /** Whether the platform needs a key to offer it. */
  readonly keyRequired: boolean;
  /**
   * What an error body, parsed as JSON where possible, says. `answer` is the answer that it came with; left out where the
   * error came inside an answer that had begun as a success.
   */
  errorOf(body: unknown, answer?: ErrorAnswer): ProviderWords;
  /** The provider's id of the exchange, for its support; null where it sends none. */
  requestIdOf(headers: ResponseHeaders): string | null;
}

/** Status and headers that an error body came with. */
export interface ErrorAnswer {
  readonly status: number;
  readonly headers: ResponseHeaders;
}

/** What a provider says of a failure. */
export interface ProviderWords {
  /** The provider's own machine-readable code. */
  readonly code?: string;
  readonly message?: string;
  /** Where they differ from what the status says, and where there is no status. */
  readonly kind?: ProviderErrorKind;
  readonly retryable?: boolean;
}

/** A model of one capability of one provider. Its public id is `provider/name`. */
export interface ModelDeclaration {
  /** Bare name, unique within the provider and capability; the name that the price book uses. */
  readonly name: string;
  /** Id on the wire. */
  readonly upstreamId: string;
  /** RFC 3339 date on which the provider stopped, or will stop, serving it, and the name of the model that follows. */
  readonly retiredAt?: string;
  readonly successor?: string;
}

/** Bytes that are sent without being held in memory whole; `open` may be called again for another attempt. */
export interface BytesSource {
  readonly contentType: string;
  readonly sizeBytes: number;
  open(): AsyncIterable<Uint8Array>;
}

/** One field of a multipart form. */
export type FormPart =
  | { readonly name: string; readonly value: string }
  | { readonly name: string; readonly fileName: string; readonly file: BytesSource };

/**
 * A request in the provider's own terms; the shared sender adds the base URL, limits and time-outs. At most one of json,
 * form and bytes.
 */
export interface ProviderRequest {
  readonly method: 'GET' | 'POST';
  /** Scheme and host, where they are not those of `defaultBaseUrl`. A base URL setting takes the place of all of them. */
  readonly origin?: string;
  /** Path and query. The base URL's scheme and host take the place of the documented ones. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly json?: unknown;
  /** multipart/form-data, in this order. */
  readonly form?: readonly FormPart[];
  readonly bytes?: BytesSource;
}

/** Response headers, names in lower case. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** One message of an answer that is a stream of messages: a line of JSON, or a server-sent event. */
export interface AnswerMessage {
  /** Name of the event; null for a line, or an event without a name. */
  readonly event: string | null;
  /** Parsed where it is JSON, else the text itself. */
  readonly data: unknown;
}

/** The provider's own count, kept for reconciliation and never charged. */
export interface ProviderCount {
  readonly unit: string;
  readonly quantity: number;
}

/** Limits of one call. */
export interface CallOptions {
  readonly credential: Credential;
  readonly signal: AbortSignal;
  /** Milliseconds until the answer's first byte, and between bytes. */
  readonly firstByteTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** An answer larger than this is refused (endless). */
  readonly bytesMax: number;
}

/** What operations see of any provider of one capability. */
export interface ConfiguredProvider<Declaration extends ProviderDeclaration> {
  readonly declaration: Declaration;
  /** The platform can serve it without the caller's key. */
  readonly configured: boolean;
  /** Credential of the platform; null when it has none and the provider needs one. */
  readonly platformCredential: Credential | null;
  close(): Promise<void>;
}
