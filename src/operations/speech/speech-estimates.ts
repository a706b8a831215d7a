import type { UsageEstimate } from '../../../schema/types/usage-estimate';
import { overageLeft, remainingOf } from '../../billing/balance-state';
import type { AccountBalance, Balances } from '../../billing/balances';
import type { ClientTokenBudgets } from '../../billing/client-token-budgets';
import type { PrincipalContext } from '../../identity/caller';
import {
  divideRoundingUp,
  formatCredits,
  formatUsd,
  type MicroCredits,
  micro,
  USD_E10_PER_MICRO,
} from '../../lib/credits';
import { AppError } from '../../lib/errors';
import type { VoiceCatalogue } from '../voice-catalogue';
import type { PricedSpeech, SpeechPricing } from './speech-pricing';
import { readSpeechInput, type SpeechInput, type SpeechRequest } from './speech-request';
import { confirmVoice, planRoute, type SpeechProviders, type SpeechRoute } from './speech-route';

const wholeNumber = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

/** What there is to spend: of the account, or of a client token's budget within it. */
interface Purse {
  readonly account: AccountBalance;
  /** Micro-credits left of the token's budget; null for an API key. */
  readonly budget: bigint | null;
}

/** Free answers to what a speech would cost. */
export class SpeechEstimates {
  constructor(
    private readonly dependencies: {
      readonly providers: SpeechProviders;
      readonly voices: VoiceCatalogue;
      readonly pricing: SpeechPricing;
      readonly balances: Balances;
      readonly budgets: ClientTokenBudgets;
    },
  ) {}

  async estimate(context: PrincipalContext, input: SpeechInput): Promise<UsageEstimate> {
    const { providers, voices, pricing } = this.dependencies;
    // Neither format nor delivery changes a price; a format that the provider lacks is found when it is asked for.
    const request = { ...readSpeechInput(input), format: null, sampleRate: null };
    const route = await confirmVoice(planRoute(request, providers, context.providerKeys), voices);
    return this.estimateOf(request, route, pricing.quote(request, route), await this.purse(context));
  }

  /** Every provider that could speak it at present, cheapest first; those that cannot are left out. */
  async compare(context: PrincipalContext, input: SpeechInput): Promise<UsageEstimate[]> {
    const { providers, pricing } = this.dependencies;
    const purse = await this.purse(context);
    const estimates: { estimate: UsageEstimate; credits: bigint }[] = [];
    for (const provider of providers.keys()) {
      const request = {
        ...readSpeechInput({ ...input, provider, model: null, voice: null }),
        format: null,
        sampleRate: null,
      };
      try {
        const route = planRoute(request, providers, context.providerKeys);
        const priced = pricing.quote(request, route);
        estimates.push({ estimate: this.estimateOf(request, route, priced, purse), credits: priced.expectedCredits });
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
      }
    }
    const order = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
    return estimates.sort((a, b) => order(a.credits, b.credits)).map(({ estimate }) => estimate);
  }

  private estimateOf(request: SpeechRequest, route: SpeechRoute, priced: PricedSpeech, purse: Purse): UsageEstimate {
    const { account } = purse;
    const { quote } = priced;
    const allowance = quote.allowanceEligible ? Math.min(quote.units, allowanceLeft(account)) : 0;
    const priceOf = (units: number): MicroCredits =>
      quote.rate === null || quote.allowanceOnly
        ? micro(0)
        : micro(divideRoundingUp(BigInt(Math.max(0, units - allowance)) * quote.rate, BigInt(quote.per)));
    const expected = priceOf(priced.unit === 'AUDIO_SECOND' ? priced.expectedMilliseconds : quote.units);
    const atMost = priceOf(quote.units);
    const tokens = Math.ceil(request.characters / 4);
    const remaining = remainingOf(account);
    const left = purse.budget === null ? remaining : lesser(purse.budget, remaining);
    const fromOverage = expected > remaining ? expected - (remaining > 0n ? remaining : 0n) : 0n;
    const seconds = priced.expectedMilliseconds / 1000;
    return {
      providerId: route.providerId,
      model: route.modelId,
      voiceId: route.voiceId,
      byok: route.ownKey,
      characters: request.characters,
      allowanceCharacters: allowance,
      inputTokens: tokens,
      totalTokens: tokens,
      audioSeconds: seconds,
      credits: formatCredits(expected),
      creditsAtMost: formatCredits(atMost),
      costUsd: formatUsd(
        (expected - fromOverage) * USD_E10_PER_MICRO + fromOverage * BigInt(account.overageRate ?? 10),
      ),
      balanceAfter: formatCredits(left > expected ? left - expected : 0n),
      affordable: affordable(
        purse,
        atMost,
        quote.listCredits(quote.units),
        allowance === quote.units || !quote.allowanceOnly,
      ),
      summary: `This preview will use about ${wholeNumber.format(tokens)} tokens and ${seconds.toFixed(1)} seconds of audio.`,
    };
  }

  private async purse(context: PrincipalContext): Promise<Purse> {
    const { workspaceId, clientTokenId } = context.principal;
    const account = await this.dependencies.balances.read(workspaceId);
    if (!account) throw new AppError('UNAVAILABLE', 'This workspace has no account yet; try again shortly.');
    const budget = clientTokenId === null ? null : await this.dependencies.budgets.read(clientTokenId);
    return { account, budget: budget && budget.budget - budget.spent - budget.held };
  }
}

/** Math.min knows no big integers. */
function lesser(a: bigint, b: bigint): bigint {
  if (a < b) return a;
  return b;
}

function allowanceLeft(account: AccountBalance): number {
  if (account.allowanceLimit === null) return Number.MAX_SAFE_INTEGER;
  return Number(account.allowanceLimit - account.allowanceUsed - account.allowanceHeld);
}

function affordable(purse: Purse, atMost: bigint, listPrice: bigint, served: boolean): boolean {
  if (!served) return false;
  if (purse.budget !== null && listPrice > purse.budget) return false;
  const over = overageLeft(purse.account);
  if (purse.account.blocked && atMost > 0n) return false;
  return over === null || atMost <= remainingOf(purse.account) + over;
}
