import type { ChatPayload } from '../../../schema/types/chat';
import type { ChatStreamEvent } from '../../../schema/types/chat-stream';
import type { UsageEstimate } from '../../../schema/types/usage-estimate';
import type { PrincipalContext } from '../../identity/caller';
import type { EventDraft } from '../../ledger/entries';
import type { UsageEventRow } from '../../ledger/usage-event';
import { AppError, badInput } from '../../lib/errors';
import type { Listeners } from '../listeners';
import type { LiveOperation } from '../live-operations';
import { ownKeyFingerprint } from '../routing/credentials';
import { firstUsable, startWithin, type UsableRoutes } from '../routing/route-holds';
import type { RunMetered, Started } from '../run-metered';
import type { UsageRepository } from '../usage-repository';
import { shortUsage } from '../views/operation-usage-view';
import type { ChatEstimates } from './chat-estimates';
import type { ChatPlan, ChatPlanner } from './chat-plan';
import { type ChatInput, hashChatRequest } from './chat-request';
import type { ChatRoute } from './chat-route';
import type { ChatStore, KeptAnswer } from './chat-store';
import type { ChatStreams } from './chat-streams';
import { chatView } from './chat-view';
import { type ChatMakingDependencies, makeChat } from './make-chat';

export interface ChatDependencies {
  readonly planner: ChatPlanner;
  readonly estimates: ChatEstimates;
  readonly run: RunMetered;
  readonly usage: UsageRepository;
  readonly store: ChatStore;
  readonly making: ChatMakingDependencies;
  readonly streams: ChatStreams;
  readonly listeners: Listeners;
}

/** How often an operation that failed under the same key is run again by those who waited for it. */
const REPEATS_MAX = 5;

/** Everything that can be asked of language models. */
export class ChatOperations {
  constructor(private readonly dependencies: ChatDependencies) {}

  /** Runs to its end whatever becomes of the caller. */
  async chat(context: PrincipalContext, input: ChatInput): Promise<ChatPayload> {
    const plan = await this.dependencies.planner.plan(context, input);
    for (let repeat = 0; repeat < REPEATS_MAX; repeat++) {
      const started = await this.start(context, plan, false);
      if (started.kind === 'replay') {
        const { event, kept } = await this.find(context, started.operationId);
        if (event?.status !== 'SUCCEEDED') continue;
        if (!kept) throw noLongerKept();
        return chatView(kept, event);
      }
      const { operation, joined } = started;
      const event = await operation.settled;
      if (event.status === 'SUCCEEDED') {
        if (!joined) tallyUp(context, event);
        return chatView(operation.answer!.whole!, event);
      }
      if (!joined) throw endedWith(operation, event);
    }
    throw new AppError(
      'CONFLICT',
      'The operation of this idempotency key fails again and again; look at its usage events.',
    );
  }

  /** Resolves when the subscription is admitted; leaving the iterator ends the chat. */
  async stream(
    context: PrincipalContext,
    input: ChatInput,
    after: number | null,
  ): Promise<AsyncIterable<ChatStreamEvent>> {
    if (input.idempotencyKey == null) {
      throw badInput(
        'idempotencyKey',
        'chatStream needs an idempotencyKey, so that a socket that reconnects joins its chat.',
      );
    }
    if (after !== null && after < 0) throw badInput('after', 'after takes the last sequence seen, 0 or more.');
    const plan = await this.dependencies.planner.plan(context, input);
    const started = await this.start(context, plan, true);
    const { streams } = this.dependencies;
    if (started.kind === 'running') {
      return streams.listen(context, started.operation, started.operation.answer!, after);
    }
    const { event, kept } = await this.find(context, started.operationId);
    if (!event || !kept) throw noLongerKept();
    return streams.replay(event, kept, after);
  }

  estimate(context: PrincipalContext, input: ChatInput): Promise<UsageEstimate> {
    return this.dependencies.estimates.estimate(context, input);
  }

  /** With as many of the routes as may be paid for. */
  private start(context: PrincipalContext, plan: ChatPlan, streaming: boolean): Promise<Started> {
    const routes = plan.routes.map((candidate) => ({ candidate, quote: plan.priced.get(candidate)!.quote }));
    return startWithin(routes, plan.request.maxCredits, (usable) => this.startWith(context, plan, usable, streaming));
  }

  private startWith(
    context: PrincipalContext,
    { request, routes, priced }: ChatPlan,
    usable: UsableRoutes<ChatRoute>,
    streaming: boolean,
  ): Promise<Started> {
    const { run, making, listeners } = this.dependencies;
    const { principal, connection } = context;
    return run.start({
      caller: principal,
      quote: usable.hold,
      maxCredits: request.maxCredits,
      idempotency:
        request.idempotencyKey === null
          ? null
          : {
              operation: streaming ? 'chatStream' : 'chat',
              key: request.idempotencyKey,
              inputHash: hashChatRequest(
                request,
                routes.map(({ credential }) => ownKeyFingerprint(credential)),
              ),
              subscription: streaming,
              attend: streaming ? (id) => listeners.attend(id, principal.workspaceId, connection) : undefined,
            },
      draft: this.draftOf(context, { request, routes, priced }, usable),
      work: (operation) => {
        const { candidates, leftOut } = usable;
        return makeChat(operation, { request, routes: candidates, leftOut, priced, streaming }, making);
      },
      finished: (operation, outcome) => {
        if (outcome instanceof AppError) operation.answer?.fail(outcome);
        else if (outcome.status === 'SUCCEEDED') operation.answer?.finish();
        else operation.answer?.fail(endedWith(operation, outcome));
      },
    });
  }

  private draftOf(
    { principal }: PrincipalContext,
    { request, priced }: ChatPlan,
    usable: UsableRoutes<ChatRoute>,
  ): EventDraft {
    const first = firstUsable(usable);
    const { expectedCredits, rateCardVersion } = priced.get(first)!;
    return {
      capability: 'LANGUAGE_MODEL',
      provider_id: first.providerId,
      model: first.modelId,
      credential: first.credential.source,
      voice_id: null,
      voice_name: null,
      language: null,
      style: null,
      quality: null,
      api_key_id: principal.apiKeyId,
      end_user_id: principal.endUserId ?? request.endUserId,
      metadata: request.metadata,
      characters: 0,
      input_tokens: 0,
      output_tokens: 0,
      requests: 1,
      estimated_credits: expectedCredits.toString(),
      estimated_audio_milliseconds: null,
      rate_card_version: rateCardVersion,
      attempts: [],
      artifact: null,
    };
  }

  private async find(
    { principal }: PrincipalContext,
    operationId: string,
  ): Promise<{ readonly event: UsageEventRow | null; readonly kept: KeptAnswer | null }> {
    const { usage, store } = this.dependencies;
    const [event, kept] = await Promise.all([
      usage.event(operationId, principal.workspaceId),
      store.find(operationId, principal.workspaceId),
    ]);
    return { event, kept };
  }
}

const noLongerKept = (): AppError =>
  new AppError('RESUME_EXPIRED', 'The chat of this key is complete, but its answer is no longer kept; use a new key.');

function endedWith(operation: LiveOperation, event: UsageEventRow): AppError {
  const error =
    operation.error ?? new AppError('INTERNAL_SERVER_ERROR', 'The answer could not be made. It was not charged.');
  if (event.status !== 'ABORTED') return error;
  return new AppError(error.code, error.message, { ...error.fields, usage: shortUsage(event) }, error);
}

function tallyUp({ tally }: PrincipalContext, event: UsageEventRow): void {
  tally.inputTokens += Number(event.input_tokens);
  tally.totalTokens += Number(event.input_tokens) + Number(event.output_tokens);
}
