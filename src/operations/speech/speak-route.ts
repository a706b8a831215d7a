import { createAssembler } from '../../../providers/audio/create-assembler';
import type { Credential } from '../../../providers/contract/credential';
import { ProviderError } from '../../../providers/contract/errors';
import type { SpeechText } from '../../../providers/contract/speech-text';
import type { SpeechCall, SpeechResponse } from '../../../providers/contract/tts';
import type { LiveAudio } from '../../audio-store/live-audio';
import type { AttemptRecord } from '../../ledger/entries';
import { countCharacters } from '../../speech-text/count-characters';
import { splitSpeech } from '../../speech-text/split-speech';
import { asProviderError } from '../provider-failure';
import { keptRequestId } from '../routing/request-id';
import type { UsableRoutes } from '../routing/route-holds';
import type { Attempt, RouteOptions, Router, Turn } from '../routing/router';
import { primaryOf } from './speech-options';
import type { SpeechRequest } from './speech-request';
import type { SpeechRoute } from './speech-route';

const IDLE_TIMEOUT_MS = 30_000;
/** No speech is this large: 100,000 characters of 48 kHz PCM are some 0.7 GB. */
const BYTES_MAX = 1_073_741_824;
/** A part of the text is answered with far less. */
const BYTES_PER_CHARACTER_MAX = 65_536;
const PART_BYTES_MIN = 16_777_216;

/** Bytes that are looked at at a time where speech has a longest length: some 20 to 60 ms of it. */
const SLICE_BYTES = 1_024;

const ALONE: Turn = { others: 0 };

/** What a speech has come to so far, with the route that speaks, or spoke last. */
export interface SpeechProgress {
  route: SpeechRoute;
  readonly attempts: AttemptRecord[];
  /** Counted characters of every part that the provider was sent. */
  charactersSent: number;
  providerCount: { unit: string; quantity: number } | null;
  audioMilliseconds: number;
  audio: { sampleRate: number; channels: number } | null;
  /** The last failure came after an answer had begun, so its request has not been tried again. */
  broke: boolean;
  /** It would have been longer than its hold, and was ended there. */
  cut: boolean;
}

export interface Speaking {
  readonly request: SpeechRequest;
  readonly routes: UsableRoutes<SpeechRoute>;
  readonly streaming: boolean;
  /** Resolves when the next part may be sent: while nobody listens to a stream, no more is bought. */
  readonly mayContinue: (() => Promise<void>) | undefined;
  /** Milliseconds that the hold pays for, where a hard stop lies behind it: speech is ended there. null: no such end. */
  readonly longestMsOf: (route: SpeechRoute) => number | null;
  readonly audio: LiveAudio;
  readonly options: RouteOptions;
  readonly progress: SpeechProgress;
  readonly router: Router;
}

/**
 * Has a speech spoken by the first route that can, whole: parts of one text never come from two providers.
 * @throws ProviderError of the last route that was asked
 */
export function speakByAny(speaking: Speaking): Promise<void> {
  const { candidates, leftOut } = speaking.routes;
  if (candidates.length === 1 && !leftOut) return speakFrom(speaking, candidates[0]!, ALONE);
  return speaking.router.route(candidates, speaking.options, (route, turn) => speakFrom(speaking, route, turn));
}

/**
 * Whether the whole may begin anew, by this route or another. Where bytes are forwarded they may have been heard as soon
 * as they are there, by a listener of another process too.
 */
export const mayBeginAnew = (audio: LiveAudio, streaming: boolean): boolean =>
  streaming ? audio.sizeBytes === 0 : !audio.delivered;

/** Speaks the whole by one route; an answer that breaks in the middle is asked for again while nobody has heard of it. */
function speakFrom(speaking: Speaking, route: SpeechRoute, turn: Turn): Promise<void> {
  const { audio, progress, router, options, streaming } = speaking;
  const whole = async (): Promise<void> => {
    progress.route = route;
    progress.charactersSent = 0;
    progress.providerCount = null;
    progress.audioMilliseconds = 0;
    progress.broke = false;
    progress.cut = false;
    if (audio.sizeBytes > 0) await audio.restart();
    await speakAll(speaking, route, turn);
  };
  // A request that failed before its answer began has had its retries.
  return router.repeat(whole, options, turn, () => progress.broke && mayBeginAnew(audio, streaming));
}

async function speakAll(speaking: Speaking, route: SpeechRoute, turn: Turn): Promise<void> {
  const { request, progress, audio, options } = speaking;
  const parts = partsOf(request, route);
  const assembler = createAssembler(route.audio);
  const longestMs = speaking.longestMsOf(route);
  let total = 0;
  let record: AttemptRecord | null = null;
  try {
    for (const [index, part] of parts.entries()) {
      if (index > 0) await speaking.mayContinue?.();
      // Counted before the answer: a part that was sent is paid for, whether or not the caller waits for it.
      if (!options.signal.aborted) {
        progress.charactersSent =
          index === parts.length - 1 ? request.characters : progress.charactersSent + countCharacters(part);
      }
      record = null;
      const served = await ask(speaking, route, part, index === 0 ? turn : laterTurn(speaking, turn));
      ({ record } = served);
      const response = served.answer;
      try {
        for await (const slice of longestMs === null ? response.chunks : slicesOf(response.chunks)) {
          for (const bytes of assembler.push(slice)) {
            total += bytes.length;
            if (total > BYTES_MAX) throw tooLarge(route.providerId);
            const behind = audio.append(bytes);
            progress.audioMilliseconds = assembler.durationSoFarMs();
            if (behind) await behind;
          }
          progress.cut = longestMs !== null && progress.audioMilliseconds > longestMs;
          if (progress.cut) break;
        }
        for (const bytes of progress.cut ? assembler.cutPart() : assembler.endPart()) audio.append(bytes);
      } finally {
        noteReport(progress, record, route.credential, response);
      }
      if (progress.cut) break;
    }
    const done = assembler.finish();
    for (const bytes of done.tail) audio.append(bytes);
    if (done.patch) audio.patch(done.patch.offset, done.patch.bytes);
    progress.audioMilliseconds = done.durationMs;
    progress.audio = { sampleRate: done.sampleRate, channels: done.channels };
  } catch (error) {
    // Without a record the request itself has failed, and the router has dealt with it.
    const failure = record && asProviderError(route.providerId, error);
    if (!record || !failure) throw error;
    speaking.router.broke(route, record, failure);
    progress.broke = true;
    throw failure;
  }
}

/** Small enough that a speech ends near its longest length; leaving them ends the provider's answer. */
async function* slicesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) yield chunk.subarray(at, at + SLICE_BYTES);
  }
}

/** The usual text is one part; a long one is split at sentences to what the provider takes. */
function partsOf(request: SpeechRequest, { provider, model }: SpeechRoute): readonly SpeechText[] {
  const measure = (spans: SpeechText): number => provider.declaration.render(spans).length;
  const { charactersMax, charactersMaxOfLanguage } = model;
  const ofLanguage = request.language === null ? undefined : charactersMaxOfLanguage?.[primaryOf(request.language)];
  const limit = ofLanguage ?? charactersMax;
  if (measure(request.spans) <= limit) return [request.spans];
  return splitSpeech(request.spans, limit, measure);
}

const laterTurn = ({ audio, streaming }: Speaking, { others }: Turn): Turn => ({
  others: mayBeginAnew(audio, streaming) ? others : 0,
  underWay: true,
});

function ask({ request, streaming, options, router }: Speaking, route: SpeechRoute, spans: SpeechText, turn: Turn) {
  const call: SpeechCall = {
    model: route.model,
    voice: route.voice,
    spans,
    language: request.language,
    speed: request.speed,
    style: request.style,
    quality: route.quality,
    format: route.audio.format,
    sampleRate: route.audio.sampleRate,
    streaming,
  };
  const attempt: Attempt<SpeechRoute, SpeechResponse> = ({ provider, credential }, limits) =>
    provider.speak(call, {
      credential,
      signal: limits.signal,
      firstByteTimeoutMs: limits.firstByteTimeoutMs,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      bytesMax: Math.max(PART_BYTES_MIN, provider.declaration.render(spans).length * BYTES_PER_CHARACTER_MAX),
    });
  return router.ask(route, options, attempt, turn);
}

/** What the provider said of its work, some of it only in its last words. */
function noteReport(
  progress: SpeechProgress,
  record: AttemptRecord,
  credential: Credential,
  { upstreamRequestId, billedUnits }: SpeechResponse,
): void {
  record.upstreamRequestId = keptRequestId(upstreamRequestId, credential);
  if (!billedUnits) return;
  const { unit, quantity } = billedUnits;
  progress.providerCount = { unit, quantity: (progress.providerCount?.quantity ?? 0) + quantity };
}

const tooLarge = (provider: string): ProviderError =>
  new ProviderError({
    provider,
    kind: 'REJECTED',
    retryable: false,
    message: 'The provider sent more audio than any speech has.',
  });
