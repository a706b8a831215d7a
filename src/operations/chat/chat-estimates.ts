import type { UsageEstimate } from '../../../schema/types/usage-estimate';
import type { Balances } from '../../billing/balances';
import type { ClientTokenBudgets } from '../../billing/client-token-budgets';
import type { PrincipalContext } from '../../identity/caller';
import { ZERO } from '../../lib/credits';
import { estimatedCost, readPurse } from '../purse';
import { holdFor } from '../routing/route-holds';
import type { ChatPlanner } from './chat-plan';
import type { ChatInput } from './chat-request';

const wholeNumber = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** Free answers to what a chat would cost. */
export class ChatEstimates {
  constructor(
    private readonly dependencies: {
      readonly planner: ChatPlanner;
      readonly balances: Balances;
      readonly budgets: ClientTokenBudgets;
    },
  ) {}

  /** Of the route that would be tried first; the most is that of the dearest route that may serve. */
  async estimate(context: PrincipalContext, input: ChatInput): Promise<UsageEstimate> {
    const { planner, balances, budgets } = this.dependencies;
    const { routes, priced } = await planner.plan(context, input);
    const [route] = routes;
    const { expected, expectedCredits } = priced.get(route)!;
    const [first, ...others] = routes.map((candidate) => priced.get(candidate)!.quote);
    const hold = holdFor([first!, ...others]);
    const totalTokens = expected.inputTokens + expected.outputTokens;
    const cost = estimatedCost(await readPurse(context, { balances, budgets }), {
      expected: expectedCredits,
      atMost: hold.credits ?? ZERO,
      listAtMost: hold.listCredits(hold.units),
    });
    return {
      providerId: route.providerId,
      model: route.modelId,
      voiceId: null,
      byok: route.ownKey,
      characters: 0,
      allowanceCharacters: 0,
      inputTokens: expected.inputTokens,
      totalTokens,
      audioSeconds: 0,
      ...cost,
      summary: `This answer will use about ${wholeNumber.format(totalTokens)} tokens.`,
    };
  }
}
