import { calendarOf, endBy, proratedShare, secondsLeft, startBy } from '../../../src/billing/periods';
import { creditsOf, isDearer, type PlanTerms, priceOf } from '../../../src/billing/plan-terms';
import { inEffect, type SubscriptionSnapshot, type SubscriptionStatus } from '../../../src/billing/subscription';
import { MODEL_PLANS } from './model-plans';

export interface ModelGrant {
  readonly kind: 'MONTHLY' | 'TOP_UP' | 'PROMOTION';
  readonly credits: bigint;
  remaining: bigint;
  spent: bigint;
  expired: bigint;
  revoked: bigint;
  readonly period: number;
  readonly effectiveAt: number;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  /** The plan whose whole period it is; null for a share of one and for what no plan gave. */
  readonly wholePeriodOf: string | null;
  readonly trial: boolean;
  /** End of its period as it was when it was given. */
  readonly periodEnd: number;
}

export interface ModelPeriod {
  readonly number: number;
  readonly start: number;
  end: number;
  readonly opening: bigint;
  closing: bigint | null;
  grantedCredits: bigint | null;
  pricedUsd: bigint | null;
}

export interface ModelCharge {
  readonly period: number;
  readonly kind: 'PLAN' | 'UPGRADE';
  readonly planName: string;
  readonly priceUsd: bigint;
  readonly seconds: bigint;
  readonly ofSeconds: bigint;
}

/** Signed, as in the journal; overage beside the balance. */
export interface ModelEntry {
  readonly period: number;
  readonly kind: 'grant' | 'usage' | 'expire' | 'revoke' | 'overage';
  readonly amount: bigint;
  readonly rate: number | null;
  readonly at: number;
  /** Index of the grant. */
  readonly grant: number | null;
}

const YEAR_MONTHS = 12;
const SAME_PERIOD_MS = 4 * 86_400_000;

/** An account as grants, usage and time alone make it: no storage, no locks, time given from outside. Milliseconds. */
export class BillingModel {
  readonly grants: ModelGrant[] = [];
  readonly periods: ModelPeriod[] = [];
  readonly charges: ModelCharge[] = [];
  readonly entries: ModelEntry[] = [];
  planId: string;
  pendingPlanId: string | null = null;
  overageUsed = 0n;
  ownLimit: bigint | null | undefined = undefined;
  blocked = false;
  overageStopped = false;
  grantsStopped = false;
  known: (SubscriptionSnapshot & { accountPeriod: number }) | null = null;
  private calendar: { anchor: Date; anchorPeriod: number };

  constructor(
    planId: string,
    public now: number,
  ) {
    this.planId = planId;
    this.calendar = { anchor: new Date(now), anchorPeriod: 0 };
    this.periods.push({
      number: 0,
      start: now,
      end: endBy(this.calendar, 0).getTime(),
      opening: 0n,
      closing: null,
      grantedCredits: null,
      pricedUsd: null,
    });
    this.grantPeriod();
  }

  get plan(): PlanTerms {
    return MODEL_PLANS[this.planId]!;
  }
  get period(): ModelPeriod {
    return this.periods.at(-1)!;
  }
  get spendable(): bigint {
    return this.grants.reduce((sum, { remaining }) => sum + remaining, 0n);
  }
  get overageLimit(): bigint | null {
    if (this.overageStopped) return 0n;
    if (this.plan.overageRate === null) return null;
    return this.ownLimit === undefined ? creditsOf(this.plan) : this.ownLimit;
  }

  wait(milliseconds: number): void {
    this.now += milliseconds;
  }

  roll(): void {
    while (this.period.end <= this.now) {
      this.expire(this.period.end);
      const next = this.period.number + 1;
      this.planId = this.pendingPlanId ?? this.planId;
      this.begin(startBy(this.calendar, next).getTime(), endBy(this.calendar, next).getTime());
    }
    this.expire(this.now);
  }

  /** Answers why it is refused; null: served. */
  spend(amount: bigint): 'BLOCKED' | 'INSUFFICIENT' | 'OVERAGE_LIMIT' | null {
    this.roll();
    if (amount === 0n) return null;
    if (this.blocked) return 'BLOCKED';
    const free = this.spendable;
    const over = amount > free ? amount - free : 0n;
    if (over > 0n && this.plan.overageRate === null) return 'INSUFFICIENT';
    if (over > 0n && this.overageLimit !== null && this.overageUsed + over > this.overageLimit) return 'OVERAGE_LIMIT';
    let rest = amount - over;
    for (const grant of this.inOrder()) {
      const taken = rest < grant.remaining ? rest : grant.remaining;
      if (taken === 0n) continue;
      grant.remaining -= taken;
      grant.spent += taken;
      rest -= taken;
      this.enter('usage', -taken, grant);
    }
    if (over > 0n) {
      this.overageUsed += over;
      this.enter('overage', -over, null, this.plan.overageRate);
    }
    return null;
  }

  grant(kind: 'TOP_UP' | 'PROMOTION', credits: bigint, expiresAt: number | null): void {
    this.roll();
    this.add({
      kind,
      credits,
      effectiveAt: this.now,
      createdAt: this.now,
      expiresAt:
        kind === 'TOP_UP' ? startBy({ anchor: new Date(this.now), anchorPeriod: 0 }, YEAR_MONTHS).getTime() : expiresAt,
      wholePeriodOf: null,
    });
  }

  /** Of the grants that were not given by a plan, the one of that place. */
  revoke(place: number): void {
    this.roll();
    const grant = this.grants.filter(({ kind }) => kind !== 'MONTHLY')[place];
    if (grant) this.takeBack(grant);
  }

  setLimit(limit: bigint | null): boolean {
    this.roll();
    if (this.plan.overageRate === null) return false;
    this.ownLimit = limit;
    return true;
  }

  /** By the operator; false while a provider is paid. */
  setPlan(planId: string, atPeriodEnd: boolean): boolean {
    this.roll();
    if (this.known && inEffect(this.known.status)) return false;
    if (atPeriodEnd) this.pendingPlanId = planId === this.planId ? null : planId;
    else this.moveTo(planId, this.now);
    return true;
  }

  apply(snapshot: SubscriptionSnapshot): void {
    this.roll();
    const { known } = this;
    if (known && !this.supersedes(snapshot, known)) return;
    const before = known?.subscriptionId === snapshot.subscriptionId ? known : null;
    if (inEffect(snapshot.status)) this.follow(snapshot, before);
    else if (known && inEffect(known.status)) this.end(snapshot);
    const covers = inEffect(snapshot.status) && this.covers(snapshot);
    this.known = { ...snapshot, accountPeriod: covers ? this.period.number : (before?.accountPeriod ?? -1) };
  }

  private follow(snapshot: SubscriptionSnapshot, before: (SubscriptionSnapshot & { accountPeriod: number }) | null) {
    const plan = MODEL_PLANS[snapshot.planId]!;
    this.standAs(snapshot.status);
    const [start, end] = [snapshot.periodStart.getTime(), snapshot.periodEnd.getTime()];
    const ahead = before !== null && this.period.number > before.accountPeriod;
    const apart = start - this.period.start;
    let place: 'next' | 'present' | 'past';
    if (end <= this.period.start) place = 'past';
    else if (!before || !inEffect(before.status)) place = 'next';
    else if (start === before.periodStart.getTime()) place = ahead ? 'past' : 'present';
    else if (start < before.periodStart.getTime()) place = 'past';
    else if (ahead && Math.abs(apart) <= SAME_PERIOD_MS) place = 'present';
    else place = apart > 0 ? 'next' : 'past';
    if (place === 'next') {
      this.calendar = calendarOf(this.period.number + 1, snapshot.periodStart, snapshot.periodEnd);
      this.planId = plan.id;
      this.begin(Math.max(start, this.period.start), end);
    } else if (place === 'present' && end !== this.period.end) {
      this.period.end = end;
      this.calendar = calendarOf(this.period.number, snapshot.periodStart, snapshot.periodEnd);
    }
    if (this.covers(snapshot) && isDearer(plan, this.plan)) {
      this.moveTo(plan.id, before && this.period.number > before.accountPeriod ? this.period.start : this.now);
    }
    if (this.covers(snapshot) && snapshot.status !== 'UNPAID' && this.planId === plan.id) this.grantPeriod();
    const pending =
      snapshot.pendingPlanId ?? (snapshot.cancelAtPeriodEnd ? 'free' : this.planId === plan.id ? null : plan.id);
    this.pendingPlanId = pending === this.planId ? null : pending;
    if (this.period.end <= this.now) this.roll();
  }

  private end(snapshot: SubscriptionSnapshot): void {
    this.standAs('CANCELED');
    if (!snapshot.periodPaid) {
      for (const grant of this.grants) {
        const within =
          grant.effectiveAt >= snapshot.periodStart.getTime() && grant.effectiveAt < snapshot.periodEnd.getTime();
        if (grant.kind === 'MONTHLY' && within) this.takeBack(grant);
      }
    }
    this.moveTo('free', this.now);
  }

  private standAs(status: SubscriptionStatus): void {
    this.blocked = status === 'UNPAID';
    this.overageStopped = inEffect(status) && status !== 'ACTIVE';
    this.grantsStopped = status === 'UNPAID' || status === 'TRIALING';
  }

  private supersedes(snapshot: SubscriptionSnapshot, known: SubscriptionSnapshot): boolean {
    if (known.subscriptionId === snapshot.subscriptionId) {
      return known.status !== 'CANCELED' && snapshot.fetchedAt >= known.fetchedAt;
    }
    if (inEffect(snapshot.status) !== inEffect(known.status)) return inEffect(snapshot.status);
    return inEffect(known.status) ? snapshot.fetchedAt >= known.fetchedAt : snapshot.periodStart > known.periodStart;
  }

  private covers(snapshot: SubscriptionSnapshot): boolean {
    return snapshot.periodEnd.getTime() === this.period.end;
  }

  private begin(start: number, end: number): void {
    this.period.end = start;
    this.period.closing = this.spendable;
    this.pendingPlanId = null;
    this.overageUsed = 0n;
    this.periods.push({
      number: this.period.number + 1,
      start,
      end,
      opening: this.spendable,
      closing: null,
      grantedCredits: null,
      pricedUsd: null,
    });
    if (!this.grantsStopped) this.grantPeriod();
  }

  private get trial(): boolean {
    return this.overageStopped && this.grantsStopped && !this.blocked;
  }

  private grantPeriod(): void {
    const { period, plan } = this;
    if (period.grantedCredits !== null) return;
    period.grantedCredits = creditsOf(plan);
    period.pricedUsd = this.trial ? 0n : priceOf(plan);
    if (period.pricedUsd > 0n) this.charge('PLAN', period.pricedUsd, period.start);
    if (creditsOf(plan) > 0n) {
      this.add({
        kind: 'MONTHLY',
        credits: creditsOf(plan),
        effectiveAt: period.start,
        createdAt: period.start,
        expiresAt: this.expiry(),
        wholePeriodOf: plan.id,
      });
    }
  }

  private moveTo(planId: string, at: number): void {
    this.planId = planId;
    this.pendingPlanId = null;
    const { period, plan } = this;
    if (period.grantedCredits === null || period.pricedUsd === null) {
      if (!this.grantsStopped || this.trial) this.grantPeriod();
      return;
    }
    const gain = creditsOf(plan) - period.grantedCredits;
    const rise = this.trial ? 0n : priceOf(plan) - period.pricedUsd;
    if (gain > 0n) period.grantedCredits = creditsOf(plan);
    if (rise > 0n) {
      period.pricedUsd += rise;
      this.charge('UPGRADE', rise, at);
    }
    const credits = gain > 0n ? proratedShare(gain, new Date(period.start), new Date(period.end), new Date(at)) : 0n;
    if (credits > 0n) {
      this.add({
        kind: 'MONTHLY',
        credits,
        effectiveAt: this.now,
        createdAt: this.now,
        expiresAt: this.expiry(),
        wholePeriodOf: null,
      });
    }
  }

  private expiry(): number {
    const { carryoverMonths } = this.plan;
    if (this.trial || carryoverMonths === 0) return this.period.end;
    return endBy(this.calendar, this.period.number + carryoverMonths).getTime();
  }

  private charge(kind: 'PLAN' | 'UPGRADE', priceUsd: bigint, from: number): void {
    const { left, of } = secondsLeft(new Date(this.period.start), new Date(this.period.end), new Date(from));
    if (left === 0n) return;
    this.charges.push({
      period: this.period.number,
      kind,
      planName: this.plan.name,
      priceUsd,
      seconds: left,
      ofSeconds: of,
    });
  }

  private add(
    grant: Pick<ModelGrant, 'kind' | 'credits' | 'effectiveAt' | 'createdAt' | 'expiresAt' | 'wholePeriodOf'>,
  ) {
    const added = {
      ...grant,
      remaining: grant.credits,
      spent: 0n,
      expired: 0n,
      revoked: 0n,
      period: this.period.number,
      trial: this.trial,
      periodEnd: this.period.end,
    };
    this.grants.push(added);
    this.enter('grant', grant.credits, added);
  }

  private takeBack(grant: ModelGrant): void {
    if (grant.remaining === 0n) return;
    this.enter('revoke', -grant.remaining, grant);
    grant.revoked += grant.remaining;
    grant.remaining = 0n;
  }

  private expire(moment: number): void {
    for (const grant of this.grants) {
      if (grant.remaining === 0n || grant.expiresAt === null || grant.expiresAt > moment) continue;
      this.enter('expire', -grant.remaining, grant, null, moment);
      grant.expired += grant.remaining;
      grant.remaining = 0n;
    }
  }

  private inOrder(): ModelGrant[] {
    return this.grants
      .filter(({ remaining }) => remaining > 0n)
      .sort(
        (a, b) =>
          (a.expiresAt ?? Number.POSITIVE_INFINITY) - (b.expiresAt ?? Number.POSITIVE_INFINITY) ||
          a.createdAt - b.createdAt,
      );
  }

  private enter(
    kind: ModelEntry['kind'],
    amount: bigint,
    grant: ModelGrant | null,
    rate: number | null = null,
    at = this.now,
  ): void {
    this.entries.push({
      period: this.period.number,
      kind,
      amount,
      rate,
      at,
      grant: grant ? this.grants.indexOf(grant) : null,
    });
  }
}
