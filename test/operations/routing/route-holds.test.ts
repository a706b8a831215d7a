import fc from 'fast-check';
import { divideRoundingUp, type MicroCredits, micro, ZERO } from '../../../src/lib/credits';
import { AppError, type ErrorCode } from '../../../src/lib/errors';
import { holdFor, type PricedRoute, startWithin, type UsableRoutes } from '../../../src/operations/routing/route-holds';
import type { MeteredQuote } from '../../../src/operations/run-metered';
import { candidate } from './support';

interface Terms {
  readonly rate: number | null;
  readonly per?: number;
  readonly units?: number;
  readonly credits?: number;
  readonly allowance?: boolean;
}

const quoteOf = ({ rate, per = 1, units = 10, credits = 0, allowance = false }: Terms): MeteredQuote => ({
  credits: micro(credits),
  units,
  rate: rate === null ? null : BigInt(rate),
  per,
  allowanceEligible: allowance,
  allowanceOnly: false,
  listCredits: (quantity) => micro(BigInt(quantity) * BigInt(rate ?? 7)),
});

/** What a quote comes to when the allowance has so much left; as the ledger counts. */
function need(quote: MeteredQuote, left: number): MicroCredits {
  const taken = quote.allowanceEligible ? Math.min(quote.units, left) : 0;
  const { credits = ZERO, rate, per, units, atLeast = ZERO } = quote;
  const price = credits + (rate === null ? 0n : divideRoundingUp(BigInt(units - taken) * rate, BigInt(per)));
  return micro(price > atLeast ? price : atLeast);
}

const terms = fc.record({
  rate: fc.option(fc.nat(50)),
  per: fc.integer({ min: 1, max: 20 }),
  credits: fc.nat(100),
  units: fc.nat(100),
});

it('a hold covers every route, whatever the allowance takes, and is never more than the dearest needs', () => {
  fc.assert(
    fc.property(
      fc.array(terms, { maxLength: 4 }),
      fc.array(fc.record({ rate: fc.nat(50), per: fc.integer({ min: 1, max: 20 }) }), { maxLength: 3 }),
      fc.nat(120),
      (byCredits, byAllowance, left) => {
        const quotes = [
          ...byCredits.map((one) => quoteOf(one)),
          // Of one text, so of as many characters.
          ...byAllowance.map((one) => quoteOf({ ...one, units: 80, allowance: true })),
        ];
        if (quotes.length === 0) return;
        const hold = holdFor(quotes as [MeteredQuote, ...MeteredQuote[]]);
        const needs = quotes.map((quote) => need(quote, left));
        expect(need(hold, left)).toBe(needs.reduce((most, one) => (one > most ? one : most)));
        const lists = quotes.map((quote) => quote.listCredits(quote.units));
        expect(hold.listCredits(hold.units)).toBe(lists.reduce((most, one) => (one > most ? one : most)));
        if (byAllowance.length > 0) expect(hold).toMatchObject({ allowanceEligible: true, units: 80 });
      },
    ),
  );
});

const route = (id: string, one: Terms): PricedRoute<ReturnType<typeof candidate>> => ({
  candidate: candidate(id),
  quote: quoteOf(one),
});
const DEAR = route('dear', { rate: 9 });
const FAIR = route('fair', { rate: 5 });
const CHEAP = route('cheap', { rate: 1 });
const OWN = route('own', { rate: null });
const FIRST_PARTY = route('first-party', { rate: 6, allowance: true });

/** Admits holds of at most so many micro-credits, with so much of the allowance left. */
const purse =
  (
    most: number,
    { left = 0, code = 'INSUFFICIENT_CREDITS' as ErrorCode, maxCredits = Number.POSITIVE_INFINITY } = {},
  ) =>
  async ({ hold, candidates, leftOut }: UsableRoutes<ReturnType<typeof candidate>>): Promise<string> => {
    const needed = need(hold, left);
    if (needed > maxCredits) throw new AppError('MAX_CREDITS_EXCEEDED', `needs ${needed}`);
    if (needed > most) throw new AppError(code, `needs ${needed}`);
    const names = candidates.map((one) => {
      const reason = leftOut?.get(one);
      return reason ? `${one.providerId}(${reason})` : one.providerId;
    });
    return `${names.join(' ')}: ${needed}`;
  };

describe('what may be paid for', () => {
  it.each<
    [string, readonly PricedRoute<ReturnType<typeof candidate>>[], number | null, Parameters<typeof purse>, string]
  >([
    ['all of it', [DEAR, CHEAP], null, [90], 'dear cheap: 90'],
    ['routes over maxCredits are left out', [DEAR, FAIR, CHEAP], 50, [90], 'dear(MAX_CREDITS_EXCEEDED) fair cheap: 50'],
    [
      'a fallback that cannot be paid for is done without',
      [FAIR, DEAR, CHEAP],
      null,
      [60],
      'fair dear(INSUFFICIENT_CREDITS) cheap: 50',
    ],
    [
      'an own key needs no balance, whatever its fallbacks would',
      [OWN, DEAR, FAIR],
      null,
      [0],
      'own dear(INSUFFICIENT_CREDITS) fair(INSUFFICIENT_CREDITS): 0',
    ],
    [
      'a client token’s budget counts the same',
      [CHEAP, DEAR],
      null,
      [10, { code: 'CLIENT_TOKEN_LIMIT_REACHED' }],
      'cheap dear(CLIENT_TOKEN_LIMIT_REACHED): 10',
    ],
    [
      'what the allowance pays is no reason to leave a route out',
      [FIRST_PARTY, CHEAP],
      10,
      [90, { left: 10, maxCredits: 10 }],
      'first-party cheap: 10',
    ],
    [
      'what the allowance does not reach for is',
      [FIRST_PARTY, CHEAP],
      10,
      [90, { left: 2, maxCredits: 10 }],
      'first-party(MAX_CREDITS_EXCEEDED) cheap: 10',
    ],
  ])('%s', async (_name, routes, maxCredits, [most, options], outcome) => {
    const limit = maxCredits === null ? null : micro(maxCredits);
    expect(await startWithin(routes, limit, purse(most, options))).toBe(outcome);
  });

  it('the route that comes first is not done without: who cannot pay for it is told so', async () => {
    await expect(startWithin([DEAR, CHEAP], null, purse(20))).rejects.toMatchObject({
      code: 'INSUFFICIENT_CREDITS',
      message: 'needs 90',
    });
  });

  it('with every route over maxCredits none is held for, and the error names the cheapest', async () => {
    const start = jest.fn();
    await expect(startWithin([DEAR, FAIR], micro(49), start)).rejects.toMatchObject({
      code: 'MAX_CREDITS_EXCEEDED',
      fields: { maxCredits: '0.000049', required: '0.00005' },
    });
    expect(start).not.toHaveBeenCalled();
  });

  it('refusals that money does not mend stand', async () => {
    const start = jest.fn().mockRejectedValue(new AppError('CONFLICT', 'another input'));
    await expect(startWithin([DEAR, CHEAP], null, start)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(start).toHaveBeenCalledTimes(1);
  });

  it('the one that served has its own quote', async () => {
    await startWithin([DEAR, CHEAP], null, async (usable) => {
      expect(usable.quoteOf(CHEAP.candidate)).toBe(CHEAP.quote);
      expect(usable.hold).toMatchObject({ rate: 9n });
    });
  });
});
