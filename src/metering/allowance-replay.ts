/** More characters than anybody has: an allowance without a limit. */
const NO_LIMIT = 1n << 62n;

/** One operation as an allowance sees it. */
export interface AllowanceClaim {
  /** What the operation was charged for, before the allowance took its share. */
  readonly units: bigint;
  /** What the allowance took when it was made. */
  readonly recorded: bigint;
  /** Whether the allowance counted it when it was made. */
  readonly counted: boolean;
  /** Whether the allowance of the other book counts it. */
  readonly counts: boolean;
  /** The rest may not be bought: all of it, or the operation is refused and takes nothing. */
  readonly onlyWhole: boolean;
}

/**
 * The character allowance of one workspace in one period, played again under another limit or another scope, in the order
 * in which operations were held.
 *
 * What was recorded is the measure: with the same limit and scope every operation keeps the very characters that it had,
 * also where operations ran beside each other and one gave back what another could have used. More characters reach the
 * first operations that ran short; fewer run out at the last ones; what the other book newly counts takes its turn.
 */
export class AllowanceReplay {
  private readonly limit: bigint;
  /** How many characters more are left than were at that time; negative: fewer. */
  private spare: bigint;
  private used = 0n;

  /**
   * @param before characters of the period when it was; null: no limit
   * @param limit characters of the period under the other book; null: no limit
   */
  constructor(before: number | null, limit: number | null) {
    this.limit = limit === null ? NO_LIMIT : BigInt(limit);
    this.spare = this.limit - (before === null ? NO_LIMIT : BigInt(before));
  }

  /** Characters that the allowance takes of the operation; less than its units where it runs out. */
  take(claim: AllowanceClaim): bigint {
    const most = claim.counts ? least(claim.units, this.available(claim)) : 0n;
    const taken = claim.onlyWhole && most < claim.units ? 0n : most;
    this.used += taken;
    this.spare -= taken - claim.recorded;
    return taken;
  }

  private available({ units, recorded, counted }: AllowanceClaim): bigint {
    const left = this.limit > this.used ? this.limit - this.used : 0n;
    if (!counted) return left;
    if (this.spare < 0n) return least(recorded, left);
    // It got all that it asked for, or ran short: then what there is more of now comes on top.
    return recorded === units ? units : recorded + this.spare;
  }
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b);
