import type { AlertRow } from '../../alerts/alert-kinds';
import type { AlertLog } from '../../alerts/alert-log';
import type { Balances } from '../../billing/balances';
import type { AgreedTerms } from '../../billing/plan-terms';
import type { Subscriptions } from '../../billing/subscriptions';
import type { UsageEventRow } from '../../ledger/usage-event';
import { planOf } from '../../metering/agreed-terms';
import type { PriceBook } from '../../metering/price-book';
import type { MessageData, WebhookSources } from '../../webhooks/webhook-sources';
import type { UsageRepository } from '../usage-repository';
import { balanceView } from '../views/balance-view';
import { OperationUsageView } from '../views/operation-usage-view';

export interface WebhookMessagesDependencies {
  readonly usage: UsageRepository;
  readonly alerts: AlertLog;
  readonly balances: Balances;
  readonly subscriptions: Pick<Subscriptions, 'find'>;
  readonly book: Pick<PriceBook, 'findPlan'>;
}

/** What webhooks say, in the names and forms of the schema: amounts are decimal strings, times RFC 3339. */
export function webhookSources(dependencies: WebhookMessagesDependencies): WebhookSources {
  const { usage, alerts } = dependencies;
  return {
    logs: {
      USAGE_SETTLED: async (workspaceId, after, limit) =>
        (await usage.eventsAfter(workspaceId, after, limit)).map((row) => ({
          sequence: BigInt(row.sequence),
          occurredAt: row.settled_at,
          data: usageData(row),
        })),
      ALERT_RAISED: async (workspaceId, after, limit) =>
        (await alerts.after(workspaceId, after, limit)).map((row) => ({
          sequence: BigInt(row.sequence),
          occurredAt: row.raised_at,
          data: alertData(row),
        })),
    },
    states: {
      BALANCE_CHANGED: (workspaceId) => balanceData(workspaceId, dependencies.balances),
      SUBSCRIPTION_CHANGED: (workspaceId) => subscriptionData(workspaceId, dependencies),
    },
  };
}

/** Fields of OperationUsage, but for `provider`: its id says which. */
export function usageData(row: UsageEventRow): MessageData {
  const view = new OperationUsageView(row);
  return {
    id: view.id,
    capability: view.capability,
    status: view.status,
    errorCode: view.errorCode,
    providerId: view.providerId,
    model: view.model,
    byok: view.byok,
    credential: view.credential,
    voiceId: view.voiceId,
    voiceName: view.voiceName,
    language: view.language,
    style: view.style,
    quality: view.quality,
    apiKeyId: view.apiKeyId,
    endUserId: view.endUserId,
    metadata: view.metadata,
    characters: view.characters,
    inputTokens: view.inputTokens,
    outputTokens: view.outputTokens,
    totalTokens: view.totalTokens,
    billableTokens: view.billableTokens,
    audioMilliseconds: view.audioMilliseconds,
    audioSeconds: view.audioSeconds,
    requests: view.requests,
    allowanceCharacters: view.allowanceCharacters,
    estimatedCredits: view.estimatedCredits,
    estimatedAudioSeconds: view.estimatedAudioSeconds,
    heldCredits: view.heldCredits,
    credits: view.credits,
    overageCredits: view.overageCredits,
    costUsd: view.costUsd,
    remainingBalance: view.remainingBalance,
    summary: view.summary,
    attempts: row.attempts.map((attempt) => ({
      provider: attempt.provider,
      model: attempt.model,
      credential: attempt.credential,
      outcome: attempt.outcome,
      errorCode: attempt.errorCode,
      upstreamRequestId: attempt.upstreamRequestId,
      latencyMs: attempt.latencyMs,
    })),
    latencyMs: view.latencyMs,
    rateCardVersion: view.rateCardVersion,
    createdAt: view.createdAt,
    settledAt: view.settledAt,
  };
}

/** Fields of Alert, but for its cursor. */
const alertData = (row: AlertRow): MessageData => ({
  id: row.id,
  kind: row.kind,
  message: row.message,
  details: row.details,
  raisedAt: row.raised_at,
});

/** Fields of CreditBalance. */
async function balanceData(workspaceId: string, balances: Balances): Promise<MessageData | null> {
  const balance = await balances.read(workspaceId);
  if (!balance) return null;
  const fields = Object.entries(balanceView(balance, balances));
  return Object.fromEntries(
    await Promise.all(
      fields.map(
        async ([name, value]): Promise<[string, unknown]> => [
          name,
          typeof value === 'function' ? await value() : value,
        ],
      ),
    ),
  );
}

/** Fields of Query.subscription, plans by id and name; `subscription` is null where nothing is or was paid for. */
async function subscriptionData(
  workspaceId: string,
  { subscriptions, book }: WebhookMessagesDependencies,
): Promise<MessageData> {
  const found = await subscriptions.find(workspaceId);
  if (!found) return { subscription: null };
  const plan = (id: string, agreed: AgreedTerms | null) => ({ id, name: planOf(book, id, agreed)?.name ?? id });
  return {
    subscription: {
      id: found.payment?.subscriptionId ?? workspaceId,
      plan: plan(found.planId, found.agreed),
      status: found.status,
      periodStart: found.periodStart,
      periodEnd: found.periodEnd,
      trialEnd: found.trialEnd,
      cancelAtPeriodEnd: found.cancelAtPeriodEnd,
      pendingPlan: found.pendingPlanId === null ? null : plan(found.pendingPlanId, null),
    },
  };
}
