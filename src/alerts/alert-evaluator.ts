import type { Database, Queryable } from '../db/database';
import { newId } from '../lib/ids';
import { lockWatch } from './alert-rules';
import { type Decisions, decide } from './decide';
import { type Look, readFacts, type Seen, stateColumns } from './read-facts';
import { SpendingDays } from './spending-days';

/** Alerts of one transaction; what is more comes with the next. */
const RAISED_MOST = 100;

export interface AlertEvaluatorDependencies {
  readonly database: Database;
  /** Handles grants that ran out and periods that ended, for one account. */
  readonly roll: (workspaceId: string) => Promise<void>;
  /** Told after each commit that raised alerts, with the sequence of the newest. */
  readonly onRaised: (workspaceId: string, sequence: string) => void;
}

/** NO_RULES: no rule is enabled. MORE: the rest has to be looked at soon. */
export type EvaluationOutcome = 'NO_RULES' | 'DONE' | 'MORE';

/**
 * Judges the rules of a workspace by what its database says at this moment, and raises what they find. Any number of
 * servers may do so at once, and a server may die at any point: a crossing becomes one alert.
 */
export class AlertEvaluator {
  readonly spendingDays = new SpendingDays();

  constructor(private readonly dependencies: AlertEvaluatorDependencies) {}

  /**
   * Nothing is locked or written where nothing has happened. `remember`: note in the database that everything up to now
   * was looked at, so that no server looks again before something changes.
   */
  async evaluate(workspaceId: string, remember = false): Promise<EvaluationOutcome> {
    const { database, roll } = this.dependencies;
    let look = await readFacts(database, workspaceId, this.spendingDays);
    if (look?.due) {
      await roll(workspaceId);
      look = await readFacts(database, workspaceId, this.spendingDays);
    }
    if (!look) return 'NO_RULES';
    const { raise, end } = decide(look.rules, look.facts);
    if (raise.length + end.length > 0) return this.commit(workspaceId, remember);
    if (remember || look.rulesChanged) await note(database, workspaceId, look.seen);
    return 'DONE';
  }

  /**
   * Looks again under the lock, and keeps what it decides then: another server may have raised the same a moment ago, or
   * the balance may have risen since.
   */
  private async commit(workspaceId: string, remember: boolean): Promise<EvaluationOutcome> {
    const { outcome, sequence } = await this.dependencies.database.transaction(async (tx) => {
      await lockWatch(tx, workspaceId);
      const look = await readFacts(tx, workspaceId, this.spendingDays);
      if (!look) return { outcome: 'NO_RULES' as const, sequence: null };
      // A period that ended just now begins outside this transaction.
      if (look.due) return { outcome: 'MORE' as const, sequence: null };
      const all = decide(look.rules, look.facts);
      const decisions = { raise: all.raise.slice(0, RAISED_MOST), end: all.end };
      const newest = await keep(tx, workspaceId, look, decisions);
      if (decisions.raise.length < all.raise.length) return { outcome: 'MORE' as const, sequence: newest };
      if (remember || look.rulesChanged) await note(tx, workspaceId, look.seen);
      return { outcome: 'DONE' as const, sequence: newest };
    });
    if (sequence !== null) this.dependencies.onRaised(workspaceId, sequence);
    return outcome;
  }
}

/** Writes alerts together with the states that keep them from being raised again; answers the newest sequence. */
async function keep(
  tx: Queryable,
  workspaceId: string,
  { facts }: Look,
  { raise, end }: Decisions,
): Promise<string | null> {
  if (end.length > 0) {
    await tx.query(
      `DELETE FROM alert_states s USING unnest($2::uuid[], $3::text[]) AS over (rule_id, subject)
       WHERE s.workspace_id = $1 AND s.rule_id = over.rule_id AND s.subject = over.subject`,
      [workspaceId, end.map(({ ruleId }) => ruleId), end.map(({ subject }) => subject)],
    );
  }
  if (raise.length === 0) return null;
  const ruleIds = raise.map(({ rule }) => rule.id);
  const subjects = raise.map(({ subject }) => subject);
  const { periodNumber, day, granted } = stateColumns(facts);
  await tx.query(
    `INSERT INTO alert_states (workspace_id, rule_id, subject, period_number, day, granted)
     SELECT $1, r.rule_id, r.subject, $4, $5, $6 FROM unnest($2::uuid[], $3::text[]) AS r (rule_id, subject)
     ON CONFLICT (workspace_id, rule_id, subject) DO UPDATE
     SET period_number = excluded.period_number, day = excluded.day, granted = excluded.granted`,
    [workspaceId, ruleIds, subjects, periodNumber, day, granted],
  );
  const { rows } = await tx.query<{ last_sequence: string }>(
    'UPDATE alert_watches SET last_sequence = last_sequence + $2 WHERE workspace_id = $1 RETURNING last_sequence',
    [workspaceId, raise.length],
  );
  const newest = rows[0]!.last_sequence;
  await tx.query(
    `INSERT INTO alerts (workspace_id, sequence, id, rule_id, kind, subject, message, details, raised_at)
     SELECT $1, $2::bigint + a.number, a.id, a.rule_id, a.kind, a.subject, a.message, a.details, $3
     FROM unnest($4::uuid[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::jsonb[]) WITH ORDINALITY
       AS a (id, rule_id, kind, subject, message, details, number)`,
    [
      workspaceId,
      (BigInt(newest) - BigInt(raise.length)).toString(),
      facts.account.now,
      raise.map(() => newId(facts.account.now.getTime())),
      ruleIds,
      raise.map(({ rule }) => rule.kind),
      subjects,
      raise.map(({ message }) => message),
      raise.map(({ details }) => JSON.stringify(details)),
    ],
  );
  return newest;
}

/** Not when a rule was changed in between: then it has to be looked at again. */
async function note(to: Queryable, workspaceId: string, seen: Seen): Promise<void> {
  await to.query(
    `UPDATE alert_watches SET evaluated_at = $3, evaluated_revision = $2, seen_sequence = $4, seen_spendable = $5,
       seen_held = $6, seen_period = $7
     WHERE workspace_id = $1 AND revision = $2 AND (evaluated_at IS NULL OR evaluated_at <= $3)`,
    [workspaceId, seen.revision, seen.at, seen.sequence, seen.spendable, seen.held, seen.periodNumber],
    'alert_note',
  );
}
