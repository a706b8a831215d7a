import type { Database } from '../db/database';
import { invoiceLines, type OverageAtRate, type PlanCharge } from './invoice-lines';
import type { BillingInvoice } from './payment-gateway';

interface PeriodRow {
  number: number;
  period_start: Date;
  period_end: Date;
  ended: boolean;
  charges: { kind: 'PLAN' | 'UPGRADE'; name: string; price: string; seconds: string; of: string }[] | null;
  overage: { rate: number; credits: string }[] | null;
}

/**
 * Newest first. A period in which nothing was to pay has no invoice. Late settlements are recorded in the period in
 * which they come, so an ended period's invoice does not change any more.
 */
const SQL = `
SELECT * FROM (
  SELECT p.number, p.period_start, p.period_end, p.closing IS NOT NULL AS ended,
    (SELECT jsonb_agg(jsonb_build_object('kind', c.kind, 'name', c.plan_name, 'price', c.price_usd_e10::text,
       'seconds', c.seconds::text, 'of', c.of_seconds::text) ORDER BY c.id)
     FROM plan_charges c WHERE c.workspace_id = p.workspace_id AND c.period_number = p.number) AS charges,
    (SELECT jsonb_agg(jsonb_build_object('rate', o.rate, 'credits', o.credits::text) ORDER BY o.rate DESC)
     FROM (SELECT j.overage_rate AS rate, -sum(j.amount) AS credits FROM journal j
       WHERE j.workspace_id = p.workspace_id AND j.period_number = p.number AND j.bucket = 'overage'
       GROUP BY j.overage_rate) o) AS overage
  FROM billing_periods p WHERE p.workspace_id = $1 AND ($2::integer IS NULL OR p.number < $2)
) invoice
WHERE charges IS NOT NULL OR overage IS NOT NULL
ORDER BY number DESC LIMIT $3`;

/** Invoices out of our own books: what each period cost a workspace that does not pay through a provider. */
export class Invoices {
  constructor(private readonly database: Database) {}

  /**
   * @param after the id of the last invoice of the page before; one that is none of ours begins no page
   */
  async list(workspaceId: string, first: number, after: string | null): Promise<readonly BillingInvoice[]> {
    const before = after === null ? null : numberOf(after);
    if (after !== null && before === null) return [];
    const { rows } = await this.database.query<PeriodRow>(SQL, [workspaceId, before, first]);
    return rows.map((row) => invoiceOf(workspaceId, row));
  }
}

const idOf = (period: number): string => `period-${period}`;

function numberOf(id: string): number | null {
  const match = /^period-(\d{1,9})$/.exec(id);
  return match ? Number(match[1]) : null;
}

function invoiceOf(workspaceId: string, row: PeriodRow): BillingInvoice {
  const charges: PlanCharge[] = (row.charges ?? []).map(({ kind, name, price, seconds, of }) => ({
    kind,
    planName: name,
    priceUsd: BigInt(price),
    seconds: BigInt(seconds),
    ofSeconds: BigInt(of),
  }));
  const overage: OverageAtRate[] = (row.overage ?? []).map(({ rate, credits }) => ({ rate, credits: BigInt(credits) }));
  const lines = invoiceLines(charges, overage);
  return {
    id: idOf(row.number),
    number: row.ended ? `${workspaceId.slice(-8).toUpperCase()}-${String(row.number + 1).padStart(4, '0')}` : null,
    status: row.ended ? 'open' : 'draft',
    periodStart: row.period_start,
    periodEnd: row.period_end,
    lines,
    totalUsd: lines.reduce((sum, { amountUsd }) => sum + amountUsd, 0n),
    url: null,
    createdAt: row.ended ? row.period_end : row.period_start,
  };
}
