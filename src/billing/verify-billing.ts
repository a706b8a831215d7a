import type { Queryable } from '../db/database';
import { type VerifyReport, verifyLedger } from '../ledger/verify';

/** Each query lists what breaks its invariant: workspace_id and detail. */
const INVARIANTS: Readonly<Record<string, string>> = {
  'for each period opening + granted = spent + expired + revoked + closing': `
    SELECT p.workspace_id, format('period %s: opening %s, journal %s, closing %s', p.number, p.opening,
      COALESCE(j.total, 0), p.closing) AS detail
    FROM billing_periods p LEFT JOIN (SELECT workspace_id, period_number, sum(amount) AS total FROM journal
      WHERE bucket = 'credits' GROUP BY workspace_id, period_number) j
      ON j.workspace_id = p.workspace_id AND j.period_number = p.number
    WHERE p.closing <> p.opening + COALESCE(j.total, 0)`,
  'a period opens with what the one before left': `
    SELECT n.workspace_id, format('period %s opens with %s, the one before left %s', n.number, n.opening,
      COALESCE(p.closing, 0)) AS detail
    FROM billing_periods n LEFT JOIN billing_periods p ON p.workspace_id = n.workspace_id AND p.number = n.number - 1
    WHERE n.opening <> COALESCE(p.closing, 0)`,
  'periods follow each other without gaps, and the last one runs': `
    SELECT p.workspace_id, format('period %s', p.number) AS detail
    FROM billing_periods p JOIN accounts a ON a.workspace_id = p.workspace_id
      LEFT JOIN billing_periods n ON n.workspace_id = p.workspace_id AND n.number = p.number + 1
    WHERE p.period_end IS DISTINCT FROM COALESCE(n.period_start, a.period_end)
      OR (p.closing IS NULL) <> (p.number = a.period_number)
      OR (p.number = a.period_number AND (p.period_start, p.plan_id) <> (a.period_start, a.plan_id))`,
  'a period is granted once': `
    SELECT workspace_id, format('period %s has %s grants of a whole month', period_number, count(*)) AS detail
    FROM grants WHERE kind = 'MONTHLY' AND idempotency_key IS NOT NULL
    GROUP BY workspace_id, period_number HAVING count(*) > 1`,
};

/** Proves the ledger's invariants and those of periods, in one snapshot. */
export const verifyBilling = (tx: Queryable): Promise<VerifyReport> => verifyLedger(tx, INVARIANTS);
