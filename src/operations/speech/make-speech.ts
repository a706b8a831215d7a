import { ProviderError } from '../../../providers/contract/errors';
import type { AudioStore } from '../../audio-store/audio-store';
import { type AnnouncedAudio, LiveAudio } from '../../audio-store/live-audio';
import type { Clock } from '../../lib/clock';
import { AppError } from '../../lib/errors';
import type { EndReason, LiveOperation } from '../live-operations';
import { asProviderError, providerFailure } from '../provider-failure';
import { firstUsable, type UsableRoutes } from '../routing/route-holds';
import type { Router } from '../routing/router';
import type { WorkResult } from '../run-metered';
import { mayBeginAnew, type SpeechProgress, speakByAny } from './speak-route';
import type { SpeechRequest } from './speech-request';
import type { SpeechRoute } from './speech-route';

/** The platform's own patience with a provider, in milliseconds. */
const FIRST_BYTE_TIMEOUT_MS = 60_000;
const OPERATION_TIMEOUT_MS = 600_000;

export interface SpeechMaking {
  readonly request: SpeechRequest;
  /** Who may speak, in order. */
  readonly routes: UsableRoutes<SpeechRoute>;
  /** What listeners were told before anybody has spoken. */
  readonly announced: AnnouncedAudio;
  /** Bytes are forwarded as they come; otherwise only the whole matters. */
  readonly streaming: boolean;
  /** Resolves when the next part may be sent: while nobody listens to a stream, no more is bought. */
  readonly mayContinue?: (() => Promise<void>) | undefined;
  /** Milliseconds that the hold pays for, where a hard stop lies behind it: speech is ended there. null: no such end. */
  readonly longestMsOf: (route: SpeechRoute) => number | null;
}

export interface SpeechMakingDependencies {
  readonly clock: Clock;
  readonly store: AudioStore;
  readonly router: Router;
  readonly learnPace: (request: SpeechRequest, route: SpeechRoute, milliseconds: number) => void;
  readonly logFailure: (operationId: string, error: unknown) => void;
}

/** How a speech ended, and the route that spoke it, or failed last. */
export interface MadeSpeech {
  readonly result: WorkResult;
  readonly route: SpeechRoute;
}

/** Calls the provider for every part of a speech and joins what comes into one file. Never throws. */
export async function makeSpeech(
  operation: LiveOperation,
  making: SpeechMaking,
  dependencies: SpeechMakingDependencies,
): Promise<MadeSpeech> {
  const { request, routes, streaming } = making;
  const { clock, router, store } = dependencies;
  const audio = new LiveAudio(operation.id, making.announced, store.create(operation.id, streaming));
  operation.audio = audio;
  const ownTimeout = request.routing.timeoutMs;
  const timeout = ownTimeout ?? OPERATION_TIMEOUT_MS;
  const progress: SpeechProgress = {
    route: firstUsable(routes),
    attempts: [],
    charactersSent: 0,
    providerCount: null,
    audioMilliseconds: 0,
    audio: null,
    broke: false,
    cut: false,
  };
  const options = {
    signal: operation.signal,
    deadline: clock.monotonic() + timeout,
    firstByteTimeoutMs: FIRST_BYTE_TIMEOUT_MS,
    attempts: progress.attempts,
    leftOut: routes.leftOut,
    mayGoOn: () => mayBeginAnew(audio, streaming),
  };
  let platformTimeout = false;
  const stopTimer = clock.schedule(() => {
    platformTimeout = ownTimeout === null;
    operation.end('TIMEOUT');
  }, timeout);
  let failure: unknown = null;
  try {
    const { mayContinue, longestMsOf } = making;
    await speakByAny({ request, routes, streaming, mayContinue, longestMsOf, audio, options, progress, router });
  } catch (error) {
    failure = error;
  } finally {
    stopTimer();
  }
  if (failure) {
    const result = brokenOff(operation, making, progress, audio, failure, platformTimeout, dependencies);
    return { result, route: progress.route };
  }
  if (!progress.cut) dependencies.learnPace(request, progress.route, progress.audioMilliseconds);
  const event = eventOf(request, progress, request.characters, audio, audio.place());
  return { result: { status: 'SUCCEEDED', error: null, units: request.characters, event }, route: progress.route };
}

function brokenOff(
  operation: LiveOperation,
  { request, routes }: SpeechMaking,
  progress: SpeechProgress,
  audio: LiveAudio,
  failure: unknown,
  platformTimeout: boolean,
  dependencies: SpeechMakingDependencies,
): WorkResult {
  const { route } = progress;
  const reason = operation.endReason;
  if (reason && reason !== 'STOPPING' && !platformTimeout) {
    const units = audio.delivered ? progress.charactersSent : 0;
    return { status: 'ABORTED', error: abortedBy(reason), units, event: eventOf(request, progress, units, audio) };
  }
  const failed = (error: AppError): WorkResult => {
    return { status: 'FAILED', error, units: 0, event: eventOf(request, progress, request.characters, audio) };
  };
  if (platformTimeout) {
    const timeout = new ProviderError({
      provider: route.providerId,
      kind: 'TIMEOUT',
      retryable: true,
      message: `${route.name} did not finish within ${OPERATION_TIMEOUT_MS / 1000} seconds.`,
    });
    return failed(providerFailure(timeout, progress.attempts));
  }
  if (reason === 'STOPPING') {
    return failed(
      new AppError('UNAVAILABLE', 'The server was stopped before the speech was made; try again.', {}, failure),
    );
  }
  const known = asProviderError(route.providerId, failure);
  if (known) return failed(providerFailure(known, progress.attempts, routes.candidates));
  dependencies.logFailure(operation.id, failure);
  return failed(
    new AppError('INTERNAL_SERVER_ERROR', 'The speech could not be made. It was not charged.', {}, failure),
  );
}

function abortedBy(reason: EndReason): AppError {
  switch (reason) {
    case 'TIMEOUT':
      return new AppError('ABORTED', 'timeoutMs passed before the speech was complete.');
    case 'SLOW_CONSUMER':
      return new AppError('SLOW_CONSUMER', 'The audio was read too slowly, so the speech was ended.');
    case 'CANCELLED':
      return new AppError('ABORTED', 'The speech was cancelled.');
    default:
      return new AppError('ABORTED', 'The caller left before the speech was complete.');
  }
}

function eventOf(
  request: SpeechRequest,
  progress: SpeechProgress,
  characters: number,
  audio: LiveAudio,
  place: string | null = null,
): WorkResult['event'] {
  const { route, attempts } = progress;
  return {
    provider_id: route.providerId,
    model: route.modelId,
    credential: route.credential.source,
    voice_id: route.voiceId,
    voice_name: route.voiceName,
    quality: route.quality,
    characters,
    input_tokens: Math.ceil(characters / 4),
    audio_milliseconds: progress.audioMilliseconds,
    requests: requestsOf(attempts),
    attempts,
    provider_count: progress.providerCount,
    artifact: {
      format: route.audio.format,
      contentType: route.audio.contentType,
      sampleRate: progress.audio?.sampleRate ?? route.audio.sampleRate,
      channels: progress.audio?.channels ?? route.audio.channels,
      sizeBytes: audio.sizeBytes,
      delivery: request.delivery,
      place,
    },
  };
}

/** Those that were sent. */
function requestsOf(attempts: SpeechProgress['attempts']): number {
  let sent = 0;
  for (const { outcome } of attempts) if (outcome !== 'SKIPPED') sent += 1;
  return sent;
}
