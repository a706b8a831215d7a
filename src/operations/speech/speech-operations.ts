import type { CancelSpeechPayload, Speech, SynthesizeSpeechPayload } from '../../../schema/types/speech';
import type { SpeechStreamEvent } from '../../../schema/types/speech-stream';
import type { UsageEstimate } from '../../../schema/types/usage-estimate';
import type { AudioStore } from '../../audio-store/audio-store';
import type { PrincipalContext } from '../../identity/caller';
import type { EventDraft } from '../../ledger/entries';
import type { UsageEventRow } from '../../ledger/usage-event';
import { AppError, badInput, notFound } from '../../lib/errors';
import { isId } from '../../lib/ids';
import type { LiveOperation, LiveOperations } from '../live-operations';
import type { UsageRepository } from '../usage-repository';
import { OperationUsageView } from '../views/operation-usage-view';
import { type SpeechArtifact, type SpeechSource, type SpeechViewDependencies, speechView } from '../views/speech-view';
import type { SpeechEstimates } from './speech-estimates';
import { checkTokenRules, readSpeechInput, type SpeechInput } from './speech-request';
import { planRoutes, type SpeechRouting } from './speech-route';
import { type PreparedSpeech, type SpeechStartDependencies, startSpeech } from './start-speech';

export interface SpeechDependencies {
  readonly routing: SpeechRouting;
  readonly starting: SpeechStartDependencies;
  readonly estimates: SpeechEstimates;
  readonly live: LiveOperations;
  readonly usage: UsageRepository;
  readonly store: AudioStore;
  readonly views: SpeechViewDependencies;
  /** Asks the process that runs an operation to end it; resolves when it is final. */
  readonly cancelElsewhere: (operationId: string, workspaceId: string) => Promise<void>;
}

/** How often an operation that failed under the same key is run again by those who waited for it. */
const REPEATS_MAX = 5;

/** Everything that can be asked about speech. */
export class SpeechOperations {
  constructor(private readonly dependencies: SpeechDependencies) {}

  async synthesize(context: PrincipalContext, input: SpeechInput): Promise<SynthesizeSpeechPayload> {
    const streaming = input.delivery === 'STREAM';
    const prepared = await this.prepare(context, input, streaming);
    const delivery = { streaming, subscription: false, endedWith };
    for (let repeat = 0; repeat < REPEATS_MAX; repeat++) {
      const started = await startSpeech(context, prepared, delivery, this.dependencies.starting);
      if (started.kind === 'replay') {
        const replay = await this.replay(context, started.operationId);
        if (replay) return replay;
        continue;
      }
      const { operation, joined } = started;
      if (streaming) {
        return { speech: this.viewOf(sourceOf(operation, null)), usage: null, replayed: joined };
      }
      const event = await operation.settled;
      if (event.status === 'SUCCEEDED') {
        if (!joined) tallyUp(context, event);
        const usage = new OperationUsageView(event) as SynthesizeSpeechPayload['usage'];
        return { speech: this.viewOf(sourceOf(operation, event)), usage, replayed: joined };
      }
      if (!joined) throw endedWith(operation, event);
    }
    throw new AppError(
      'CONFLICT',
      'The operation of this idempotency key fails again and again; look at its usage events.',
    );
  }

  /** Resolves when the subscription is admitted; leaving the iterator ends the speech at once. */
  async stream(
    context: PrincipalContext,
    input: SpeechInput,
    after: number | null,
  ): Promise<AsyncIterable<SpeechStreamEvent>> {
    if (input.idempotencyKey == null) {
      throw badInput(
        'idempotencyKey',
        'speechStream needs an idempotencyKey, so that a socket that reconnects joins its speech.',
      );
    }
    if (after !== null && after < 0) throw badInput('after', 'after takes the last sequence seen, 0 or more.');
    const prepared = await this.prepare(context, input, true);
    const delivery = { streaming: true, subscription: true, endedWith };
    const started = await startSpeech(context, prepared, delivery, this.dependencies.starting);
    if (started.kind === 'running') {
      return this.dependencies.starting.streams.listen(context, started.operation, after, (event) =>
        this.viewOf(sourceOf(started.operation, event)),
      );
    }
    const event = await this.dependencies.usage.event(started.operationId, context.principal.workspaceId);
    if (!event) throw notFound('speech');
    const { store, views } = this.dependencies;
    const endedMsAgo = views.clock.now() - event.settled_at.getTime();
    const stored = await store.findWhole(event.id, event.artifact as unknown as SpeechArtifact, endedMsAgo);
    const speech = this.viewOf(await this.settledSource(event));
    if (!stored || !speech.audio) {
      throw new AppError(
        'RESUME_EXPIRED',
        'The speech of this key is complete, but its audio is no longer kept; use a new key.',
      );
    }
    return this.dependencies.starting.streams.replay(event, speech, after);
  }

  async cancel(context: PrincipalContext, id: string): Promise<CancelSpeechPayload> {
    const { workspaceId } = context.principal;
    const running = this.findLive(context, id);
    if (running) {
      running.end('CANCELLED');
      await running.settled.catch(() => {});
    } else if (isId(id) && (await this.heldFor(context, id))) {
      await this.dependencies.cancelElsewhere(id, workspaceId);
    }
    const speech = await this.find(context, id);
    const event = await this.dependencies.usage.event(id, workspaceId);
    return { speech, usage: event && (new OperationUsageView(event) as CancelSpeechPayload['usage']) };
  }

  async delete(context: PrincipalContext, id: string): Promise<void> {
    if (this.findLive(context, id) || (isId(id) && (await this.heldFor(context, id)))) {
      throw new AppError('CONFLICT', 'The speech is still being made; cancel it first.');
    }
    const event = isId(id) ? await this.dependencies.usage.event(id, context.principal.workspaceId) : null;
    if (!event || !isOwn(context, event.client_token_id) || event.capability !== 'TEXT_TO_SPEECH')
      throw notFound('speech');
    await this.dependencies.usage.markDeleted(id, event.workspace_id);
    await this.dependencies.store.delete(id, (event.artifact as unknown as SpeechArtifact | null)?.place);
  }

  async find(context: PrincipalContext, id: string): Promise<Speech> {
    const running = this.findLive(context, id);
    if (running) return this.viewOf(sourceOf(running, null));
    if (!isId(id)) throw notFound('speech');
    const { workspaceId } = context.principal;
    let event = await this.dependencies.usage.event(id, workspaceId);
    if (!event) {
      const held = await this.heldFor(context, id);
      if (held) {
        return this.viewOf({
          id,
          createdAt: held.createdAt,
          draft: held.details,
          event: null,
          deleted: false,
          live: null,
        });
      }
      // It may have settled between the two looks.
      event = await this.dependencies.usage.event(id, workspaceId);
    }
    if (event?.capability !== 'TEXT_TO_SPEECH' || !isOwn(context, event.client_token_id)) throw notFound('speech');
    return this.viewOf(await this.settledSource(event));
  }

  estimate(context: PrincipalContext, input: SpeechInput): Promise<UsageEstimate> {
    return this.dependencies.estimates.estimate(context, input);
  }

  compare(context: PrincipalContext, input: SpeechInput): Promise<readonly UsageEstimate[]> {
    return this.dependencies.estimates.compare(context, input);
  }

  private async prepare(context: PrincipalContext, input: SpeechInput, streamed: boolean): Promise<PreparedSpeech> {
    const request = readSpeechInput(input);
    checkTokenRules(request, context.principal);
    const { routing, starting } = this.dependencies;
    const routes = await planRoutes(request, context, routing, streamed);
    for (const route of routes) starting.pricing.checkPlan(context.principal, request, route);
    return { request, routes };
  }

  /** The result of an earlier call; null where it turned out not to have succeeded. */
  private async replay(context: PrincipalContext, operationId: string): Promise<SynthesizeSpeechPayload | null> {
    const event = await this.dependencies.usage.event(operationId, context.principal.workspaceId);
    if (event?.status !== 'SUCCEEDED') return null;
    const usage = new OperationUsageView(event) as SynthesizeSpeechPayload['usage'];
    return { speech: this.viewOf(await this.settledSource(event)), usage, replayed: true };
  }

  private async settledSource(event: UsageEventRow): Promise<SpeechSource> {
    const deleted = await this.dependencies.usage.isDeleted(event.id);
    return {
      id: event.id,
      createdAt: event.created_at,
      draft: event as unknown as EventDraft,
      event,
      deleted,
      live: null,
    };
  }

  private findLive(context: PrincipalContext, id: string): LiveOperation | null {
    const operation = this.dependencies.live.find(id, context.principal.workspaceId);
    if (operation?.draft.capability !== 'TEXT_TO_SPEECH') return null;
    return isOwn(context, operation.clientTokenId) ? operation : null;
  }

  private async heldFor(context: PrincipalContext, id: string) {
    const held = await this.dependencies.usage.held(id, context.principal.workspaceId);
    if (held?.details.capability !== 'TEXT_TO_SPEECH') return null;
    return isOwn(context, held.clientTokenId) ? held : null;
  }

  private viewOf(source: SpeechSource): Speech {
    return speechView(source, this.dependencies.views);
  }
}

/** A client token sees its own speeches alone; a key sees all of its workspace. */
const isOwn = (context: PrincipalContext, clientTokenId: string | null): boolean =>
  context.principal.kind === 'api-key' || context.principal.clientTokenId === clientTokenId;

const sourceOf = (operation: LiveOperation, event: UsageEventRow | null): SpeechSource => ({
  id: operation.id,
  createdAt: operation.createdAt,
  draft: operation.draft,
  event,
  deleted: false,
  live: operation.audio,
});

function endedWith(operation: LiveOperation, event: UsageEventRow): AppError {
  const error =
    operation.error ?? new AppError('INTERNAL_SERVER_ERROR', 'The speech could not be made. It was not charged.');
  if (event.status !== 'ABORTED') return error;
  const { id, status, credits, characters, audioMilliseconds } = new OperationUsageView(event);
  return new AppError(
    error.code,
    error.message,
    { ...error.fields, usage: { id, status, credits, characters, audioMilliseconds } },
    error,
  );
}

function tallyUp(context: PrincipalContext, event: UsageEventRow): void {
  context.tally.inputTokens += Number(event.input_tokens);
  context.tally.totalTokens += Number(event.input_tokens) + Number(event.output_tokens);
  context.tally.audioMilliseconds += Number(event.audio_milliseconds);
}
