import type { Queryable } from '../db/database';
import { type AlertRule, type AlertState } from './alert-kinds';
import { readRules } from './alert-rules';
import { type AccountFacts, dayOf, type Facts, type ProviderFacts, type Spending, type VoiceFacts } from './facts';
import type { SpendingDays } from './spending-days';

const DAY_MS = 86_400_000;
const QUARTER_MS = 900_000;
/** The present quarter of an hour and the three before it. */
const HOUR_QUARTERS = 4;
/** A commit is seen so long after the moment that it is dated with, at most. */
const COMMIT_MS = 300_000;

/** What was known of a workspace's account when its rules were last looked at, and what is now. */
export interface Seen {
  readonly revision: string;
  readonly sequence: string;
  readonly spendable: string;
  readonly held: string;
  readonly periodNumber: number;
  readonly at: Date;
}

export interface Look {
  readonly rules: readonly AlertRule[];
  readonly facts: Facts;
  readonly seen: Seen;
  /** A rule was changed since the rules were last looked at. */
  readonly rulesChanged: boolean;
  /** The period ended or a grant ran out, and the account does not know it yet. */
  readonly due: boolean;
}

interface WatchRow {
  revision: string;
  evaluated_revision: string | null;
  evaluated_at: Date | null;
  event_sequence: string;
  spendable: string;
  held: string;
  period_number: number;
  period_start: Date;
  period_end: Date;
  granted: string;
  due: boolean;
  now: Date;
}

/**
 * Everything that the enabled rules of a workspace are judged by, in a few short queries; null where there is no such
 * rule. The account is read first: what is committed later is found by the next look.
 */
export async function readFacts(
  from: Queryable,
  workspaceId: string,
  spendingDays: SpendingDays,
): Promise<Look | null> {
  const { rows } = await from.query<WatchRow>(
    `SELECT w.revision, w.evaluated_revision, w.evaluated_at, a.event_sequence, a.spendable, a.held, a.period_number,
       a.period_start, a.period_end, a.next_change_at <= ledger_now() AS due,
       date_trunc('milliseconds', ledger_now()) AS now,
       (SELECT COALESCE(sum(credits), 0)::text FROM grants g WHERE g.workspace_id = $1) AS granted
     FROM alert_watches w JOIN accounts a USING (workspace_id) WHERE w.workspace_id = $1`,
    [workspaceId],
    'alert_account',
  );
  const row = rows[0];
  const rules = row ? await readRules(from, workspaceId, true) : [];
  if (!row || rules.length === 0) return null;
  const account = accountOf(row);
  const rulesChanged = row.evaluated_revision !== row.revision;
  const of = (kind: AlertRule['kind']): AlertRule[] => rules.filter((rule) => rule.kind === kind);
  const voiceRules = of('NEW_VOICE');
  const voices =
    voiceRules.length === 0 ? [] : await readVoices(from, workspaceId, row, voicesSince(row, voiceRules, rulesChanged));
  return {
    rules,
    facts: {
      account,
      spending: of('SPEND_SPIKE').length === 0 ? null : await readSpending(from, workspaceId, account, spendingDays),
      providers: of('PROVIDER_ERRORS').length === 0 ? [] : await readProviders(from, workspaceId, account),
      voices,
      states: await readStates(
        from,
        workspaceId,
        voices.map(({ voiceId }) => voiceId),
      ),
    },
    seen: {
      revision: row.revision,
      sequence: row.event_sequence,
      spendable: row.spendable,
      held: row.held,
      periodNumber: row.period_number,
      at: row.now,
    },
    rulesChanged,
    due: row.due,
  };
}

async function readSpending(from: Queryable, workspaceId: string, { now }: AccountFacts, spendingDays: SpendingDays) {
  const start = new Date(Math.floor(now.getTime() / DAY_MS) * DAY_MS);
  const { rows } = await from.query<{ credits: string; audio_milliseconds: string }>(
    `SELECT COALESCE(sum(credits), 0)::text AS credits, COALESCE(sum(audio_milliseconds), 0)::text AS audio_milliseconds
     FROM usage_quarters WHERE workspace_id = $1 AND quarter >= $2`,
    [workspaceId, start],
    'alert_spending',
  );
  const today: Spending = {
    credits: BigInt(rows[0]!.credits),
    audioMilliseconds: BigInt(rows[0]!.audio_milliseconds),
  };
  return { today, days: await spendingDays.before(from, workspaceId, now) };
}

async function readProviders(from: Queryable, workspaceId: string, { now }: AccountFacts): Promise<ProviderFacts[]> {
  const quarter = Math.floor(now.getTime() / QUARTER_MS) * QUARTER_MS;
  const { rows } = await from.query<{ provider_id: string; requests: string; failures: string }>(
    `SELECT s.provider_id, sum(q.requests)::text AS requests, sum(q.failures)::text AS failures
     FROM usage_quarters q JOIN usage_series s ON s.workspace_id = q.workspace_id AND s.id = q.series_id
     WHERE q.workspace_id = $1 AND q.quarter >= $2 AND s.provider_id IS NOT NULL
     GROUP BY s.provider_id ORDER BY s.provider_id`,
    [workspaceId, new Date(quarter - (HOUR_QUARTERS - 1) * QUARTER_MS)],
    'alert_providers',
  );
  return rows.map((row) => ({
    providerId: row.provider_id,
    requests: BigInt(row.requests),
    failures: BigInt(row.failures),
  }));
}

/** From when on voices have to be looked at: a changed rule may mean others of this period too. */
function voicesSince(row: WatchRow, rules: readonly AlertRule[], rulesChanged: boolean): Date {
  const evaluated = row.evaluated_at ? row.evaluated_at.getTime() - COMMIT_MS : 0;
  if (!rulesChanged) return new Date(evaluated);
  const watching = Math.min(...rules.map(({ watchingSince }) => watchingSince.getTime()));
  return new Date(Math.min(row.period_start.getTime(), Math.max(evaluated, watching)));
}

/** Only the quarter of an hour in which the period began takes a look at events: its sums are of two periods. */
async function readVoices(from: Queryable, workspaceId: string, row: WatchRow, since: Date): Promise<VoiceFacts[]> {
  const { rows } = await from.query<{
    voice_id: string;
    voice_name: string | null;
    first_used_at: Date;
    used_this_period: boolean;
  }>(
    `SELECT v.voice_id, v.voice_name,
       (SELECT min(f.first_used_at) FROM usage_series f WHERE f.workspace_id = $1 AND f.voice_id = v.voice_id)
         AS first_used_at,
       v.last_quarter >= $3 OR (v.last_quarter = usage_quarter($3) AND EXISTS (SELECT 1 FROM usage_events e
         WHERE e.workspace_id = $1 AND e.settled_at >= $3 AND e.settled_at < usage_quarter($3) + interval '15 minutes'
           AND e.voice_id = v.voice_id AND e.status IN ('SUCCEEDED', 'ABORTED'))) AS used_this_period
     FROM (SELECT s.voice_id, max(s.voice_name) AS voice_name, max(q.quarter) AS last_quarter
       FROM usage_quarters q JOIN usage_series s ON s.workspace_id = q.workspace_id AND s.id = q.series_id
       WHERE q.workspace_id = $1 AND q.quarter >= usage_quarter($2) AND q.requests > q.failures
         AND s.voice_id IS NOT NULL
       GROUP BY s.voice_id) v
     ORDER BY v.voice_id`,
    [workspaceId, since, row.period_start],
    'alert_voices',
  );
  return rows.map((voice) => ({
    voiceId: voice.voice_id,
    voiceName: voice.voice_name,
    firstUsedAt: voice.first_used_at,
    usedThisPeriod: voice.used_this_period,
  }));
}

/** Of voices only those that are asked for: a rule may have told of thousands. */
async function readStates(from: Queryable, workspaceId: string, voiceIds: readonly string[]): Promise<AlertState[]> {
  const { rows } = await from.query<{
    rule_id: string;
    subject: string;
    period_number: number;
    day: string;
    granted: string;
  }>(
    `SELECT s.rule_id, s.subject, s.period_number, s.day::text AS day, s.granted
     FROM alert_rules r JOIN alert_states s ON s.workspace_id = r.workspace_id AND s.rule_id = r.id
     WHERE r.workspace_id = $1 AND r.enabled AND (r.kind <> 'NEW_VOICE' OR s.subject = ANY ($2::text[]))`,
    [workspaceId, voiceIds],
    'alert_states',
  );
  return rows.map((row) => ({
    ruleId: row.rule_id,
    subject: row.subject,
    periodNumber: row.period_number,
    day: row.day,
    granted: BigInt(row.granted),
  }));
}

const accountOf = (row: WatchRow): AccountFacts => ({
  now: row.now,
  spendable: BigInt(row.spendable),
  held: BigInt(row.held),
  periodNumber: row.period_number,
  periodEnd: row.period_end,
  granted: BigInt(row.granted),
});

/** The state that a crossing leaves behind, for the columns of `alert_states`. */
export const stateColumns = ({ account }: Facts) => ({
  periodNumber: account.periodNumber,
  day: dayOf(account.now),
  granted: account.granted.toString(),
});
