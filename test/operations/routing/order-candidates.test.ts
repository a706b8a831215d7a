import fc from 'fast-check';
import { type MicroCredits, micro } from '../../../src/lib/credits';
import { orderCandidates, ROUTING_STRATEGIES } from '../../../src/operations/routing/order-candidates';
import { candidate } from './support';

const NO_EXPLORING = (): number => 0.99;
const names = (ordered: readonly { readonly providerId: string }[]): string =>
  ordered.map(({ providerId }) => providerId).join('');

describe('the order in which candidates are tried', () => {
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((id) => candidate(id));
  const all = [a!, b!, c!, d!];
  const credits: Readonly<Record<string, number>> = { a: 30, b: 10, c: 0, d: 10 };
  const latency: Readonly<Record<string, number | null>> = { 'a/one': 500, 'b/one': null, 'c/one': 120, 'd/one': null };
  const facts = {
    creditsOf: ({ providerId }: { providerId: string }) => micro(credits[providerId]!),
    latencyOf: (modelId: string) => latency[modelId]!,
    random: NO_EXPLORING,
  };

  it.each([
    ['PRIORITY', 'abcd'],
    ['CHEAPEST', 'cbda'],
    ['FASTEST', 'cabd'],
  ] as const)('%s', (strategy, order) => {
    expect(names(orderCandidates(all, strategy, facts))).toBe(order);
  });

  it('now and then one whose speed is not known goes first', () => {
    const draws = [0.01, 0.6];
    const random = (): number => draws.shift()!;
    expect(names(orderCandidates(all, 'FASTEST', { ...facts, random }))).toBe('dcab');
  });

  it('of 2,000 operations about one in 20 tries the unknown first, so that it becomes known', () => {
    let state = 1;
    const random = (): number => {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    };
    let explored = 0;
    for (let count = 0; count < 2_000; count++) {
      if (!names(orderCandidates(all, 'FASTEST', { ...facts, random })).startsWith('c')) explored += 1;
    }
    expect(explored).toBeGreaterThan(50);
    expect(explored).toBeLessThan(200);
  });

  it('nobody is lost or doubled, and equals stay as given', () => {
    const route = fc.record({ credits: fc.nat(3), latency: fc.option(fc.nat(3)) });
    fc.assert(
      fc.property(fc.array(route, { maxLength: 8 }), fc.constantFrom(...ROUTING_STRATEGIES), (routes, strategy) => {
        const candidates = routes.map((_, index) => candidate(`p${index}`));
        const factOf = (id: string) => routes[Number(id.slice(1).split('/')[0])]!;
        const ordered = orderCandidates(candidates, strategy, {
          creditsOf: ({ providerId }): MicroCredits => micro(factOf(providerId).credits),
          latencyOf: (modelId) => factOf(modelId).latency,
          random: NO_EXPLORING,
        });
        expect(new Set(ordered)).toEqual(new Set(candidates));
        expect(ordered).toHaveLength(candidates.length);
        const weight = (id: string): number => {
          if (strategy === 'PRIORITY') return 0;
          if (strategy === 'CHEAPEST') return factOf(id).credits;
          return factOf(id).latency ?? Number.POSITIVE_INFINITY;
        };
        for (let index = 1; index < ordered.length; index++) {
          const [before, after] = [ordered[index - 1]!, ordered[index]!];
          const [low, high] = [weight(before.providerId), weight(after.providerId)];
          expect(low <= high).toBe(true);
          if (low === high) expect(candidates.indexOf(before)).toBeLessThan(candidates.indexOf(after));
        }
      }),
    );
  });
});
