import type { PrincipalContext } from '../../identity/caller';
import { AppError, badInput } from '../../lib/errors';
import { orderCandidates } from '../routing/order-candidates';
import type { ProviderHealthWatch } from '../routing/provider-health';
import type { ChatPricing, PricedChat } from './chat-pricing';
import { type ChatInput, type ChatRequest, readChatInput } from './chat-request';
import { type ChatRoute, type ChatRouting, planRoutes } from './chat-route';

/** A chat that has passed every check, before anything is held: what to send, to whom, and what it costs there. */
export interface ChatPlan {
  readonly request: ChatRequest;
  /** In the order in which they are tried. */
  readonly routes: readonly [ChatRoute, ...ChatRoute[]];
  readonly priced: ReadonlyMap<ChatRoute, PricedChat>;
}

export class ChatPlanner {
  constructor(
    private readonly dependencies: {
      readonly routing: ChatRouting;
      readonly pricing: ChatPricing;
      readonly health: ProviderHealthWatch;
    },
  ) {}

  /** @throws AppError for whatever is wrong with the input, its routes or their prices */
  async plan(context: PrincipalContext, input: ChatInput): Promise<ChatPlan> {
    const { routing, pricing, health } = this.dependencies;
    const request = readChatInput(input);
    checkTokenRules(request, context);
    const routes = await planRoutes(request, context, routing);
    const priced = new Map(routes.map((route) => [route, pricing.price(request, route)]));
    const ordered = orderCandidates(routes, request.routing.strategy, {
      creditsOf: (route) => priced.get(route)!.expectedCredits,
      latencyOf: (modelId) => health.latencyOf(modelId),
    });
    return { request, routes: ordered as ChatPlan['routes'], priced };
  }
}

/** A client token speaks for its own end user, within its capabilities. */
function checkTokenRules(request: ChatRequest, { principal }: PrincipalContext): void {
  if (principal.capabilities && !principal.capabilities.includes('LANGUAGE_MODEL')) {
    throw new AppError('FORBIDDEN', 'This client token may not chat; ask for one with the capability LANGUAGE_MODEL.');
  }
  if (principal.kind === 'client-token' && request.endUserId !== null) {
    throw badInput(
      'endUserId',
      'A client token cannot name an end user; leave endUserId out, or ask for a token that is made for one.',
    );
  }
}
