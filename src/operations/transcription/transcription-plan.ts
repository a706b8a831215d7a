import type { PrincipalContext } from '../../identity/caller';
import { orderCandidates } from '../routing/order-candidates';
import type { ProviderHealthWatch } from '../routing/provider-health';
import type { PricedTranscription, TranscriptionPricing } from './transcription-pricing';
import type { TranscriptionRequest } from './transcription-request';
import { type AudioFacts, planRoutes, type TranscriptionRoute, type TranscriptionRouting } from './transcription-route';

/** Who may write a recording down, and what it costs there. */
export interface TranscriptionPlan {
  /** In the order in which they are tried. */
  readonly routes: readonly [TranscriptionRoute, ...TranscriptionRoute[]];
  readonly priced: ReadonlyMap<TranscriptionRoute, PricedTranscription>;
}

export class TranscriptionPlanner {
  constructor(
    private readonly dependencies: {
      readonly routing: TranscriptionRouting;
      readonly pricing: TranscriptionPricing;
      readonly health: ProviderHealthWatch;
    },
  ) {}

  /** @throws AppError for whatever is wrong with the routes, before any audio is brought in */
  async check(request: TranscriptionRequest, audio: AudioFacts, context: PrincipalContext): Promise<void> {
    await planRoutes(request, audio, context, this.dependencies.routing);
  }

  /** @throws AppError for whatever is wrong with the routes or their prices */
  async plan(
    request: TranscriptionRequest,
    audio: AudioFacts & { readonly durationMs: number },
    context: PrincipalContext,
  ): Promise<TranscriptionPlan> {
    const { routing, pricing, health } = this.dependencies;
    const routes = await planRoutes(request, audio, context, routing);
    const priced = new Map(routes.map((route) => [route, pricing.price(audio.durationMs, route)]));
    const [first, ...others] = orderCandidates(routes, request.routing.strategy, {
      creditsOf: (route) => priced.get(route)!.credits,
      latencyOf: (modelId) => health.latencyOf(modelId),
    });
    return { routes: [first!, ...others], priced };
  }
}
