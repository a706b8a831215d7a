import type { Logger } from 'pino';
import { AlertEvaluator } from './alerts/alert-evaluator';
import { AlertFeed } from './alerts/alert-feed';
import { AlertLog } from './alerts/alert-log';
import { AlertRules } from './alerts/alert-rules';
import { AlertUpkeep } from './alerts/alert-upkeep';
import { EvaluationQueue } from './alerts/evaluation-queue';
import { RuledWorkspaces } from './alerts/ruled-workspaces';
import { ChangeFeed } from './analytics/change-feed';
import type { Core } from './core';
import type { Clock } from './lib/clock';
import { AlertOperations } from './operations/account/alert-operations';
import { describe } from './transport/error-masking';

export interface Alerting {
  readonly operations: AlertOperations;
  /** An operation of this workspace was settled by this process, and is committed. Costs nothing where no rule is. */
  readonly settled: (workspaceId: string) => void;
  /** Looks at what no process came to; once a minute. */
  readonly upkeep: () => Promise<void>;
  /** Before the database closes. */
  readonly close: () => Promise<void>;
}

/** Rules that are watched, and what is told of them: who wants to know of alerts listens to the bus. */
export async function openAlerting(
  { database, bus, accounts }: Core,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): Promise<Alerting> {
  const onError = (error: unknown): void => log.error({ err: describe(error) }, 'alert rules could not be looked at');
  const alertLog = new AlertLog(database);
  const feed = new AlertFeed(alertLog, new ChangeFeed());
  const ruled = new RuledWorkspaces(database);
  const evaluator = new AlertEvaluator({
    database,
    roll: (workspaceId) => accounts.roll(workspaceId),
    onRaised: (workspaceId, sequence) => bus.publish('alert', { workspaceId, sequence }),
  });
  const queue = new EvaluationQueue({
    clock,
    onError,
    evaluate: async (workspaceId) => {
      const { moment } = ruled;
      const outcome = await evaluator.evaluate(workspaceId);
      if (outcome === 'NO_RULES') ruled.forget(workspaceId, moment);
      return outcome === 'MORE';
    },
  });
  const look = (workspaceId: string): void => {
    if (ruled.has(workspaceId)) queue.add(workspaceId);
  };
  const upkeep = new AlertUpkeep(database, evaluator, onError);
  const rules = new AlertRules({
    database,
    onChanged: (workspaceId) => bus.publish('alert', { workspaceId }),
    onBalanceChanged: (workspaceId) => accounts.announce(workspaceId, false),
  });
  const stops = [
    // A process hears itself too. With a sequence an alert was raised, without one a rule was changed.
    bus.subscribe('alert', (message) => {
      const workspaceId = String(message.workspaceId);
      if (message.sequence !== undefined) return feed.raised(workspaceId);
      ruled.add(workspaceId);
      queue.add(workspaceId);
    }),
    bus.subscribe('balance', (message) => look(String(message.workspaceId))),
    bus.onConnectionChange((connected) => {
      if (!connected) return;
      feed.missed();
      void ruled.read().catch(onError);
    }),
  ];
  await ruled.read();
  return {
    operations: new AlertOperations(rules, alertLog, feed),
    settled: look,
    async upkeep() {
      await ruled.read();
      evaluator.spendingDays.forgetBefore(clock.now());
      await upkeep.run();
      // A process that died between raising and telling told nobody.
      feed.missed();
    },
    async close() {
      for (const stop of stops) stop();
      await queue.close();
    },
  };
}
