import { errors } from 'undici';
import type { Clock } from '../lib/clock';
import { AppError } from '../lib/errors';
import { OutboundPools } from '../outbound/outbound-pools';
import { findEndpoint, type OutboundRules } from './endpoint-url';
import { readRetryAfter } from './retry-times';
import { signatureOf } from './webhook-secret';

/** How long an endpoint has, from finding its address to the end of its answer. */
const ANSWER_MS = 10_000;
/** Of an answer no more is read, and nothing of it is kept. */
const ANSWER_BYTES_MAX = 64 * 1_024;
const CONNECTIONS_OF_AN_ENDPOINT = 4;

export interface MessageToSend {
  /** The same at each attempt. */
  readonly id: string;
  readonly body: string;
}

export interface Receiver {
  readonly endpointId: string;
  readonly url: string;
  /** The newest first; each signs. */
  readonly secrets: readonly string[];
}

/** What came of one attempt. */
export interface AttemptOutcome {
  /** Of the answer; null: there was none. */
  readonly status: number | null;
  /** Why it was not delivered, for whoever looks after the endpoint; null: it was. Holds no address and no secret. */
  readonly error: string | null;
  /** Whether the endpoint wants no further attempt of this message. */
  readonly gone: boolean;
  /** How long the endpoint asked us to wait, in milliseconds; null: it did not. */
  readonly retryAfterMs: number | null;
}

/** The attempt was broken off from here: nothing can be said about it. */
export class AttemptBrokenOff extends Error {}

/**
 * Sends messages. The address is resolved and checked at each attempt, and connected to by number; no redirect is
 * followed. Any status from 200 to 299 is a delivery, everything else a failure.
 */
export class MessagePost {
  private readonly pools: OutboundPools;

  constructor(private readonly dependencies: OutboundRules & { readonly clock: Clock }) {
    this.pools = new OutboundPools(dependencies.clock, {
      connections: CONNECTIONS_OF_AN_ENDPOINT,
      connectTimeoutMs: ANSWER_MS,
    });
  }

  /**
   * @param stopped breaks it off
   * @throws AttemptBrokenOff and nothing else
   */
  async send(receiver: Receiver, message: MessageToSend, stopped: AbortSignal): Promise<AttemptOutcome> {
    const deadline = new AbortController();
    const cancel = this.dependencies.clock.schedule(() => deadline.abort(), ANSWER_MS);
    const signal = AbortSignal.any([deadline.signal, stopped]);
    try {
      return await this.exchange(receiver, message, signal);
    } catch (error) {
      if (stopped.aborted) throw new AttemptBrokenOff('broken off', { cause: error });
      return failed(deadline.signal.aborted ? `There was no answer within ${ANSWER_MS / 1_000} seconds.` : why(error));
    } finally {
      cancel();
    }
  }

  close(): Promise<void> {
    return this.pools.close();
  }

  private async exchange(
    { endpointId, url, secrets }: Receiver,
    { id, body }: MessageToSend,
    signal: AbortSignal,
  ): Promise<AttemptOutcome> {
    const target = await during(signal, findEndpoint(url, this.dependencies));
    const nowMs = this.dependencies.clock.now();
    const timestamp = Math.floor(nowMs / 1_000).toString();
    const answer = await this.pools.to(target, endpointId).request({
      origin: target.url.origin,
      path: `${target.url.pathname}${target.url.search}`,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'polyphony',
        'webhook-id': id,
        'webhook-timestamp': timestamp,
        'webhook-signature': signatureOf(secrets, { id, timestamp, body }),
      },
      body,
      signal,
    });
    // The status has said it all; the rest is read so that the connection can be used again.
    await answer.body.dump({ limit: ANSWER_BYTES_MAX, signal }).catch(() => {});
    const retryAfter = answer.headers['retry-after'];
    return outcomeOf(answer.statusCode, readRetryAfter(Array.isArray(retryAfter) ? retryAfter[0] : retryAfter, nowMs));
  }
}

function outcomeOf(status: number, retryAfterMs: number | null): AttemptOutcome {
  if (status >= 200 && status < 300) return { status, error: null, gone: false, retryAfterMs: null };
  const error =
    status >= 300 && status < 400
      ? `The endpoint redirects (HTTP ${status}), and redirects are not followed. Make an endpoint of the address it leads to.`
      : status === 410
        ? 'The endpoint answered with HTTP 410 Gone, so this message is not tried again.'
        : `The endpoint answered with HTTP ${status}.`;
  const asks = status === 429 || status === 503;
  return { status, error, gone: status === 410, retryAfterMs: asks ? retryAfterMs : null };
}

export const failed = (error: string): AttemptOutcome => ({ status: null, error, gone: false, retryAfterMs: null });

const UNREACHABLE: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/** A sentence about what went wrong on the way, out of its code alone: messages may hold addresses. */
function why(error: unknown): string {
  if (error instanceof AppError) return error.message;
  const code = codeOf(error);
  if (UNREACHABLE.has(code)) return 'The endpoint could not be connected to.';
  if (/^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|EPROTO)/.test(code)) {
    return 'No secure connection could be made: check the certificate of the endpoint.';
  }
  if (error instanceof errors.HTTPParserError || error instanceof errors.HeadersOverflowError) {
    return 'The endpoint did not answer as HTTP.';
  }
  return 'The connection broke before there was an answer.';
}

/** Of several addresses that failed, the first. */
function codeOf(error: unknown): string {
  const of = error instanceof AggregateError ? error.errors[0] : error;
  const code = (of as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : '';
}

/** Ends when the signal says so, even where the work itself cannot be ended. */
function during<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(new AttemptBrokenOff('broken off'));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
