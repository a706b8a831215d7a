import { createAssembler } from '../../../providers/audio/create-assembler';
import { ProviderError } from '../../../providers/contract/errors';
import type { SpeechText } from '../../../providers/contract/speech-text';
import type { SpeechResponse } from '../../../providers/contract/tts';
import { retry } from '../../../providers/http/retry';
import type { AudioStore } from '../../audio-store/audio-store';
import { LiveAudio } from '../../audio-store/live-audio';
import type { AttemptRecord } from '../../ledger/entries';
import type { Clock } from '../../lib/clock';
import { AppError } from '../../lib/errors';
import { countCharacters } from '../../speech-text/count-characters';
import { splitSpeech } from '../../speech-text/split-speech';
import type { EndReason, LiveOperation } from '../live-operations';
import { asProviderError, attemptCode, attemptOutcome, providerFailure } from '../provider-failure';
import type { WorkResult } from '../run-metered';
import type { SpeechRequest } from './speech-request';
import type { SpeechRoute } from './speech-route';

/** The platform's own patience with a provider, in milliseconds. */
const FIRST_BYTE_TIMEOUT_MS = 60_000;
const IDLE_TIMEOUT_MS = 30_000;
const OPERATION_TIMEOUT_MS = 600_000;
const ATTEMPTS_MAX = 3;
/** No speech is this large: 100,000 characters of 48 kHz PCM are some 0.7 GB. */
const BYTES_MAX = 1_073_741_824;
/** A part of the text is answered with far less. */
const BYTES_PER_CHARACTER_MAX = 65_536;
const PART_BYTES_MIN = 16_777_216;

export interface SpeechMaking {
  readonly request: SpeechRequest;
  readonly route: SpeechRoute;
  /** Bytes are forwarded as they come; otherwise only the whole matters. */
  readonly streaming: boolean;
  /** Resolves when the next part may be sent: while nobody listens to a stream, no more is bought. */
  readonly mayContinue?: () => Promise<void>;
}

export interface SpeechMakingDependencies {
  readonly clock: Clock;
  readonly store: AudioStore;
  readonly learnPace: (making: SpeechMaking, milliseconds: number) => void;
  readonly logFailure: (operationId: string, error: unknown) => void;
}

interface Progress {
  /** On the monotonic clock. */
  readonly deadline: number;
  readonly attempts: AttemptRecord[];
  /** Counted characters of every part that a provider was sent. */
  charactersSent: number;
  providerCount: { unit: string; quantity: number } | null;
  audioMilliseconds: number;
  audio: { sampleRate: number; channels: number } | null;
}

/** Calls the provider for every part of a speech and joins what comes into one file. Never throws. */
export async function makeSpeech(
  operation: LiveOperation,
  making: SpeechMaking,
  dependencies: SpeechMakingDependencies,
): Promise<WorkResult> {
  const { request, route } = making;
  const audio = new LiveAudio(operation.id, route.audio, dependencies.store.create(operation.id, making.streaming));
  operation.audio = audio;
  const deadline = dependencies.clock.monotonic() + (request.timeoutMs ?? OPERATION_TIMEOUT_MS);
  const progress: Progress = {
    deadline,
    attempts: [],
    charactersSent: 0,
    providerCount: null,
    audioMilliseconds: 0,
    audio: null,
  };
  const ownTimeout = request.timeoutMs;
  let platformTimeout = false;
  const stopTimer = dependencies.clock.schedule(() => {
    platformTimeout = ownTimeout === null;
    operation.end('TIMEOUT');
  }, ownTimeout ?? OPERATION_TIMEOUT_MS);
  let failure: unknown = null;
  try {
    await speakAll(operation, making, progress, audio, dependencies);
  } catch (error) {
    failure = error;
  } finally {
    stopTimer();
  }
  if (!failure) {
    dependencies.learnPace(making, progress.audioMilliseconds);
    return {
      status: 'SUCCEEDED',
      error: null,
      units: request.characters,
      event: eventOf(making, progress, request.characters, audio, audio.place()),
    };
  }
  return brokenOff(operation, making, progress, audio, failure, platformTimeout, dependencies);
}

async function speakAll(
  operation: LiveOperation,
  making: SpeechMaking,
  progress: Progress,
  audio: LiveAudio,
  dependencies: SpeechMakingDependencies,
): Promise<void> {
  const { request, route } = making;
  const parts = partsOf(making);
  const assembler = createAssembler(route.audio);
  let total = 0;
  for (const [index, part] of parts.entries()) {
    if (index > 0) await making.mayContinue?.();
    // Counted before the answer: a part that was sent is paid for, whether or not the caller waits for it.
    if (!operation.signal.aborted) {
      progress.charactersSent =
        index === parts.length - 1 ? request.characters : progress.charactersSent + countCharacters(part);
    }
    const response = await speakPart(operation, making, part, progress, dependencies);
    try {
      for await (const chunk of response.chunks) {
        for (const bytes of assembler.push(chunk)) {
          total += bytes.length;
          if (total > BYTES_MAX) throw tooLarge(route.providerId);
          const behind = audio.append(bytes);
          progress.audioMilliseconds = assembler.durationSoFarMs();
          if (behind) await behind;
        }
      }
      for (const bytes of assembler.endPart()) audio.append(bytes);
    } catch (error) {
      noteFailure(progress, route.providerId, error);
      throw error;
    }
  }
  let done: ReturnType<typeof assembler.finish>;
  try {
    done = assembler.finish();
  } catch (error) {
    noteFailure(progress, route.providerId, error);
    throw error;
  }
  for (const bytes of done.tail) audio.append(bytes);
  if (done.patch) audio.patch(done.patch.offset, done.patch.bytes);
  progress.audioMilliseconds = done.durationMs;
  progress.audio = { sampleRate: done.sampleRate, channels: done.channels };
}

/** The usual text is one part; a long one is split at sentences to what the provider takes. */
function partsOf({ request, route }: SpeechMaking): readonly SpeechText[] {
  const { declaration } = route.provider;
  const measure = (spans: SpeechText): number => declaration.render(spans).length;
  if (measure(request.spans) <= route.model.charactersMax) return [request.spans];
  return splitSpeech(request.spans, route.model.charactersMax, measure);
}

async function speakPart(
  operation: LiveOperation,
  making: SpeechMaking,
  spans: SpeechText,
  progress: Progress,
  { clock }: SpeechMakingDependencies,
): Promise<SpeechResponse> {
  const { request, route } = making;
  const call = {
    model: route.model,
    voice: route.voice,
    spans,
    language: request.language,
    speed: request.speed,
    style: request.style,
    format: route.audio.format,
    sampleRate: route.audio.sampleRate,
    streaming: making.streaming,
  };
  const attempt = async (): Promise<SpeechResponse> => {
    const began = clock.monotonic();
    const record: AttemptRecord = {
      provider: route.providerId,
      model: route.modelId,
      credential: route.credential.source,
      outcome: 'SERVED',
      errorCode: null,
      upstreamRequestId: null,
      latencyMs: null,
    };
    progress.attempts.push(record);
    try {
      const response = await route.provider.speak(call, {
        credential: route.credential,
        signal: operation.signal,
        firstByteTimeoutMs: FIRST_BYTE_TIMEOUT_MS,
        idleTimeoutMs: IDLE_TIMEOUT_MS,
        bytesMax: Math.max(PART_BYTES_MIN, route.provider.declaration.render(spans).length * BYTES_PER_CHARACTER_MAX),
      });
      record.latencyMs = clock.monotonic() - began;
      record.upstreamRequestId = response.upstreamRequestId;
      if (response.billedUnits) {
        progress.providerCount = {
          unit: response.billedUnits.unit,
          quantity: (progress.providerCount?.quantity ?? 0) + response.billedUnits.quantity,
        };
      }
      return response;
    } catch (error) {
      record.latencyMs = clock.monotonic() - began;
      if (error instanceof ProviderError) record.upstreamRequestId = error.upstreamRequestId ?? null;
      noteFailure(progress, route.providerId, error);
      throw error;
    }
  };
  return retry(attempt, {
    attemptsMax: ATTEMPTS_MAX,
    deadlineMs: progress.deadline - clock.monotonic(),
    signal: operation.signal,
  });
}

function noteFailure(progress: Progress, providerId: string, error: unknown): void {
  const last = progress.attempts[progress.attempts.length - 1];
  const failure = asProviderError(providerId, error);
  if (!last || !failure) return;
  last.outcome = attemptOutcome(failure);
  last.errorCode = attemptCode(failure);
}

function brokenOff(
  operation: LiveOperation,
  making: SpeechMaking,
  progress: Progress,
  audio: LiveAudio,
  failure: unknown,
  platformTimeout: boolean,
  dependencies: SpeechMakingDependencies,
): WorkResult {
  const { route } = making;
  const reason = operation.endReason;
  if (reason && reason !== 'STOPPING' && !platformTimeout) {
    const units = audio.delivered ? progress.charactersSent : 0;
    return { status: 'ABORTED', error: abortedBy(reason), units, event: eventOf(making, progress, units, audio) };
  }
  const event = eventOf(making, progress, making.request.characters, audio);
  if (platformTimeout) {
    const timeout = new ProviderError({
      provider: route.providerId,
      kind: 'TIMEOUT',
      retryable: true,
      message: `${route.provider.declaration.name} did not finish within ${OPERATION_TIMEOUT_MS / 1000} seconds.`,
    });
    return { status: 'FAILED', error: providerFailure(timeout, progress.attempts), units: 0, event };
  }
  if (reason === 'STOPPING') {
    const error = new AppError(
      'UNAVAILABLE',
      'The server was stopped before the speech was made; try again.',
      {},
      failure,
    );
    return { status: 'FAILED', error, units: 0, event };
  }
  const known = asProviderError(route.providerId, failure);
  if (known) return { status: 'FAILED', error: providerFailure(known, progress.attempts), units: 0, event };
  dependencies.logFailure(operation.id, failure);
  const error = new AppError('INTERNAL_SERVER_ERROR', 'The speech could not be made. It was not charged.', {}, failure);
  return { status: 'FAILED', error, units: 0, event };
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
  making: SpeechMaking,
  progress: Progress,
  characters: number,
  audio: LiveAudio,
  place: string | null = null,
): WorkResult['event'] {
  const { route } = making;
  return {
    characters,
    input_tokens: Math.ceil(characters / 4),
    audio_milliseconds: progress.audioMilliseconds,
    requests: progress.attempts.length,
    attempts: progress.attempts,
    provider_count: progress.providerCount,
    artifact: {
      format: route.audio.format,
      contentType: route.audio.contentType,
      sampleRate: progress.audio?.sampleRate ?? route.audio.sampleRate,
      channels: progress.audio?.channels ?? route.audio.channels,
      sizeBytes: audio.sizeBytes,
      delivery: making.request.delivery,
      place,
    },
  };
}

const tooLarge = (provider: string): ProviderError =>
  new ProviderError({
    provider,
    kind: 'REJECTED',
    retryable: false,
    message: 'The provider sent more audio than any speech has.',
  });
