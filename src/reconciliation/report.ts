import type { CountedUnit } from '../../providers/contract/usage';
import type { OpenReason } from './find-by-request';
import type { LostEvent } from './lost-events';
import type { RequestFindings } from './request-matching';

/** One unit of one day (or month), in millionths. */
export interface ReconciliationRow {
  /** YYYY-MM-DD; of a month, its first. */
  readonly date: string;
  readonly unit: CountedUnit;
  readonly ours: bigint;
  readonly theirs: bigint;
  /** theirs - ours, exact. */
  readonly drift: bigint;
  /** The drift is more than the rounding of the provider's sums. */
  readonly drifted: boolean;
}

/** Our records of one provider against its own count. */
export interface Reconciliation {
  readonly provider: string;
  /** Whole UTC days (or months): those that the span asked for touches, up to the present one. */
  readonly start: Date;
  readonly end: Date;
  /** When the provider told its count; earlier than now where it could not be asked. */
  readonly countedAt: Date;
  /** By date and unit; where neither side counted anything there is none. */
  readonly rows: readonly ReconciliationRow[];
  /** Dates whose sums hold what cannot be told apart, and are not compared. */
  readonly notCompared: readonly string[];
  /** UNKNOWN operations of the span that still wait. */
  readonly unresolved: number;
  /** null: the provider lists no requests, or could not be asked. */
  readonly requests: RequestFindings | null;
}

/** What a run that resolves has found. */
export interface Resolution {
  readonly resolved: readonly { readonly eventId: string; readonly workspaceId: string; readonly counted: string }[];
  readonly open: readonly { readonly event: LostEvent; readonly reason: OpenReason }[];
}

/** Whether anything differs between the two sides. */
export function hasDrift({ rows, requests }: Reconciliation): boolean {
  const differs =
    requests !== null &&
    [requests.notListed, requests.otherQuantity, requests.countedFailures, requests.unclaimed].some(
      ({ count }) => count > 0,
    );
  return differs || rows.some(({ drifted }) => drifted);
}
