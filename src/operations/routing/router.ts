import { ProviderError } from '../../../providers/contract/errors';
import { type RetryClock, retry, systemRetryClock } from '../../../providers/http/retry';
import type { AttemptRecord } from '../../ledger/entries';
import type { Clock } from '../../lib/clock';
import type { ErrorCode } from '../../lib/errors';
import { attemptCode, attemptOutcome } from '../provider-failure';
import type { Candidate } from './candidate';
import { type Permit, REFUSED } from './circuit';
import type { ProviderHealthWatch, WatchedCredential } from './provider-health';
import { keptRequestId } from './request-id';

/** Requests to one candidate for one answer, the first included. */
export const ATTEMPTS_MAX = 3;
/** A time-out counts against a provider that had at least this part of the platform's patience. */
const FAIR_SHARE = 1 / 3;
/** While another candidate could serve, nobody is made to wait longer than this for one that asks for patience. */
const WAIT_MAX_MS = 1_000;

/** What bounds one operation. One object for the whole of it. */
export interface RouteOptions {
  /** Ends everything at once: the caller left, cancelled, or its time is over. */
  readonly signal: AbortSignal;
  /** On `Clock.monotonic()`, in milliseconds: nothing is begun, or waited for, past it. */
  readonly deadline: number;
  /** The platform's patience with the first byte of one answer, in milliseconds. */
  readonly firstByteTimeoutMs: number;
  /** Filled with every request that was sent and every candidate that was passed over, in order. */
  readonly attempts: AttemptRecord[];
  /** Candidates that may not be used, and why: each becomes a SKIPPED attempt when its turn comes. */
  readonly leftOut?: ReadonlyMap<Candidate, ErrorCode>;
  /** Asked before another candidate begins; false once anything has reached the caller. Left out: it may. */
  readonly mayGoOn?: () => boolean;
}

/** What an attempt is given. */
export interface AttemptLimits {
  readonly signal: AbortSignal;
  /** Milliseconds until the first byte: the platform's patience, or this candidate's share of the time that is left. */
  readonly firstByteTimeoutMs: number;
  /** Of this attempt; set `upstreamRequestId` as soon as it is known. Outcome and latency are the router's. */
  readonly record: AttemptRecord;
}

/** Resolves when the answer has begun (streams) or is whole. Fails with ProviderError; any other error is a fault of ours. */
export type Attempt<C extends Candidate, Answer> = (candidate: C, limits: AttemptLimits) => Promise<Answer>;

export interface Served<C extends Candidate, Answer> {
  readonly candidate: C;
  readonly answer: Answer;
  readonly record: AttemptRecord;
}

/** Where a request stands in its operation. */
export interface Turn {
  /** Candidates that could still serve if this one fails. */
  readonly others: number;
  /** A later request of an answer that this candidate has begun: it goes out even if the circuit opened meanwhile. */
  readonly underWay?: boolean;
}

const ALONE: Turn = { others: 0 };

/**
 * Finds who serves an operation: candidates in order, each with retries, all inside one deadline.
 *
 * A retryable failure is tried again at the same candidate, after exponential back-off with full jitter and whatever the
 * provider asked for with Retry-After, and then at the next; a refusal (REJECTED, UNAUTHORIZED) goes to the next at
 * once, for what one provider refuses another may serve; CANCELLED ends all. While others are left, a time-out is not
 * repeated at the one that made the caller wait, and each gets an even share of the time that remains.
 *
 * A candidate whose circuit is open is passed over (SKIPPED). Where that leaves nobody, the operation fails at once with
 * UNAVAILABLE and the time after which to come back.
 *
 * The router never starts another candidate once `attempt` has resolved: what has begun to reach a caller is not
 * switched. `run` serves operations of one request; `route` and `ask` are its halves, for operations of several.
 */
export class Router {
  constructor(
    private readonly clock: Clock,
    private readonly health: ProviderHealthWatch,
    /** How waits between attempts are made and measured; the system's timers, when left out. */
    private readonly waiting: { readonly clock?: RetryClock; readonly random?: () => number } = {},
  ) {}

  /**
   * One request, by the first candidate that answers it.
   * @throws ProviderError of the last candidate that was asked
   */
  run<C extends Candidate, Answer>(
    candidates: readonly C[],
    options: RouteOptions,
    attempt: Attempt<C, Answer>,
  ): Promise<Served<C, Answer>> {
    if (candidates.length === 1 && !options.leftOut) return this.ask(candidates[0]!, options, attempt);
    return this.route(candidates, options, (candidate, turn) => this.ask(candidate, options, attempt, turn));
  }

  /**
   * Goes down the list: `work` does all that one candidate has to do, through `ask`; its ProviderError leads to the next
   * candidate, from the beginning.
   * @throws ProviderError of the last candidate that was asked
   */
  async route<C extends Candidate, Result>(
    candidates: readonly C[],
    options: RouteOptions,
    work: (candidate: C, turn: Turn) => Promise<Result>,
  ): Promise<Result> {
    let failure: ProviderError | null = null;
    for (const [index, candidate] of candidates.entries()) {
      const reason = options.leftOut?.get(candidate);
      if (reason !== undefined) {
        options.attempts.push(skipped(candidate, reason));
        continue;
      }
      try {
        return await work(candidate, { others: usableAfter(candidates, index, options.leftOut) });
      } catch (error) {
        if (!(error instanceof ProviderError)) throw error;
        // An open circuit says less than a provider's own words, and the sooner of two times to come back is the better.
        if (!(error instanceof CircuitOpenError) || failure === null) failure = error;
        else if (failure instanceof CircuitOpenError && error.retryAfterMs! < failure.retryAfterMs!) failure = error;
        if (error.kind === 'CANCELLED' || options.signal.aborted) throw error;
        if (options.mayGoOn?.() === false || this.clock.monotonic() >= options.deadline) throw failure;
      }
    }
    throw failure ?? new RangeError('An operation has at least one candidate that may be used.');
  }

  /**
   * One request to one candidate, with its retries.
   * @throws ProviderError
   */
  ask<C extends Candidate, Answer>(
    candidate: C,
    options: RouteOptions,
    attempt: Attempt<C, Answer>,
    turn: Turn = ALONE,
  ): Promise<Served<C, Answer>> {
    const watched = this.health.of(candidate);
    const began = this.clock.monotonic();
    const first = turn.underWay ? watched.circuit.join(began) : watched.circuit.admit(began);
    if (first === REFUSED) {
      options.attempts.push(skipped(candidate, 'PROVIDER_UNAVAILABLE'));
      return Promise.reject(new CircuitOpenError(candidate, watched.circuit.retryAfterMs(began)));
    }
    const share = began + (options.deadline - began) / (turn.others + 1);
    let failure: unknown;
    const once = async (tries: number): Promise<Served<C, Answer>> => {
      const now = this.clock.monotonic();
      const permit = tries === 1 ? first : watched.circuit.admit(now);
      // It opened while we waited: what was heard last is what there is to tell.
      if (permit === REFUSED) throw failure;
      try {
        return await this.attempt(candidate, watched, permit, options, share - now, attempt);
      } catch (error) {
        failure = error;
        throw error;
      }
    };
    const { circuit } = watched;
    return this.repeat(once, options, turn, () => circuit.state(this.clock.monotonic()) === 'CLOSED', share - began);
  }

  /**
   * Runs `work` until it succeeds or fails for good, with the waits of retries between. While others could serve, nobody
   * waits for long, and who has waited for one answer in vain does not wait for another.
   * @param mayRepeat asked after each failure that would be tried again
   * @param timeMs for all of it
   */
  repeat<Result>(
    work: (tries: number) => Promise<Result>,
    { signal, deadline }: RouteOptions,
    { others }: Turn,
    mayRepeat?: () => boolean,
    timeMs = deadline - this.clock.monotonic(),
  ): Promise<Result> {
    return retry(work, {
      attemptsMax: ATTEMPTS_MAX,
      deadlineMs: timeMs,
      signal,
      clock: this.waiting.clock ?? systemRetryClock,
      random: this.waiting.random ?? Math.random,
      mayRetry: (error, waitMs) =>
        (others === 0 || (error.kind !== 'TIMEOUT' && waitMs <= WAIT_MAX_MS)) && mayRepeat?.() !== false,
    });
  }

  /** An answer that had begun and then broke: its attempt did not serve after all. */
  broke(candidate: Candidate, record: AttemptRecord, error: ProviderError): void {
    describeFailure(record, candidate, error);
    this.health.of(candidate).broke(error.kind, this.clock.monotonic(), error.retryAfterMs);
  }

  private async attempt<C extends Candidate, Answer>(
    candidate: C,
    watched: WatchedCredential,
    permit: Permit,
    { signal, firstByteTimeoutMs, attempts }: RouteOptions,
    timeMs: number,
    attempt: Attempt<C, Answer>,
  ): Promise<Served<C, Answer>> {
    const { clock } = this;
    const began = clock.monotonic();
    const patience = Math.min(firstByteTimeoutMs, Math.max(1, timeMs));
    const record = recordOf(candidate, 'SERVED', null);
    attempts.push(record);
    try {
      const answer = await attempt(candidate, { signal, firstByteTimeoutMs: patience, record });
      const now = clock.monotonic();
      record.latencyMs = now - began;
      watched.answered(permit, candidate.modelId, now, now - began);
      return { candidate, answer, record };
    } catch (error) {
      const now = clock.monotonic();
      record.latencyMs = now - began;
      if (error instanceof ProviderError) {
        describeFailure(record, candidate, error);
        // A caller that gave a provider far less time than the platform does says nothing about the provider.
        const hurried = error.kind === 'TIMEOUT' && patience < firstByteTimeoutMs * FAIR_SHARE;
        watched.failed(permit, hurried ? 'CANCELLED' : error.kind, now, error.retryAfterMs);
      } else {
        record.outcome = 'UNKNOWN';
        record.errorCode = 'INTERNAL_SERVER_ERROR';
        watched.circuit.withdraw(permit);
      }
      throw error;
    }
  }
}

/** Nobody was asked: the provider has failed too often of late. */
export class CircuitOpenError extends ProviderError {
  constructor(candidate: Candidate, retryAfterMs: number) {
    super({
      provider: candidate.providerId,
      kind: 'UNAVAILABLE',
      retryable: true,
      message: `${candidate.name} has failed too often of late and is given time to recover; try again later, or name a fallback.`,
      retryAfterMs,
    });
  }
}

const recordOf = (
  { providerId, modelId, credential }: Candidate,
  outcome: AttemptRecord['outcome'],
  errorCode: ErrorCode | null,
): AttemptRecord => ({
  provider: providerId,
  model: modelId,
  credential: credential.source,
  outcome,
  errorCode,
  upstreamRequestId: null,
  latencyMs: null,
});

const skipped = (candidate: Candidate, reason: ErrorCode): AttemptRecord => recordOf(candidate, 'SKIPPED', reason);

function describeFailure(record: AttemptRecord, { credential }: Candidate, error: ProviderError): void {
  record.outcome = attemptOutcome(error);
  record.errorCode = attemptCode(error);
  record.upstreamRequestId = keptRequestId(error.upstreamRequestId, credential) ?? record.upstreamRequestId;
}

function usableAfter(candidates: readonly Candidate[], index: number, leftOut: RouteOptions['leftOut']): number {
  if (!leftOut) return candidates.length - 1 - index;
  let usable = 0;
  for (let next = index + 1; next < candidates.length; next++) if (!leftOut.has(candidates[next]!)) usable++;
  return usable;
}
