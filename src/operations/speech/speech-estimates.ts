import type { UsageEstimate } from '../../../schema/types/usage-estimate';
import type { AccountBalance, Balances } from '../../billing/balances';
import type { ClientTokenBudgets } from '../../billing/client-token-budgets';
import type { PrincipalContext } from '../../identity/caller';
import { divideRoundingUp, type MicroCredits, micro, ZERO } from '../../lib/credits';
import { AppError } from '../../lib/errors';
import { estimatedCost, isAffordable, type Purse, readPurse } from '../purse';
import { dearestToDrop, firstUsable, overMaxCredits, type UsableRoutes, usableOf } from '../routing/route-holds';
import type { MeteredQuote } from '../run-metered';
import { readSpeechInput, type SpeechInput, type SpeechRequest } from './speech-request';
import { planOwnRoute, planRoutes, type SpeechRoute, type SpeechRouting } from './speech-route';
import { type PricedSpeechRoute, priceRoutes, type SpeechStartDependencies } from './start-speech';

const wholeNumber = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

export interface SpeechEstimateDependencies extends Pick<SpeechStartDependencies, 'pricing' | 'latencyOf'> {
  readonly routing: SpeechRouting;
  readonly balances: Balances;
  readonly budgets: ClientTokenBudgets;
}

/** Free answers to what a speech would cost. */
export class SpeechEstimates {
  constructor(private readonly dependencies: SpeechEstimateDependencies) {}

  /** Of the route that would be tried first; the most that it can cost is what would be held for it and its fallbacks. */
  async estimate(context: PrincipalContext, input: SpeechInput): Promise<UsageEstimate> {
    // Neither format nor delivery changes a price; a format that the provider lacks is found when it is asked for.
    const request = { ...readSpeechInput(input), format: null, sampleRate: null };
    const routes = await planRoutes(request, context, this.dependencies.routing, false);
    return this.estimateOf(
      request,
      priceRoutes({ request, routes }, this.dependencies),
      await readPurse(context, this.dependencies),
    );
  }

  /** Every provider that could speak it at present, cheapest first; those that cannot are left out. */
  async compare(context: PrincipalContext, input: SpeechInput): Promise<UsageEstimate[]> {
    const { routing, pricing } = this.dependencies;
    const purse = await readPurse(context, this.dependencies);
    const estimates: { estimate: UsageEstimate; credits: bigint }[] = [];
    for (const provider of routing.providers.keys()) {
      const request = {
        ...readSpeechInput({ ...input, provider, model: null, voice: null, routing: null }),
        format: null,
        sampleRate: null,
      };
      try {
        const candidate = await planOwnRoute(request, context, routing);
        const priced = pricing.quote(request, candidate);
        const estimate = this.estimateOf(request, [{ candidate, quote: priced.quote, priced }], purse);
        estimates.push({ estimate, credits: priced.expectedCredits });
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
      }
    }
    const order = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);
    return estimates.sort((a, b) => order(a.credits, b.credits)).map(({ estimate }) => estimate);
  }

  private estimateOf(request: SpeechRequest, all: readonly PricedSpeechRoute[], purse: Purse): UsageEstimate {
    const { account } = purse;
    const usable = affordableOf(all, request.maxCredits, purse);
    const route = firstUsable(usable);
    const { priced, quote } = all.find(({ candidate }) => candidate === route)!;
    const allowance = allowanceFor(quote, account);
    const expected = priceOf(
      quote,
      priced.unit === 'AUDIO_SECOND' ? priced.expectedMilliseconds : quote.units,
      account,
    );
    const tokens = Math.ceil(request.characters / 4);
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
      ...estimatedCost(purse, { expected, ...boundOf(usable.hold, account) }),
      affordable: isHoldAffordable(usable.hold, purse),
      summary: `This preview will use about ${wholeNumber.format(tokens)} tokens and ${seconds.toFixed(1)} seconds of audio.`,
    };
  }
}

function allowanceLeft(account: AccountBalance): number {
  if (account.allowanceLimit === null) return Number.MAX_SAFE_INTEGER;
  return Number(account.allowanceLimit - account.allowanceUsed - account.allowanceHeld);
}

/** Characters of a quote that the allowance would pay for at present. */
const allowanceFor = (quote: MeteredQuote, account: AccountBalance): number =>
  quote.allowanceEligible ? Math.max(0, Math.min(quote.units, allowanceLeft(account))) : 0;

/** As the ledger prices a hold, see `ledger_commit`. */
function priceOf(quote: MeteredQuote, units: number, account: AccountBalance): MicroCredits {
  const { rate, per, allowanceOnly, credits = ZERO, atLeast = ZERO } = quote;
  const rest = BigInt(Math.max(0, units - allowanceFor(quote, account)));
  const price = rate === null || allowanceOnly ? credits : micro(credits + divideRoundingUp(rest * rate, BigInt(per)));
  return price > atLeast ? price : atLeast;
}

const boundOf = (hold: MeteredQuote, account: AccountBalance) => ({
  atMost: priceOf(hold, hold.units, account),
  listAtMost: hold.listCredits(hold.units),
});

function isHoldAffordable(hold: MeteredQuote, purse: Purse): boolean {
  const { account } = purse;
  if (hold.allowanceOnly && allowanceFor(hold, account) < hold.units) return false;
  return isAffordable(purse, boundOf(hold, account));
}

/** The routes that would be held for: fallbacks that cannot be paid for are done without, as `startWithin` does. */
function affordableOf(
  all: readonly PricedSpeechRoute[],
  maxCredits: MicroCredits | null,
  purse: Purse,
): UsableRoutes<SpeechRoute> {
  if (all.length === 1) return usableOf(all, undefined);
  const leftOut = overMaxCredits(all, maxCredits);
  // An estimate tells what a speech costs; that it is too much for maxCredits the caller sees.
  if (leftOut.size === all.length) leftOut.clear();
  for (;;) {
    const usable = usableOf(all, leftOut);
    if (isHoldAffordable(usable.hold, purse)) return usable;
    const dropped = dearestToDrop(all, leftOut, 'INSUFFICIENT_CREDITS');
    if (!dropped) return usable;
    leftOut.set(dropped.candidate, 'INSUFFICIENT_CREDITS');
  }
}
