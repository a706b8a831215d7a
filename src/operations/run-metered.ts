import type { EventDraft, EventRecord, Ledger, ReserveOutcome, ReserveRequest } from '../ledger/entries';
import { settledRow, type UsageEventRow } from '../ledger/usage-event';
import type { Clock } from '../lib/clock';
import { divideRoundingUp, formatCredits, type MicroCredits, micro, ZERO } from '../lib/credits';
import { AppError } from '../lib/errors';
import { newId } from '../lib/ids';
import { LiveOperation, type LiveOperations } from './live-operations';

/** Who calls, as far as money is concerned. */
export interface MeteredCaller {
  readonly workspaceId: string;
  readonly clientTokenId: string | null;
}

/** What an operation may cost at most, in the parts that the ledger needs. */
export interface MeteredQuote {
  /** Micro-credits that no allowance can take, beside the units: what is priced by more than one unit. Left out: 0. */
  readonly credits?: MicroCredits;
  /** Units priced at rate / per; the allowance takes the first where it counts them. */
  readonly units: number;
  /** Micro-credits for `per` units; null where nothing is charged (own key) or only the allowance pays. */
  readonly rate: bigint | null;
  readonly per: number;
  readonly allowanceEligible: boolean;
  readonly allowanceOnly: boolean;
  /** The hold is no less than this, however much the allowance takes: for routes that it cannot pay. Left out: 0. */
  readonly atLeast?: MicroCredits;
  /** List price of the whole, which a client token's budget counts. */
  listCredits(units: number): MicroCredits;
}

/** What the work came to. */
export interface WorkResult {
  readonly status: 'SUCCEEDED' | 'FAILED' | 'ABORTED';
  readonly error: AppError | null;
  /** Units to charge for, before the allowance takes its share; 0 where the provider failed. */
  readonly units: number;
  /** Charged beside the units; 0 where the provider failed or the key is the caller's own. Left out: 0. */
  readonly credits?: MicroCredits;
  /** The quote of the route that served, where that is not the one that was held. Never dearer than it. */
  readonly quote?: MeteredQuote;
  readonly event: Partial<EventRecord>;
}

export interface MeteredOperation {
  readonly caller: MeteredCaller;
  readonly quote: MeteredQuote;
  readonly maxCredits: MicroCredits | null;
  readonly idempotency: null | {
    readonly operation: string;
    readonly key: string;
    readonly inputHash: string;
    readonly subscription: boolean;
    /** Where a listener waits for an operation that another process runs: tells it so, until what is returned is called. */
    readonly attend?: ((operationId: string) => () => void) | undefined;
  };
  readonly draft: EventDraft;
  /** Calls the provider. Never throws: what went wrong is in its result. */
  readonly work: (operation: LiveOperation) => Promise<WorkResult>;
  /** Told when the event is durable (or lost), before anybody else: the place to end streams of bytes. */
  readonly finished: (operation: LiveOperation, outcome: UsageEventRow | AppError) => void;
}

export type Started =
  /** joined: it was begun by an earlier call with the same key. */
  | { readonly kind: 'running'; readonly operation: LiveOperation; readonly joined: boolean }
  /** The key was used before and its operation succeeded. */
  | { readonly kind: 'replay'; readonly operationId: string };

export interface RunMeteredDependencies {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly live: LiveOperations;
  /** Publishes a settled event, after its commit. Never throws. */
  readonly publish: (event: UsageEventRow) => void;
  /** Waits until an operation of another process, or of this one, is final. */
  readonly awaitSettled: (operationId: string, workspaceId: string) => Promise<void>;
  /** The event of an operation that was broken off, for the answer to whoever repeats its key. */
  readonly usageOf: (operationId: string, workspaceId: string) => Promise<unknown>;
}

/**
 * The order of one metered operation, known here alone: reserve the upper bound or refuse; call the provider with no
 * transaction open; settle what it really came to, with its usage event, in one commit; publish.
 */
export class RunMetered {
  constructor(private readonly dependencies: RunMeteredDependencies) {}

  /**
   * Resolves when the hold is durable and the work has begun, or with the operation that used the key before.
   * Refusals are AppErrors; nobody was called then.
   */
  async start(plan: MeteredOperation): Promise<Started> {
    for (;;) {
      const id = newId(this.dependencies.clock.now());
      const outcome = await this.dependencies.ledger.reserve(reserveRequest(id, plan));
      switch (outcome.outcome) {
        case 'HELD':
          return { kind: 'running', operation: this.begin(id, plan, outcome), joined: false };
        case 'REPLAY':
          return { kind: 'replay', operationId: outcome.operationId };
        case 'RUNNING': {
          const running = this.dependencies.live.find(outcome.operationId, plan.caller.workspaceId);
          if (running) return { kind: 'running', operation: running, joined: true };
          const stopAttending = plan.idempotency?.attend?.(outcome.operationId);
          await this.dependencies
            .awaitSettled(outcome.operationId, plan.caller.workspaceId)
            .finally(() => stopAttending?.());
          break;
        }
        case 'ABORTED':
          throw new AppError(
            'ABORTED',
            'The operation of this idempotency key was broken off; use a new key to run it again.',
            {
              usage: await this.dependencies.usageOf(outcome.operationId, plan.caller.workspaceId),
            },
          );
        default:
          throw refusal(outcome, plan);
      }
    }
  }

  private begin(id: string, plan: MeteredOperation, hold: Extract<ReserveOutcome, { outcome: 'HELD' }>): LiveOperation {
    const operation = new LiveOperation(id, plan.caller, new Date(this.dependencies.clock.now()), plan.draft);
    this.dependencies.live.add(operation);
    operation.settled = this.carryOut(operation, plan, hold);
    // Whoever waits sees the rejection; an operation nobody waits for must not end the process.
    operation.settled.catch(() => {});
    return operation;
  }

  private async carryOut(
    operation: LiveOperation,
    plan: MeteredOperation,
    hold: Extract<ReserveOutcome, { outcome: 'HELD' }>,
  ): Promise<UsageEventRow> {
    const { ledger, clock, live, publish } = this.dependencies;
    const began = clock.monotonic();
    const result = await plan.work(operation);
    operation.error = result.error;
    const failed = result.status === 'FAILED';
    const quote = result.quote ?? plan.quote;
    const allowance = failed || !quote.allowanceEligible ? 0 : Math.min(hold.allowance, result.units);
    const event = recordOf(plan, result, clock.monotonic() - began);
    try {
      const settled = await ledger.settle({
        operationId: operation.id,
        workspaceId: operation.workspaceId,
        credits: failed ? ZERO : micro(chargeFor(quote, result.units - allowance) + (result.credits ?? ZERO)),
        allowance,
        listCredits: failed ? ZERO : quote.listCredits(result.units),
        event,
      });
      if (settled.outcome === 'EXPIRED') throw outcomeUnknown(operation.id);
      const row = settledRow(operation.id, operation.workspaceId, event, hold.credits, operation.createdAt, settled);
      plan.finished(operation, row);
      publish(row);
      return row;
    } catch (error) {
      const unknown =
        error instanceof AppError && error.code === 'OUTCOME_UNKNOWN' ? error : outcomeUnknown(operation.id, error);
      plan.finished(operation, unknown);
      throw unknown;
    } finally {
      live.remove(operation.id);
    }
  }
}

/** Written out: spreading objects of this size takes longer than everything else that is done for an operation here. */
function recordOf(
  { draft, caller }: MeteredOperation,
  { event, status, error }: WorkResult,
  latency: number,
): EventRecord {
  return {
    capability: draft.capability,
    provider_id: event.provider_id ?? draft.provider_id,
    model: event.model ?? draft.model,
    credential: event.credential ?? draft.credential,
    // What the route that served has none of must not be that of another.
    voice_id: event.voice_id === undefined ? draft.voice_id : event.voice_id,
    voice_name: event.voice_name === undefined ? draft.voice_name : event.voice_name,
    language: event.language ?? draft.language,
    style: draft.style,
    quality: event.quality === undefined ? draft.quality : event.quality,
    api_key_id: draft.api_key_id,
    end_user_id: draft.end_user_id,
    metadata: draft.metadata,
    characters: event.characters ?? draft.characters,
    input_tokens: event.input_tokens ?? draft.input_tokens,
    output_tokens: event.output_tokens ?? draft.output_tokens,
    requests: event.requests ?? draft.requests,
    estimated_credits: draft.estimated_credits,
    estimated_audio_milliseconds: draft.estimated_audio_milliseconds,
    rate_card_version: draft.rate_card_version,
    attempts: event.attempts ?? draft.attempts,
    artifact: event.artifact ?? draft.artifact,
    status,
    error_code: error?.code ?? null,
    client_token_id: caller.clientTokenId,
    audio_milliseconds: event.audio_milliseconds ?? 0,
    provider_count: event.provider_count ?? null,
    latency_ms: latency,
  };
}

/** Rounded up once, for the whole operation. */
function chargeFor(quote: MeteredQuote, units: number): MicroCredits {
  if (quote.rate === null || quote.allowanceOnly || units <= 0) return ZERO;
  return micro(divideRoundingUp(BigInt(units) * quote.rate, BigInt(quote.per)));
}

function reserveRequest(operationId: string, plan: MeteredOperation): ReserveRequest {
  const { quote, idempotency } = plan;
  return {
    operationId,
    workspaceId: plan.caller.workspaceId,
    credits: quote.credits ?? ZERO,
    units: quote.units,
    rate: quote.rate,
    per: quote.per,
    allowanceEligible: quote.allowanceEligible,
    allowanceOnly: quote.allowanceOnly,
    maxCredits: plan.maxCredits,
    atLeast: quote.atLeast,
    clientTokenId: plan.caller.clientTokenId,
    listCredits: quote.listCredits(quote.units),
    idempotency: idempotency && {
      operation: idempotency.operation,
      key: idempotency.key,
      inputHash: idempotency.inputHash,
      rerunAborted: !idempotency.subscription,
    },
    details: plan.draft,
  };
}

const outcomeUnknown = (operationId: string, cause?: unknown): AppError =>
  new AppError(
    'OUTCOME_UNKNOWN',
    'The provider was called, but the outcome could not be recorded in time. It costs nothing; try again with a new call.',
    { operationId },
    cause,
  );

function refusal(outcome: ReserveOutcome, plan: MeteredOperation): AppError {
  switch (outcome.outcome) {
    case 'INSUFFICIENT':
      return new AppError(
        'INSUFFICIENT_CREDITS',
        `This needs ${formatCredits(outcome.required)} credits and ${formatCredits(outcome.available)} are available. Top up or change the plan.`,
        { required: formatCredits(outcome.required), available: formatCredits(outcome.available) },
      );
    case 'BLOCKED':
      return new AppError(
        'INSUFFICIENT_CREDITS',
        'The subscription is unpaid, so nothing is served until it is settled.',
        {
          required: formatCredits(outcome.required),
          available: '0',
        },
      );
    case 'ALLOWANCE':
      return new AppError(
        'INSUFFICIENT_CREDITS',
        `This needs ${outcome.required} characters and ${outcome.available} are left in this period. Shorten the text or change the plan.`,
        { required: outcome.required.toString(), available: outcome.available.toString(), unit: 'CHARACTER' },
      );
    case 'OVERAGE_LIMIT':
      return new AppError(
        'OVERAGE_LIMIT_REACHED',
        `This needs ${formatCredits(outcome.required)} credits and the overage limit leaves ${formatCredits(outcome.available)}. Raise the limit or top up.`,
        { required: formatCredits(outcome.required), available: formatCredits(outcome.available) },
      );
    case 'MAX_CREDITS':
      return new AppError(
        'MAX_CREDITS_EXCEEDED',
        `This may cost ${formatCredits(outcome.required)} credits, more than maxCredits allows. Raise maxCredits or choose a cheaper provider.`,
        { maxCredits: formatCredits(plan.maxCredits ?? 0n), required: formatCredits(outcome.required) },
      );
    case 'TOKEN_LIMIT':
      return new AppError(
        'CLIENT_TOKEN_LIMIT_REACHED',
        `This needs ${formatCredits(outcome.required)} credits and the client token's budget has ${formatCredits(outcome.available)} left. Ask for a new token.`,
        { required: formatCredits(outcome.required), available: formatCredits(outcome.available) },
      );
    case 'END_USER_LIMIT':
      return endUserLimitReached(outcome);
    case 'TOKEN_ENDED':
      return new AppError('UNAUTHENTICATED', 'The client token has ended; ask for a new one.');
    case 'CONFLICT':
      return new AppError(
        'CONFLICT',
        'This idempotency key was used with another input within 24 hours; use a new key.',
      );
    default:
      return new AppError('UNAVAILABLE', 'This workspace has no account yet; try again shortly.');
  }
}

function endUserLimitReached({
  limit,
  most,
  used,
  resetAt,
}: Extract<ReserveOutcome, { outcome: 'END_USER_LIMIT' }>): AppError {
  const requests = limit === 'REQUESTS_PER_MINUTE';
  const amount = (value: bigint): string => (requests ? value.toString() : formatCredits(value));
  const span = { CREDITS_PER_DAY: 'day (UTC)', CREDITS_PER_PERIOD: 'billing period', REQUESTS_PER_MINUTE: 'minute' }[
    limit
  ];
  return new AppError(
    'END_USER_LIMIT_REACHED',
    `This end user may use ${amount(most)} ${requests ? 'requests' : 'credits'} a ${span} and has used or holds ${amount(used)}. Wait until ${resetAt.toISOString()} or raise the limit with setEndUserLimit.`,
    { limit, max: amount(most), used: amount(used), resetAt: resetAt.toISOString() },
  );
}
