import type { CountedRequest, UsageMeasure } from '../../providers/contract/usage';
import { DAY_MS, dateText } from './calendar';
import type { Finding, LostEvent } from './lost-events';
import { magnitude, ownQuantity, quantityOf } from './quantity';

/** An operation calls its provider at once, and ends within its own time limits. */
const CALL_MS_MAX = 15 * 60_000;
/** Between the provider's clock and ours. */
const CLOCKS_MS = 60_000;
/** A provider has listed what it counted, or summed it up, by then. */
export const CLOSED_AFTER_MS = DAY_MS;
/** Millionths of a second: what decoders differ by, and whole seconds. */
const SAME_LENGTH = 1_250_000n;

/** Why an operation still waits. */
export type OpenReason =
  /** More than one request could be it, or more than one operation could be that request. */
  | 'AMBIGUOUS'
  /** Requests were listed at that time, but none of its length. */
  | 'OTHER_LENGTH'
  /** The list does not tell how much the provider counted. */
  | 'QUANTITY_NOT_TOLD'
  /** The provider may not have told all of that day yet. */
  | 'NOT_CLOSED'
  /** The difference of its day is not explained by the operations that were lost on it. */
  | 'NOT_EXPLAINED'
  /** The provider tells nothing that could be held against it. */
  | 'NOT_TOLD';

export interface OpenEvent {
  readonly event: LostEvent;
  readonly reason: OpenReason;
}

export interface Search {
  readonly found: readonly Finding[];
  readonly open: readonly OpenEvent[];
}

/**
 * Looks for lost operations among the requests that nobody claimed: by time, model and quantity. Only what can be one request
 * and no other is found; where nothing at all was listed around its time, and the list is old enough to be complete, the
 * provider counted nothing.
 */
export function findByRequest(
  lost: readonly LostEvent[],
  unclaimed: readonly CountedRequest[],
  measures: readonly UsageMeasure[],
  now: number,
): Search {
  const found: Finding[] = [];
  const open: OpenEvent[] = [];
  const candidates = new Map(lost.map((event) => [event, unclaimed.filter((request) => couldBe(event, request))]));
  const fitting = new Map(
    lost.map((event) => [event, candidates.get(event)!.filter((request) => fits(event, request, measures) !== false)]),
  );
  const wanted = new Map<string, number>();
  for (const requests of fitting.values()) {
    for (const { id } of requests) wanted.set(id, (wanted.get(id) ?? 0) + 1);
  }
  for (const event of lost) {
    const measure = measures.find(({ capability }) => capability === event.capability);
    const [only, ...others] = fitting.get(event)!;
    const leave = (reason: OpenReason): void => void open.push({ event, reason });
    if (measure === undefined) leave('NOT_TOLD');
    else if (only !== undefined) {
      if (others.length > 0 || wanted.get(only.id)! > 1) leave('AMBIGUOUS');
      else if (only.quantity === null) leave('QUANTITY_NOT_TOLD');
      else {
        const counts = { [measure.unit]: quantityOf(only.quantity) };
        found.push({ event, date: dateText(only.at), requestId: only.id, counts });
      }
    } else if (candidates.get(event)!.length > 0) leave('OTHER_LENGTH');
    else if (event.created_at.getTime() + CALL_MS_MAX + CLOSED_AFTER_MS > now) leave('NOT_CLOSED');
    else {
      found.push({
        event,
        date: dateText(event.created_at.getTime()),
        requestId: null,
        counts: { [measure.unit]: 0n },
      });
    }
  }
  return { found, open };
}

function couldBe({ capability, model, created_at, settled_at }: LostEvent, request: CountedRequest): boolean {
  const began = created_at.getTime();
  const ended = Math.min(settled_at.getTime(), began + CALL_MS_MAX);
  if (request.capability !== capability || request.at < began - CLOCKS_MS || request.at > ended + CLOCKS_MS)
    return false;
  return request.model === null || model === null || model.slice(model.indexOf('/') + 1) === request.model;
}

/** null: the list does not tell. */
function fits(event: LostEvent, request: CountedRequest, measures: readonly UsageMeasure[]): boolean | null {
  const measure = measures.find(({ capability }) => capability === event.capability);
  const told = request.asked ?? request.quantity;
  if (measure === undefined || told === null) return null;
  const difference = magnitude(quantityOf(told) - ownQuantity(measure.unit, event));
  return measure.unit === 'AUDIO_SECOND' ? difference <= SAME_LENGTH : difference === 0n;
}
