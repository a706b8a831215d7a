import type { TranscribePayload, Transcription } from '../../../schema/types/transcription';
import type { UsageEstimate } from '../../../schema/types/usage-estimate';
import type { PrincipalContext } from '../../identity/caller';
import type { EventDraft } from '../../ledger/entries';
import type { UsageEventRow } from '../../ledger/usage-event';
import type { Clock } from '../../lib/clock';
import { AppError, notFound } from '../../lib/errors';
import { isId } from '../../lib/ids';
import type { RecordingFile } from '../../recordings/recording-files';
import { type Recording, type Recordings, usedUp } from '../../recordings/recordings';
import type { Uploads } from '../../recordings/uploads';
import type { LiveOperation } from '../live-operations';
import { ownKeyFingerprint } from '../routing/credentials';
import { firstUsable, startWithin, type UsableRoutes } from '../routing/route-holds';
import type { RunMetered, Started } from '../run-metered';
import type { UsageRepository } from '../usage-repository';
import { OperationUsageView, shortUsage } from '../views/operation-usage-view';
import { makeTranscription, type TranscriptionMakingDependencies } from './make-transcription';
import type { EstimateInput, TranscriptionEstimates } from './transcription-estimates';
import type { TranscriptionPlan, TranscriptionPlanner } from './transcription-plan';
import {
  checkTokenRules,
  hashTranscriptionRequest,
  readTranscriptionInput,
  type TranscriptionInput,
  type TranscriptionRequest,
} from './transcription-request';
import { type TranscriptionRoute, UNKNOWN_AUDIO } from './transcription-route';
import type { TranscriptionStore } from './transcription-store';
import { transcriptionView } from './transcription-view';

export interface TranscriptionDependencies {
  readonly planner: TranscriptionPlanner;
  readonly estimates: TranscriptionEstimates;
  readonly recordings: Recordings;
  readonly uploads: Uploads;
  readonly run: RunMetered;
  readonly usage: UsageRepository;
  readonly store: TranscriptionStore;
  readonly making: TranscriptionMakingDependencies;
  readonly clock: Clock;
}

const OPERATION = 'transcribe';
/** How often an operation that failed under the same key is run again by those who waited for it. */
const REPEATS_MAX = 5;
/** What is left of the caller's time when the audio took all of it to come. */
const TIMEOUT_MS_MIN = 1;

/** A request whose audio is here and whose routes are priced. */
interface Prepared extends TranscriptionPlan {
  readonly request: TranscriptionRequest;
  readonly recording: Recording;
  readonly timeoutMs: number | null;
}

/** Everything that can be asked about transcriptions. */
export class TranscriptionOperations {
  constructor(private readonly dependencies: TranscriptionDependencies) {}

  /** Once the provider was called it runs to its end whatever becomes of the caller. */
  async transcribe(context: PrincipalContext, input: TranscriptionInput): Promise<TranscribePayload> {
    const prepared = await this.prepare(context, input);
    const { file } = prepared.recording;
    // The file belongs to the operation once one of ours has begun, and to this call until then.
    let begun = false;
    try {
      if (file === null) return await this.replayOrRefuse(context, prepared);
      for (let repeat = 0; repeat < REPEATS_MAX; repeat++) {
        const started = await this.start(context, prepared, file);
        if (started.kind === 'replay') {
          const replay = await this.replay(context, started.operationId);
          if (replay) return replay;
          continue;
        }
        const { operation, joined } = started;
        begun ||= !joined;
        const event = await operation.settled;
        if (event.status === 'SUCCEEDED') {
          if (!joined) await this.served(context, event, prepared.recording);
          return { ...(await this.payloadOf(event)), replayed: joined };
        }
        if (!joined) throw endedWith(operation, event);
      }
    } finally {
      if (!begun) await file?.remove();
    }
    throw new AppError(
      'CONFLICT',
      'The operation of this idempotency key fails again and again; look at its usage events.',
    );
  }

  async find(context: PrincipalContext, id: string): Promise<Transcription> {
    const event = await this.succeededEvent(context, id);
    const transcript = await this.dependencies.store.find(event.id, event.workspace_id);
    if (!transcript) throw notFound('transcription');
    return transcriptionView(event, transcript);
  }

  /** Resolves once the text is gone; the usage event stays. */
  async delete(context: PrincipalContext, id: string): Promise<void> {
    const event = await this.succeededEvent(context, id);
    await this.dependencies.store.delete(event.id, event.workspace_id);
  }

  estimate(context: PrincipalContext, input: EstimateInput): Promise<UsageEstimate> {
    return this.dependencies.estimates.estimate(context, input);
  }

  /** Checks what can be checked without the audio before any of it is brought in. */
  private async prepare(context: PrincipalContext, input: TranscriptionInput): Promise<Prepared> {
    const { planner, recordings, clock } = this.dependencies;
    const request = readTranscriptionInput(input);
    checkTokenRules(request, context.principal);
    await planner.check(request, UNKNOWN_AUDIO, context);
    const { timeoutMs } = request.routing;
    const began = clock.monotonic();
    const recording = await recordings.open(input.audio, context.principal, timeoutMs ?? undefined);
    try {
      const plan = await planner.plan(request, recording, context);
      const left = timeoutMs === null ? null : Math.max(TIMEOUT_MS_MIN, timeoutMs - (clock.monotonic() - began));
      return { ...plan, request, recording, timeoutMs: left };
    } catch (error) {
      await recording.file?.remove();
      throw error;
    }
  }

  private async served(context: PrincipalContext, event: UsageEventRow, { upload }: Recording): Promise<void> {
    tallyUp(context, event);
    if (!upload) return;
    const { uploads, making } = this.dependencies;
    // What is not removed now is removed when its time is over; the transcript is there all the same.
    await uploads.used(upload).catch((error: unknown) => making.logFailure(event.id, error));
  }

  /** With as many of the routes as may be paid for. */
  private start(context: PrincipalContext, prepared: Prepared, file: RecordingFile): Promise<Started> {
    const { routes, priced, request } = prepared;
    const pricedRoutes = routes.map((candidate) => ({ candidate, quote: priced.get(candidate)!.quote }));
    return startWithin(pricedRoutes, request.maxCredits, (usable) => this.startWith(context, prepared, file, usable));
  }

  private startWith(
    context: PrincipalContext,
    prepared: Prepared,
    file: RecordingFile,
    usable: UsableRoutes<TranscriptionRoute>,
  ): Promise<Started> {
    const { run, making } = this.dependencies;
    const { request, recording, timeoutMs } = prepared;
    return run.start({
      caller: context.principal,
      quote: usable.hold,
      maxCredits: request.maxCredits,
      idempotency:
        request.idempotencyKey === null
          ? null
          : {
              operation: OPERATION,
              key: request.idempotencyKey,
              inputHash: hashOf(prepared),
              subscription: false,
            },
      draft: this.draftOf(context, prepared, usable),
      work: async (operation) => {
        try {
          return await makeTranscription(operation, { request, recording, file, usable, timeoutMs }, making);
        } finally {
          await file.remove().catch((error: unknown) => making.logFailure(operation.id, error));
        }
      },
      finished: () => {},
    });
  }

  private draftOf(
    { principal }: PrincipalContext,
    { request, recording, priced }: Prepared,
    usable: UsableRoutes<TranscriptionRoute>,
  ): EventDraft {
    const first = firstUsable(usable);
    const { credits, rateCardVersion } = priced.get(first)!;
    return {
      capability: 'SPEECH_TO_TEXT',
      provider_id: first.providerId,
      model: first.modelId,
      credential: first.credential.source,
      voice_id: null,
      voice_name: null,
      language: request.language,
      style: null,
      quality: null,
      api_key_id: principal.apiKeyId,
      end_user_id: principal.endUserId ?? request.endUserId,
      metadata: request.metadata,
      characters: 0,
      input_tokens: 0,
      output_tokens: 0,
      requests: 1,
      estimated_credits: credits.toString(),
      estimated_audio_milliseconds: recording.durationMs,
      rate_card_version: rateCardVersion,
      attempts: [],
      artifact: { format: recording.format, contentType: recording.contentType, sizeBytes: recording.sizeBytes },
    };
  }

  /** The result of an earlier call; null where it turned out not to have succeeded. */
  private async replay(context: PrincipalContext, operationId: string): Promise<TranscribePayload | null> {
    const event = await this.dependencies.usage.event(operationId, context.principal.workspaceId);
    return event?.status === 'SUCCEEDED' ? { ...(await this.payloadOf(event)), replayed: true } : null;
  }

  /** An upload that was used up can only bring what it was used for. */
  private async replayOrRefuse(context: PrincipalContext, prepared: Prepared): Promise<TranscribePayload> {
    const { idempotencyKey } = prepared.request;
    const before =
      idempotencyKey === null
        ? null
        : await this.dependencies.usage.underKey(context.principal.workspaceId, OPERATION, idempotencyKey);
    if (before && before.inputHash !== hashOf(prepared)) {
      throw new AppError(
        'CONFLICT',
        'This idempotency key was used with another input within 24 hours; use a new key.',
      );
    }
    const replay = before && (await this.replay(context, before.operationId));
    if (!replay) throw usedUp();
    return replay;
  }

  private async payloadOf(event: UsageEventRow): Promise<Omit<TranscribePayload, 'replayed'>> {
    const transcript = await this.dependencies.store.find(event.id, event.workspace_id);
    if (!transcript) {
      throw new AppError('NOT_FOUND', 'The transcription of this key was deleted; use a new key to make another.');
    }
    const usage = new OperationUsageView(event) as TranscribePayload['usage'];
    return { transcription: transcriptionView(event, transcript), usage };
  }

  /** @throws AppError NOT_FOUND, or CONFLICT while it is being made */
  private async succeededEvent(context: PrincipalContext, id: string): Promise<UsageEventRow> {
    if (!isId(id)) throw notFound('transcription');
    const { usage } = this.dependencies;
    const { workspaceId } = context.principal;
    let event = await usage.event(id, workspaceId);
    if (!event) {
      const held = await usage.held(id, workspaceId);
      if (held && held.details.capability === 'SPEECH_TO_TEXT' && isOwn(context, held.clientTokenId)) {
        throw new AppError('CONFLICT', 'The transcription is still being made; usageUpdated tells when it is there.');
      }
      // It may have settled between the two looks.
      event = await usage.event(id, workspaceId);
    }
    const own = event?.capability === 'SPEECH_TO_TEXT' && isOwn(context, event.client_token_id);
    if (!own || event!.status !== 'SUCCEEDED') throw notFound('transcription');
    return event!;
  }
}

const hashOf = ({ request, recording, routes }: Prepared): string =>
  hashTranscriptionRequest(
    request,
    recording.sha256,
    // In an order of their own: the fastest first is not always the same.
    routes.flatMap(({ credential }) => ownKeyFingerprint(credential) ?? []).sort(),
  );

/** A client token sees its own transcriptions alone; a key sees all of its workspace. */
const isOwn = ({ principal }: PrincipalContext, clientTokenId: string | null): boolean =>
  principal.kind === 'api-key' || principal.clientTokenId === clientTokenId;

function endedWith(operation: LiveOperation, event: UsageEventRow): AppError {
  const error =
    operation.error ??
    new AppError('INTERNAL_SERVER_ERROR', 'The audio could not be written down. It was not charged.');
  if (event.status !== 'ABORTED') return error;
  return new AppError(error.code, error.message, { ...error.fields, usage: shortUsage(event) }, error);
}

/** The audio came in, so no second of it went out: tokens and seconds of output stay as they are. */
function tallyUp({ tally }: PrincipalContext, event: UsageEventRow): void {
  tally.inputTokens += Number(event.input_tokens);
  tally.totalTokens += Number(event.input_tokens) + Number(event.output_tokens);
}
