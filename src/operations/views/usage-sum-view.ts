import type { UsageBucket } from '../../../schema/types/usage-bucket';
import type { VoiceUsageRow } from '../../../schema/types/voice-usage';
import type { UsageSum } from '../../analytics/usage-sums';
import { formatCredits, formatUsd } from '../../lib/credits';

const MINUTE_MS = 60_000;

/** A sum of usage as `usageBuckets` shows it. */
export function usageBucketView(sum: UsageSum): UsageBucket {
  return {
    start: new Date(sum.startMs),
    end: new Date(sum.endMs),
    provider: sum.provider_id,
    capability: sum.capability as UsageBucket['capability'],
    model: sum.model,
    voiceId: sum.voice_id,
    voiceName: sum.voice_name,
    language: sum.language,
    style: sum.style,
    apiKeyId: sum.api_key_id,
    endUserId: sum.end_user_id,
    credential: sum.credential as UsageBucket['credential'],
    requests: sum.requests,
    failures: sum.failures,
    credits: formatCredits(sum.credits),
    costUsd: formatUsd(sum.costUsdE10),
    characters: sum.characters,
    audioMilliseconds: sum.audioMilliseconds,
    audioSeconds: sum.audioMilliseconds / 1_000,
    inputTokens: sum.inputTokens,
    outputTokens: sum.outputTokens,
  };
}

/** The same as `voiceUsage` shows it: text to speech always has a provider and a model. */
export function voiceUsageView(sum: UsageSum): VoiceUsageRow {
  return {
    date: new Date(sum.startMs).toISOString().slice(0, 10),
    voiceId: sum.voice_id,
    voiceName: sum.newest_voice_name,
    style: sum.style,
    language: sum.language,
    provider: sum.provider_id!,
    model: sum.model!,
    minutes: sum.audioMilliseconds / MINUTE_MS,
    requests: sum.requests,
    credits: formatCredits(sum.credits),
  };
}
