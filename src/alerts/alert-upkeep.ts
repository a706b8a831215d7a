import type { Database } from '../db/database';
import type { AlertEvaluator } from './alert-evaluator';

const PAGE = 200;
/** Looks at one workspace in a row; what is left then comes a minute later. */
const LOOKS_MOST = 50;

/**
 * Looks at every workspace with enabled rules whose usage, balance or rules have changed since all of them were looked
 * at last: whatever a server did not come to before it died is found here, by any other.
 */
export class AlertUpkeep {
  constructor(
    private readonly database: Database,
    private readonly evaluator: AlertEvaluator,
    private readonly onError: (error: unknown) => void,
  ) {}

  async run(): Promise<void> {
    let last = '00000000-0000-0000-0000-000000000000';
    for (;;) {
      const due = await this.dueAfter(last);
      for (const workspaceId of due) await this.look(workspaceId).catch(this.onError);
      if (due.length < PAGE) return;
      last = due.at(-1)!;
    }
  }

  private async look(workspaceId: string): Promise<void> {
    for (let looks = 0; looks < LOOKS_MOST; looks++) {
      if ((await this.evaluator.evaluate(workspaceId, true)) !== 'MORE') return;
    }
  }

  /** A provider's errors end by time alone, so who was told of some is looked at without a change. */
  private async dueAfter(workspaceId: string): Promise<string[]> {
    const { rows } = await this.database.query<{ workspace_id: string }>(
      `SELECT w.workspace_id FROM alert_watches w JOIN accounts a USING (workspace_id)
       WHERE w.workspace_id > $1
         AND EXISTS (SELECT 1 FROM alert_rules r WHERE r.workspace_id = w.workspace_id AND r.enabled)
         AND (w.evaluated_revision IS DISTINCT FROM w.revision
           OR (w.seen_sequence, w.seen_spendable, w.seen_held, w.seen_period)
             IS DISTINCT FROM (a.event_sequence, a.spendable, a.held, a.period_number)
           OR EXISTS (SELECT 1 FROM alert_rules r
             JOIN alert_states s ON s.workspace_id = r.workspace_id AND s.rule_id = r.id
             WHERE r.workspace_id = w.workspace_id AND r.enabled AND r.kind = 'PROVIDER_ERRORS'))
       ORDER BY w.workspace_id LIMIT $2`,
      [workspaceId, PAGE],
    );
    return rows.map((row) => row.workspace_id);
  }
}
