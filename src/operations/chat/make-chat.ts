import { ProviderError } from '../../../providers/contract/errors';
import type { ChatCall, ChatPiece } from '../../../providers/contract/llm';
import type { Clock } from '../../lib/clock';
import { AppError } from '../../lib/errors';
import type { LiveOperation } from '../live-operations';
import { keptRequestId } from '../routing/request-id';
import type { AttemptLimits, Router } from '../routing/router';
import type { RoutingRequest } from '../routing/routing-request';
import type { WorkResult } from '../run-metered';
import { type Answer, AnswerBuilder, type AnswerDelta } from './answer';
import { brokenOff, type ChatMaking, type ChatProgress, OPERATION_TIMEOUT_MS, resultOf } from './chat-outcome';
import type { ChatRequest } from './chat-request';
import type { ChatRoute } from './chat-route';
import type { ChatStore } from './chat-store';
import { LiveAnswer } from './live-answer';

/** The platform's own patience, in milliseconds. Some models think for a minute before their first word. */
const FIRST_TEXT_TIMEOUT_MS = 120_000;
const IDLE_TIMEOUT_MS = 60_000;
/** An answer that comes whole comes when its last token is made. */
const MS_OF_A_TOKEN = 30;
const WHOLE_TIMEOUT_MIN_MS = 60_000;
/** A token is wrapped in some 300 bytes of JSON where it is streamed. */
const BYTES_OF_A_TOKEN_MAX = 2_048;
const BYTES_MIN = 4_194_304;

export interface ChatMakingDependencies {
  readonly clock: Clock;
  readonly router: Router;
  readonly store: ChatStore;
  readonly logFailure: (operationId: string, error: unknown) => void;
}

/** Leave to call the provider: ends at once, or, where the answer has reached the caller, when its count is known. */
interface Upstream {
  readonly signal: AbortSignal;
  /** On the monotonic clock. */
  readonly deadline: number;
  release(): void;
}

/** Asks a language model and gives its answer to whoever listens. Never throws. */
export async function makeChat(
  operation: LiveOperation,
  making: ChatMaking,
  dependencies: ChatMakingDependencies,
): Promise<WorkResult> {
  const answer = new LiveAnswer();
  operation.answer = answer;
  const progress: ChatProgress = { attempts: [], route: null, builder: null, outOfTime: false };
  const upstream = openUpstream(operation, making.request.routing, answer, progress, dependencies.clock);
  try {
    const whole = await answerOf(making, upstream, answer, progress, dependencies);
    upstream.release();
    if (operation.endReason === null || operation.endReason === 'STOPPING') {
      answer.whole = whole;
      await keep(operation, making.request, answer, whole, dependencies);
      return resultOf('SUCCEEDED', null, making, progress, progress.builder!.usage);
    }
    return brokenOff(operation, making, answer, progress, null, dependencies.logFailure);
  } catch (error) {
    upstream.release();
    return brokenOff(operation, making, answer, progress, error, dependencies.logFailure);
  }
}

/**
 * A caller who leaves before anything reached it ends the call at once. Afterwards the answer is read to its end, within
 * the platform's time, as nothing else tells what it cost.
 */
function openUpstream(
  operation: LiveOperation,
  { timeoutMs }: RoutingRequest,
  answer: LiveAnswer,
  progress: ChatProgress,
  clock: Clock,
): Upstream {
  const controller = new AbortController();
  const onEnd = (): void => {
    if (answer.delivered && operation.endReason !== 'STOPPING') answer.hush();
    else controller.abort();
  };
  const onStop = (): void => controller.abort();
  operation.signal.addEventListener('abort', onEnd, { once: true });
  operation.stopping.addEventListener('abort', onStop, { once: true });
  const cancels = [
    clock.schedule(() => {
      progress.outOfTime = true;
      controller.abort();
    }, OPERATION_TIMEOUT_MS),
    ...(timeoutMs === null ? [] : [clock.schedule(() => operation.end('TIMEOUT'), timeoutMs)]),
  ];
  return {
    signal: controller.signal,
    deadline: clock.monotonic() + (timeoutMs ?? OPERATION_TIMEOUT_MS),
    release() {
      for (const cancel of cancels) cancel();
      operation.signal.removeEventListener('abort', onEnd);
      operation.stopping.removeEventListener('abort', onStop);
    },
  };
}

async function answerOf(
  making: ChatMaking,
  { signal, deadline }: Upstream,
  answer: LiveAnswer,
  progress: ChatProgress,
  { router }: ChatMakingDependencies,
): Promise<Answer> {
  const options = {
    signal,
    deadline,
    firstByteTimeoutMs: making.streaming ? FIRST_TEXT_TIMEOUT_MS : wholeTimeoutMs(making.routes),
    attempts: progress.attempts,
    leftOut: making.leftOut,
  };
  const served = await router.run(making.routes, options, (route, limits) => {
    const builder = new AnswerBuilder(route);
    progress.builder = builder;
    progress.route = route;
    return begin(making, route, limits, builder);
  });
  const { candidate: route, record } = served;
  try {
    return await readOn(served.answer, progress.builder!, answer);
  } catch (error) {
    if (error instanceof ProviderError) router.broke(route, record, error);
    throw error;
  }
}

const wholeTimeoutMs = (routes: readonly ChatRoute[]): number =>
  Math.min(
    OPERATION_TIMEOUT_MS,
    WHOLE_TIMEOUT_MIN_MS + MS_OF_A_TOKEN * Math.max(...routes.map(({ maxOutputTokens }) => maxOutputTokens)),
  );

/** An answer that has shown something: its first delta and what follows; `rest` is null where all of it is here. */
interface BegunAnswer {
  readonly first: AnswerDelta | null;
  readonly rest: AsyncIterator<ChatPiece> | null;
}

/** One attempt: to the first text of an answer that is streamed, to the end of any other. */
async function begin(
  making: ChatMaking,
  route: ChatRoute,
  limits: AttemptLimits,
  builder: AnswerBuilder,
): Promise<BegunAnswer> {
  const response = await route.provider.chat(callOf(making, route), {
    credential: route.credential,
    signal: limits.signal,
    firstByteTimeoutMs: limits.firstByteTimeoutMs,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
    bytesMax: Math.max(BYTES_MIN, route.maxOutputTokens * BYTES_OF_A_TOKEN_MAX),
  });
  limits.record.upstreamRequestId = keptRequestId(response.upstreamRequestId, route.credential);
  const pieces = response.pieces[Symbol.asyncIterator]();
  try {
    for (let next = await pieces.next(); !next.done; next = await pieces.next()) {
      const first = builder.take(next.value);
      if (first && making.streaming) return { first, rest: pieces };
    }
    // Nothing has reached anybody, so what is wrong with the whole lets the next route serve.
    builder.finish();
    return { first: null, rest: null };
  } catch (error) {
    await pieces.return?.();
    throw error;
  }
}

async function readOn({ first, rest }: BegunAnswer, builder: AnswerBuilder, answer: LiveAnswer): Promise<Answer> {
  if (first) answer.append(first);
  if (!rest) return builder.finish();
  try {
    for (let next = await rest.next(); !next.done; next = await rest.next()) {
      const delta = builder.take(next.value);
      if (delta) answer.append(delta);
    }
  } catch (error) {
    await rest.return?.();
    throw error;
  }
  return builder.finish();
}

const callOf = ({ request, streaming }: ChatMaking, { model, maxOutputTokens }: ChatRoute): ChatCall => ({
  model,
  messages: request.messages,
  tools: request.tools,
  responseSchema: request.responseSchema,
  temperature: request.temperature,
  maxOutputTokens,
  streaming,
});

/** What cannot be brought again under its key is not charged. */
async function keep(
  operation: LiveOperation,
  request: ChatRequest,
  answer: LiveAnswer,
  whole: Answer,
  { store }: ChatMakingDependencies,
): Promise<void> {
  if (request.idempotencyKey === null) return;
  try {
    await store.keep(operation.id, operation.workspaceId, whole, answer.recorded());
  } catch (error) {
    throw new AppError(
      'UNAVAILABLE',
      'The answer could not be kept for its idempotency key. It was not charged; try again.',
      {},
      error,
    );
  }
}
