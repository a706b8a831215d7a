import type { MicroCredits } from '../../lib/credits';
import type { Candidate } from './candidate';

export const ROUTING_STRATEGIES = ['PRIORITY', 'CHEAPEST', 'FASTEST'] as const;
export type RoutingStrategy = (typeof ROUTING_STRATEGIES)[number];

/** One operation in so many asks first a candidate whose speed is not known: else a slow start would be a verdict for life. */
const EXPLORE_ONE_IN = 20;

export interface OrderingFacts<C extends Candidate> {
  /** What the caller is expected to pay, in micro-credits. */
  readonly creditsOf: (candidate: C) => MicroCredits;
  /** Median milliseconds to the first byte; null: not known. */
  readonly latencyOf: (modelId: string) => number | null;
  /** In [0, 1). */
  readonly random?: () => number;
}

/**
 * The order in which candidates are tried. PRIORITY: as given. CHEAPEST: by what the caller is expected to pay, an own
 * key nothing. FASTEST: by measured latency, unknown ones last, though now and then one of them goes first to be measured.
 * Equals stay as given.
 */
export function orderCandidates<C extends Candidate>(
  candidates: readonly C[],
  strategy: RoutingStrategy,
  facts: OrderingFacts<C>,
): readonly C[] {
  if (candidates.length < 2 || strategy === 'PRIORITY') return candidates;
  if (strategy === 'CHEAPEST') {
    return ranked(candidates, facts.creditsOf, (a, b) => (a < b ? -1 : a > b ? 1 : 0));
  }
  const ordered = ranked(
    candidates,
    ({ modelId }) => facts.latencyOf(modelId) ?? Number.POSITIVE_INFINITY,
    (a, b) => (a < b ? -1 : a > b ? 1 : 0),
  );
  const { random = Math.random } = facts;
  if (random() * EXPLORE_ONE_IN >= 1) return ordered;
  const unknown = ordered.filter(({ modelId }) => facts.latencyOf(modelId) === null);
  if (unknown.length === 0) return ordered;
  const first = unknown[Math.min(unknown.length - 1, Math.floor(random() * unknown.length))]!;
  return [first, ...ordered.filter((candidate) => candidate !== first)];
}

/** Each is weighed once; sorting an array is stable. */
function ranked<C, Weight>(
  candidates: readonly C[],
  weigh: (candidate: C) => Weight,
  order: (a: Weight, b: Weight) => number,
): C[] {
  return candidates
    .map((candidate) => ({ candidate, weight: weigh(candidate) }))
    .sort((a, b) => order(a.weight, b.weight))
    .map(({ candidate }) => candidate);
}
