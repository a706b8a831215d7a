import { AlertEvaluator } from '../../../src/alerts/alert-evaluator';
import type { AlertRow } from '../../../src/alerts/alert-kinds';
import { AlertLog } from '../../../src/alerts/alert-log';
import { AlertRules } from '../../../src/alerts/alert-rules';
import { AlertUpkeep } from '../../../src/alerts/alert-upkeep';
import type { Database } from '../../../src/db/database';
import { micro } from '../../../src/lib/credits';
import { newId } from '../../../src/lib/ids';
import { LedgerHarness, SUCCEEDED } from '../../ledger/support/ledger-harness';

/** An operation as its event tells of it. */
export interface Spend {
  /** Micro-credits. */
  readonly amount?: number;
  readonly provider?: string | null;
  readonly voice?: string | null;
  readonly status?: 'SUCCEEDED' | 'FAILED' | 'ABORTED';
  readonly credential?: string;
  readonly audioMilliseconds?: number;
}

/** Alerts, with the ledger that they look at, on one door to the database: as one server process has them. */
export class AlertHarness extends LedgerHarness {
  readonly rules: AlertRules;
  readonly log: AlertLog;
  readonly evaluator: AlertEvaluator;
  readonly upkeep: AlertUpkeep;
  /** Workspaces in the order in which this process told of alerts. */
  readonly told: string[] = [];
  readonly errors: unknown[] = [];
  /** Workspaces whose rules this process has changed. */
  readonly changed: string[] = [];

  constructor(database: Database) {
    super(database);
    this.rules = new AlertRules({
      database,
      onChanged: (workspaceId) => this.changed.push(workspaceId),
      onBalanceChanged: () => {},
    });
    this.log = new AlertLog(database);
    this.evaluator = new AlertEvaluator({
      database,
      roll: (workspaceId) => this.accounts.roll(workspaceId),
      onRaised: (workspaceId) => this.told.push(workspaceId),
    });
    this.upkeep = new AlertUpkeep(database, this.evaluator, (error) => this.errors.push(error));
  }

  async spend(workspaceId: string, spend: Spend = {}): Promise<void> {
    const { amount = 0, provider = 'stub', voice = null, status = 'SUCCEEDED', audioMilliseconds = 0 } = spend;
    const { operationId, outcome } = await this.reserve(workspaceId, amount);
    if (outcome !== 'HELD') throw new Error(`nothing was held: ${outcome}`);
    await this.settle(workspaceId, operationId, status === 'FAILED' ? 0 : amount, {
      event: {
        ...SUCCEEDED,
        status,
        provider_id: provider,
        voice_id: voice,
        credential: spend.credential ?? 'PLATFORM',
        audio_milliseconds: audioMilliseconds,
      },
    });
  }

  async topUp(workspaceId: string, amount: number): Promise<void> {
    await this.accounts.grant({
      workspaceId,
      kind: 'ADJUSTMENT',
      credits: micro(amount),
      reason: 'test',
      expiresAt: null,
      idempotencyKey: newId(),
    });
  }

  /** In the order in which they were raised. */
  alerts(workspaceId: string): Promise<AlertRow[]> {
    return this.log.after(workspaceId, 0n, 10_000);
  }

  /** Kinds with their subjects, in the order in which they were raised. */
  async raised(workspaceId: string): Promise<string[]> {
    const { rows } = await this.database.query<{ raised: string }>(
      `SELECT concat_ws(' ', kind, NULLIF(subject, '')) AS raised FROM alerts WHERE workspace_id = $1 ORDER BY sequence`,
      [workspaceId],
    );
    return rows.map(({ raised }) => raised);
  }
}
