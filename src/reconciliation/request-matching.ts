import type { CountedRequest, UsageMeasure } from '../../providers/contract/usage';
import { type ComparedSpan, dateOfStep } from './calendar';
import type { UsedEvent } from './our-usage';
import { magnitude, ownQuantity, quantityOf, Sums } from './quantity';

/** Examples of each kind that are kept, however many there are. */
const EXAMPLES_MAX = 20;
/** Millionths. Fractions of a second are written with more or fewer digits in one place than in another. */
const SAME = 1_000n;

/** A request or an operation that the other side does not have, or has otherwise. */
export interface RequestDifference {
  /** ISO 8601. */
  readonly at: string;
  readonly requestId: string | null;
  /** null: it belongs to none of our operations. */
  readonly eventId: string | null;
  readonly workspaceId: string | null;
  readonly unit: string;
  /** Millionths; null: this side does not know it. */
  readonly ours: bigint | null;
  readonly theirs: bigint | null;
}

export interface Differences {
  readonly count: number;
  readonly examples: readonly RequestDifference[];
}

/** How the two lists differ, request by request. */
export interface RequestFindings {
  /** Requests that are in both lists. */
  readonly matched: number;
  /** Operations of ours that the provider does not list. */
  readonly notListed: Differences;
  /** Both have it, with another quantity. */
  readonly otherQuantity: Differences;
  /** The provider counted an attempt that failed for us. */
  readonly countedFailures: Differences;
  /** Requests that none of our operations has: of somebody else with the same account, or of an operation that was lost. */
  readonly unclaimed: Differences;
}

class DifferenceList implements Differences {
  count = 0;
  readonly examples: RequestDifference[] = [];

  add(difference: RequestDifference): void {
    this.count += 1;
    if (this.examples.length < EXAMPLES_MAX) this.examples.push(difference);
  }
}

/** A provider's list of requests held against our operations, which come in any order, each once. */
export class RequestMatching {
  /** Ours, under the provider's day where it lists the operation, else under the day on which it settled. */
  readonly ours = new Sums();
  private readonly claimed = new Set<string>();
  private readonly notListed = new DifferenceList();
  private readonly otherQuantity = new DifferenceList();
  private readonly countedFailures = new DifferenceList();
  private readonly dates: ReadonlySet<string>;
  private matched = 0;

  constructor(
    private readonly measures: readonly UsageMeasure[],
    private readonly span: ComparedSpan,
    private readonly listed: ReadonlyMap<string, CountedRequest>,
  ) {
    this.dates = new Set(span.dates);
  }

  add(event: UsedEvent): void {
    const requests = event.request_ids.flatMap((id) => this.listed.get(id) ?? []);
    for (const { id } of requests) this.claimed.add(id);
    const measure = this.measures.find(({ capability }) => capability === event.capability);
    if (measure === undefined) return;
    const at = requests.length > 0 ? Math.min(...requests.map((request) => request.at)) : event.settled_at.getTime();
    const date = dateOfStep(at, this.span.step);
    if (!this.dates.has(date)) return;
    const told = event.counted_in !== null && measure.countUnits.includes(event.counted_in);
    const ours = !event.counts ? 0n : told ? BigInt(event.counted) : ownQuantity(measure.unit, event);
    if (ours > 0n) this.ours.add(date, measure.unit, ours);
    this.matched += requests.length;
    const theirs = requests.every(({ quantity }) => quantity !== null)
      ? requests.reduce((sum, { quantity }) => sum + quantityOf(quantity!), 0n)
      : null;
    const difference: RequestDifference = {
      at: new Date(at).toISOString(),
      requestId: requests[0]?.id ?? event.request_ids[0] ?? null,
      eventId: event.id,
      workspaceId: event.workspace_id,
      unit: measure.unit,
      ours,
      theirs: requests.length > 0 ? theirs : null,
    };
    if (requests.length === 0) {
      if (ours > 0n && event.request_ids.length > 0) this.notListed.add(difference);
    } else if (theirs === null) return;
    else if (!event.counts) {
      if (theirs > 0n) this.countedFailures.add(difference);
    } else if (magnitude(theirs - ours) > SAME) this.otherQuantity.add(difference);
  }

  /** Requests that belong to no operation so far, but for those that an earlier run found lost operations in. */
  unclaimed(found: ReadonlySet<string>): readonly CountedRequest[] {
    return [...this.listed.values()].filter(({ id }) => !this.claimed.has(id) && !found.has(id));
  }

  findings(found: ReadonlySet<string>): RequestFindings {
    const { matched, notListed, otherQuantity, countedFailures } = this;
    const unclaimed = new DifferenceList();
    for (const request of this.unclaimed(found)) {
      if (!this.dates.has(dateOfStep(request.at, this.span.step))) continue;
      const measure = this.measures.find(({ capability }) => capability === request.capability);
      unclaimed.add({
        at: new Date(request.at).toISOString(),
        requestId: request.id,
        eventId: null,
        workspaceId: null,
        unit: measure?.unit ?? request.capability,
        ours: null,
        theirs: request.quantity === null ? null : quantityOf(request.quantity),
      });
    }
    return { matched, notListed, otherQuantity, countedFailures, unclaimed };
  }
}
