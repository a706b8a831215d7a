import { checkPlans, checkRates, type Entry } from './price-book-checks';
import { faultsOf, PriceBookError } from './price-book-faults';
import { planSchema, priceBookSchema, rateSchema, type WrittenPriceBook } from './price-book-file';

/**
 * Reads parsed JSON as a price book.
 * @param source named in the error, such as the path of the file
 * @throws PriceBookError with all faults at once, those of form and those of meaning
 */
export function readPriceBook(json: unknown, source: string): WrittenPriceBook {
  const whole = priceBookSchema.safeParse(json);
  const written = (typeof json === 'object' && json !== null ? json : {}) as Readonly<Record<string, unknown>>;
  const scope = priceBookSchema.shape.allowance.safeParse(written.allowance).data?.scope;
  const plans = sorted(written.plans, planSchema);
  const rates = sorted(written.rates, rateSchema);
  const faults = [
    ...(whole.error ? faultsOf(whole.error) : []),
    ...checkPlans(plans.wellFormed, plans.malformed, written.defaultPlan),
    ...checkRates(rates.wellFormed, rates.malformed, scope),
  ];
  if (!whole.success || faults.length > 0) throw new PriceBookError(source, faults);
  return whole.data;
}

interface Schema<T> {
  safeParse(value: unknown): { readonly success: true; readonly data: T } | { readonly success: false };
}

/** What can be checked for its meaning although other entries have faults of form, and those others. */
function sorted<T>(
  list: unknown,
  schema: Schema<T>,
): { readonly wellFormed: Entry<T>[]; readonly malformed: Partial<T>[] } {
  const wellFormed: Entry<T>[] = [];
  const malformed: Partial<T>[] = [];
  for (const [index, item] of Array.isArray(list) ? list.entries() : []) {
    const parsed = schema.safeParse(item);
    if (parsed.success) wellFormed.push({ index, value: parsed.data });
    else if (typeof item === 'object' && item !== null) malformed.push(item);
  }
  return { wellFormed, malformed };
}
