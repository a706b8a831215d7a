/** What one end user may use at most; null: no such limit. */
export interface Bounds {
  readonly day: number | null;
  readonly period: number | null;
  readonly minute: number | null;
}

interface Operation {
  readonly id: string;
  readonly user: string;
  readonly credits: number;
  readonly began: number;
  readonly leaseUntil: number;
  /** null: it runs. */
  charged: number | null;
}

const MINUTE = 60_000;
const DAY = 86_400_000;
const LEASE = 60_000;

/** What limits of end users mean, said by every operation that there was: no sum is kept. */
export class EndUserModel {
  readonly limits = new Map<string, Bounds>();
  private readonly operations: Operation[] = [];

  /** @param now midnight on the 10th of a month, when periods begin */
  constructor(public now: number) {}

  get open(): readonly Operation[] {
    return this.operations.filter(({ charged }) => charged === null);
  }

  begin(id: string, user: string, credits: number) {
    const refusal = this.refusal(user, credits);
    if (refusal) return { outcome: 'END_USER_LIMIT', ...refusal };
    this.operations.push({ id, user, credits, began: this.now, leaseUntil: this.now + LEASE, charged: null });
    return { outcome: 'HELD' };
  }

  /** What nobody has kept alive ends at no cost. */
  sweep(): void {
    for (const operation of this.open) if (operation.leaseUntil < this.now) operation.charged = 0;
  }

  chargedToday = (user: string): number => sum(this.of(user, dayOf), 0);
  chargedInPeriod = (user: string): number => sum(this.of(user, periodOf), 0);

  list(): [string, number, number][] {
    return [...this.limits.keys()]
      .map((user): [string, number, number] => [user, this.chargedToday(user), this.chargedInPeriod(user)])
      .sort(([a], [b]) => (a < b ? -1 : 1));
  }

  private refusal(user: string, credits: number) {
    const limits = this.limits.get(user);
    if (!limits) return null;
    const { day, period, minute } = limits;
    const requests = this.of(user, minuteOf).length;
    if (minute !== null && requests >= minute) {
      const resetAt = new Date((minuteOf(this.now) + 1) * MINUTE).toISOString();
      return { limit: 'REQUESTS_PER_MINUTE', most: minute, used: requests, resetAt };
    }
    const today = sum(this.of(user, dayOf));
    if (day !== null && credits > 0 && today + credits > day) {
      const resetAt = new Date((dayOf(this.now) + 1) * DAY).toISOString();
      return { limit: 'CREDITS_PER_DAY', most: day, used: today, resetAt };
    }
    const inPeriod = sum(this.of(user, periodOf));
    if (period !== null && credits > 0 && inPeriod + credits > period) {
      const next = periodOf(this.now) + 1;
      const resetAt = new Date(Date.UTC(Math.floor(next / 12), next % 12, 10)).toISOString();
      return { limit: 'CREDITS_PER_PERIOD', most: period, used: inPeriod, resetAt };
    }
    return null;
  }

  /** The operations of a user that began in the same span of time as now. */
  private of(user: string, span: (moment: number) => number): Operation[] {
    return this.operations.filter((one) => one.user === user && span(one.began) === span(this.now));
  }
}

const minuteOf = (moment: number): number => Math.floor(moment / MINUTE);
const dayOf = (moment: number): number => Math.floor(moment / DAY);
/** Months since the year 0, each from midnight on its 10th. */
function periodOf(moment: number): number {
  const date = new Date(moment);
  return date.getUTCFullYear() * 12 + date.getUTCMonth() - (date.getUTCDate() < 10 ? 1 : 0);
}

/** Of what was charged, and of what is held where `running` does not say how much that counts. */
const sum = (operations: readonly Operation[], running?: number): number =>
  operations.reduce((total, { charged, credits }) => total + (charged ?? running ?? credits), 0);
