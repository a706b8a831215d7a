import type { Queryable } from '../db/database';

export interface Finding {
  /** Name of the invariant that does not hold. */
  readonly invariant: string;
  readonly workspaceId: string;
  readonly detail: string;
}

export interface VerifyReport {
  readonly accounts: number;
  readonly events: number;
  readonly journalEntries: number;
  readonly openHolds: number;
  readonly findings: readonly Finding[];
}

/** Each query lists what breaks its invariant: workspace_id and detail. At most 100 rows of each are shown. */
const INVARIANTS: Readonly<Record<string, string>> = {
  'the balance is the sum of the journal': `
    SELECT a.workspace_id, format('account says %s, journal says %s', a.spendable, COALESCE(j.total, 0)) AS detail
    FROM accounts a LEFT JOIN (SELECT workspace_id, sum(amount) AS total FROM journal WHERE bucket = 'credits'
      GROUP BY workspace_id) j USING (workspace_id)
    WHERE a.spendable <> COALESCE(j.total, 0)`,
  'the balance is the sum of what remains of the grants': `
    SELECT a.workspace_id, format('account says %s, grants say %s', a.spendable, COALESCE(g.total, 0)) AS detail
    FROM accounts a LEFT JOIN (SELECT workspace_id, sum(remaining) AS total FROM grants GROUP BY workspace_id) g
      USING (workspace_id)
    WHERE a.spendable <> COALESCE(g.total, 0)`,
  'each grant agrees with its journal entries': `
    SELECT g.workspace_id, format('grant %s remains %s, journal says %s', g.id, g.remaining, COALESCE(j.total, 0)) AS detail
    FROM grants g LEFT JOIN (SELECT grant_id, sum(amount) AS total FROM journal WHERE grant_id IS NOT NULL
      GROUP BY grant_id) j ON j.grant_id = g.id
    WHERE g.remaining <> COALESCE(j.total, 0)`,
  'what is held is the sum of the open holds': `
    SELECT a.workspace_id, format('account says %s/%s/%s, holds say %s/%s/%s', a.held, a.overage_held, a.allowance_held,
      COALESCE(h.credits, 0), COALESCE(h.overage, 0), COALESCE(h.allowance, 0)) AS detail
    FROM accounts a LEFT JOIN (SELECT workspace_id, sum(credits) AS credits, sum(overage) AS overage,
      sum(allowance) AS allowance FROM holds GROUP BY workspace_id) h USING (workspace_id)
    WHERE (a.held, a.overage_held, a.allowance_held)
      <> (COALESCE(h.credits, 0), COALESCE(h.overage, 0), COALESCE(h.allowance, 0))`,
  'available credits are never below zero': `
    SELECT workspace_id, format('spendable %s, held %s', spendable, held) AS detail FROM accounts WHERE held > spendable`,
  'a settled operation and its journal entries agree to the micro-credit': `
    SELECT e.workspace_id, format('event %s charged %s + %s overage + %s characters, journal says %s + %s + %s', e.id,
      e.credits - e.overage_credits, e.overage_credits, e.allowance_characters, COALESCE(j.credits, 0),
      COALESCE(j.overage, 0), COALESCE(j.allowance, 0)) AS detail
    FROM usage_events e LEFT JOIN (SELECT operation_id, -sum(amount) FILTER (WHERE bucket = 'credits') AS credits,
      -sum(amount) FILTER (WHERE bucket = 'overage') AS overage,
      -sum(amount) FILTER (WHERE bucket = 'allowance') AS allowance FROM journal WHERE kind = 'usage'
      GROUP BY operation_id) j ON j.operation_id = e.id
    WHERE (e.credits - e.overage_credits, e.overage_credits, e.allowance_characters)
      <> (COALESCE(j.credits, 0), COALESCE(j.overage, 0), COALESCE(j.allowance, 0))`,
  'every charge belongs to a usage event': `
    SELECT j.workspace_id, format('journal entry %s names operation %s, which has no event', j.id, j.operation_id) AS detail
    FROM journal j LEFT JOIN usage_events e ON e.id = j.operation_id
    WHERE j.kind = 'usage' AND e.id IS NULL AND NOT EXISTS (SELECT 1 FROM usage_event_months m
      WHERE m.dropped_at IS NOT NULL AND j.operation_id >= m.first_id AND j.operation_id < m.end_id)`,
  'no operation is both held and settled': `
    SELECT h.workspace_id, format('operation %s', h.operation_id) AS detail
    FROM holds h JOIN usage_events e ON e.id = h.operation_id`,
  'events are numbered without gaps': `
    SELECT a.workspace_id, format('account says %s, there are %s and were %s, up to %s', a.event_sequence,
      COALESCE(e.count, 0), COALESCE(d.count, 0), GREATEST(e.last, d.last, 0)) AS detail
    FROM accounts a LEFT JOIN (SELECT workspace_id, count(*) AS count, count(DISTINCT sequence) AS numbers,
      max(sequence) AS last FROM usage_events GROUP BY workspace_id) e USING (workspace_id)
    LEFT JOIN (SELECT workspace_id, sum(events) AS count, max(last_sequence) AS last FROM dropped_usage
      GROUP BY workspace_id) d USING (workspace_id)
    WHERE a.event_sequence <> COALESCE(e.count, 0) + COALESCE(d.count, 0)
      OR a.event_sequence <> GREATEST(e.last, d.last, 0) OR e.numbers <> e.count`,
  'costs follow from credits and rates': `
    SELECT workspace_id, format('event %s costs %s', id, cost_usd_e10) AS detail FROM usage_events
    WHERE cost_usd_e10 <> (credits - overage_credits) * 10 + overage_credits * COALESCE(overage_rate, 0)`,
  'overage and allowance of the period agree with the journal': `
    SELECT a.workspace_id, format('account says %s and %s, journal says %s and %s', a.overage_used, a.allowance_used,
      COALESCE(j.overage, 0), COALESCE(j.allowance, 0)) AS detail
    FROM accounts a LEFT JOIN (SELECT workspace_id, period_number,
      -sum(amount) FILTER (WHERE bucket = 'overage') AS overage,
      -sum(amount) FILTER (WHERE bucket = 'allowance') AS allowance FROM journal WHERE kind = 'usage'
      GROUP BY workspace_id, period_number) j USING (workspace_id, period_number)
    WHERE (a.overage_used, a.allowance_used) <> (COALESCE(j.overage, 0), COALESCE(j.allowance, 0))`,
  'the totals of each period are the sums of its events': `
    SELECT COALESCE(t.workspace_id, e.workspace_id) AS workspace_id, format('period %s, %s: totals %s in %s, events %s in %s',
      COALESCE(t.period_number, e.period_number), COALESCE(t.capability, e.capability), t.credits, t.requests, e.credits,
      e.requests) AS detail
    FROM usage_totals t FULL JOIN (
      SELECT workspace_id, period_number, capability, sum(credits) AS credits, sum(requests) AS requests FROM (
        SELECT workspace_id, period_number, capability, credits, 1 AS requests FROM usage_events
        WHERE status <> 'UNKNOWN'
        UNION ALL
        SELECT workspace_id, period_number, capability, credits, requests FROM dropped_usage WHERE requests > 0
      ) were GROUP BY 1, 2, 3
    ) e USING (workspace_id, period_number, capability)
    WHERE (t.credits, t.requests) IS DISTINCT FROM (e.credits::bigint, e.requests::bigint)`,
  'the sums of each quarter of an hour are the sums of its events': `
    SELECT COALESCE(q.workspace_id, e.workspace_id) AS workspace_id, format('quarter from %s, series %s: sums %s, events %s',
      COALESCE(q.quarter, e.quarter), COALESCE(q.series_id, e.series_id), q.sums, e.sums) AS detail
    FROM (
      SELECT workspace_id, quarter, series_id, ARRAY[requests, failures, credits, overage_credits, cost_usd_e10,
        characters, audio_milliseconds, input_tokens, output_tokens] AS sums
      FROM usage_quarters
      -- A quarter in which events were dropped has sums of its own.
      WHERE NOT EXISTS (SELECT 1 FROM usage_event_months m WHERE m.dropped_at IS NOT NULL
        AND first_id_of(quarter - interval '1 day') < m.end_id)
    ) q FULL JOIN (
      SELECT workspace_id, usage_quarter(settled_at) AS quarter, usage_series_id(capability, provider_id, model,
        voice_id, voice_name, language, style, api_key_id, end_user_id, credential) AS series_id,
        ARRAY[count(*), count(*) FILTER (WHERE status = 'FAILED'), sum(credits)::bigint, sum(overage_credits)::bigint,
          sum(cost_usd_e10)::bigint, sum(characters)::bigint, sum(audio_milliseconds)::bigint,
          sum(input_tokens)::bigint, sum(output_tokens)::bigint] AS sums
      FROM usage_events WHERE status <> 'UNKNOWN' GROUP BY 1, 2, 3
    ) e USING (workspace_id, quarter, series_id)
    WHERE q.sums IS DISTINCT FROM e.sums AND NOT EXISTS (SELECT 1 FROM usage_event_months m
      WHERE m.dropped_at IS NOT NULL AND first_id_of(quarter - interval '1 day') < m.end_id)`,
  'the sums of usage are the journal': `
    SELECT COALESCE(q.workspace_id, j.workspace_id) AS workspace_id, format('sums of usage say %s, journal says %s',
      COALESCE(q.credits, 0), COALESCE(j.credits, 0)) AS detail
    FROM (SELECT workspace_id, sum(credits) AS credits FROM usage_quarters GROUP BY workspace_id) q
    FULL JOIN (SELECT workspace_id, -sum(amount) AS credits FROM journal
      WHERE kind = 'usage' AND bucket IN ('credits', 'overage') GROUP BY workspace_id) j USING (workspace_id)
    WHERE COALESCE(q.credits, 0) <> COALESCE(j.credits, 0)`,
  'client tokens stay within their budgets': `
    SELECT t.workspace_id, format('token %s: held %s, holds say %s', t.id, t.held, COALESCE(h.amount, 0)) AS detail
    FROM client_tokens t LEFT JOIN (SELECT client_token_id, sum(token_amount) AS amount FROM holds
      WHERE client_token_id IS NOT NULL GROUP BY client_token_id) h ON h.client_token_id = t.id
    WHERE t.held <> COALESCE(h.amount, 0) OR t.spent + t.held > t.budget`,
  'what is held for an end user is the sum of their open holds': `
    SELECT l.workspace_id, format('end user %s: held %s of the day and %s of the period, holds say %s and %s', l.end_user_id,
      l.day_held, l.period_held, COALESCE(h.of_day, 0), COALESCE(h.of_period, 0)) AS detail
    FROM end_user_limits l CROSS JOIN LATERAL (
      SELECT sum(h.end_user_amount) FILTER (WHERE (h.created_at AT TIME ZONE 'UTC')::date = l.day) AS of_day,
        sum(h.end_user_amount) FILTER (WHERE h.end_user_period = l.period_number) AS of_period
      FROM holds h WHERE h.workspace_id = l.workspace_id AND h.end_user_id = l.end_user_id) h
    WHERE (l.day_held, l.period_held) <> (COALESCE(h.of_day, 0), COALESCE(h.of_period, 0))`,
  'an end user with limits has no hold that does not count against them': `
    SELECT h.workspace_id, format('operation %s of end user %s', h.operation_id, l.end_user_id) AS detail
    FROM holds h JOIN end_user_limits l ON l.workspace_id = h.workspace_id AND l.end_user_id = h.details ->> 'end_user_id'
    WHERE h.end_user_amount IS DISTINCT FROM h.credits + h.overage OR h.end_user_id <> l.end_user_id`,
  // Of days whose events are kept for certain.
  'what counts against the day of an end user was charged for what began in it': `
    SELECT l.workspace_id, format('end user %s on %s: %s spent, events say %s', l.end_user_id, l.day, l.day_spent,
      COALESCE(e.credits, 0)) AS detail
    FROM end_user_limits l CROSS JOIN LATERAL (
      SELECT sum(e.credits) AS credits FROM usage_events e
      WHERE e.workspace_id = l.workspace_id AND e.end_user_id = l.end_user_id
        AND (e.created_at AT TIME ZONE 'UTC')::date = l.day) e
    WHERE l.day > (ledger_now() - interval '7 days')::date AND l.day_spent <> COALESCE(e.credits, 0)`,
  'no more counts against the period of an end user than was charged in it': `
    SELECT l.workspace_id, format('end user %s in period %s: %s spent, events say %s', l.end_user_id, l.period_number,
      l.period_spent, COALESCE(e.credits, 0)) AS detail
    FROM end_user_limits l JOIN accounts a USING (workspace_id, period_number) CROSS JOIN LATERAL (
      SELECT sum(e.credits) AS credits FROM usage_events e
      WHERE e.workspace_id = l.workspace_id AND e.end_user_id = l.end_user_id AND e.period_number = l.period_number) e
    WHERE l.period_spent > COALESCE(e.credits, 0)`,
  'holds whose lease ran out are swept': `
    SELECT workspace_id, format('operation %s has been overdue since %s', operation_id, lease_until) AS detail
    FROM holds WHERE lease_until < ledger_now() - interval '5 minutes'`,
};

/**
 * Proves the ledger's invariants on a live database, in one snapshot, and names what breaks them.
 * @param further invariants of others over the same tables: a query for each that lists what breaks it
 */
export async function verifyLedger(
  tx: Queryable,
  further: Readonly<Record<string, string>> = {},
): Promise<VerifyReport> {
  await tx.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const findings: Finding[] = [];
  for (const [invariant, sql] of Object.entries({ ...INVARIANTS, ...further })) {
    const broken = await tx.query<{ workspace_id: string; detail: string }>(`${sql} LIMIT 100`);
    for (const row of broken.rows) findings.push({ invariant, workspaceId: row.workspace_id, detail: row.detail });
  }
  const counts = await tx.query<Record<'accounts' | 'events' | 'journal' | 'holds', string>>(
    `SELECT (SELECT count(*) FROM accounts) AS accounts, (SELECT count(*) FROM usage_events) AS events,
       (SELECT count(*) FROM journal) AS journal, (SELECT count(*) FROM holds) AS holds`,
  );
  const row = counts.rows[0]!;
  return {
    accounts: Number(row.accounts),
    events: Number(row.events),
    journalEntries: Number(row.journal),
    openHolds: Number(row.holds),
    findings,
  };
}
