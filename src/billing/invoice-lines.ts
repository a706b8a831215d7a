import { roundToCent } from '../lib/cents';
import { MICRO_PER_CREDIT } from '../lib/credits';
import type { BillingInvoiceLine } from './payment-gateway';

/** The price of a plan for a share of a period: all of it at its beginning, the rest of it for an upgrade. */
export interface PlanCharge {
  readonly kind: 'PLAN' | 'UPGRADE';
  readonly planName: string;
  /** USD x 10^10 of the whole period; of an upgrade, the difference. */
  readonly priceUsd: bigint;
  readonly seconds: bigint;
  readonly ofSeconds: bigint;
}

/** Overage of a period at one rate. */
export interface OverageAtRate {
  /** USD x 10^4 a credit. */
  readonly rate: number;
  /** Micro-credits. */
  readonly credits: bigint;
}

/** USD x 10^10 a credit of a rate in USD x 10^4. */
const E10_PER_RATE = 1_000_000n;

/**
 * The lines of a period's invoice: what its plans cost, and its overage in one line for each rate. Each is rounded
 * once, half up, to the cent; nothing is rounded before.
 */
export function invoiceLines(
  charges: readonly PlanCharge[],
  overage: readonly OverageAtRate[],
): readonly BillingInvoiceLine[] {
  return [
    ...charges.map((charge) =>
      charge.kind === 'PLAN'
        ? {
            description: `${charge.planName}, one month`,
            quantity: MICRO_PER_CREDIT,
            unitUsd: charge.priceUsd,
            amountUsd: roundToCent(charge.priceUsd * charge.seconds, charge.ofSeconds),
          }
        : {
            description: `Upgrade to ${charge.planName} for the rest of the month`,
            quantity: null,
            unitUsd: null,
            amountUsd: roundToCent(charge.priceUsd * charge.seconds, charge.ofSeconds),
          },
    ),
    ...overage
      .filter(({ credits }) => credits > 0n)
      .map(({ rate, credits }) => ({
        description: 'Credits beyond those of the plan',
        quantity: credits,
        unitUsd: BigInt(rate) * E10_PER_RATE,
        // A micro-credit at USD rate x 10^-4 a credit is rate x 10^-10 dollars.
        amountUsd: roundToCent(credits * BigInt(rate)),
      })),
  ];
}
