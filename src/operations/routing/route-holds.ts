import { divideRoundingUp, formatCredits, type MicroCredits, micro, ZERO } from '../../lib/credits';
import { AppError, type ErrorCode } from '../../lib/errors';
import type { MeteredQuote } from '../run-metered';
import type { Candidate } from './candidate';

/** A candidate and the upper bound of what it would cost. */
export interface PricedRoute<C extends Candidate> {
  readonly candidate: C;
  readonly quote: MeteredQuote;
}

/** The routes of one operation, as far as they may be paid for. */
export interface UsableRoutes<C extends Candidate> {
  /** What is held: enough for whichever of them serves. */
  readonly hold: MeteredQuote;
  /** All of them, in order. */
  readonly candidates: readonly C[];
  /** Those that may not be used, for `RouteOptions.leftOut`; undefined: all may. */
  readonly leftOut: ReadonlyMap<Candidate, ErrorCode> | undefined;
  /** Of a candidate that may be used, for `WorkResult.quote`: the one that served is charged at its own price. */
  quoteOf(candidate: C): MeteredQuote;
}

/** The first that may be used. */
export const firstUsable = <C extends Candidate>({ candidates, leftOut }: UsableRoutes<C>): C =>
  candidates.find((candidate) => !leftOut?.has(candidate))!;

/** Refusals that a cheaper hold may avoid. */
const TOO_DEAR: readonly ErrorCode[] = [
  'INSUFFICIENT_CREDITS',
  'OVERAGE_LIMIT_REACHED',
  'CLIENT_TOKEN_LIMIT_REACHED',
  'END_USER_LIMIT_REACHED',
];

/** The most that a route costs when no allowance pays for any of it. */
export const priceWithoutAllowance = ({ credits = ZERO, units, rate, per }: MeteredQuote): MicroCredits =>
  rate === null ? credits : micro(credits + divideRoundingUp(BigInt(units) * rate, BigInt(per)));

/**
 * One hold that covers whichever of the routes serves, and no more than that: of those that only credits can pay the
 * dearest, of those that the allowance can pay the one with the dearest rate, and of these two the greater once it is
 * known what the allowance takes.
 */
export function holdFor(quotes: readonly [MeteredQuote, ...MeteredQuote[]]): MeteredQuote {
  if (quotes.length === 1) return quotes[0];
  const listed = dearest(quotes, (quote) => quote.listCredits(quote.units));
  const list = listed.listCredits(listed.units);
  const listCredits = (): MicroCredits => list;
  const byCredits = quotes.filter((quote) => !quote.allowanceEligible);
  const byAllowance = quotes.filter((quote) => quote.allowanceEligible);
  if (!isNotEmpty(byAllowance)) return { ...dearest(quotes, priceWithoutAllowance), listCredits };
  return {
    ...steepest(byAllowance),
    units: Math.max(...byAllowance.map(({ units }) => units)),
    allowanceOnly: byAllowance.some(({ allowanceOnly }) => allowanceOnly),
    atLeast: isNotEmpty(byCredits) ? priceWithoutAllowance(dearest(byCredits, priceWithoutAllowance)) : ZERO,
    listCredits,
  };
}

/**
 * Starts an operation with every route that may be paid for. Routes that could cost more than `maxCredits` are left out,
 * whichever they are. Where credits, overage or a budget do not reach, the dearest fallbacks are left out, but never the
 * route that comes first: a caller who cannot pay for that is told so, and not served by another unasked.
 * @throws AppError MAX_CREDITS_EXCEEDED when no route is left, and whatever `start` refuses with
 */
export async function startWithin<C extends Candidate, Started>(
  routes: readonly PricedRoute<C>[],
  maxCredits: MicroCredits | null,
  start: (usable: UsableRoutes<C>) => Promise<Started>,
): Promise<Started> {
  if (routes.length === 1) return start(usableOf(routes, undefined));
  const leftOut = overMaxCredits(routes, maxCredits);
  if (leftOut.size === routes.length) throw allOver(routes, maxCredits!);
  for (;;) {
    try {
      return await start(usableOf(routes, leftOut));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const dropped = dearestToDrop(routes, leftOut, error.code);
      if (!dropped) throw error;
      leftOut.set(dropped.candidate, error.code);
    }
  }
}

/** Routes that only credits can pay, and that need more than the caller allows; what an allowance takes the ledger knows. */
export function overMaxCredits<C extends Candidate>(
  routes: readonly PricedRoute<C>[],
  maxCredits: MicroCredits | null,
): Map<Candidate, ErrorCode> {
  const leftOut = new Map<Candidate, ErrorCode>();
  if (maxCredits === null) return leftOut;
  for (const { candidate, quote } of routes) {
    const over = !quote.allowanceEligible && priceWithoutAllowance(quote) > maxCredits;
    if (over) leftOut.set(candidate, 'MAX_CREDITS_EXCEEDED');
  }
  return leftOut;
}

function allOver<C extends Candidate>(routes: readonly PricedRoute<C>[], maxCredits: MicroCredits): AppError {
  const prices = routes.map(({ quote }) => priceWithoutAllowance(quote));
  const required = formatCredits(prices.reduce((least, price) => (price < least ? price : least)));
  return new AppError(
    'MAX_CREDITS_EXCEEDED',
    `Every route may cost more than maxCredits allows, the cheapest ${required} credits. Raise maxCredits or name a cheaper provider.`,
    { maxCredits: formatCredits(maxCredits), required },
  );
}

export function usableOf<C extends Candidate>(
  routes: readonly PricedRoute<C>[],
  leftOut: ReadonlyMap<Candidate, ErrorCode> | undefined,
): UsableRoutes<C> {
  const quotes: MeteredQuote[] = [];
  for (const { candidate, quote } of routes) if (!leftOut?.has(candidate)) quotes.push(quote);
  if (!isNotEmpty(quotes)) throw new RangeError('An operation has at least one route that may be used.');
  return {
    hold: holdFor(quotes),
    candidates: routes.map(({ candidate }) => candidate),
    leftOut: leftOut && leftOut.size > 0 ? leftOut : undefined,
    quoteOf: (candidate) => routes.find((route) => route.candidate === candidate)!.quote,
  };
}

/** The next route to do without after a refusal; null: the refusal stands. */
export function dearestToDrop<C extends Candidate>(
  routes: readonly PricedRoute<C>[],
  leftOut: ReadonlyMap<Candidate, ErrorCode>,
  refusal: ErrorCode,
): PricedRoute<C> | null {
  const left = routes.filter(({ candidate }) => !leftOut.has(candidate));
  if (left.length < 2) return null;
  const priceOf = ({ quote }: PricedRoute<C>): MicroCredits => priceWithoutAllowance(quote);
  if (refusal === 'MAX_CREDITS_EXCEEDED') {
    // Those that only credits can pay were weighed before, so it is one that the allowance did not reach for.
    const overdrawn = left.filter(({ quote }) => quote.allowanceEligible);
    return isNotEmpty(overdrawn) ? dearest(overdrawn, priceOf) : null;
  }
  const fallbacks = left.slice(1);
  return TOO_DEAR.includes(refusal) && isNotEmpty(fallbacks) ? dearest(fallbacks, priceOf) : null;
}

/** The dearest rate: of two whose prices round to the same, the one that is dearer for every part of the units. */
function steepest(quotes: readonly [MeteredQuote, ...MeteredQuote[]]): MeteredQuote {
  let found = quotes[0];
  for (const quote of quotes) {
    if ((quote.rate ?? 0n) * BigInt(found.per) > (found.rate ?? 0n) * BigInt(quote.per)) found = quote;
  }
  return found;
}

const isNotEmpty = <Item>(items: readonly Item[]): items is readonly [Item, ...Item[]] => items.length > 0;

/** The first of the dearest. */
function dearest<Item>(items: readonly [Item, ...Item[]], priceOf: (item: Item) => bigint): Item {
  let found = items[0];
  for (const item of items) if (priceOf(item) > priceOf(found)) found = item;
  return found;
}
