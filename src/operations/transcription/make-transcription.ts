import { ProviderError } from '../../../providers/contract/errors';
import type { ProviderCount } from '../../../providers/contract/provider';
import type { TranscriptionAnswer } from '../../../providers/contract/stt';
import type { AttemptRecord } from '../../ledger/entries';
import type { Clock } from '../../lib/clock';
import { AppError } from '../../lib/errors';
import type { RecordingFile } from '../../recordings/recording-files';
import type { Recording } from '../../recordings/recordings';
import type { LiveOperation } from '../live-operations';
import { providerFailure } from '../provider-failure';
import { keptRequestId } from '../routing/request-id';
import type { UsableRoutes } from '../routing/route-holds';
import type { AttemptLimits, Router } from '../routing/router';
import type { WorkResult } from '../run-metered';
import { isWithinRounding } from './provider-length';
import type { TranscriptionRequest } from './transcription-request';
import type { TranscriptionRoute } from './transcription-route';
import type { KeptTranscript, TranscriptionStore } from './transcription-store';

/** The platform's own patience, in milliseconds. A provider listens to the whole before it answers. */
const OPERATION_TIMEOUT_MS = 600_000;
const ANSWER_TIMEOUT_MS = 60_000;
/** Providers work many times faster than speech; the slowest is given a quarter of its length. */
const ANSWER_MS_OF_A_MS = 0.25;
const IDLE_TIMEOUT_MS = 60_000;
/** Words with their times are some hundred bytes each. */
const ANSWER_BYTES_MAX = 16_777_216;

export interface TranscriptionMaking {
  readonly request: TranscriptionRequest;
  readonly recording: Recording;
  readonly file: RecordingFile;
  readonly usable: UsableRoutes<TranscriptionRoute>;
  /** What is left of the caller's own time, in milliseconds; null: the platform's patience is all there is. */
  readonly timeoutMs: number | null;
}

export interface TranscriptionMakingDependencies {
  readonly clock: Clock;
  readonly router: Router;
  readonly store: TranscriptionStore;
  readonly logFailure: (operationId: string, error: unknown) => void;
  /** A provider counted another length than we did, beyond its documented rounding. It is never charged. */
  readonly logAnomaly: (anomaly: LengthAnomaly) => void;
}

export interface LengthAnomaly {
  readonly operationId: string;
  readonly provider: string;
  readonly model: string;
  readonly measuredMs: number;
  readonly providerSeconds: number;
}

interface Progress {
  readonly attempts: AttemptRecord[];
  /** The platform's patience with the whole operation has ended. */
  outOfTime: boolean;
}

/**
 * Has a recording written down by the first route that does, and keeps the text before the operation is settled: if this
 * process dies in between, nobody is charged; what was charged is there. Never throws.
 */
export async function makeTranscription(
  operation: LiveOperation,
  making: TranscriptionMaking,
  dependencies: TranscriptionMakingDependencies,
): Promise<WorkResult> {
  const { clock, router } = dependencies;
  const patience = making.timeoutMs ?? OPERATION_TIMEOUT_MS;
  const progress: Progress = { attempts: [], outOfTime: false };
  const stopTimer = clock.schedule(() => {
    progress.outOfTime = making.timeoutMs === null;
    operation.end('TIMEOUT');
  }, patience);
  try {
    const { candidate, answer } = await router.run(
      making.usable.candidates,
      {
        signal: operation.signal,
        deadline: clock.monotonic() + patience,
        firstByteTimeoutMs: ANSWER_TIMEOUT_MS + making.recording.durationMs * ANSWER_MS_OF_A_MS,
        attempts: progress.attempts,
        leftOut: making.usable.leftOut,
      },
      (route, limits) => ask(making, route, limits),
    );
    stopTimer();
    await keep(operation, answer, dependencies);
    compareLengths(operation, making, candidate, answer.billedUnits, dependencies);
    return succeeded(making, candidate, answer, progress);
  } catch (error) {
    return brokenOff(operation, making, progress, error, dependencies);
  } finally {
    stopTimer();
  }
}

async function ask(
  { request, recording, file }: TranscriptionMaking,
  route: TranscriptionRoute,
  limits: AttemptLimits,
): Promise<TranscriptionAnswer> {
  const { contentType, fileName, format, sizeBytes, durationMs } = recording;
  const answer = await route.provider.transcribe(
    {
      model: route.model,
      audio: { contentType, fileName, format, sizeBytes, open: () => file.open() },
      durationMs,
      language: request.language,
      diarize: request.diarize,
      timestamps: request.timestamps,
      prompt: request.prompt,
    },
    {
      credential: route.credential,
      signal: limits.signal,
      firstByteTimeoutMs: limits.firstByteTimeoutMs,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      bytesMax: ANSWER_BYTES_MAX,
    },
  );
  limits.record.upstreamRequestId = keptRequestId(answer.upstreamRequestId, route.credential);
  return answer;
}

/** What cannot be brought again is not charged. */
async function keep(
  operation: LiveOperation,
  answer: TranscriptionAnswer,
  { store }: TranscriptionMakingDependencies,
): Promise<void> {
  const transcript: KeptTranscript = {
    text: answer.text,
    language: answer.language,
    segments: answer.segments,
    words: answer.words,
  };
  try {
    await store.keep(operation.id, operation.workspaceId, transcript);
  } catch (error) {
    throw new AppError('UNAVAILABLE', 'The transcript could not be kept. It was not charged; try again.', {}, error);
  }
}

function compareLengths(
  operation: LiveOperation,
  { recording }: TranscriptionMaking,
  { provider, providerId, modelId }: TranscriptionRoute,
  counted: ProviderCount | null,
  { logAnomaly }: TranscriptionMakingDependencies,
): void {
  if (isWithinRounding(recording.durationMs, counted, provider.declaration)) return;
  logAnomaly({
    operationId: operation.id,
    provider: providerId,
    model: modelId,
    measuredMs: recording.durationMs,
    providerSeconds: counted!.quantity,
  });
}

function succeeded(
  { request, recording, usable }: TranscriptionMaking,
  route: TranscriptionRoute,
  { language, billedUnits }: TranscriptionAnswer,
  { attempts }: Progress,
): WorkResult {
  return {
    status: 'SUCCEEDED',
    error: null,
    units: recording.durationMs,
    quote: usable.quoteOf(route),
    event: {
      provider_id: route.providerId,
      model: route.modelId,
      credential: route.credential.source,
      language: language ?? request.language,
      audio_milliseconds: recording.durationMs,
      requests: sentTo(attempts),
      attempts,
      provider_count: billedUnits && { unit: billedUnits.unit, quantity: billedUnits.quantity },
    },
  };
}

function brokenOff(
  operation: LiveOperation,
  { usable }: TranscriptionMaking,
  { attempts, outOfTime }: Progress,
  failure: unknown,
  { logFailure }: TranscriptionMakingDependencies,
): WorkResult {
  const event = { requests: sentTo(attempts), attempts };
  const ended = (status: 'FAILED' | 'ABORTED', error: AppError): WorkResult => ({ status, error, units: 0, event });
  if (failure instanceof AppError) {
    logFailure(operation.id, failure);
    return ended('FAILED', failure);
  }
  if (outOfTime) {
    const { providerId, name } = usable.candidates[0]!;
    const last = attempts.findLast(({ outcome }) => outcome !== 'SKIPPED');
    const timeout = new ProviderError({
      provider: last?.provider ?? providerId,
      kind: 'TIMEOUT',
      retryable: true,
      message: `${usable.candidates.find((candidate) => candidate.providerId === last?.provider)?.name ?? name} did not finish within ${OPERATION_TIMEOUT_MS / 1000} seconds.`,
    });
    return ended('FAILED', providerFailure(timeout, attempts));
  }
  switch (operation.endReason) {
    case null:
      break;
    case 'STOPPING':
      return ended(
        'FAILED',
        new AppError(
          'UNAVAILABLE',
          'The server was stopped before the audio was written down; try again.',
          {},
          failure,
        ),
      );
    case 'TIMEOUT':
      return ended('ABORTED', new AppError('ABORTED', 'timeoutMs passed before the audio was written down.'));
    default:
      return ended('ABORTED', new AppError('ABORTED', 'The transcription was cancelled.'));
  }
  if (failure instanceof ProviderError) {
    return ended('FAILED', providerFailure(failure, attempts, usable.candidates));
  }
  logFailure(operation.id, failure);
  return ended(
    'FAILED',
    new AppError('INTERNAL_SERVER_ERROR', 'The audio could not be written down. It was not charged.', {}, failure),
  );
}

const sentTo = (attempts: readonly AttemptRecord[]): number =>
  attempts.filter(({ outcome }) => outcome !== 'SKIPPED').length;
