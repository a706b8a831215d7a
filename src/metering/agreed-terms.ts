import { z } from 'zod';
import { badInput } from '../lib/errors';
import type { Plan } from './plan';
import { checkPlan } from './price-book-checks';
import { faultsOf, linesOf, type PriceBookFault } from './price-book-faults';
import { planSchema } from './price-book-file';

/** Numbers agreed with one workspace, as they are written and kept: JSON that `readAgreedTerms` has found right. */
export type AgreedTerms = Readonly<Record<string, unknown>>;

const written = planSchema.omit({ id: true, name: true, custom: true });
/** Every number is named, as nothing stands behind it. null is "no limit", where a plan can be without one. */
const schema = z.strictObject({
  ...written.shape,
  priceUsd: written.shape.priceUsd.unwrap(),
  monthlyCredits: written.shape.monthlyCredits.unwrap(),
});

/**
 * Agreed numbers as they are to be kept with a workspace, in the form of a plan of the price book without id, name and
 * custom.
 * @throws AppError BAD_USER_INPUT, field `terms`, that names every fault
 */
export function readAgreedTerms(json: unknown): AgreedTerms {
  const parsed = schema.safeParse(json);
  const faults: PriceBookFault[] = parsed.success ? contradictionsOf(parsed.data) : faultsOf(parsed.error);
  if (faults.length > 0) {
    throw badInput('terms', `The agreed terms cannot be used; nothing is changed:\n${linesOf(faults).join('\n')}`);
  }
  return json as AgreedTerms;
}

function contradictionsOf(terms: z.output<typeof schema>): PriceBookFault[] {
  const faults = checkPlan({ ...terms, id: 'agreed', name: 'agreed', custom: true });
  if (!terms.hardCap && terms.overageUsdPerCredit === null) {
    faults.push([
      'overageUsdPerCredit',
      'is null without a hard cap; write the price of a credit past the grants, or hardCap true',
    ]);
  }
  return faults.map(([path, message]) => ({ path, message }));
}

/** Terms are read once for each object that holds them; those who hold a workspace for long hold the same one. */
const read = new WeakMap<Plan, WeakMap<AgreedTerms, Plan>>();

/** A workspace's plan: with the numbers agreed with it where the plan is by agreement. null: the book has none. */
export function planOf(
  book: { findPlan(id: string): Plan | null },
  planId: string,
  agreed: AgreedTerms | null | undefined,
): Plan | null {
  const plan = book.findPlan(planId);
  if (!plan?.custom || !agreed) return plan;
  const known = read.get(plan) ?? new WeakMap<AgreedTerms, Plan>();
  read.set(plan, known);
  let own = known.get(agreed);
  if (!own) {
    const { overageUsdPerCredit, ...numbers } = schema.parse(agreed);
    own = { ...plan, ...numbers, overageUsdE4PerCredit: overageUsdPerCredit };
    known.set(agreed, own);
  }
  return own;
}
