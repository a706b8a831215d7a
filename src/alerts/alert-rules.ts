import type { Database, Queryable } from '../db/database';
import { AppError, notFound } from '../lib/errors';
import { isId, newId } from '../lib/ids';
import { type AlertKind, type AlertRule, RULES_MAX } from './alert-kinds';
import { checkExpectedVoices, checkThreshold } from './rule-values';

/** What a new rule watches for. */
export interface NewAlertRule {
  readonly kind: AlertKind;
  /** Decimal; the kind's own when left out. */
  readonly threshold?: string | null | undefined;
  readonly expectedVoiceIds?: readonly string[] | null | undefined;
}

/** What is left out or null stays as it was. */
export interface AlertRuleChange {
  readonly threshold?: string | null | undefined;
  readonly expectedVoiceIds?: readonly string[] | null | undefined;
  readonly enabled?: boolean | null | undefined;
}

export interface AlertRulesDependencies {
  readonly database: Database;
  /** Told after each commit that changed a rule. */
  readonly onChanged: (workspaceId: string) => void;
  /** Told after each commit by which a balance may be LOW at another amount. */
  readonly onBalanceChanged: (workspaceId: string) => void;
}

interface RuleRow {
  id: string;
  kind: AlertKind;
  threshold: string | null;
  expected_voice_ids: string[] | null;
  enabled: boolean;
  created_at: Date;
  watching_since: Date;
}

const COLUMNS = 'id, kind, threshold, expected_voice_ids, enabled, created_at, watching_since';

/** The rules of a workspace. A rule of another workspace is answered like one that does not exist. */
export class AlertRules {
  constructor(private readonly dependencies: AlertRulesDependencies) {}

  /** Oldest first. */
  async list(workspaceId: string): Promise<AlertRule[]> {
    return readRules(this.dependencies.database, workspaceId, false);
  }

  /** @throws AppError BAD_USER_INPUT, or PLAN_LIMIT (limit ALERT_RULES, max, actual) when the workspace has 50 already */
  async create(workspaceId: string, { kind, ...rule }: NewAlertRule): Promise<AlertRule> {
    const threshold = checkThreshold(kind, rule.threshold);
    const expectedVoiceIds = checkExpectedVoices(kind, rule.expectedVoiceIds);
    return this.change(workspaceId, async (tx) => {
      await tx.query('INSERT INTO alert_watches (workspace_id) VALUES ($1) ON CONFLICT DO NOTHING', [workspaceId]);
      await lockWatch(tx, workspaceId);
      const { rows } = await tx.query<{ count: number }>(
        'SELECT count(*)::integer AS count FROM alert_rules WHERE workspace_id = $1',
        [workspaceId],
      );
      const actual = rows[0]!.count;
      if (actual >= RULES_MAX) {
        throw new AppError(
          'PLAN_LIMIT',
          `A workspace has at most ${RULES_MAX} alert rules: delete one that is no longer needed.`,
          { limit: 'ALERT_RULES', max: RULES_MAX, actual },
        );
      }
      const made = await tx.query<RuleRow>(
        `INSERT INTO alert_rules (workspace_id, id, kind, threshold, expected_voice_ids, created_at, watching_since)
         SELECT $1, $2, $3, $4, $5, now, now FROM ledger_now() now RETURNING ${COLUMNS}`,
        [workspaceId, newId(), kind, threshold?.toString() ?? null, expectedVoiceIds],
      );
      return made.rows[0]!;
    });
  }

  /**
   * Changes what is given. A rule with another threshold, or one that is switched on again, looks at everything anew:
   * what is across the threshold by then is raised once more.
   * @throws AppError NOT_FOUND, or BAD_USER_INPUT for what the rule's kind does not take
   */
  async update(workspaceId: string, id: string, change: AlertRuleChange): Promise<AlertRule> {
    return this.change(workspaceId, async (tx) => {
      await lockWatch(tx, workspaceId);
      const before = await findRule(tx, workspaceId, id);
      const { kind } = before;
      const threshold = change.threshold == null ? before.threshold : checkThreshold(kind, change.threshold);
      const expected = checkExpectedVoices(kind, change.expectedVoiceIds) ?? before.expectedVoiceIds;
      const enabled = change.enabled ?? before.enabled;
      const switchedOn = enabled && !before.enabled;
      const { rows } = await tx.query<RuleRow>(
        `UPDATE alert_rules SET threshold = $3, expected_voice_ids = $4, enabled = $5,
           watching_since = CASE WHEN $6 THEN ledger_now() ELSE watching_since END
         WHERE workspace_id = $1 AND id = $2 RETURNING ${COLUMNS}`,
        [workspaceId, id, threshold?.toString() ?? null, expected, enabled, switchedOn],
      );
      // A voice that was told of stays told of, whatever else is expected from now on.
      if (kind !== 'NEW_VOICE' && (switchedOn || threshold !== before.threshold)) {
        await tx.query('DELETE FROM alert_states WHERE workspace_id = $1 AND rule_id = $2', [workspaceId, id]);
      }
      return rows[0]!;
    });
  }

  /** @throws AppError NOT_FOUND */
  async remove(workspaceId: string, id: string): Promise<void> {
    await this.change(workspaceId, async (tx) => {
      await lockWatch(tx, workspaceId);
      await findRule(tx, workspaceId, id);
      const { rows } = await tx.query<RuleRow>(
        `DELETE FROM alert_rules WHERE workspace_id = $1 AND id = $2 RETURNING ${COLUMNS}`,
        [workspaceId, id],
      );
      return rows[0]!;
    });
  }

  /** The account learns its highest threshold in the same commit, so that its state never lags behind its rules. */
  private async change(workspaceId: string, work: (tx: Queryable) => Promise<RuleRow>): Promise<AlertRule> {
    const { database, onChanged, onBalanceChanged } = this.dependencies;
    const { rule, balanceChanged } = await database.transaction(async (tx) => {
      const row = await work(tx);
      await tx.query('UPDATE alert_watches SET revision = revision + 1 WHERE workspace_id = $1', [workspaceId]);
      const { rowCount } = await tx.query(
        `UPDATE accounts SET low_balance_threshold = highest.threshold
         FROM (SELECT max(threshold) AS threshold FROM alert_rules
           WHERE workspace_id = $1 AND kind = 'LOW_BALANCE' AND enabled) highest
         WHERE workspace_id = $1 AND low_balance_threshold IS DISTINCT FROM highest.threshold`,
        [workspaceId],
      );
      return { rule: ruleOf(row), balanceChanged: rowCount > 0 };
    });
    onChanged(workspaceId);
    if (balanceChanged) onBalanceChanged(workspaceId);
    return rule;
  }
}

/** Answers whether there is anything to lock: a workspace that never had a rule has nothing. */
export async function lockWatch(tx: Queryable, workspaceId: string): Promise<boolean> {
  const { rowCount } = await tx.query('SELECT 1 FROM alert_watches WHERE workspace_id = $1 FOR UPDATE', [workspaceId]);
  return rowCount > 0;
}

/** Oldest first. */
export async function readRules(from: Queryable, workspaceId: string, enabledOnly: boolean): Promise<AlertRule[]> {
  const { rows } = await from.query<RuleRow>(
    `SELECT ${COLUMNS} FROM alert_rules WHERE workspace_id = $1 AND (enabled OR NOT $2) ORDER BY created_at, id`,
    [workspaceId, enabledOnly],
    'alert_rules',
  );
  return rows.map(ruleOf);
}

async function findRule(tx: Queryable, workspaceId: string, id: string): Promise<AlertRule> {
  const { rows } = isId(id)
    ? await tx.query<RuleRow>(`SELECT ${COLUMNS} FROM alert_rules WHERE workspace_id = $1 AND id = $2`, [
        workspaceId,
        id,
      ])
    : { rows: [] };
  if (!rows[0]) throw notFound('alert rule');
  return ruleOf(rows[0]);
}

const ruleOf = (row: RuleRow): AlertRule => ({
  id: row.id,
  kind: row.kind,
  threshold: row.threshold === null ? null : BigInt(row.threshold),
  expectedVoiceIds: row.expected_voice_ids,
  enabled: row.enabled,
  createdAt: row.created_at,
  watchingSince: row.watching_since,
});
