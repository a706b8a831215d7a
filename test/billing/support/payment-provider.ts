import type { SubscriptionSnapshot, SubscriptionStatus } from '../../../src/billing/subscription';
import { monthsAfter } from './calendar-oracle';

interface Running {
  id: string;
  planId: string;
  pendingPlanId: string | null;
  status: SubscriptionStatus;
  /** Where its months are counted from, and which one it is in. */
  anchor: number;
  month: number;
  start: number;
  end: number;
  trialEnd: number | null;
  cancelAtPeriodEnd: boolean;
  paid: boolean;
}

/** A payment provider as it is seen from outside: one subscription at a time, with months, failures and ends of its own. */
export class PaymentProvider {
  private running: Running | null = null;
  private made = 0;
  private failing = false;
  /** Anchors of every subscription there ever was. */
  readonly anchors: number[] = [];

  constructor(private readonly name: string) {}

  get inEffect(): boolean {
    return this.running !== null && this.running.status !== 'CANCELED';
  }

  subscribe(planId: string, trialDays: number, now: number): void {
    if (this.inEffect) return;
    const start = Math.floor(now / 1000) * 1000;
    const anchor = start + trialDays * 86_400_000;
    this.made += 1;
    this.anchors.push(anchor);
    this.failing = false;
    this.running = {
      id: `${this.name}-${this.made}`,
      planId,
      pendingPlanId: null,
      status: trialDays > 0 ? 'TRIALING' : 'ACTIVE',
      anchor,
      month: trialDays > 0 ? -1 : 0,
      start,
      end: trialDays > 0 ? anchor : monthsAfter(anchor, 1),
      trialEnd: trialDays > 0 ? anchor : null,
      cancelAtPeriodEnd: false,
      paid: true,
    };
  }

  advance(now: number): void {
    const { running } = this;
    while (running && running.status !== 'CANCELED' && running.end <= now) {
      if (running.cancelAtPeriodEnd) {
        running.status = 'CANCELED';
        return;
      }
      running.month += 1;
      running.start = running.end;
      running.end = monthsAfter(running.anchor, running.month + 1);
      running.planId = running.pendingPlanId ?? running.planId;
      running.pendingPlanId = null;
      running.paid = !this.failing;
      if (running.status !== 'UNPAID') running.status = this.failing ? 'PAST_DUE' : 'ACTIVE';
    }
  }

  /** `later`: from the next month on. */
  changePlan(planId: string, later: boolean): void {
    if (!this.running || !this.inEffect) return;
    if (later) this.running.pendingPlanId = planId;
    else this.running.planId = planId;
  }

  fail(): void {
    this.failing = true;
  }

  unpaid(): void {
    if (this.inEffect && this.running!.status === 'PAST_DUE') this.running!.status = 'UNPAID';
  }

  pay(): void {
    this.failing = false;
    if (!this.inEffect) return;
    this.running!.paid = true;
    if (this.running!.status !== 'TRIALING') this.running!.status = 'ACTIVE';
  }

  cancelAtPeriodEnd(cancel: boolean): void {
    if (this.inEffect) this.running!.cancelAtPeriodEnd = cancel;
  }

  endNow(): void {
    if (this.inEffect) this.running!.status = 'CANCELED';
  }

  /** As it is at this moment. */
  snapshot(now: number): SubscriptionSnapshot | null {
    const { running } = this;
    if (!running) return null;
    return {
      paymentProvider: 'test',
      customerId: this.name,
      subscriptionId: running.id,
      planId: running.planId,
      status: running.status,
      periodStart: new Date(running.start),
      periodEnd: new Date(running.end),
      trialEnd: running.trialEnd === null ? null : new Date(running.trialEnd),
      cancelAtPeriodEnd: running.cancelAtPeriodEnd,
      pendingPlanId: running.pendingPlanId,
      periodPaid: running.paid,
      fetchedAt: new Date(now),
    };
  }
}
