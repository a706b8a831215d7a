import type { BillingInvoiceLine } from '../../../src/billing/payment-gateway';
import type { BillingModel } from './billing-model';
import { monthsAfter } from './calendar-oracle';

/** The table of plans, written out once more. */
const TABLE: Readonly<Record<string, { credits: bigint; rate: number | null; carryover: number }>> = {
  free: { credits: 2_500_000_000n, rate: null, carryover: 0 },
  starter: { credits: 50_000_000_000n, rate: 10, carryover: 1 },
  pro: { credits: 200_000_000_000n, rate: 8, carryover: 1 },
  scale: { credits: 1_000_000_000_000n, rate: 6, carryover: 2 },
};

function demand(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

/** For each grant and for each period: what came in is what went out and what is left. Cheap enough for every step. */
export function checkSums(model: BillingModel): void {
  let total = 0n;
  for (const grant of model.grants) {
    const { credits, spent, expired, revoked, remaining } = grant;
    demand(credits === spent + expired + revoked + remaining, 'granted = spent + expired + revoked + remaining');
    demand(
      [spent, expired, revoked, remaining].every((part) => part >= 0n),
      'no part of a grant is below zero',
    );
    demand(
      remaining === 0n || grant.expiresAt === null || grant.expiresAt > model.now,
      'nothing is left of what ran out',
    );
    total += remaining;
  }
  const sums: Record<string, bigint>[] = [];
  for (const { period, kind, amount } of model.entries) {
    sums[period] ??= { grant: 0n, usage: 0n, expire: 0n, revoke: 0n, overage: 0n };
    sums[period][kind]! += amount;
  }
  let closing = 0n;
  for (const { number, opening, closing: told } of model.periods) {
    const { grant = 0n, usage = 0n, expire = 0n, revoke = 0n } = sums[number] ?? {};
    demand(opening === closing, 'a period opens with what the one before left');
    closing = opening + grant + usage + expire + revoke;
    demand(told === null || told === closing, 'opening + granted = spent + expired + revoked + closing');
  }
  demand(closing === total, 'the balance is what the last period leaves');
  const used = -(sums[model.period.number]?.overage ?? 0n);
  demand(used === model.overageUsed, 'overage stands beside the balance, and begins anew with each period');
}

/** The whole history against the rules: the order of burning, hard caps, expiry and carryover. Anchors: of all calendars. */
export function checkHistory(model: BillingModel, anchors: readonly number[]): void {
  const left: bigint[] = [];
  for (const entry of model.entries) {
    if (entry.kind === 'grant') {
      left[entry.grant!] = entry.amount;
      continue;
    }
    if (entry.kind === 'overage') {
      demand(
        left.every((amount) => amount === 0n || amount === undefined),
        'overage begins when all grants are spent',
      );
      demand(
        Object.values(TABLE).some(({ rate }) => rate === entry.rate && rate !== null),
        'overage has the rate of a plan',
      );
      continue;
    }
    const grant = model.grants[entry.grant!]!;
    if (entry.kind === 'usage') {
      demand(grant.expiresAt === null || grant.expiresAt > entry.at, 'nothing is spent of what ran out');
      const place = placeOf(grant);
      model.grants.forEach((other, index) => {
        if ((left[index] ?? 0n) === 0n || index === entry.grant) return;
        demand(before(place, placeOf(other)), 'the earliest expiry is spent first, then the earliest creation');
      });
    }
    if (entry.kind === 'expire')
      demand(grant.expiresAt !== null && grant.expiresAt <= entry.at, 'nothing runs out early');
    left[entry.grant!] = left[entry.grant!]! + entry.amount;
    demand(left[entry.grant!]! >= 0n, 'no grant gives more than it has');
  }
  const whole = new Set<number>();
  for (const grant of model.grants) {
    if (grant.kind === 'TOP_UP')
      demand(grant.expiresAt === monthsAfter(grant.createdAt, 12), 'a top-up lasts 12 months');
    if (grant.wholePeriodOf === null) continue;
    const plan = TABLE[grant.wholePeriodOf]!;
    demand(grant.credits === plan.credits, `a month of ${grant.wholePeriodOf} is as the table says`);
    demand(!whole.has(grant.period), 'a period is granted once');
    whole.add(grant.period);
    const carried = grant.trial ? 0 : plan.carryover;
    demand(
      anchors.some((anchor) => isMonthOf(anchor, grant.periodEnd, carried, grant.expiresAt!)),
      `a month of ${grant.wholePeriodOf} is usable for ${carried} more periods`,
    );
  }
}

const placeOf = (grant: { expiresAt: number | null; createdAt: number }): [number, number] => [
  grant.expiresAt ?? Number.POSITIVE_INFINITY,
  grant.createdAt,
];
const before = (a: [number, number], b: [number, number]): boolean => a[0] < b[0] || (a[0] === b[0] && a[1] <= b[1]);

/** Whether `end` is the end of a month counted from the anchor, and `expiry` that of the month `more` later. */
function isMonthOf(anchor: number, end: number, more: number, expiry: number): boolean {
  if (expiry === end && more === 0) return true;
  const guess = Math.round((end - anchor) / (30.436875 * 86_400_000));
  return [guess - 1, guess, guess + 1].some(
    (months) => monthsAfter(anchor, months) === end && monthsAfter(anchor, months + more) === expiry,
  );
}

/** The invoice of a period out of its journal and its charges alone. USD x 10^10. */
export function checkInvoice(model: BillingModel, period: number, lines: readonly BillingInvoiceLine[]): void {
  const byRate = new Map<number, bigint>();
  for (const entry of model.entries) {
    if (entry.period === period && entry.kind === 'overage') {
      byRate.set(entry.rate!, (byRate.get(entry.rate!) ?? 0n) - entry.amount);
    }
  }
  const charges = model.charges.filter((charge) => charge.period === period);
  const expected = [
    ...charges.map(({ priceUsd, seconds, ofSeconds }) => centsOf(priceUsd * seconds, ofSeconds)),
    ...[...byRate].sort(([a], [b]) => b - a).map(([rate, credits]) => centsOf(credits * BigInt(rate), 1n)),
  ];
  demand(
    JSON.stringify(lines.map(({ amountUsd }) => (amountUsd / 100_000_000n).toString())) ===
      JSON.stringify(expected.map(String)),
    `the invoice of period ${period} is its journal to the cent`,
  );
  demand(
    lines.every(({ amountUsd }) => amountUsd % 100_000_000n === 0n),
    'every line is in whole cents',
  );
}

/** Half up, by what is left of the division. */
function centsOf(dividend: bigint, divisor: bigint): bigint {
  const unit = divisor * 100_000_000n;
  const rest = dividend % unit;
  return dividend / unit + (rest + rest >= unit ? 1n : 0n);
}
