import type { AnnouncedAudio } from '../../audio-store/live-audio';
import type { PrincipalContext } from '../../identity/caller';
import type { EventDraft } from '../../ledger/entries';
import type { UsageEventRow } from '../../ledger/usage-event';
import { AppError } from '../../lib/errors';
import type { Listeners } from '../listeners';
import type { LiveOperation } from '../live-operations';
import { orderCandidates } from '../routing/order-candidates';
import { firstUsable, type PricedRoute, startWithin, type UsableRoutes } from '../routing/route-holds';
import type { RunMetered, Started, WorkResult } from '../run-metered';
import { makeSpeech, type SpeechMakingDependencies } from './make-speech';
import type { PricedSpeech, SpeechPricing } from './speech-pricing';
import { hashSpeechRequest, type SpeechRequest } from './speech-request';
import { ownKeysFingerprint, type SpeechRoute, type SpeechRoutes } from './speech-route';
import type { SpeechStreams } from './speech-streams';

export interface PricedSpeechRoute extends PricedRoute<SpeechRoute> {
  readonly priced: PricedSpeech;
}

/** A speech that has passed every check that calls nobody but for lists of voices. */
export interface PreparedSpeech {
  readonly request: SpeechRequest;
  /** In the order of the input. */
  readonly routes: SpeechRoutes;
}

export interface SpeechStartDependencies {
  readonly pricing: SpeechPricing;
  readonly run: RunMetered;
  readonly streams: SpeechStreams;
  readonly listeners: Listeners;
  readonly making: SpeechMakingDependencies;
  /** Median milliseconds to the first byte of a model; null: not known. */
  readonly latencyOf: (modelId: string) => number | null;
}

/** How the caller takes the audio. */
export interface SpeechDelivery {
  /** Bytes are forwarded as they come. */
  readonly streaming: boolean;
  readonly subscription: boolean;
  /** What a speech that did not succeed ended with. */
  readonly endedWith: (operation: LiveOperation, event: UsageEventRow) => AppError;
}

/**
 * The routes with their prices, in the order in which they are tried.
 * @throws AppError PRICE_NOT_CONFIGURED
 */
export function priceRoutes(
  { request, routes }: PreparedSpeech,
  { pricing, latencyOf }: Pick<SpeechStartDependencies, 'pricing' | 'latencyOf'>,
): readonly PricedSpeechRoute[] {
  const all = routes.map((candidate): PricedSpeechRoute => {
    const priced = pricing.quote(request, candidate);
    return { candidate, quote: priced.quote, priced };
  });
  if (all.length === 1) return all;
  const creditsOf = (route: SpeechRoute) => pricedOf(all, route).priced.expectedCredits;
  const ordered = orderCandidates(routes, request.routing.strategy, { creditsOf, latencyOf });
  return ordered.map((route) => pricedOf(all, route));
}

const pricedOf = (all: readonly PricedSpeechRoute[], route: SpeechRoute): PricedSpeechRoute =>
  all.find(({ candidate }) => candidate === route)!;

/** Holds what the speech may cost and has it spoken; see RunMetered.start. */
export function startSpeech(
  context: PrincipalContext,
  prepared: PreparedSpeech,
  delivery: SpeechDelivery,
  dependencies: SpeechStartDependencies,
): Promise<Started> {
  const { request } = prepared;
  const priced = priceRoutes(prepared, dependencies);
  return startWithin(priced, request.maxCredits, (usable) =>
    startUsable(context, prepared, priced, usable, delivery, dependencies),
  );
}

function startUsable(
  { principal, connection }: PrincipalContext,
  { request, routes }: PreparedSpeech,
  priced: readonly PricedSpeechRoute[],
  usable: UsableRoutes<SpeechRoute>,
  { streaming, subscription, endedWith }: SpeechDelivery,
  { pricing, run, making, streams, listeners }: SpeechStartDependencies,
): Promise<Started> {
  const first = firstUsable(usable);
  const { expectedCredits, expectedMilliseconds, rateCardVersion } = pricedOf(priced, first).priced;
  const announced = announcedOf(usable, first);
  const draft: EventDraft = {
    capability: 'TEXT_TO_SPEECH',
    provider_id: first.providerId,
    model: first.modelId,
    credential: first.credential.source,
    voice_id: first.voiceId,
    voice_name: first.voiceName,
    language: request.language,
    style: request.style,
    quality: first.quality,
    api_key_id: principal.apiKeyId,
    end_user_id: principal.endUserId ?? request.endUserId,
    metadata: request.metadata,
    characters: request.characters,
    input_tokens: Math.ceil(request.characters / 4),
    output_tokens: 0,
    requests: 1,
    estimated_credits: expectedCredits.toString(),
    estimated_audio_milliseconds: expectedMilliseconds,
    rate_card_version: rateCardVersion,
    attempts: [],
    artifact: { ...announced, delivery: subscription ? 'STREAM' : request.delivery },
  };
  return run.start({
    caller: principal,
    quote: usable.hold,
    maxCredits: request.maxCredits,
    idempotency:
      request.idempotencyKey === null
        ? null
        : {
            operation: subscription ? 'speechStream' : 'synthesizeSpeech',
            key: request.idempotencyKey,
            inputHash: hashSpeechRequest(request, ownKeysFingerprint(routes)),
            subscription,
            attend: subscription ? (id) => listeners.attend(id, principal.workspaceId, connection) : undefined,
          },
    draft,
    work: async (operation) => {
      const mayContinue = subscription ? () => streams.mayContinue(operation) : undefined;
      const longestMsOf = (route: SpeechRoute) => pricing.longestMs(principal, pricedOf(priced, route).priced);
      const speaking = { request, routes: usable, announced, streaming, mayContinue, longestMsOf };
      const made = await makeSpeech(operation, speaking, making);
      return chargeable(made.result, pricedOf(priced, made.route), priced.length > 1);
    },
    finished: (operation, outcome) => {
      if (outcome instanceof AppError) operation.audio?.fail(outcome);
      else if (outcome.status === 'SUCCEEDED') operation.audio?.finish();
      else operation.audio?.fail(endedWith(operation, outcome));
    },
  });
}

/** At the price of the route that served; by the second, what was delivered, where anything is to be charged at all. */
function chargeable(result: WorkResult, { priced, quote }: PricedSpeechRoute, oneOfSeveral: boolean): WorkResult {
  const bySecond = priced.unit === 'AUDIO_SECOND' && result.units > 0;
  if (!bySecond && !oneOfSeveral) return result;
  return { ...result, quote, units: bySecond ? (result.event.audio_milliseconds ?? 0) : result.units };
}

/** What holds for whichever route speaks; the bytes tell the rest. */
function announcedOf({ candidates, leftOut }: UsableRoutes<SpeechRoute>, first: SpeechRoute): AnnouncedAudio {
  const { audio } = first;
  const differs = candidates.some((route) => !leftOut?.has(route) && route.audio.sampleRate !== audio.sampleRate);
  return differs ? { ...audio, sampleRate: null } : audio;
}
