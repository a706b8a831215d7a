import type { CountedUnit, UsageMeasure } from '../../providers/contract/usage';
import { dateOfStep, dateText, type Step, stepAfter } from './calendar';
import { CLOSED_AFTER_MS, type OpenEvent, type OpenReason, type Search } from './find-by-request';
import type { Finding, LostEvent } from './lost-events';
import { magnitude, ownQuantity, quantityOf, wholeUnits } from './quantity';

/** What the provider counted more than we did on a date, in millionths; null where the two cannot be compared. */
export type DriftOf = (date: string, unit: CountedUnit) => bigint | null;

/**
 * Looks for lost operations in the sums of their day (or month). Found are those of a day whose difference they explain to the
 * last unit; of a closed day without a difference, for which the provider counted nothing; and one that is alone on a closed
 * day, where nobody can say beforehand what it would be: the difference is what it counted.
 */
export function findBySums(
  lost: readonly LostEvent[],
  measures: readonly UsageMeasure[],
  driftOf: DriftOf,
  step: Step,
  now: number,
): Search {
  const found: Finding[] = [];
  const open: OpenEvent[] = [];
  for (const [key, events] of groupsOf(lost, step)) {
    const [date, capability] = key.split(' ') as [string, string];
    const counted = measures.filter((measure) => measure.capability === capability);
    const isClosed = stepAfter(Date.parse(date), step) + CLOSED_AFTER_MS <= now;
    const drifts = counted.map(({ unit }) => driftOf(date, unit));
    const result = drifts.includes(null) ? 'NOT_TOLD' : explained(events, counted, drifts as bigint[], isClosed);
    if (typeof result === 'string') open.push(...events.map((event) => ({ event, reason: result })));
    else {
      for (const [index, event] of events.entries()) {
        found.push({ event, date: dateText(event.created_at.getTime()), requestId: null, counts: result[index]! });
      }
    }
  }
  return { found, open };
}

/** The counts of each event, or why they are not known. */
function explained(
  events: readonly LostEvent[],
  measures: readonly UsageMeasure[],
  drifts: readonly bigint[],
  isClosed: boolean,
): OpenReason | readonly Finding['counts'][] {
  if (measures.length === 0) return 'NOT_TOLD';
  const within = (index: number, expected: bigint): boolean =>
    magnitude(drifts[index]! - expected) <= quantityOf(measures[index]!.tolerance ?? 0);
  const countsOf = (quantity: (index: number) => bigint): Finding['counts'] =>
    Object.fromEntries(measures.map(({ unit }, index) => [unit, quantity(index)]));
  const without = measures.every((_measure, index) => within(index, 0n));
  if (measures.some(({ foreseen }) => foreseen === 'never')) {
    if (!isClosed) return 'NOT_CLOSED';
    if (without) return events.map(() => countsOf(() => 0n));
    return events.length === 1 && drifts.every((drift) => drift >= 0n)
      ? [countsOf((index) => drifts[index]!)]
      : 'NOT_EXPLAINED';
  }
  const expected = events.map((event) => measures.map((measure) => foreseenOf(measure, event)));
  const sums = measures.map((_measure, index) => expected.reduce((sum, quantities) => sum + quantities[index]!, 0n));
  const explain = sums.every((sum, index) => within(index, sum));
  // What is no more than the rounding of the day's sum would explain its presence as well as its absence.
  if (explain && without && sums.some((sum) => sum > 0n)) return 'NOT_EXPLAINED';
  if (explain) return expected.map((quantities) => countsOf((index) => quantities[index]!));
  if (!isClosed) return 'NOT_CLOSED';
  return without ? events.map(() => countsOf(() => 0n)) : 'NOT_EXPLAINED';
}

function foreseenOf({ unit, foreseen }: UsageMeasure, event: LostEvent): bigint {
  const quantity = ownQuantity(unit, event);
  return foreseen === 'whole' ? wholeUnits(quantity) : quantity;
}

function groupsOf(lost: readonly LostEvent[], step: Step): ReadonlyMap<string, readonly LostEvent[]> {
  const groups = new Map<string, LostEvent[]>();
  for (const event of lost) {
    const key = `${dateOfStep(event.created_at.getTime(), step)} ${event.capability}`;
    const group = groups.get(key);
    if (group) group.push(event);
    else groups.set(key, [event]);
  }
  return groups;
}
