import { ProviderError } from '../../../providers/contract/errors';
import type { ChatUsage } from '../../../providers/contract/llm';
import type { AttemptRecord } from '../../ledger/entries';
import { AppError, type ErrorCode } from '../../lib/errors';
import type { EndReason, LiveOperation } from '../live-operations';
import { providerFailure } from '../provider-failure';
import type { Candidate } from '../routing/candidate';
import type { WorkResult } from '../run-metered';
import type { AnswerBuilder } from './answer';
import { NO_CHARGE, type PricedChat } from './chat-pricing';
import type { ChatRequest } from './chat-request';
import type { ChatRoute } from './chat-route';
import type { LiveAnswer } from './live-answer';

/** The platform's own patience with a whole chat, in milliseconds. */
export const OPERATION_TIMEOUT_MS = 600_000;

export interface ChatMaking {
  readonly request: ChatRequest;
  /** In the order in which they are tried; never empty. */
  readonly routes: readonly ChatRoute[];
  readonly leftOut: ReadonlyMap<Candidate, ErrorCode> | undefined;
  readonly priced: ReadonlyMap<ChatRoute, PricedChat>;
  /** Text is forwarded as it comes; otherwise only the whole matters. */
  readonly streaming: boolean;
}

/** What is known of an answer at any time of its making. */
export interface ChatProgress {
  readonly attempts: AttemptRecord[];
  /** Who serves, once somebody does. */
  route: ChatRoute | null;
  builder: AnswerBuilder | null;
  /** The platform's patience with the whole operation has ended. */
  outOfTime: boolean;
}

/** An answer that did not come to its end, or whose caller has ended it; `failure` is null where it came all the same. */
export function brokenOff(
  operation: LiveOperation,
  making: ChatMaking,
  answer: LiveAnswer,
  progress: ChatProgress,
  failure: unknown,
  logFailure: (operationId: string, error: unknown) => void,
): WorkResult {
  const reason = operation.endReason;
  if (reason && reason !== 'STOPPING' && !(failure instanceof AppError)) {
    const usage = answer.delivered ? (progress.builder?.usage ?? null) : null;
    return resultOf('ABORTED', abortedBy(reason), making, progress, usage);
  }
  const failed = (error: AppError): WorkResult =>
    resultOf('FAILED', error, making, progress, progress.builder?.usage ?? null);
  if (failure instanceof AppError) {
    logFailure(operation.id, failure);
    return failed(failure);
  }
  if (progress.outOfTime) {
    const { providerId, name } = progress.route ?? making.routes[0]!;
    const timeout = new ProviderError({
      provider: providerId,
      kind: 'TIMEOUT',
      retryable: true,
      message: `${name} did not finish within ${OPERATION_TIMEOUT_MS / 1000} seconds.`,
    });
    return failed(providerFailure(timeout, progress.attempts));
  }
  if (reason === 'STOPPING') {
    return failed(
      new AppError('UNAVAILABLE', 'The server was stopped before the answer was made; try again.', {}, failure),
    );
  }
  if (failure instanceof ProviderError) return failed(providerFailure(failure, progress.attempts, making.routes));
  logFailure(operation.id, failure);
  return failed(
    new AppError('INTERNAL_SERVER_ERROR', 'The answer could not be made. It was not charged.', {}, failure),
  );
}

function abortedBy(reason: EndReason): AppError {
  switch (reason) {
    case 'TIMEOUT':
      return new AppError('ABORTED', 'timeoutMs passed before the answer was complete.');
    case 'SLOW_CONSUMER':
      return new AppError('SLOW_CONSUMER', 'The answer was read too slowly, so it was ended.');
    case 'CANCELLED':
      return new AppError('ABORTED', 'The chat was cancelled.');
    default:
      return new AppError('ABORTED', 'The caller left before the answer was complete.');
  }
}

/** Charged is what the provider's own figures come to; without any, nothing. */
export function resultOf(
  status: WorkResult['status'],
  error: AppError | null,
  { priced }: ChatMaking,
  { attempts, route }: ChatProgress,
  usage: ChatUsage | null,
): WorkResult {
  const charge = route && usage && status !== 'FAILED' ? priced.get(route)!.charge(usage) : NO_CHARGE;
  return {
    status,
    error,
    units: 0,
    ...charge,
    event: {
      ...(route && { provider_id: route.providerId, model: route.modelId, credential: route.credential.source }),
      input_tokens: usage?.inputTokens ?? 0,
      output_tokens: usage?.outputTokens ?? 0,
      requests: attempts.filter(({ outcome }) => outcome !== 'SKIPPED').length,
      attempts,
    },
  };
}
