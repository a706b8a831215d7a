import { formatCredits, formatScaled } from '../lib/credits';
import { type AlertRule, THRESHOLD_DECIMALS } from './alert-kinds';
import { type AccountFacts, dayOf, type ProviderFacts, type VoiceFacts } from './facts';

export type SpikeMeasure = 'CREDITS' | 'AUDIO_MINUTES';

/** What an alert says: a sentence for people with what to do, and the numbers for programs. */
export interface Words {
  readonly message: string;
  readonly details: Readonly<Record<string, string | number | null>>;
}

const thresholdOf = (rule: AlertRule): string => formatScaled(rule.threshold!, THRESHOLD_DECIMALS);

export function lowBalanceWords(rule: AlertRule, account: AccountFacts): Words {
  const remaining = formatCredits(account.spendable - account.held);
  const threshold = thresholdOf(rule);
  return {
    message: `${remaining} credits are left, at or under the ${threshold} of the rule. Top up or change the plan to go on without a break.`,
    details: {
      ruleId: rule.id,
      remaining,
      held: formatCredits(account.held),
      threshold,
      periodEnd: account.periodEnd.toISOString(),
    },
  };
}

/** @param today of the measure's own integers: micro-credits, or milliseconds of audio */
export function spendSpikeWords(
  rule: AlertRule,
  measure: SpikeMeasure,
  { now }: AccountFacts,
  today: bigint,
  median: bigint,
): Words {
  const format = measure === 'CREDITS' ? formatCredits : formatMinutes;
  const used = format(today);
  const usual = format(median);
  const factor = thresholdOf(rule);
  const what = measure === 'CREDITS' ? 'credits were used' : 'minutes of audio were processed';
  return {
    message: `${used} ${what} today (UTC), more than ${factor} times the ${usual} that are the median of the last 7 days. Look at usageBuckets by API key and end user, and revoke the key where the use is not yours.`,
    details: {
      ruleId: rule.id,
      measure,
      today: used,
      median: usual,
      threshold: factor,
      date: dayOf(now),
    },
  };
}

export function newVoiceWords(rule: AlertRule, { voiceId, voiceName, firstUsedAt }: VoiceFacts): Words {
  const voice = voiceName === null ? voiceId : `${voiceName} (${voiceId})`;
  const isExpected = rule.expectedVoiceIds === null;
  return {
    message: isExpected
      ? `The voice ${voice} was used for the first time. If nobody of yours chose it, look at usageEvents for the API key and revoke that key.`
      : `The voice ${voice} was used, which is not among the expected ones. Add it to expectedVoiceIds, or look at usageEvents for the API key and revoke that key.`,
    details: {
      ruleId: rule.id,
      voiceId,
      voiceName,
      reason: isExpected ? 'FIRST_USE' : 'NOT_EXPECTED',
      firstUsedAt: firstUsedAt.toISOString(),
    },
  };
}

export function providerErrorsWords(rule: AlertRule, { providerId, requests, failures }: ProviderFacts): Words {
  return {
    message: `${failures} of ${requests} requests to ${providerId} failed in the last hour, a share of more than ${thresholdOf(rule)}. Add fallbacks to your requests or use another provider until it has recovered.`,
    details: {
      ruleId: rule.id,
      provider: providerId,
      requests: Number(requests),
      failures: Number(failures),
      share: formatScaled((failures * 10_000n) / requests, 4),
      threshold: thresholdOf(rule),
    },
  };
}

/** To a hundredth of a minute, rounded half up. */
const formatMinutes = (milliseconds: bigint): string => formatScaled((milliseconds + 300n) / 600n, 2);
